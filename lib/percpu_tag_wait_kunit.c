// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of percpu tag pools: waiters.
 */
#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/percpu_tag.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "percpu_tag_internal.h"
#include "percpu_tag_kunit.h"

#define NR_PASSES	200	/* of reached() */

struct waiter {
	struct task_struct *task;
	struct completion done;
	unsigned int state, depth, turn;
	int tag;
};

static atomic_t turns;

static int waiter_run(void *arg)
{
	struct waiter *w = arg;

	allow_signal(SIGKILL);
	if (w->depth)
		w->tag = percpu_tag_alloc_shallow_wait(&pool, w->depth, w->state,
						       MAX_SCHEDULE_TIMEOUT);
	else
		w->tag = percpu_tag_alloc_wait(&pool, w->state, MAX_SCHEDULE_TIMEOUT);
	w->turn = atomic_inc_return(&turns);
	complete(&w->done);
	return 0;
}

static void do_nothing(struct work_struct *unused)
{
}

/*
 * Let each CPU run the tasks that are ready there. The sleep leaves them the CPU of the
 * test: without it the scheduler can choose the test and the worker in turns, for more
 * than NR_PASSES times.
 */
static void pass(void)
{
	static DECLARE_WORK(work, do_nothing);
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		schedule_work_on(cpu, &work);
		flush_work(&work);
	}
	schedule_timeout_uninterruptible(1);
}

/*
 * Wait for @cond. Return false if other tasks do not make it true in NR_PASSES passes,
 * however long these take: a CPU of a guest can stand still for any time.
 */
#define reached(cond)						\
({								\
	unsigned int passes = 0;				\
								\
	while (!(cond) && passes++ < NR_PASSES)			\
		pass();						\
	passes <= NR_PASSES;					\
})

/* Number of waiters, or 0 if a list is marked or has yet to be drained */
static unsigned int nr_waiting(void)
{
	guard(raw_spinlock_irq)(&pool.lock);
	if (atomic_read(&pool.nr_marked) || pool.drainer)
		return 0;
	return list_count_nodes(&pool.waiters) + list_count_nodes(&pool.shallow);
}

/* Wait until @nr waiters have drained the lists. */
static void wait_for_waiters(struct kunit *test, unsigned int nr)
{
	KUNIT_EXPECT_TRUE(test, reached(nr_waiting() == nr));
}

static void waiter_start(struct kunit *test, struct waiter *w, unsigned int state)
{
	w->state = state;
	init_completion(&w->done);
	w->task = kthread_run(waiter_run, w, "tag_waiter");
	KUNIT_ASSERT_FALSE(test, IS_ERR(w->task));
}

/* Start a waiter and wait until it sleeps behind @before other waiters. */
static void waiter_begin(struct kunit *test, struct waiter *w, unsigned int state,
			 unsigned int before)
{
	waiter_start(test, w, state);
	wait_for_waiters(test, before + 1);
}

static bool waiter_done(struct waiter *w)
{
	return reached(completion_done(&w->done));
}

/* With PERCPU_TAG_FIFO a free wakes one waiter, in the order of their arrival. */
static void waiters_in_order(struct kunit *test)
{
	struct waiter *w = kunit_kcalloc(test, num_possible_cpus(), sizeof(*w), GFP_KERNEL);
	unsigned int cpu, i;
	int tag;

	KUNIT_ASSERT_NOT_NULL(test, w);
	KUNIT_ASSERT_EQ(test, percpu_tag_pool_init(&pool, NR, PERCPU_TAG_FIFO), 0);
	while (percpu_tag_alloc(&pool, GFP_NOWAIT) >= 0)
		;
	atomic_set(&turns, 0);
	for (i = 0; i < num_online_cpus(); i++)
		waiter_begin(test, &w[i], TASK_UNINTERRUPTIBLE, i);
	pool_check(test);
	i = 0;
	for_each_online_cpu(cpu) {
		tag = i;
		KUNIT_EXPECT_FALSE(test, completion_done(&w[i].done));
		on_cpu(cpu, free_here, &tag);
		/* The tag is assigned: no other allocation can get it. */
		KUNIT_EXPECT_EQ(test, percpu_tag_alloc(&pool, GFP_NOWAIT), -ENOSPC);
		KUNIT_ASSERT_TRUE(test, waiter_done(&w[i]));
		KUNIT_EXPECT_EQ(test, w[i].tag, tag);
		KUNIT_EXPECT_EQ(test, w[i].turn, i + 1);
		i++;
	}
	pool_check(test);
	free_all();
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_free(&pool), NR);
	pool_end(test);
}

