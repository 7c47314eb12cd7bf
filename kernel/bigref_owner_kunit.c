// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of bigref: the functions of the owner, and the order of the last
 * put, bigref_is_zero() and RCU.
 */
#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "bigref_internal.h"
#include "bigref_kunit.h"

#define NR_ROUNDS	20

struct counted {
	struct bigref ref;
	struct rcu_head rcu;
	struct completion released;
	atomic_t nr_released;
	atomic_t nr_confirmed;
	unsigned long val;
	bool freed;
	bool live;
};

static void counted_release(struct bigref *ref)
{
	struct counted *obj = container_of(ref, struct counted, ref);

	atomic_inc(&obj->nr_released);
	complete(&obj->released);
}

static void counted_reset(struct counted *obj)
{
	init_completion(&obj->released);
	atomic_set(&obj->nr_released, 0);
	atomic_set(&obj->nr_confirmed, 0);
	obj->freed = false;
}

static void counted_begin(struct counted *obj)
{
	counted_reset(obj);
	bigref_init(&obj->ref, counted_release, bigref_test_flags, GFP_KERNEL);
}

static void counted_confirm(struct bigref *ref)
{
	struct counted *obj = container_of(ref, struct counted, ref);

	obj->val = bigref_val(ref);
	obj->live = bigref_tryget_live(ref);
	atomic_inc(&obj->nr_confirmed);
}

static bool percpu_expected(void)
{
#ifdef CONFIG_SMP
	return !bigref_test_flags && !bigref_no_percpu;
#else
	return false;
#endif
}

static unsigned int counters_in_use(void)
{
	bigref_flush();
#ifdef CONFIG_SMP
	return bigref_nr_in_use();
#else
	return 0;
#endif
}

/*
 * The last put: a thread on another CPU is held between its atomic operation
 * and its release, then at the begin of its release.
 */
static struct {
	struct counted obj;
	int step;
	bool rcu_held;
	bool freed_early;
} held;

/* Spin until the step is @step, for at most two seconds. */
static bool step_reached(int step)
{
	unsigned long end = jiffies + 2 * HZ;

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
	if (ref != &held.obj.ref)
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
	held.freed_early = READ_ONCE(held.obj.freed);
	complete(&held.obj.released);
}

static void held_free_rcu(struct rcu_head *rcu)
{
	WRITE_ONCE(held.obj.freed, true);
}

static int held_putter(void *unused)
{
	bigref_put(&held.obj.ref);
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
	counted_reset(&held.obj);
	bigref_init(&held.obj.ref, held_release, bigref_test_flags, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, bigref_disown(&held.obj.ref));
	task = kthread_create(held_putter, NULL, "bigref/held");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	migrate_disable();
	kthread_bind(task, other_cpu());
	WRITE_ONCE(bigref_last_put_hook, held_hook);
	wake_up_process(task);
	KUNIT_EXPECT_TRUE(test, step_reached(1));
	zero = bigref_is_zero(&held.obj.ref);
	KUNIT_EXPECT_FALSE_MSG(test, zero, "the put is not over");
	/* Pairs with smp_load_acquire() in step_reached(). */
	smp_store_release(&held.step, 2);
	KUNIT_EXPECT_TRUE(test, step_reached(3));
	WRITE_ONCE(bigref_last_put_hook, NULL);
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&held.obj.ref));
	migrate_enable();
	call_rcu_hurry(&held.obj.rcu, held_free_rcu);
	msleep(300);
	/* Pairs with smp_load_acquire() in step_reached(). */
	smp_store_release(&held.step, 4);
	wait_for_completion(&held.obj.released);
	KUNIT_EXPECT_TRUE(test, held.rcu_held);
	KUNIT_EXPECT_FALSE_MSG(test, held.freed_early,
			       "freed while the release runs");
	rcu_barrier();
	KUNIT_EXPECT_TRUE(test, held.obj.freed);
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

