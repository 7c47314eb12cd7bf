// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of percpu tag pools.
 */
#include <kunit/test.h>

#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/percpu_tag.h>
#include <linux/sched.h>

#include "percpu_tag_internal.h"
#include "percpu_tag_kunit.h"

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
	unsigned int round, i, cpu = cpumask_first(cpu_online_mask);
	int first[NR], tag;

	for (round = 0; round < 2; round++) {
		pool_begin(test, NR);
		for (i = 0; i < NR; i++) {
			on_cpu(cpu, alloc_here, &tag);
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
	KUNIT_CASE(shallow_depth),
	{ }
};

static struct kunit_suite percpu_tag_suite = {
	.name = "percpu_tag",
	.test_cases = percpu_tag_cases,
};

kunit_test_suite(percpu_tag_suite);

MODULE_DESCRIPTION("KUnit tests of percpu tag pools");
MODULE_LICENSE("GPL");
