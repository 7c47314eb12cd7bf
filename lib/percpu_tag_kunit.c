// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of percpu tag pools.
 */
#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/percpu_tag.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>

#define NR	100

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

static unsigned int nr_out(void)
{
	unsigned int nr = 0;
	int tag;

	percpu_tag_for_each_in_use(&pool, tag)
		nr++;
	return nr;
}

/* Runs @fn on a CPU, in an interrupt. */
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

/* Every tag is had once, whichever CPU asks, then none. */
static void all_of_them(struct kunit *test)
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
		KUNIT_EXPECT_EQ(test, nr_out(), NR);
		free_all();
	}
	pool_end(test);
	bitmap_free(seen);
}

/* One tag, freed on each CPU in turn, is found from every other. */
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
 * The last tag freed is the next had: what is in use stays small and warm. On
 * the first CPU, for with many of them not each is dealt tags of its own.
 */
static void last_first(struct kunit *test)
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

/* The same calls, the same tags. */
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

/* How a driver tests what it does when there is no tag. */
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

/* A CPU that goes leaves nothing on its list, and the tags are still there. */
static void spilling(struct kunit *test)
{
	unsigned int cpu;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU");
	pool_begin(test, NR);
	for_each_online_cpu(cpu) {
		percpu_tag_pool_spill(&pool, cpu);
		KUNIT_EXPECT_FALSE(test, cpumask_test_cpu(cpu, pool.have));
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
	unsigned int state;
	int tag;
	unsigned int turn;
};

static atomic_t turns;

static int waiter_run(void *arg)
{
	struct waiter *w = arg;

	allow_signal(SIGKILL);
	w->tag = percpu_tag_alloc_wait(&pool, w->state, MAX_SCHEDULE_TIMEOUT);
	w->turn = atomic_inc_return(&turns);
	complete(&w->done);
	return 0;
}

static unsigned int nr_waiting(void)
{
	unsigned int nr;

	raw_spin_lock_irq(&pool.lock);
	nr = pool.swept ? list_count_nodes(&pool.waiters) : 0;
	raw_spin_unlock_irq(&pool.lock);
	return nr;
}

/* Starts a waiter, and lets it fall asleep behind @before others. */
static void waiter_begin(struct kunit *test, struct waiter *w, unsigned int state,
			 unsigned int before)
{
	unsigned int ms;

	w->state = state;
	init_completion(&w->done);
	w->task = kthread_run(waiter_run, w, "tag_waiter");
	KUNIT_ASSERT_FALSE(test, IS_ERR(w->task));
	for (ms = 0; ms < 5000 && nr_waiting() <= before; ms++)
		usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, nr_waiting(), before + 1);
}

static bool waiter_done(struct waiter *w)
{
	return wait_for_completion_timeout(&w->done, 5 * HZ);
}

/* A free on any CPU wakes one up, and in the order they came. */
static void waiters_in_order(struct kunit *test)
{
	struct waiter *w = kunit_kcalloc(test, num_possible_cpus(), sizeof(*w), GFP_KERNEL);
	unsigned int cpu, i = 0;
	int tag;

	KUNIT_ASSERT_NOT_NULL(test, w);
	pool_begin(test, NR);
	while (percpu_tag_alloc(&pool, GFP_NOWAIT) >= 0)
		;
	atomic_set(&turns, 0);
	for_each_online_cpu(cpu) {
		waiter_begin(test, &w[i], TASK_UNINTERRUPTIBLE, i);
		i++;
	}
	pool_check(test);
	i = 0;
	for_each_online_cpu(cpu) {
		tag = i;
		KUNIT_EXPECT_FALSE(test, completion_done(&w[i].done));
		on_cpu(cpu, free_here, &tag);
		/* Nobody gets in between: it is handed over. */
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

/* A signal ends the wait, and what is freed then goes to the next. */
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
	KUNIT_EXPECT_EQ(test, w[0].tag, -EINTR);
	KUNIT_EXPECT_FALSE(test, completion_done(&w[1].done));
	percpu_tag_free(&pool, tag);
	KUNIT_ASSERT_TRUE(test, waiter_done(&w[1]));
	KUNIT_EXPECT_EQ(test, w[1].tag, 0);
	percpu_tag_free(&pool, tag);
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

/* Who waits for a pool without usable tags gets one when it grows. */
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
	KUNIT_CASE(all_of_them),
	KUNIT_CASE(one_tag),
	KUNIT_CASE(last_first),
	KUNIT_CASE(same_order),
	KUNIT_CASE(resize_down_up),
	KUNIT_CASE(resize_to_nothing),
	KUNIT_CASE(wrong_use),
	KUNIT_CASE(spilling),
	KUNIT_CASE(waiters_in_order),
	KUNIT_CASE(waiter_killed),
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