/* No function of the owner runs before the call that has it called returns. */
void bigref_test_deferred(struct kunit *test)
{
	static struct counted obj;
	int early;

	counted_begin(&obj);
	/* No grace period ends while preemption is disabled. */
	preempt_disable();
	early = !bigref_disown_async(&obj.ref, counted_confirm);
	early += atomic_read(&obj.nr_confirmed);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, early, 0);
	bigref_flush();
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_confirmed), 1);
	KUNIT_EXPECT_EQ(test, obj.val, 1);
	bigref_put(&obj.ref);

	counted_begin(&obj);
	preempt_disable();
	early = !bigref_kill_and_confirm(&obj.ref, counted_confirm);
	early += atomic_read(&obj.nr_confirmed);
	early += atomic_read(&obj.nr_released);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, early, 0);
	bigref_flush();
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_confirmed), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), 1);
}

/* Zeroed memory that was never initialized */
void bigref_test_zeroed(struct kunit *test)
{
	int before = atomic_read(&bigref_nr_reports);
	struct bigref ref = {};

	KUNIT_EXPECT_TRUE(test, bigref_destroy(&ref));
	KUNIT_EXPECT_EQ(test, bigref_exit(&ref), 0);
	KUNIT_EXPECT_FALSE(test, bigref_is_zero(&ref));
	KUNIT_EXPECT_FALSE(test, bigref_is_percpu(&ref));
	KUNIT_EXPECT_FALSE(test, bigref_tryget_live(&ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before);
	bigref_put(&ref);
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before + 1);

	memset(&ref, 0, sizeof(ref));
	KUNIT_EXPECT_FALSE(test, bigref_kill(&ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before + 2);
}

/* A destroy with references left is reported, and frees the counters. */
void bigref_test_destroy_frees(struct kunit *test)
{
	int before = atomic_read(&bigref_nr_reports);
	unsigned int in_use = counters_in_use();
	static struct counted obj;

	counted_begin(&obj);
	bigref_get(&obj.ref);
	KUNIT_EXPECT_EQ(test, bigref_is_percpu(&obj.ref), percpu_expected());
	KUNIT_EXPECT_FALSE(test, bigref_destroy(&obj.ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before + 1);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), BIGREF_VAL_SATURATED);
	KUNIT_EXPECT_EQ(test, counters_in_use(), in_use);
}

/* An exit ignores references, and frees the counters. */
void bigref_test_exit(struct kunit *test)
{
	int before = atomic_read(&bigref_nr_reports);
	unsigned int in_use = counters_in_use();
	static struct counted obj;

	counted_begin(&obj);
	bigref_get_many(&obj.ref, 5);
	KUNIT_EXPECT_EQ(test, bigref_exit(&obj.ref), 6);
	KUNIT_EXPECT_EQ(test, counters_in_use(), in_use);
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&obj.ref));

	counted_begin(&obj);
	bigref_get_many(&obj.ref, 5);
	KUNIT_EXPECT_TRUE(test, bigref_kill(&obj.ref));
	bigref_flush();
	KUNIT_EXPECT_EQ(test, bigref_exit(&obj.ref), 5);
	KUNIT_EXPECT_EQ(test, bigref_exit(&obj.ref), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before);
}

static void get_max(struct counted *obj, unsigned int times)
{
	while (times--)
		bigref_get_many(&obj->ref, BIGREF_NR_MAX);
}

/* The word overflows: 64 gets are as many as it has values. */
void bigref_test_overflow(struct kunit *test)
{
	int before = atomic_read(&bigref_nr_reports);
	static struct counted obj;

	counted_begin(&obj);
	KUNIT_EXPECT_TRUE(test, bigref_disown(&obj.ref));
	get_max(&obj, 16);
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before);
	get_max(&obj, 48);
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before + 1);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), BIGREF_VAL_SATURATED);
	KUNIT_EXPECT_FALSE(test, bigref_is_zero(&obj.ref));

	counted_begin(&obj);
	get_max(&obj, 20);
	KUNIT_EXPECT_FALSE(test, bigref_disown(&obj.ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before + 2);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), BIGREF_VAL_SATURATED);
}