/* Free a tag and allocate it again before a waiter can. */
static void free_alloc_here(void *tag)
{
	free_here(tag);
	alloc_here(tag);
}

/*
 * Other allocations get the tag that the first waiter is woken up for, but not for ever;
 * and the second waiter is not forgotten. The first waiter is bound to the CPU where an
 * interrupt frees and allocates the tag, and so runs afterwards.
 */
static void waiters_barged(struct kunit *test)
{
	unsigned int rounds, cpu = cpumask_first(cpu_online_mask);
	struct waiter w[2] = { };
	int tag = 0;

	pool_begin(test, 1);
	KUNIT_ASSERT_EQ(test, percpu_tag_alloc(&pool, GFP_NOWAIT), 0);
	waiter_begin(test, &w[0], TASK_UNINTERRUPTIBLE, 0);
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(w[0].task, cpumask_of(cpu)), 0);
	waiter_begin(test, &w[1], TASK_UNINTERRUPTIBLE, 1);
	for (rounds = 0; rounds <= BARGE_MAX; rounds++) {
		on_cpu(cpu, free_alloc_here, &tag);
		if (tag < 0)
			break;
		wait_for_waiters(test, 2);
		pool_check(test);
	}
	KUNIT_EXPECT_EQ(test, rounds, BARGE_MAX);
	KUNIT_EXPECT_EQ(test, tag, -ENOSPC);
	KUNIT_ASSERT_TRUE(test, waiter_done(&w[0]));
	KUNIT_EXPECT_EQ(test, w[0].tag, 0);
	KUNIT_EXPECT_FALSE(test, completion_done(&w[1].done));
	percpu_tag_free(&pool, 0);
	KUNIT_ASSERT_TRUE(test, waiter_done(&w[1]));
	KUNIT_EXPECT_EQ(test, w[1].tag, 0);
	percpu_tag_free(&pool, 0);
	pool_end(test);
}

/* One waiter is woken for two tags, and the other gets the second one from it. */
static void waiter_serves_next(struct kunit *test)
{
	struct waiter w[2] = { };

	pool_begin(test, 2);
	KUNIT_ASSERT_EQ(test, percpu_tag_alloc(&pool, GFP_NOWAIT), 0);
	KUNIT_ASSERT_EQ(test, percpu_tag_alloc(&pool, GFP_NOWAIT), 1);
	waiter_begin(test, &w[0], TASK_UNINTERRUPTIBLE, 0);
	waiter_begin(test, &w[1], TASK_UNINTERRUPTIBLE, 1);
	percpu_tag_free_batch(&pool, (int []){ 0, 1 }, 2);
	KUNIT_ASSERT_TRUE(test, waiter_done(&w[0]));
	KUNIT_ASSERT_TRUE(test, waiter_done(&w[1]));
	KUNIT_EXPECT_EQ(test, w[0].tag + w[1].tag, 1);
	free_all();
	pool_end(test);
}

/* A signal ends the wait, and the next free is assigned to the next waiter. */
static void waiter_killed(struct kunit *test)
{
	struct waiter w[2] = { };
	int tag = 0;

	pool_begin(test, 1);
	KUNIT_ASSERT_EQ(test, percpu_tag_alloc(&pool, GFP_NOWAIT), 0);
	waiter_begin(test, &w[0], TASK_KILLABLE, 0);
	waiter_begin(test, &w[1], TASK_UNINTERRUPTIBLE, 1);
	send_sig(SIGKILL, w[0].task, 1);
	KUNIT_EXPECT_TRUE(test, waiter_done(&w[0]));
	KUNIT_EXPECT_EQ(test, w[0].tag, -ERESTARTSYS);
	KUNIT_EXPECT_FALSE(test, completion_done(&w[1].done));
	percpu_tag_free(&pool, tag);
	KUNIT_ASSERT_TRUE(test, waiter_done(&w[1]));
	KUNIT_EXPECT_EQ(test, w[1].tag, 0);
	percpu_tag_free(&pool, tag);
	pool_end(test);
}

