// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_cache: construction and checks of copies, reports.
 */
#define pr_fmt(fmt) "percpu_cache: " fmt

#include <kunit/static_stub.h>

#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "percpu_cache_internal.h"

/* percpu_debug=on: check the objects of all caches. */
bool percpu_cache_check_all __ro_after_init;

/* Return true if the copy is in its constructed state, or if that is not known. */
static bool copy_is_constructed(struct percpu_cache *cache, const void *copy,
				unsigned int cpu)
{
	if (cache->check)
		return cache->check(copy, cpu);
	return cache->ctor || !memchr_inv(copy, 0, cache->size);
}

/**
 * percpu_cache_report_copy - report a copy that is not in its constructed state
 * @cache: the cache
 * @ptr: the object
 * @cpu: the CPU of the copy
 * @free: the object is being freed, not allocated
 * @caller: of the free or the allocation
 *
 * Context: any.
 */
void percpu_cache_report_copy(struct percpu_cache *cache, const void __percpu *ptr,
			      unsigned int cpu, bool free, unsigned long caller)
{
	KUNIT_STATIC_STUB_REDIRECT(percpu_cache_report_copy, cache, ptr, cpu, free, caller);

	pr_err_ratelimited("%s: copy %u of object %p is not in its constructed state, %s by %pS\n",
			   cache->name, cpu, (__force void *)ptr,
			   free ? "freed" : "changed while it was free; allocated",
			   (void *)caller);
}

/**
 * percpu_cache_check_obj - check all copies of an object, reconstruct damaged ones
 * @cache: the cache
 * @obj: the object; the caller holds it, and it is not live
 * @free: it is being freed, not allocated
 * @caller: of the free or the allocation
 *
 * Context: any. Takes a step for each byte of each CPU of the cache.
 */
void percpu_cache_check_obj(struct percpu_cache *cache, struct percpu_cache_obj *obj,
			    bool free, unsigned long caller)
{
	unsigned int cpu;

	for_each_cpu(cpu, percpu_cache_cpus(cache)) {
		void *copy = per_cpu_ptr(obj->ptr, cpu);

		if (copy_is_constructed(cache, copy, cpu))
			continue;
		percpu_cache_report_copy(cache, obj->ptr, cpu, free, caller);
		memset(copy, 0, cache->size);
		if (cache->ctor)
			cache->ctor(copy, cpu);
	}
}

/**
 * percpu_cache_report_free - report an invalid free
 * @cache: the cache
 * @ptr: the pointer
 * @is_object: it is an object of the cache, which is not allocated
 * @caller: of the free
 *
 * Context: any.
 */
void percpu_cache_report_free(struct percpu_cache *cache, const void __percpu *ptr,
			      bool is_object, unsigned long caller)
{
	KUNIT_STATIC_STUB_REDIRECT(percpu_cache_report_free, cache, ptr, is_object, caller);

	pr_err_ratelimited("%s: invalid free of %p by %pS: %s\n", cache->name,
			   (__force void *)ptr, (void *)caller,
			   is_object ? "not allocated" : "not an object of this cache");
}

/* The option of the percpu allocator; what follows a comma is for that one. */
static int __init percpu_cache_debug_setup(char *str)
{
	/* The percpu allocator reports an invalid value. */
	if (str && kstrtobool(str, &percpu_cache_check_all))
		percpu_cache_check_all = false;
	return 0;
}
early_param("percpu_debug", percpu_cache_debug_setup);