/* The sum of the counters wraps around to a balanced one. */
void bigref_test_wrap(struct kunit *test)
{
	int before = atomic_read(&bigref_nr_reports);
	static struct counted obj;
	unsigned int i;

	counted_begin(&obj);
	for (i = 0; i < 4; i++)
		bigref_get_many(&obj.ref, 1UL << (BITS_PER_LONG - 2));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), BIGREF_VAL_SATURATED);
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before + 1);
	KUNIT_EXPECT_FALSE(test, bigref_destroy(&obj.ref));

	/* 2^32 gets: more than a 32-bit word can count */
	counted_begin(&obj);
	for (i = 0; i < 8192; i++)
		bigref_get_many(&obj.ref, 1 << 19);
	if (BITS_PER_LONG == 32) {
		KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref),
				BIGREF_VAL_SATURATED);
		KUNIT_EXPECT_FALSE(test, bigref_destroy(&obj.ref));
		return;
	}
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 8192UL * (1 << 19) + 1);
	for (i = 0; i < 8192; i++)
		bigref_put_many(&obj.ref, 1 << 19);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj.ref));
}

static void get_here(void *ref)
{
	bigref_get_many(ref, 1 << 19);
}

static void put_here(void *ref)
{
	bigref_put_many(ref, 1 << 19);
}

/* Gets on one CPU and puts on another, with counters that are far from zero */
void bigref_test_carry(struct kunit *test)
{
	unsigned int first = cpumask_first(cpu_online_mask);
	unsigned int last = cpumask_last(cpu_online_mask), i;
	unsigned long __percpu *counters;
	static struct counted obj;

	counted_begin(&obj);
	for (i = 0; i < 1000; i++) {
		smp_call_function_single(first, get_here, &obj.ref, 1);
		smp_call_function_single(last, put_here, &obj.ref, 1);
	}
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1);
	bigref_get_many(&obj.ref, 5);
	counters = bigref_mode_counters(READ_ONCE(obj.ref.mode));
	if (counters) {
		preempt_disable();
		__bigref_carry(&obj.ref, counters);
		preempt_enable();
	}
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 6);
	bigref_put_many(&obj.ref, 5);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj.ref));
}

void bigref_test_kill(struct kunit *test)
{
	int before = atomic_read(&bigref_nr_reports);
	static struct counted obj;

	counted_begin(&obj);
	bigref_get(&obj.ref);
	KUNIT_EXPECT_FALSE(test, bigref_is_dying(&obj.ref));
	KUNIT_EXPECT_TRUE(test, bigref_kill(&obj.ref));
	KUNIT_EXPECT_TRUE(test, bigref_is_dying(&obj.ref));
	bigref_flush();
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), 0);
	bigref_put(&obj.ref);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), 1);
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&obj.ref));
	KUNIT_EXPECT_TRUE(test, bigref_is_dying(&obj.ref));

	counted_begin(&obj);
	KUNIT_EXPECT_TRUE(test, bigref_kill(&obj.ref));
	wait_for_completion(&obj.released);
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&obj.ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before);

	counted_begin(&obj);
	bigref_get(&obj.ref);
	KUNIT_EXPECT_TRUE(test, bigref_kill(&obj.ref));
	KUNIT_EXPECT_FALSE(test, bigref_kill(&obj.ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before + 1);
	bigref_flush();
	bigref_put(&obj.ref);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), 0);
}

