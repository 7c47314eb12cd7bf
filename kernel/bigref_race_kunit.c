// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of bigref: the order of the last put, bigref_is_zero() and RCU, the end of
 * a kill, races with a resurrect, and NMI.
 */
#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "bigref_internal.h"
#include "bigref_kunit.h"

#define NR_ROUNDS	20

/*
 * The last put: a thread on another CPU is held between its atomic operation
 * and its release, then at the begin of its release.
 */
static struct {
	struct bigref ref;
	struct rcu_head rcu;
	struct completion released;
	int step;
	bool rcu_held;
	bool freed;
	bool freed_early;
} held;

/* Spin until the step is @step, or for longer than a host keeps a CPU from running. */
static bool step_reached(int step)
{
	unsigned long end = jiffies + 15 * HZ;

	/* Pairs with smp_store_release() of the next step. */
	while (smp_load_acquire(&held.step) < step) {
		if (time_after(jiffies, end))
			return false;
		cpu_relax();
	}
	return true;
}

static void held_hook(struct bigref *ref)
{
	if (ref != &held.ref)
		return;
	/* Pairs with smp_load_acquire() in step_reached(). */
	smp_store_release(&held.step, 1);
	step_reached(2);
}

static void held_release(struct bigref *ref)
{
	/* Known with lockdep only; always true without */
	held.rcu_held = rcu_read_lock_held();
	/* Pairs with smp_load_acquire() in step_reached(). */
	smp_store_release(&held.step, 3);
	step_reached(4);
	held.freed_early = READ_ONCE(held.freed);
	complete(&held.released);
}

static void held_free_rcu(struct rcu_head *rcu)
{
	WRITE_ONCE(held.freed, true);
}

static int held_putter(void *unused)
{
	bigref_put(&held.ref);
	return 0;
}

static unsigned int other_cpu(void)
{
	return cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
}

/* An object that is freed by RCU after bigref_is_zero(), as percpu_ref allows */
void bigref_test_last_put(struct kunit *test)
{
	struct task_struct *task;
	bool zero;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	held.step = 0;
	held.freed = false;
	init_completion(&held.released);
	bigref_init(&held.ref, held_release, bigref_test_flags, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, bigref_disown(&held.ref));
	task = kthread_create(held_putter, NULL, "bigref/held");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	migrate_disable();
	kthread_bind(task, other_cpu());
	WRITE_ONCE(bigref_last_put_hook, held_hook);
	wake_up_process(task);
	KUNIT_EXPECT_TRUE(test, step_reached(1));
	zero = bigref_is_zero(&held.ref);
	KUNIT_EXPECT_FALSE_MSG(test, zero, "the put is not over");
	/* Pairs with smp_load_acquire() in step_reached(). */
	smp_store_release(&held.step, 2);
	KUNIT_EXPECT_TRUE(test, step_reached(3));
	WRITE_ONCE(bigref_last_put_hook, NULL);
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&held.ref));
	migrate_enable();
	call_rcu_hurry(&held.rcu, held_free_rcu);
	msleep(300);
	/* Pairs with smp_load_acquire() in step_reached(). */
	smp_store_release(&held.step, 4);
	wait_for_completion(&held.released);
	KUNIT_EXPECT_TRUE(test, held.rcu_held);
	KUNIT_EXPECT_FALSE_MSG(test, held.freed_early,
			       "freed while the release runs");
	rcu_barrier();
	KUNIT_EXPECT_TRUE(test, held.freed);
}

/*
 * The end of a kill: its callback is held on another CPU for a while, at the last put or
 * in its confirm.  A host that delays this CPU for longer makes the tests weaker.
 */
static void held_begin_kill(struct bigref *ref)
{
	if (ref != &held.ref)
		return;
	complete(&held.released);
	mdelay(100);
}

static int held_killer(void *confirm)
{
	WARN_ON(!bigref_kill_and_confirm(&held.ref, confirm));
	return 0;
}

/* Kill the count on another CPU, and wait until the callback is held there. */
static void held_kill(struct kunit *test, bigref_func_t *confirm)
{
	struct task_struct *task;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	init_completion(&held.released);
	bigref_init(&held.ref, NULL, bigref_test_flags, GFP_KERNEL);
	task = kthread_create(held_killer, confirm, "bigref/kill");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	migrate_disable();
	kthread_bind(task, other_cpu());
	if (!confirm)
		WRITE_ONCE(bigref_last_put_hook, held_begin_kill);
	wake_up_process(task);
	wait_for_completion(&held.released);
	migrate_enable();
}

/* A waiter that finds the kill over finds the count at zero. */
void bigref_test_kill_to_zero(struct kunit *test)
{
	held_kill(test, NULL);
	bigref_switch_to_exact(&held.ref);
	KUNIT_EXPECT_TRUE_MSG(test, bigref_is_zero(&held.ref),
			      "the kill is over, and the owner's reference is left");
	WRITE_ONCE(bigref_last_put_hook, NULL);
	bigref_flush();
}

/* A resurrect waits for the end of the kill, which does not access the count later. */
void bigref_test_kill_and_destroy(struct kunit *test)
{
	held_kill(test, held_begin_kill);
	KUNIT_EXPECT_TRUE(test, bigref_resurrect(&held.ref, bigref_test_flags, GFP_KERNEL));
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&held.ref));
	bigref_flush();
}

/* One CPU puts the last reference while another one resurrects the count. */
#define NR_RACES	2000

static struct {
	struct bigref ref;
	unsigned int begun;
	unsigned int ended;
} race;

/* The times before the two calls differ in each round. */
static void race_delay(unsigned int turns)
{
	while (turns--)
		cpu_relax();
}

