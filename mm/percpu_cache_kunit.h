/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * percpu_cache_kunit: what the KUnit tests of percpu caches share.
 */
#ifndef _MM_PERCPU_CACHE_KUNIT_H
#define _MM_PERCPU_CACHE_KUNIT_H

#include <kunit/test.h>

#include <linux/err.h>
#include <linux/mutex.h>

#include "percpu_cache_internal.h"

#define NR	100

static inline struct percpu_cache *create(struct kunit *test, size_t size, size_t align)
{
	struct percpu_cache *cache = percpu_cache_create("kunit", size, align, NULL, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	return cache;
}

/* All objects of a test */
struct objs {
	unsigned int nr;
	void __percpu *ptr[4 * NR];
};

static inline struct objs *alloc_objs(struct kunit *test, struct percpu_cache *cache,
				      unsigned int nr)
{
	struct objs *objs = kunit_kzalloc(test, sizeof(*objs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, objs);
	while (objs->nr < nr) {
		objs->ptr[objs->nr] = percpu_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, (__force void *)objs->ptr[objs->nr]);
		objs->nr++;
	}
	return objs;
}

static inline void free_objs(struct percpu_cache *cache, struct objs *objs)
{
	while (objs->nr)
		percpu_cache_free(cache, objs->ptr[--objs->nr]);
}

static inline unsigned long nr_live(struct percpu_cache *cache)
{
	unsigned long nr;

	mutex_lock(&cache->mutex);
	nr = percpu_cache_count_live(cache);
	mutex_unlock(&cache->mutex);
	return nr;
}

#endif /* _MM_PERCPU_CACHE_KUNIT_H */