/* Many counts of each kind at once, so that callbacks walk a list */
void bigref_test_confirm(struct kunit *test)
{
	static struct counted objs[20];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		counted_begin(&objs[i]);
		bigref_get_many(&objs[i].ref, i);
	}
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		KUNIT_EXPECT_TRUE(test, bigref_kill_and_confirm(&objs[i].ref,
								counted_confirm));
	bigref_flush();
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		KUNIT_EXPECT_EQ(test, atomic_read(&objs[i].nr_confirmed), 1);
		KUNIT_EXPECT_EQ(test, objs[i].val, i + 1);
		KUNIT_EXPECT_FALSE(test, objs[i].live);
		KUNIT_EXPECT_EQ(test, atomic_read(&objs[i].nr_released), !i);
		bigref_put_many(&objs[i].ref, i);
		KUNIT_EXPECT_EQ(test, atomic_read(&objs[i].nr_released), 1);
	}
}

void bigref_test_switch(struct kunit *test)
{
	unsigned int in_use = counters_in_use();
	static struct counted obj;

	counted_begin(&obj);
	bigref_get_many(&obj.ref, 5);
	bigref_switch_to_exact(&obj.ref);
	KUNIT_EXPECT_FALSE(test, bigref_is_percpu(&obj.ref));
	KUNIT_EXPECT_FALSE(test, bigref_is_dying(&obj.ref));
	KUNIT_EXPECT_TRUE(test, bigref_tryget_live(&obj.ref));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 7);
	KUNIT_EXPECT_EQ(test, counters_in_use(), in_use);
	bigref_switch_to_percpu(&obj.ref, GFP_KERNEL);
#ifdef CONFIG_SMP
	KUNIT_EXPECT_EQ(test, bigref_is_percpu(&obj.ref), !bigref_no_percpu);
#endif
	bigref_get(&obj.ref);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 8);
	/* A switch to percpu waits for the end of a switch to exact. */
	bigref_switch_to_exact_async(&obj.ref);
	bigref_put(&obj.ref);
	bigref_switch_to_percpu(&obj.ref, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 7);
	bigref_put_many(&obj.ref, 6);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj.ref));
	KUNIT_EXPECT_EQ(test, counters_in_use(), in_use);

	bigref_init(&obj.ref, counted_release, BIGREF_INIT_EXACT, GFP_KERNEL);
	KUNIT_EXPECT_FALSE(test, bigref_is_percpu(&obj.ref));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1);
	bigref_switch_to_percpu(&obj.ref, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj.ref));
}

/* A disown or kill while a switch is in progress */
void bigref_test_switch_killed(struct kunit *test)
{
	static struct counted obj;

	counted_begin(&obj);
	bigref_get_many(&obj.ref, 3);
	bigref_switch_to_exact_async(&obj.ref);
	KUNIT_EXPECT_TRUE(test, bigref_kill_and_confirm(&obj.ref,
							counted_confirm));
	bigref_put_many(&obj.ref, 2);
	bigref_flush();
	KUNIT_EXPECT_EQ(test, obj.val, 2);
	bigref_put(&obj.ref);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), 1);

	counted_begin(&obj);
	bigref_get_many(&obj.ref, 3);
	bigref_switch_to_exact_async(&obj.ref);
	KUNIT_EXPECT_TRUE(test, bigref_disown(&obj.ref));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 4);
	bigref_switch_to_exact(&obj.ref);
	bigref_switch_to_percpu(&obj.ref, GFP_KERNEL);
	KUNIT_EXPECT_FALSE(test, bigref_is_percpu(&obj.ref));
	bigref_put_many(&obj.ref, 4);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), 1);
}