static bool race_wait(unsigned int *word, unsigned int value)
{
	unsigned long end = jiffies + 60 * HZ;

	/* Pairs with smp_store_release() of the other thread. */
	while (smp_load_acquire(word) != value) {
		if (time_after(jiffies, end))
			return false;
		/* Where one thread of the host runs all CPUs, the next one runs at once. */
		cpu_relax();
		cond_resched();
	}
	return true;
}

static int race_putter(void *unused)
{
	unsigned int i;

	for (i = 1; i <= NR_RACES && race_wait(&race.begun, i); i++) {
		race_delay(i % 16);
		bigref_put(&race.ref);
		/* Pairs with smp_load_acquire() in race_wait(). */
		smp_store_release(&race.ended, i);
	}
	return 0;
}

/* The count is exact, whatever the suite: the test is in one of them. */
static bool race_round(unsigned int i)
{
	bool good;

	bigref_init(&race.ref, NULL, BIGREF_INIT_EXACT, GFP_KERNEL);
	bigref_get(&race.ref);
	good = bigref_disown(&race.ref);
	bigref_put(&race.ref);
	/* Pairs with smp_load_acquire() in race_wait(). */
	smp_store_release(&race.begun, i);
	race_delay(i / 16 % 16);
	good &= bigref_resurrect(&race.ref, BIGREF_INIT_EXACT, GFP_KERNEL);
	good &= race_wait(&race.ended, i);
	return bigref_destroy(&race.ref) && good;
}

void bigref_test_resurrect_race(struct kunit *test)
{
	struct task_struct *task;
	unsigned int i = 0;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	memset(&race, 0, sizeof(race));
	task = kthread_create(race_putter, NULL, "bigref/race");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	migrate_disable();
	kthread_bind(task, other_cpu());
	wake_up_process(get_task_struct(task));
	while (i < NR_RACES && race_round(i + 1))
		i++;
	KUNIT_EXPECT_EQ_MSG(test, i, NR_RACES, "resurrected during the last put");
	migrate_enable();
	kthread_stop_put(task);
}

/* Threads that use a count while its owner kills and resurrects it */
static struct {
	struct bigref ref;
	atomic_t nr_users;
	atomic_t nr_left;
	struct completion over;
	bool stop;
} cycle;

static int cycle_thread(void *unused)
{
	unsigned int i = 0;

	while (!READ_ONCE(cycle.stop)) {
		/* On many CPUs some thread would always have a reference. */
		if (!bigref_is_dying(&cycle.ref) && bigref_tryget(&cycle.ref))
			bigref_put(&cycle.ref);
		if (bigref_tryget_live(&cycle.ref)) {
			bigref_get(&cycle.ref);
			bigref_put_many(&cycle.ref, 2);
		}
		if (++i % 64 == 0)
			cond_resched();
	}
	if (atomic_dec_and_test(&cycle.nr_left))
		complete(&cycle.over);
	return 0;
}

static void cycle_round(struct kunit *test, unsigned int i)
{
	switch (i % 4) {
	case 0:
		bigref_switch_to_exact(&cycle.ref);
		bigref_switch_to_percpu(&cycle.ref, GFP_KERNEL);
		return;
	case 1:
		bigref_switch_to_exact_async(&cycle.ref);
		fallthrough;
	case 2:
		KUNIT_EXPECT_TRUE(test, bigref_kill(&cycle.ref));
		while (!bigref_is_zero(&cycle.ref))
			schedule_timeout_uninterruptible(1);
		break;
	default:
		KUNIT_EXPECT_TRUE(test, bigref_kill(&cycle.ref));
	}
	KUNIT_EXPECT_TRUE(test, bigref_resurrect(&cycle.ref, bigref_test_flags,
						 GFP_KERNEL));
}

void bigref_test_resurrect_load(struct kunit *test)
{
	int before = atomic_read(&bigref_nr_reports);
	unsigned int nr = num_online_cpus(), i;
	struct task_struct *task;

	bigref_init(&cycle.ref, NULL, bigref_test_flags, GFP_KERNEL);
	init_completion(&cycle.over);
	atomic_set(&cycle.nr_left, nr);
	cycle.stop = false;
	for (i = 0; i < nr; i++) {
		task = kthread_run(cycle_thread, NULL, "bigref/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	}
	for (i = 0; i < NR_ROUNDS; i++)
		cycle_round(test, i);
	WRITE_ONCE(cycle.stop, true);
	wait_for_completion(&cycle.over);
	bigref_flush();
	KUNIT_EXPECT_EQ(test, bigref_val(&cycle.ref), 1);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&cycle.ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before);
}

static void get_nmi(void *ref)
{
	unsigned long flags;

	local_irq_save(flags);
	__preempt_count_add(NMI_OFFSET);
	bigref_get(ref);
	__preempt_count_sub(NMI_OFFSET);
	local_irq_restore(flags);
}

/* Gets in NMI take no lock, and so do not queue a contended count. */
void bigref_test_nmi(struct kunit *test)
{
	unsigned int first = cpumask_first(cpu_online_mask);
	unsigned int last = cpumask_last(cpu_online_mask), i, nr = 4000;
	struct bigref ref;
	bool percpu;

#ifdef CONFIG_SMP
	while (!bigref_may_promote())
		schedule_timeout_uninterruptible(HZ / 10);
#endif
	bigref_init(&ref, NULL, bigref_test_flags, GFP_KERNEL);
	percpu = bigref_is_percpu(&ref);
	for (i = 0; i < nr; i++)
		smp_call_function_single(i & 1 ? first : last, get_nmi, &ref, 1);
	bigref_flush();
	KUNIT_EXPECT_EQ(test, bigref_is_percpu(&ref), percpu);
	KUNIT_EXPECT_EQ(test, bigref_val(&ref), nr + 1);
	bigref_put_many(&ref, nr);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&ref));
}
