// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of percpu tag pools.
 */
#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/percpu_tag.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include "percpu_tag_internal.h"

#define NR		100
#define NR_PASSES	200	/* of reached() */

static struct percpu_tag_pool pool;

static void pool_begin(struct kunit *test, unsigned int nr)
{
	KUNIT_ASSERT_EQ(test, percpu_tag_pool_init(&pool, nr, 0), 0);
}

static void pool_check(struct kunit *test)
{
	const char *wrong = percpu_tag_pool_check(&pool, true);

	KUNIT_EXPECT_TRUE_MSG(test, !wrong, "%s", wrong ?: "");
}

static void pool_end(struct kunit *test)
{
	pool_check(test);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_destroy(&pool), 0);
}

static void free_all(void)
{
	int tag;

	percpu_tag_for_each_in_use(&pool, tag)
		percpu_tag_free(&pool, tag);
}

/* Run @fn on a CPU, in an interrupt. */
static void on_cpu(unsigned int cpu, void (*fn)(void *), void *arg)
{
	smp_call_function_single(cpu, fn, arg, 1);
}

static void alloc_here(void *tag)
{
	*(int *)tag = percpu_tag_alloc(&pool, GFP_ATOMIC);
}

static void free_here(void *tag)
{
	percpu_tag_free(&pool, *(int *)tag);
}

/* Each CPU can allocate every tag once, then no more. */
static void alloc_all(struct kunit *test)
{
	unsigned long *seen = bitmap_zalloc(NR, GFP_KERNEL);
	unsigned int i, cpu;
	int tag;

	KUNIT_ASSERT_NOT_NULL(test, seen);
	pool_begin(test, NR);
	for_each_online_cpu(cpu) {
		KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_free(&pool), NR);
		bitmap_zero(seen, NR);
		for (i = 0; i < NR; i++) {
			on_cpu(cpu, alloc_here, &tag);
			KUNIT_ASSERT_GE(test, tag, 0);
			KUNIT_ASSERT_LT(test, tag, NR);
			KUNIT_EXPECT_FALSE(test, test_and_set_bit(tag, seen));
			pool_check(test);
		}
		on_cpu(cpu, alloc_here, &tag);
		KUNIT_EXPECT_EQ(test, tag, -ENOSPC);
		KUNIT_EXPECT_EQ(test, percpu_tag_alloc(&pool, GFP_NOWAIT), -ENOSPC);
		KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_free(&pool), 0);
		KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_in_use(&pool), NR);
		free_all();
	}
	pool_end(test);
	bitmap_free(seen);
}

/* A tag that is freed on one CPU can be allocated on every other. */
static void one_tag(struct kunit *test)
{
	unsigned int from, to;
	int tag = 0;

	pool_begin(test, 1);
	for_each_online_cpu(from) {
		for_each_online_cpu(to) {
			on_cpu(from, alloc_here, &tag);
			KUNIT_ASSERT_EQ(test, tag, 0);
			on_cpu(to, alloc_here, &tag);
			KUNIT_EXPECT_EQ(test, tag, -ENOSPC);
			tag = 0;
			on_cpu(to, free_here, &tag);
			pool_check(test);
		}
	}
	pool_end(test);
}

/*
 * The last freed tag is allocated first. The test uses the first CPU, because
 * with many CPUs some start with an empty list.
 */
static void last_freed_first(struct kunit *test)
{
	unsigned int cpu = cpumask_first(cpu_online_mask);
	int a, b, again;

	pool_begin(test, NR);
	on_cpu(cpu, alloc_here, &a);
	on_cpu(cpu, alloc_here, &b);
	KUNIT_EXPECT_EQ(test, b, a + 1);
	on_cpu(cpu, free_here, &a);
	on_cpu(cpu, alloc_here, &again);
	KUNIT_EXPECT_EQ(test, again, a);
	free_all();
	pool_end(test);
}

/* The same calls return the same tags. */
static void same_order(struct kunit *test)
{
	int first[NR], tag;
	unsigned int round, i;

	for (round = 0; round < 2; round++) {
		pool_begin(test, NR);
		for (i = 0; i < NR; i++) {
			on_cpu(0, alloc_here, &tag);
			if (round)
				KUNIT_EXPECT_EQ(test, tag, first[i]);
			first[i] = tag;
		}
		free_all();
		pool_end(test);
	}
}

static void resize_down_up(struct kunit *test)
{
	unsigned int i, high = 0;
	int tag;

	pool_begin(test, NR);
	for (i = 0; i < NR / 2; i++) {
		tag = percpu_tag_alloc(&pool, GFP_NOWAIT);
		high += tag >= 10;
	}
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_resize(&pool, 10), high);
	pool_check(test);
	free_all();
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_free(&pool), 10);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_LT(test, (unsigned int)percpu_tag_alloc(&pool, GFP_NOWAIT), 10);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc(&pool, GFP_NOWAIT), -ENOSPC);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_resize(&pool, 11), 0);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc(&pool, GFP_NOWAIT), 10);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_resize(&pool, NR), 0);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_free(&pool), NR - 11);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_resize(&pool, NR + 1), -EINVAL);
	free_all();
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_free(&pool), NR);
	pool_end(test);
}

