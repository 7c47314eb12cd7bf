// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of bigref: the functions of the owner.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "bigref_internal.h"
#include "bigref_kunit.h"

#define NR_ROUNDS	20
#define NR_TRIES	20	/* of expect_no_leak() */

struct counted {
	struct bigref ref;
	struct completion released;
	atomic_t nr_released;
	atomic_t nr_confirmed;
	unsigned long val;
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
 * Run a part of a test, which must free the counters that it allocates.  Other users of
 * bigref, as cgroups and queues, may change the number meanwhile, but do not make it grow
 * each time, as a leak does, or shrink.
 */
static void expect_no_leak(struct kunit *test, void (*part)(struct kunit *test))
{
	bool grows = true, shrinks = true;
	unsigned int i, before;
	int change;

	for (i = 0; i < NR_TRIES && (grows || shrinks); i++) {
		before = counters_in_use();
		part(test);
		change = counters_in_use() - before;
		grows &= change > 0;
		shrinks &= change < 0;
		/* Not in step with another user that does something at times */
		schedule_timeout_uninterruptible(i);
	}
	KUNIT_EXPECT_FALSE_MSG(test, grows, "counters are leaked");
	KUNIT_EXPECT_FALSE_MSG(test, shrinks, "counters are freed twice");
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
	KUNIT_EXPECT_FALSE(test, bigref_is_dying(&ref));
	KUNIT_EXPECT_FALSE(test, bigref_is_percpu(&ref));
	KUNIT_EXPECT_FALSE(test, bigref_tryget_live(&ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before);
	bigref_put(&ref);
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before + 1);

	memset(&ref, 0, sizeof(ref));
	KUNIT_EXPECT_FALSE(test, bigref_kill(&ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before + 2);
}

static void destroy_in_use(struct kunit *test)
{
	int before = atomic_read(&bigref_nr_reports);
	static struct counted obj;

	counted_begin(&obj);
	bigref_get(&obj.ref);
	KUNIT_EXPECT_EQ(test, bigref_is_percpu(&obj.ref), percpu_expected());
	KUNIT_EXPECT_FALSE(test, bigref_destroy(&obj.ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before + 1);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), BIGREF_VAL_SATURATED);
}

/* A destroy with references left is reported, and frees the counters. */
void bigref_test_destroy_frees(struct kunit *test)
{
	expect_no_leak(test, destroy_in_use);
}

static void exit_in_use(struct kunit *test)
{
	int before = atomic_read(&bigref_nr_reports);
	static struct counted obj;

	counted_begin(&obj);
	bigref_get_many(&obj.ref, 5);
	KUNIT_EXPECT_EQ(test, bigref_exit(&obj.ref), 6);
	KUNIT_EXPECT_FALSE(test, bigref_is_percpu(&obj.ref));
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

/* An exit ignores references, and frees the counters. */
void bigref_test_exit(struct kunit *test)
{
	expect_no_leak(test, exit_in_use);
}

static void get_max(struct counted *obj, unsigned int times)
{
	while (times--)
		bigref_get_many(&obj->ref, BIGREF_NR_MAX);
}

/* The word overflows: 64 gets are almost as many as it has values. */
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

static void kill_now(struct kunit *test)
{
	int before = atomic_read(&bigref_nr_reports);
	static struct counted obj;
	bool percpu;

	counted_begin(&obj);
	percpu = bigref_is_percpu(&obj.ref);
	rcu_read_lock();
	KUNIT_EXPECT_TRUE(test, bigref_kill_now(&obj.ref));
	KUNIT_EXPECT_EQ(test, bigref_is_zero(&obj.ref), !percpu);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), !percpu);
	rcu_read_unlock();
	wait_for_completion(&obj.released);
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&obj.ref));

	/* The count stays exact over a resurrect with the flag. */
	KUNIT_EXPECT_TRUE(test, bigref_resurrect(&obj.ref, BIGREF_INIT_EXACT,
						 GFP_KERNEL));
	bigref_get(&obj.ref);
	KUNIT_EXPECT_TRUE(test, bigref_kill_now(&obj.ref));
	KUNIT_EXPECT_TRUE(test, bigref_is_dying(&obj.ref));
	KUNIT_EXPECT_FALSE(test, bigref_tryget_live(&obj.ref));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), 1);
	bigref_put(&obj.ref);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.nr_released), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before);

	KUNIT_EXPECT_FALSE(test, bigref_kill_now(&obj.ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&bigref_nr_reports), before + 1);
}

/* The release runs in the caller unless the count is percpu. */
void bigref_test_kill_now(struct kunit *test)
{
	expect_no_leak(test, kill_now);
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

/* Two counts without counters: the second one waits for the callback of the first. */
void bigref_test_barrier(struct kunit *test)
{
	static struct counted objs[2];
	bool killed = true;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		counted_reset(&objs[i]);
		bigref_init(&objs[i].ref, counted_release, BIGREF_INIT_EXACT, GFP_KERNEL);
	}
	/* No grace period ends while preemption is disabled. */
	preempt_disable();
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		killed &= bigref_kill_and_confirm(&objs[i].ref, counted_confirm);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, killed);
	bigref_barrier();
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		KUNIT_EXPECT_EQ(test, atomic_read(&objs[i].nr_confirmed), 1);
		KUNIT_EXPECT_EQ(test, atomic_read(&objs[i].nr_released), 1);
	}
	bigref_flush();
}