/* All waits end without a tag, also later ones, until waits are resumed. */
static void waits_stopped(struct kunit *test)
{
	struct waiter *w = kunit_kcalloc(test, 20, sizeof(*w), GFP_KERNEL), last = { };
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	pool_begin(test, 1);
	KUNIT_ASSERT_EQ(test, percpu_tag_alloc(&pool, GFP_NOWAIT), 0);
	for (i = 0; i < 20; i++)
		waiter_begin(test, &w[i], TASK_UNINTERRUPTIBLE, i);
	percpu_tag_stop_waits(&pool);
	for (i = 0; i < 20; i++) {
		KUNIT_ASSERT_TRUE(test, waiter_done(&w[i]));
		KUNIT_EXPECT_EQ(test, w[i].tag, -ECANCELED);
	}
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc(&pool, GFP_KERNEL), -ECANCELED);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc(&pool, GFP_NOWAIT), -ENOSPC);
	percpu_tag_free(&pool, 0);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc(&pool, GFP_KERNEL), 0);
	pool_check(test);
	percpu_tag_resume_waits(&pool);
	waiter_begin(test, &last, TASK_UNINTERRUPTIBLE, 0);
	percpu_tag_free(&pool, 0);
	KUNIT_ASSERT_TRUE(test, waiter_done(&last));
	KUNIT_EXPECT_EQ(test, last.tag, 0);
	percpu_tag_free(&pool, 0);
	pool_end(test);
}

/* Waits for fewer shallow tags end in order; other allocations do not wait. */
static void shallow_waiters(struct kunit *test)
{
	struct waiter *w = kunit_kcalloc(test, 4, sizeof(*w), GFP_KERNEL);
	int first, tag;

	KUNIT_ASSERT_NOT_NULL(test, w);
	pool_begin(test, NR);
	percpu_tag_pool_resize(&pool, 0);
	first = percpu_tag_alloc_shallow(&pool, 1, GFP_NOWAIT);
	KUNIT_EXPECT_EQ(test, first, -ENOSPC);
	percpu_tag_pool_resize(&pool, NR);
	first = percpu_tag_alloc_shallow(&pool, 1, GFP_NOWAIT);
	KUNIT_ASSERT_GE(test, first, 0);
	w[0].depth = 1;
	w[1].depth = 1;
	w[2].depth = 3;
	w[3].depth = 3;
	while (percpu_tag_alloc(&pool, GFP_NOWAIT) >= 0)
		;
	percpu_tag_pool_resize(&pool, 0);
	for (tag = 0; tag < 3; tag++)
		waiter_begin(test, &w[tag], TASK_KILLABLE, tag);
	/* A smaller depth that waits holds up a larger one, which ends with it. */
	KUNIT_EXPECT_FALSE(test, completion_done(&w[2].done));
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_shallow(&pool, 3, GFP_NOWAIT), -ENOSPC);
	send_sig(SIGKILL, w[1].task, 1);
	KUNIT_ASSERT_TRUE(test, waiter_done(&w[1]));
	KUNIT_EXPECT_EQ(test, w[1].tag, -ERESTARTSYS);
	send_sig(SIGKILL, w[0].task, 1);
	KUNIT_ASSERT_TRUE(test, waiter_done(&w[0]));
	KUNIT_EXPECT_EQ(test, w[0].tag, -ERESTARTSYS);
	/* It is counted now, and waits for a tag. */
	wait_for_waiters(test, 1);
	KUNIT_EXPECT_EQ(test, pool.nr_shallow, 2);
	percpu_tag_pool_resize(&pool, NR);
	free_all();
	KUNIT_ASSERT_TRUE(test, waiter_done(&w[2]));
	KUNIT_EXPECT_GE(test, w[2].tag, 0);
	percpu_tag_free(&pool, w[2].tag);
	KUNIT_EXPECT_EQ(test, pool.nr_shallow, 0);
	/* The free of a shallow tag ends the next wait. */
	w[0].depth = 1;
	first = percpu_tag_alloc_shallow(&pool, 1, GFP_NOWAIT);
	KUNIT_ASSERT_GE(test, first, 0);
	waiter_start(test, &w[0], TASK_UNINTERRUPTIBLE);
	KUNIT_EXPECT_TRUE(test, reached(READ_ONCE(pool.nr_waits)));
	percpu_tag_free(&pool, first);
	KUNIT_ASSERT_TRUE(test, waiter_done(&w[0]));
	KUNIT_EXPECT_GE(test, w[0].tag, 0);
	percpu_tag_stop_waits(&pool);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_shallow(&pool, 1, GFP_KERNEL), -ECANCELED);
	percpu_tag_resume_waits(&pool);
	free_all();
	pool_end(test);
}