void bigref_test_reinit(struct kunit *test)
{
	unsigned int in_use = counters_in_use(), i;
	static struct counted obj;

	counted_reset(&obj);
	bigref_init(&obj.ref, counted_release, BIGREF_INIT_DEAD, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&obj.ref));
	KUNIT_EXPECT_FALSE(test, bigref_tryget(&obj.ref));
	for (i = 1; i <= NR_ROUNDS; i++) {
		KUNIT_EXPECT_TRUE(test, bigref_reinit(&obj.ref,
						      bigref_test_flags,
						      GFP_KERNEL));
		KUNIT_EXPECT_EQ(test, bigref_is_percpu(&obj.ref),
				percpu_expected());
		KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1);
		KUNIT_EXPECT_TRUE(test, bigref_tryget_live(&obj.ref));
		KUNIT_EXPECT_TRUE(test, bigref_kill(&obj.ref));
		bigref_put(&obj.ref);
		wait_for_completion(&obj.released);
		KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), i);
	}
	KUNIT_EXPECT_EQ(test, counters_in_use(), in_use);
}

void bigref_test_resurrect(struct kunit *test)
{
	int before = atomic_read(&bigref_nr_reports);
	static struct counted obj;
	unsigned int i;

	counted_begin(&obj);
	bigref_get_many(&obj.ref, 3);
	/* Without a wait between both: a resurrect waits for the kill. */
	for (i = 0; i < NR_ROUNDS; i++) {
		KUNIT_EXPECT_TRUE(test, bigref_kill(&obj.ref));
		KUNIT_EXPECT_TRUE(test, bigref_resurrect(&obj.ref,
							 bigref_test_flags,
							 GFP_KERNEL));
		KUNIT_EXPECT_FALSE(test, bigref_is_dying(&obj.ref));
		KUNIT_EXPECT_TRUE(test, bigref_tryget_live(&obj.ref));
		bigref_put(&obj.ref);
	}
	bigref_flush();
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 4);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before);
	KUNIT_EXPECT_FALSE(test, bigref_resurrect(&obj.ref, 0, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before + 1);
}

/* Threads that use a count while its owner kills and resurrects it */
static struct {
	struct counted obj;
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
		if (!bigref_is_dying(&cycle.obj.ref) &&
		    bigref_tryget(&cycle.obj.ref))
			bigref_put(&cycle.obj.ref);
		if (bigref_tryget_live(&cycle.obj.ref)) {
			bigref_get(&cycle.obj.ref);
			bigref_put_many(&cycle.obj.ref, 2);
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
		bigref_switch_to_exact(&cycle.obj.ref);
		bigref_switch_to_percpu(&cycle.obj.ref, GFP_KERNEL);
		return;
	case 1:
		bigref_switch_to_exact_async(&cycle.obj.ref);
		fallthrough;
	case 2:
		KUNIT_EXPECT_TRUE(test, bigref_kill(&cycle.obj.ref));
		while (!bigref_is_zero(&cycle.obj.ref))
			schedule_timeout_uninterruptible(1);
		break;
	default:
		KUNIT_EXPECT_TRUE(test, bigref_kill(&cycle.obj.ref));
	}
	KUNIT_EXPECT_TRUE(test, bigref_resurrect(&cycle.obj.ref,
						 bigref_test_flags,
						 GFP_KERNEL));
}

void bigref_test_resurrect_load(struct kunit *test)
{
	int before = atomic_read(&bigref_nr_reports);
	unsigned int nr = num_online_cpus(), i;
	struct task_struct *task;

	counted_begin(&cycle.obj);
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
	KUNIT_EXPECT_EQ(test, bigref_val(&cycle.obj.ref), 1);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&cycle.obj.ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before);
}

static void other_release(struct bigref *ref)
{
	atomic_inc(&container_of(ref, struct counted, ref)->nr_confirmed);
}

/* A release of the put, and no release */
void bigref_test_release(struct kunit *test)
{
	static struct counted obj;

	counted_begin(&obj);
	KUNIT_EXPECT_TRUE(test, bigref_disown(&obj.ref));
	bigref_put_release(&obj.ref, other_release);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_confirmed), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), 0);

	bigref_init(&obj.ref, NULL, bigref_test_flags, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, bigref_kill(&obj.ref));
	bigref_flush();
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&obj.ref));
}