static void switch_and_back(struct kunit *test)
{
	static struct counted obj;

	counted_begin(&obj);
	bigref_get_many(&obj.ref, 5);
	bigref_switch_to_exact(&obj.ref);
	KUNIT_EXPECT_FALSE(test, bigref_is_percpu(&obj.ref));
	KUNIT_EXPECT_FALSE(test, bigref_is_dying(&obj.ref));
	KUNIT_EXPECT_TRUE(test, bigref_tryget_live(&obj.ref));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 7);
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

	bigref_init(&obj.ref, counted_release, BIGREF_INIT_EXACT, GFP_KERNEL);
	KUNIT_EXPECT_FALSE(test, bigref_is_percpu(&obj.ref));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1);
	bigref_switch_to_percpu(&obj.ref, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj.ref));
}

void bigref_test_switch(struct kunit *test)
{
	expect_no_leak(test, switch_and_back);
}

/* A disown or kill while a switch is in progress */
void bigref_test_switch_killed(struct kunit *test)
{
	static struct counted obj;
	bool killed;

	counted_begin(&obj);
	bigref_get_many(&obj.ref, 3);
	/* No grace period ends while preemption is disabled. */
	preempt_disable();
	bigref_switch_to_exact_async(&obj.ref);
	killed = bigref_kill_and_confirm(&obj.ref, counted_confirm);
	bigref_put_many(&obj.ref, 2);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, killed);
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

static void reinit_many_times(struct kunit *test)
{
	static struct counted obj;
	unsigned int i;

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
}

void bigref_test_reinit(struct kunit *test)
{
	expect_no_leak(test, reinit_many_times);
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

#ifdef CONFIG_SMP
/* More counts than groups are kept for, so that some groups are freed */
static void end_many(struct kunit *test)
{
	static struct counted objs[100];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(objs); i++)
		counted_begin(&objs[i]);
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		bigref_get_many(&objs[i].ref, i + 1);
		KUNIT_EXPECT_EQ(test, bigref_val(&objs[i].ref), i + 2);
		if (i & 1) {
			bigref_put_many(&objs[i].ref, i + 1);
			KUNIT_EXPECT_TRUE(test, bigref_destroy(&objs[i].ref));
			continue;
		}
		KUNIT_EXPECT_TRUE(test, bigref_disown_async(&objs[i].ref, bigref_put));
		bigref_put_many(&objs[i].ref, i + 1);
	}
	bigref_flush();
	for (i = 0; i < ARRAY_SIZE(objs); i += 2)
		KUNIT_EXPECT_EQ(test, atomic_read(&objs[i].nr_released), 1);
}

static void end_many_and_drain(struct kunit *test)
{
	end_many(test);
	bigref_counters_drain();
}

void bigref_test_counters_freed(struct kunit *test)
{
	unsigned int i;

	expect_no_leak(test, end_many);
	expect_no_leak(test, end_many_and_drain);
	/* Another user may cache a counter at once. */
	for (i = 0; i < NR_TRIES; i++) {
		bigref_counters_drain();
		if (!bigref_nr_cached())
			return;
	}
	KUNIT_FAIL(test, "counters stay cached");
}

static unsigned int nr_loops, nr_loops_irqs_off;

static unsigned int nr_cached_stub(void)
{
	nr_loops++;
	nr_loops_irqs_off += irqs_disabled();
	return 0;
}

/* Any user may ask for the number: no loop over all CPUs has interrupts off. */
void bigref_test_nr_in_use(struct kunit *test)
{
	nr_loops = 0;
	nr_loops_irqs_off = 0;
	kunit_activate_static_stub(test, bigref_nr_cached, nr_cached_stub);
	bigref_nr_in_use();
	kunit_deactivate_static_stub(test, bigref_nr_cached);
	KUNIT_EXPECT_EQ(test, nr_loops, 1);
	KUNIT_EXPECT_EQ(test, nr_loops_irqs_off, 0);
}

/* An adaptive count that becomes percpu frees its counters in the end. */
static void promote_one(struct kunit *test)
{
	static struct counted obj;
	unsigned int i;

	counted_reset(&obj);
	bigref_init(&obj.ref, counted_release, BIGREF_ADAPTIVE, GFP_KERNEL);
	/* It is not queued while another user has the lock, or memory was short. */
	for (i = 0; i < 100 && !bigref_is_percpu(&obj.ref); i++) {
		while (!bigref_may_promote())
			schedule_timeout_uninterruptible(HZ / 10);
		bigref_enqueue(&obj.ref);
		bigref_flush();
	}
	KUNIT_EXPECT_TRUE(test, bigref_is_percpu(&obj.ref));
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj.ref));
}

void bigref_test_promoted_freed(struct kunit *test)
{
	expect_no_leak(test, promote_one);
}
#endif
