// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the memory of percpu caches: what trims give back, large objects, and
 * allocations that fail.
 *
 * Needs CONFIG_PERCPU_CACHE_KUNIT_TEST.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/slab.h>

#include "percpu_cache_kunit.h"

/* A trim frees the slabs without live objects, and keeps the others. */
static void shrink(struct kunit *test)
{
	struct percpu_cache *cache = create(test, 96, 8);
	struct objs *objs = alloc_objs(test, cache, 4 * NR);
	unsigned long slabs = cache->nr_slabs;
	void __percpu *last = objs->ptr[--objs->nr];

	KUNIT_EXPECT_EQ(test, percpu_cache_shrink(cache) / 3, 0);
	free_objs(cache, objs);
	KUNIT_EXPECT_GE(test, percpu_cache_shrink(cache), slabs - 4);
	KUNIT_EXPECT_EQ(test, cache->nr_slabs, 1);
	KUNIT_EXPECT_EQ(test, nr_live(cache), 1);
	/* Its other objects can be allocated. */
	migrate_disable();
	objs = alloc_objs(test, cache, cache->slab_objs - 1);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, cache->nr_slabs, 1);
	free_objs(cache, objs);
	percpu_cache_free(cache, last);
	KUNIT_EXPECT_EQ(test, percpu_cache_shrink(cache), 1);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