/* A pool without usable tags, as drivers use it to test their error handling */
static void resize_to_nothing(struct kunit *test)
{
	pool_begin(test, NR);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_resize(&pool, 0), 0);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc(&pool, GFP_ATOMIC), -ENOSPC);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_timeout(&pool, 1), -ETIMEDOUT);
	pool_check(test);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_resize(&pool, NR), 0);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_free(&pool), NR);
	pool_end(test);
}

static void wrong_use(struct kunit *test)
{
	int tag;

	KUNIT_EXPECT_EQ(test, percpu_tag_pool_init(&pool, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_init(&pool, PERCPU_TAG_MAX + 1, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_init(&pool, 1, ~0U), -EINVAL);

	pool_begin(test, NR);
	tag = percpu_tag_alloc(&pool, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_destroy(&pool), -EBUSY);
	percpu_tag_free(&pool, tag);
	percpu_tag_free(&pool, tag);
	percpu_tag_free(&pool, NR);
	percpu_tag_free(&pool, -1);
	percpu_tag_pool_resize(&pool, 1);
	percpu_tag_free(&pool, NR - 1);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_free(&pool), 1);
	percpu_tag_pool_resize(&pool, NR);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_free(&pool), NR);
	KUNIT_EXPECT_EQ(test, pool.reported, 7);
	pool_end(test);
}

/* Batches allocate from all lists, and free what was allocated and nothing else. */
static void batches(struct kunit *test)
{
	int tags[NR + 1];
	unsigned int i;

	pool_begin(test, NR);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_batch(&pool, tags, 0), 0);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_batch(&pool, tags, 40), 40);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_in_use(&pool), 40);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_in_use_below(&pool, UINT_MAX), 40);
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_in_use_below(&pool, i) +
				percpu_tag_is_in_use(&pool, i),
				percpu_tag_pool_nr_in_use_below(&pool, i + 1));
	pool_check(test);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_batch(&pool, tags + 40, NR + 1 - 40), NR - 40);
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_TRUE(test, percpu_tag_is_in_use(&pool, tags[i]));
	KUNIT_EXPECT_FALSE(test, percpu_tag_is_in_use(&pool, NR));
	KUNIT_EXPECT_FALSE(test, percpu_tag_is_in_use(&pool, -1));
	/* The second free of a tag in a batch is refused, and the rest is freed. */
	tags[NR] = tags[NR - 1];
	tags[NR - 1] = tags[0];
	percpu_tag_free_batch(&pool, tags, NR + 1);
	KUNIT_EXPECT_FALSE(test, percpu_tag_any_in_use(&pool));
	KUNIT_EXPECT_EQ(test, pool.reported, 2);
	pool_check(test);
	pool_end(test);
}

/* A list that is longer than what a resize visits at a time. */
static void resize_long_list(struct kunit *test)
{
	const unsigned int nr = 4096;
	unsigned int i, cpu;
	int tag;

	pool_begin(test, nr);
	/* Put all tags on one list, the highest on top. */
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_GE(test, percpu_tag_alloc(&pool, GFP_NOWAIT), 0);
	cpu = cpumask_first(cpu_online_mask);
	for (tag = 0; tag < nr; tag++)
		on_cpu(cpu, free_here, &tag);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_resize(&pool, 1), 0);
	pool_check(test);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc(&pool, GFP_NOWAIT), 0);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc(&pool, GFP_NOWAIT), -ENOSPC);
	percpu_tag_free(&pool, 0);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_resize(&pool, nr), 0);
	pool_check(test);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_free(&pool), nr);
	pool_end(test);
}

/* A pool that is destroyed with a tag in use is known to CPU hotplug no more. */
static void destroy_unlinks(struct kunit *test)
{
	int tag;

	pool_begin(test, NR);
	KUNIT_EXPECT_FALSE(test, hlist_unhashed(&pool.node));
	tag = percpu_tag_alloc(&pool, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_destroy(&pool), -EBUSY);
	KUNIT_EXPECT_TRUE(test, hlist_unhashed(&pool.node));
	percpu_tag_free(&pool, tag);
	pool_end(test);
}

/* The list of a CPU that goes offline is moved, and no tag is lost. */
static void drain_one_cpu(struct kunit *test)
{
	unsigned int cpu;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU");
	pool_begin(test, NR);
	for_each_online_cpu(cpu) {
		percpu_tag_pool_drain_cpu(&pool, cpu);
		KUNIT_EXPECT_FALSE(test, cpumask_test_cpu(cpu, pool.marked));
		pool_check(test);
		KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_free(&pool), NR);
	}
	pool_end(test);
}