static unsigned int nr_shallow_waiting(void)
{
	guard(raw_spinlock_irq)(&pool.lock);
	return list_count_nodes(&pool.shallow);
}

/* More waits than one call ends at once end together, if their depths allow it. */
static void many_shallow_waiters(struct kunit *test)
{
	enum { WAITERS = 40 };
	struct waiter *w = kunit_kcalloc(test, WAITERS, sizeof(*w), GFP_KERNEL);
	unsigned int i, nr = 0;
	int first;

	KUNIT_ASSERT_NOT_NULL(test, w);
	pool_begin(test, NR);
	first = percpu_tag_alloc_shallow(&pool, 1, GFP_NOWAIT);
	KUNIT_ASSERT_GE(test, first, 0);
	for (i = 0; i < WAITERS && nr == i; i++) {
		w[i].depth = i ? NR : 1;
		waiter_start(test, &w[i], TASK_UNINTERRUPTIBLE);
		nr += reached(nr_shallow_waiting() > i);
	}
	KUNIT_EXPECT_EQ(test, nr, WAITERS);
	percpu_tag_free(&pool, first);
	while (i--) {
		KUNIT_ASSERT_TRUE(test, waiter_done(&w[i]));
		KUNIT_EXPECT_GE(test, w[i].tag, 0);
	}
	KUNIT_EXPECT_EQ(test, pool.nr_shallow, WAITERS);
	pool_check(test);
	free_all();
	pool_end(test);
}

/* A shallow allocation uses the pool between its wait and that for a tag, and afterwards. */
static void destroy_between_waits(struct kunit *test)
{
	pool_begin(test, NR);
	scoped_guard(raw_spinlock_irq, &pool.lock)
		pool.nr_shallow++;
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_destroy(&pool), -EBUSY);
	scoped_guard(raw_spinlock_irq, &pool.lock)
		pool.nr_shallow--;
	pool_end(test);
}

static void waiter_times_out(struct kunit *test)
{
	unsigned long start = jiffies;

	pool_begin(test, 1);
	KUNIT_ASSERT_EQ(test, percpu_tag_alloc_timeout(&pool, 5), 0);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_timeout(&pool, 5), -ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, time_after_eq(jiffies, start + 5));
	percpu_tag_free(&pool, 0);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_timeout(&pool, 0), 0);
	percpu_tag_free(&pool, 0);
	pool_end(test);
}

/* A waiter of a pool without usable tags gets one from a resize. */
static void waiter_and_resize(struct kunit *test)
{
	struct waiter w = { };

	pool_begin(test, NR);
	percpu_tag_pool_resize(&pool, 0);
	waiter_begin(test, &w, TASK_UNINTERRUPTIBLE, 0);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_destroy(&pool), -EBUSY);
	percpu_tag_pool_resize(&pool, NR);
	KUNIT_ASSERT_TRUE(test, waiter_done(&w));
	KUNIT_EXPECT_GE(test, w.tag, 0);
	free_all();
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_free(&pool), NR);
	pool_end(test);
}

static struct kunit_case percpu_tag_wait_cases[] = {
	KUNIT_CASE(waiters_in_order),
	KUNIT_CASE(waiters_barged),
	KUNIT_CASE(waiter_serves_next),
	KUNIT_CASE(shallow_waiters),
	KUNIT_CASE(many_shallow_waiters),
	KUNIT_CASE(destroy_between_waits),
	KUNIT_CASE(waiter_killed),
	KUNIT_CASE(waits_stopped),
	KUNIT_CASE(waiter_times_out),
	KUNIT_CASE(waiter_and_resize),
	{ }
};

static struct kunit_suite percpu_tag_wait_suite = {
	.name = "percpu_tag_wait",
	.test_cases = percpu_tag_wait_cases,
};

kunit_test_suite(percpu_tag_wait_suite);
