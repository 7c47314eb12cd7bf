// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_cache: create, destroy, CPU hotplug, shrinker.
 */
#define pr_fmt(fmt) "percpu_cache: " fmt

#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/cpuhotplug.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "percpu_cache_internal.h"

/* Guards percpu_caches; nests outside of cache->mutex. */
DEFINE_MUTEX(percpu_caches_mutex);
LIST_HEAD(percpu_caches);

/* One object in a slab, however long it is, and the head behind it */
static void set_single_object(struct percpu_cache *cache, size_t align)
{
	size_t head_align = __alignof__(struct percpu_cache_head);

	cache->slab_objs = 1;
	cache->slab_align = max(align, head_align);
	cache->head = ALIGN(cache->size, head_align);
	cache->slab_bytes = cache->head + offsetofend(struct percpu_cache_head, slab);
	cache->first = -cache->head;
	cache->mask = ~0UL;
	cache->to_head = cache->head + 1;
}

/* Some objects behind the head, in a slab of a page at most, aligned to its size */
static void set_shared_slab(struct percpu_cache *cache)
{
	size_t bytes = PAGE_SIZE, stride = cache->stride;

	/* The largest power of two that the limit of objects can fill. */
	while (bytes > 2 * cache->first &&
	       (bytes - cache->first) / stride > PERCPU_CACHE_SLAB_OBJS)
		bytes /= 2;
	cache->slab_objs = min_t(size_t, (bytes - cache->first) / stride,
				 PERCPU_CACHE_SLAB_OBJS);
	cache->slab_align = bytes;
	cache->slab_bytes = cache->first + cache->slab_objs * stride;
	cache->mask = ~(bytes - 1);
}

/* Set what follows from the size and alignment of objects. */
static void set_layout(struct percpu_cache *cache, size_t size, size_t align)
{
	size_t fit, cpus = num_possible_cpus();

	cache->size = size;
	cache->stride = ALIGN(max(size, sizeof(u32)), align);
	cache->first = ALIGN(sizeof(struct percpu_cache_head), align);
	/* Exact for offsets in a page: the error is less than one stride in 1 << 32. */
	cache->reciprocal = DIV_ROUND_UP_ULL(1ULL << 32, cache->stride);
	fit = PERCPU_CACHE_BUDGET / (2 * cpus * cache->stride);
	if (cache->stride > PERCPU_CACHE_SHARED_MAX) {
		cache->mag_batch = min(fit, PERCPU_CACHE_BATCH);
		set_single_object(cache, align);
	} else {
		cache->mag_batch = clamp(fit, 2, PERCPU_CACHE_BATCH);
		set_shared_slab(cache);
	}
	cache->batch = max(cache->mag_batch, 1);
}

static int check_request(const char *name, size_t size, size_t align, unsigned int flags)
{
	if (!name || !size || !is_power_of_2(align) || align > PAGE_SIZE ||
	    flags & ~(PERCPU_CACHE_CHECK | PERCPU_CACHE_PRESENT))
		return -EINVAL;
	/* Charges of an object are an int. */
	if (size > INT_MAX / num_possible_cpus() - align)
		return -E2BIG;
	return 0;
}

/* Allocate the magazines. */
static int init_magazines(struct percpu_cache *cache)
{
	cache->cpus = percpu_cache_alloc_mem(sizeof(struct percpu_cache_cpu),
					     __alignof__(struct percpu_cache_cpu),
					     GFP_KERNEL);
	return cache->cpus ? 0 : -ENOMEM;
}

static void free_cache(struct percpu_cache *cache)
{
	free_percpu(cache->cpus);
	kfree_const(cache->name);
	kfree(cache);
}

/**
 * percpu_cache_create - create a cache of percpu objects
 * @name: for messages and statistics; copied
 * @size: bytes of an object on each CPU, not 0
 * @align: alignment of an object, a power of two, at most %PAGE_SIZE
 * @ctor: constructor of a copy, or %NULL if the constructed state is zero
 * @flags: %PERCPU_CACHE_CHECK, %PERCPU_CACHE_PRESENT, both or 0
 *
 * With %PERCPU_CACHE_PRESENT, objects have memory only on CPUs that have been online,
 * unless the kernel cannot do that: see Documentation/core-api/percpu_cache.rst. A CPU
 * does not come online for the first time without memory for its copies.
 *
 * Context: process context, may sleep.
 * Return: the cache; ERR_PTR(-EINVAL) if an argument is invalid, ERR_PTR(-E2BIG) if
 * @size is over INT_MAX on all possible CPUs together, ERR_PTR(-ENOMEM).
 */
struct percpu_cache *percpu_cache_create(const char *name, size_t size, size_t align,
					 percpu_cache_ctor_t ctor, unsigned int flags)
{
	int err = check_request(name, size, align, flags);
	struct percpu_cache *cache;

	if (err)
		return ERR_PTR(err);
	cache = percpu_cache_alloc_meta(sizeof(*cache), GFP_KERNEL);
	if (!cache)
		return ERR_PTR(-ENOMEM);
	set_layout(cache, size, align);
	cache->ctor = ctor;
	cache->check_copies = percpu_cache_check_all || flags & PERCPU_CACHE_CHECK;
	cache->present = flags & PERCPU_CACHE_PRESENT &&
			 percpu_cache_present_possible(cache->slab_bytes);
	raw_spin_lock_init(&cache->lock);
	mutex_init(&cache->mutex);
	INIT_LIST_HEAD(&cache->slabs);
	cache->name = kstrdup_const(name, GFP_KERNEL);
	if (!cache->name || init_magazines(cache)) {
		free_cache(cache);
		return ERR_PTR(-ENOMEM);
	}
	scoped_guard(mutex, &percpu_caches_mutex)
		list_add_tail(&cache->node, &percpu_caches);
	return cache;
}
EXPORT_SYMBOL_GPL(percpu_cache_create);