/*
 * Waiters
 */
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

/* Let each CPU run the tasks that are ready there. */
static void pass(void)
{
	static DECLARE_WORK(work, do_nothing);
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		schedule_work_on(cpu, &work);
		flush_work(&work);
	}
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

/* Start a waiter and wait until it sleeps behind @before other waiters. */
static void waiter_begin(struct kunit *test, struct waiter *w, unsigned int state,
			 unsigned int before)
{
	w->state = state;
	init_completion(&w->done);
	w->task = kthread_run(waiter_run, w, "tag_waiter");
	KUNIT_ASSERT_FALSE(test, IS_ERR(w->task));
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

/* Shallow allocations leave tags to others, and do not fail because of them. */
static void shallow_depth(struct kunit *test)
{
	int tags[NR], other, i;

	pool_begin(test, NR);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_shallow(&pool, 0, GFP_NOWAIT), -EINVAL);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_shallow(&pool, 0, GFP_KERNEL), -EINVAL);
	for (i = 0; i < 40; i++) {
		tags[i] = percpu_tag_alloc_shallow(&pool, 40, GFP_NOWAIT);
		KUNIT_ASSERT_GE(test, tags[i], 0);
		KUNIT_EXPECT_TRUE(test, percpu_tag_is_in_use(&pool, tags[i]));
	}
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_shallow(&pool, 40, GFP_NOWAIT), -ENOSPC);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_shallow(&pool, 10, GFP_NOWAIT), -ENOSPC);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_shallow_wait(&pool, 40, TASK_KILLABLE, 1),
			-ETIMEDOUT);
	pool_check(test);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_nr_in_use(&pool), 40);
	for (; i < NR; i++) {
		tags[i] = percpu_tag_alloc(&pool, GFP_NOWAIT);
		KUNIT_ASSERT_GE(test, tags[i], 0);
	}
	/* The count of a shallow allocation that finds no tag is undone. */
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_shallow(&pool, NR, GFP_NOWAIT), -ENOSPC);
	pool_check(test);
	/* A free of another tag does not let shallow allocations have one more. */
	other = tags[NR - 1];
	percpu_tag_free(&pool, other);
	KUNIT_EXPECT_EQ(test, percpu_tag_alloc_shallow(&pool, 40, GFP_NOWAIT), -ENOSPC);
	percpu_tag_free_batch(&pool, tags, NR - 1);
	KUNIT_EXPECT_FALSE(test, percpu_tag_any_in_use(&pool));
	KUNIT_EXPECT_EQ(test, pool.nr_shallow, 0);
	percpu_tag_free(&pool, tags[0]);
	KUNIT_EXPECT_EQ(test, pool.nr_shallow, 0);
	KUNIT_EXPECT_EQ(test, pool.reported, 2);
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
	w[0].state = TASK_UNINTERRUPTIBLE;
	init_completion(&w[0].done);
	w[0].task = kthread_run(waiter_run, &w[0], "tag_waiter");
	KUNIT_ASSERT_FALSE(test, IS_ERR(w[0].task));
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
		w[i].state = TASK_UNINTERRUPTIBLE;
		init_completion(&w[i].done);
		w[i].task = kthread_run(waiter_run, &w[i], "tag_waiter");
		KUNIT_ASSERT_FALSE(test, IS_ERR(w[i].task));
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

static struct kunit_case percpu_tag_cases[] = {
	KUNIT_CASE(alloc_all),
	KUNIT_CASE(one_tag),
	KUNIT_CASE(last_freed_first),
	KUNIT_CASE(same_order),
	KUNIT_CASE(resize_down_up),
	KUNIT_CASE(resize_to_nothing),
	KUNIT_CASE(wrong_use),
	KUNIT_CASE(batches),
	KUNIT_CASE(resize_long_list),
	KUNIT_CASE(destroy_unlinks),
	KUNIT_CASE(drain_one_cpu),
	KUNIT_CASE(waiters_in_order),
	KUNIT_CASE(waiters_barged),
	KUNIT_CASE(waiter_serves_next),
	KUNIT_CASE(shallow_depth),
	KUNIT_CASE(shallow_waiters),
	KUNIT_CASE(many_shallow_waiters),
	KUNIT_CASE(waiter_killed),
	KUNIT_CASE(waits_stopped),
	KUNIT_CASE(waiter_times_out),
	KUNIT_CASE(waiter_and_resize),
	{ }
};

static struct kunit_suite percpu_tag_suite = {
	.name = "percpu_tag",
	.test_cases = percpu_tag_cases,
};

kunit_test_suite(percpu_tag_suite);

MODULE_DESCRIPTION("KUnit tests of percpu tag pools");
MODULE_LICENSE("GPL");