/* A burst of objects is given back by the worker's second visit, not by its first. */
static void idle(struct kunit *test)
{
	struct percpu_cache *cache = create(test, 96, 8);
	struct objs *objs = alloc_objs(test, cache, 4 * NR);
	unsigned int i;

	free_objs(cache, objs);
	mutex_lock(&cache->mutex);
	/* The worker may run meanwhile, too. */
	for (i = 0; i < 10 && percpu_cache_trim_idle(cache); i++)
		;
	KUNIT_EXPECT_LT(test, i, 10);
	KUNIT_EXPECT_LE(test, cache->nr_slabs, 4 + 5 * num_possible_cpus());
	mutex_unlock(&cache->mutex);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

/* So are the objects that the magazine of a CPU has, if the CPU does not use it. */
static void idle_magazine(struct kunit *test)
{
	struct percpu_cache *cache = create(test, 96, 8);
	unsigned int i;
	bool again = true;

	percpu_cache_free(cache, percpu_cache_alloc(cache, GFP_KERNEL));
	mutex_lock(&cache->mutex);
	for (i = 0; again && i < 10; i++) {
		again = percpu_cache_flush_idle(cache);
		again |= percpu_cache_trim_idle(cache);
	}
	KUNIT_EXPECT_EQ(test, cache->nr_slabs, 0);
	mutex_unlock(&cache->mutex);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

/* So is a single object, which no depot and no call of a test has seen. */
static void idle_object(struct kunit *test)
{
	struct percpu_cache *cache = create(test, 200, 8);
	void __percpu *ptr = percpu_cache_alloc(cache, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr);
	/* Until the worker has nothing to do for this cache */
	msleep(3000);
	percpu_cache_free(cache, ptr);
	for (i = 0; i < 600 && READ_ONCE(cache->nr_slabs); i++)
		msleep(100);
	KUNIT_EXPECT_EQ(test, READ_ONCE(cache->nr_slabs), 0);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

/* Large objects that stay keep the memory of no other object. */
static void large_objects_stay(struct kunit *test)
{
	struct percpu_cache *cache = create(test, 200, 8);
	struct objs *objs = alloc_objs(test, cache, NR);
	unsigned int i;

	for (i = 0; i < NR; i++) {
		if (i % (NR / 4))
			percpu_cache_free(cache, objs->ptr[i]);
	}
	percpu_cache_shrink(cache);
	KUNIT_EXPECT_EQ(test, cache->nr_slabs, 4);
	KUNIT_EXPECT_LE(test, cache->nr_slabs * cache->slab_bytes, 4 * 256);
	for (i = 0; i < NR; i += NR / 4)
		percpu_cache_free(cache, objs->ptr[i]);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

/* Bytes of each CPU that magazines hold, if all CPUs are like this one. */
static size_t magazine_bytes(struct percpu_cache *cache)
{
	struct percpu_cache_cpu *mag = get_cpu_ptr(cache->cpus);
	size_t nr = mag->current_batch.nr + mag->spare.nr;

	put_cpu_ptr(cache->cpus);
	return nr * cache->stride * num_possible_cpus();
}

/* The magazines of all CPUs keep to their budget, also with objects that are too large. */
static void magazine_budget(struct kunit *test)
{
	static const size_t parts[] = { 1, 2, 3, 5, 40 };
	struct percpu_cache *cache;
	struct objs *objs;
	unsigned int i;
	size_t size;

	if (!IS_ENABLED(CONFIG_MMU))
		kunit_skip(test, "large objects need an MMU");
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		size = PERCPU_CACHE_BUDGET / num_possible_cpus() / parts[i];
		cache = create(test, max(size, PERCPU_CACHE_SHARED_MAX + 1), 8);
		objs = alloc_objs(test, cache, 4);
		free_objs(cache, objs);
		KUNIT_EXPECT_LE(test, magazine_bytes(cache), PERCPU_CACHE_BUDGET);
		objs = alloc_objs(test, cache, 4);
		KUNIT_EXPECT_EQ(test, cache->nr_slabs, 4);
		KUNIT_EXPECT_EQ(test, nr_live(cache), 4);
		percpu_cache_free(cache, objs->ptr[0]);
		objs->ptr[0] = NULL;
		percpu_cache_shrink(cache);
		KUNIT_EXPECT_EQ(test, cache->nr_slabs, 3);
		free_objs(cache, objs);
		KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
	}
}

static unsigned int fail_after;

static void *failing_meta(size_t size, gfp_t gfp)
{
	return fail_after-- ? kzalloc(size, gfp) : NULL;
}

static void __percpu *failing_mem(size_t size, size_t align, gfp_t gfp)
{
	return fail_after-- ? __alloc_percpu_gfp(size, align, gfp) : NULL;
}

/* Let allocations of descriptors, or of percpu memory, fail after @nr of them. */
static void fail_begin(struct kunit *test, bool mem, unsigned int nr)
{
	fail_after = nr;
	if (mem)
		kunit_activate_static_stub(test, percpu_cache_alloc_mem, failing_mem);
	else
		kunit_activate_static_stub(test, percpu_cache_alloc_meta, failing_meta);
}

static void fail_end(struct kunit *test, bool mem)
{
	if (mem)
		kunit_deactivate_static_stub(test, percpu_cache_alloc_mem);
	else
		kunit_deactivate_static_stub(test, percpu_cache_alloc_meta);
}

/* Each allocation may fail, and nothing is left then. */
static void create_fails(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		fail_begin(test, i, 0);
		KUNIT_EXPECT_PTR_EQ(test, percpu_cache_create("kunit", 8, 8, NULL, 0),
				    ERR_PTR(-ENOMEM));
		fail_end(test, i);
	}
}

static void slab_fails(struct kunit *test)
{
	struct percpu_cache *cache = create(test, 500, 8);
	void __percpu *ptr;
	unsigned int i, nr;
	struct objs *objs;

	for (i = 0; i < 2; i++) {
		objs = alloc_objs(test, cache, 0);
		fail_begin(test, i, 2);
		/* The objects of a slab are on the CPU that has created it. */
		migrate_disable();
		while ((ptr = percpu_cache_alloc(cache, GFP_KERNEL)) && objs->nr < 4 * NR)
			objs->ptr[objs->nr++] = ptr;
		migrate_enable();
		fail_end(test, i);
		nr = objs->nr;
		KUNIT_EXPECT_GE(test, nr, 2 * cache->slab_objs);
		KUNIT_EXPECT_LT(test, nr, 4 * NR);
		KUNIT_EXPECT_EQ(test, nr_live(cache), nr);
		KUNIT_EXPECT_EQ(test, cache->nr_slabs, 2);
		free_objs(cache, objs);
		KUNIT_EXPECT_EQ(test, percpu_cache_shrink(cache), 2);
	}
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(shrink),
	KUNIT_CASE(idle),
	KUNIT_CASE(idle_magazine),
	KUNIT_CASE_SLOW(idle_object),
	KUNIT_CASE(large_objects_stay),
	KUNIT_CASE(magazine_budget),
	KUNIT_CASE(create_fails),
	KUNIT_CASE(slab_fails),
	{ }
};

static struct kunit_suite memory_suite = {
	.name = "percpu_cache_memory",
	.test_cases = memory_cases,
};

kunit_test_suites(&memory_suite);