/**
 * percpu_cache_set_check - set the test of copies
 * @cache: the cache, which was not allocated from
 * @check: returns true if a copy is in its constructed state
 *
 * With percpu_debug=on or %PERCPU_CACHE_CHECK, @check is called for each copy of an
 * object that is allocated or freed. Without it copies are compared with zero, or
 * not checked if the cache has a constructor.
 *
 * Context: any.
 */
void percpu_cache_set_check(struct percpu_cache *cache, percpu_cache_check_t check)
{
	cache->check = check;
}
EXPORT_SYMBOL_GPL(percpu_cache_set_check);

/**
 * percpu_cache_shrink - free memory that holds no live objects
 * @cache: the cache
 *
 * The objects in the magazines of isolated CPUs stay.
 *
 * Context: process context, may sleep and waits for other CPUs. Does not allocate
 * memory.
 * Return: the number of slabs freed.
 */
unsigned long percpu_cache_shrink(struct percpu_cache *cache)
{
	guard(mutex)(&cache->mutex);
	percpu_cache_flush(cache);
	return percpu_cache_trim(cache, ULONG_MAX);
}
EXPORT_SYMBOL_GPL(percpu_cache_shrink);

/**
 * percpu_cache_destroy - destroy a cache
 * @cache: the cache, or %NULL
 *
 * Nothing may use the cache during the call. If objects are left this is reported, and
 * the cache stays as it is.
 *
 * Context: process context, may sleep.
 * Return: 0; -EBUSY if objects are left.
 */
int percpu_cache_destroy(struct percpu_cache *cache)
{
	unsigned long live;

	if (!cache)
		return 0;
	scoped_guard(mutex, &percpu_caches_mutex) {
		scoped_guard(mutex, &cache->mutex) {
			percpu_cache_trim_unused(cache);
			live = percpu_cache_count_live(cache);
			if (cache->nr_slabs) {
				pr_err("%s: not destroyed, %lu objects are left\n",
				       cache->name, live);
				return -EBUSY;
			}
		}
		list_del(&cache->node);
	}
	free_cache(cache);
	return 0;
}
EXPORT_SYMBOL_GPL(percpu_cache_destroy);

/**
 * percpu_cache_dead_cpu - empty the magazines of a CPU that is offline
 * @cpu: the CPU
 *
 * Context: process context, may sleep.
 */
void percpu_cache_dead_cpu(unsigned int cpu)
{
	struct percpu_cache *cache;

	guard(mutex)(&percpu_caches_mutex);
	list_for_each_entry(cache, &percpu_caches, node)
		percpu_cache_flush_cpu(cache, cpu);
}

static int percpu_cache_hp_dead(unsigned int cpu)
{
	percpu_cache_dead_cpu(cpu);
	return 0;
}

/* The worker: trim idle objects of all caches. */
static void percpu_cache_work(struct work_struct *work)
{
	struct percpu_cache *cache;
	bool again = false;

	guard(mutex)(&percpu_caches_mutex);
	list_for_each_entry(cache, &percpu_caches, node) {
		guard(mutex)(&cache->mutex);
		again |= percpu_cache_flush_idle(cache);
		again |= percpu_cache_trim_idle(cache);
	}
	if (again)
		percpu_cache_kick();
}

/* Objects in the depots: an estimate of what a scan can free */
static unsigned long percpu_cache_count_objects(struct shrinker *shrinker,
						struct shrink_control *sc)
{
	struct percpu_cache *cache;
	unsigned long nr = 0;

	if (!mutex_trylock(&percpu_caches_mutex))
		return 0;
	list_for_each_entry(cache, &percpu_caches, node) {
		/* An estimate: it needs no lock. */
		nr += data_race(cache->nr_depot) * cache->batch;
	}
	mutex_unlock(&percpu_caches_mutex);
	return nr ?: SHRINK_EMPTY;
}

/* A trim looks at the whole depot, so fewer objects at a time are not worth it. */
#define PERCPU_CACHE_SCAN_BATCH	16384

/* Reclaim may have interrupted the holder of a mutex: only try. */
static unsigned long percpu_cache_scan_objects(struct shrinker *shrinker,
					       struct shrink_control *sc)
{
	struct percpu_cache *cache;
	unsigned long nr = 0;

	if (!mutex_trylock(&percpu_caches_mutex))
		return SHRINK_STOP;
	list_for_each_entry(cache, &percpu_caches, node) {
		if (nr >= sc->nr_to_scan || !mutex_trylock(&cache->mutex))
			continue;
		nr += percpu_cache_trim(cache, DIV_ROUND_UP(sc->nr_to_scan - nr,
							    cache->slab_objs)) *
		      cache->slab_objs;
		mutex_unlock(&cache->mutex);
	}
	mutex_unlock(&percpu_caches_mutex);
	return nr ?: SHRINK_STOP;
}

static int __init percpu_cache_init(void)
{
	struct shrinker *shrinker = shrinker_alloc(0, "percpu-cache");

	percpu_cache_worker_enable(percpu_cache_work);
	if (shrinker) {
		shrinker->count_objects = percpu_cache_count_objects;
		shrinker->scan_objects = percpu_cache_scan_objects;
		shrinker->batch = PERCPU_CACHE_SCAN_BATCH;
		shrinker_register(shrinker);
	}
	/* Without the callback the objects of a dead CPU wait until it is back. */
	WARN_ON(cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "mm/percpu_cache:dead",
					  NULL, percpu_cache_hp_dead) < 0);
	return 0;
}
subsys_initcall(percpu_cache_init);
