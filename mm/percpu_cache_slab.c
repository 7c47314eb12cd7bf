// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_cache: slabs and the depot.
 */
#include <kunit/static_stub.h>

#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/overflow.h>
#include <linux/preempt.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "percpu_cache_internal.h"

/* From the first batch that comes to the depot until the worker looks for idle ones */
#define PERCPU_CACHE_TRIM_DELAY	HZ

/* Unbound: the worker runs on no isolated CPU. NULL until workqueues run. */
static struct workqueue_struct *percpu_cache_wq;
static struct delayed_work percpu_cache_dwork;

/**
 * percpu_cache_alloc_meta - allocate descriptors
 * @size: in bytes
 * @gfp: allocation flags
 *
 * Return: zeroed memory, or %NULL.
 */
void *percpu_cache_alloc_meta(size_t size, gfp_t gfp)
{
	KUNIT_STATIC_STUB_REDIRECT(percpu_cache_alloc_meta, size, gfp);

	return kzalloc(size, gfp);
}

/**
 * percpu_cache_alloc_mem - allocate percpu memory
 * @size: bytes on each CPU
 * @align: alignment
 * @gfp: allocation flags
 *
 * Return: zeroed percpu memory, or %NULL.
 */
void __percpu *percpu_cache_alloc_mem(size_t size, size_t align, gfp_t gfp)
{
	KUNIT_STATIC_STUB_REDIRECT(percpu_cache_alloc_mem, size, align, gfp);

	return __alloc_percpu_gfp(size, align, gfp);
}

static void __percpu *alloc_slab_mem(struct percpu_cache *cache, gfp_t gfp)
{
	if (cache->present)
		return pcpu_alloc_present(cache->slab_bytes, cache->slab_align, gfp);
	return percpu_cache_alloc_mem(cache->slab_bytes, cache->slab_align, gfp);
}

static void free_slab_mem(struct percpu_cache *cache, struct percpu_cache_slab *slab)
{
	if (cache->present)
		pcpu_free_present(slab->mem);
	else
		free_percpu(slab->mem);
}

static struct percpu_cache_slab *alloc_slab(struct percpu_cache *cache, gfp_t gfp)
{
	struct percpu_cache_slab *slab;

	/* A slab has objects of many cgroups: objects are charged instead. */
	gfp &= ~(__GFP_ACCOUNT | __GFP_ZERO);
	slab = percpu_cache_alloc_meta(struct_size(slab, objs, cache->slab_objs), gfp);
	if (!slab)
		return NULL;
	slab->mem = alloc_slab_mem(cache, gfp);
	if (!slab->mem) {
		kfree(slab);
		return NULL;
	}
	return slab;
}

/* Construct the objects of a new slab, and let walks see it. */
static void init_slab(struct percpu_cache *cache, struct percpu_cache_slab *slab, gfp_t gfp)
{
	/* Where the head is behind the only object, the sum wraps to 0. */
	unsigned int i, first = cache->head + cache->first;
	unsigned long flags;

	slab->cache = cache;
	for (i = 0; i < cache->slab_objs; i++) {
		slab->objs[i].slab = slab;
		slab->objs[i].ptr = slab->mem + first + i * cache->stride;
	}
	percpu_cache_construct_slab(cache, slab, gfp);
	raw_spin_lock_irqsave(&cache->lock, flags);
	list_add_tail_rcu(&slab->list, &cache->slabs);
	cache->nr_slabs++;
	raw_spin_unlock_irqrestore(&cache->lock, flags);
}

/* Create a slab. Return NULL if there is no memory. */
static struct percpu_cache_slab *create_slab(struct percpu_cache *cache, gfp_t gfp)
{
	struct percpu_cache_slab *slab;
	unsigned int index = 0;

	if (!percpu_cache_may_lock(gfp))
		return NULL;
	if (cache->present)
		index = pcpu_present_enter();
	slab = alloc_slab(cache, gfp);
	if (slab)
		init_slab(cache, slab, gfp);
	if (cache->present)
		pcpu_present_leave(index);
	return slab;
}

/**
 * percpu_cache_slab_create - create a slab
 * @cache: the cache
 * @gfp: allocation flags
 * @batch: set to some objects of the slab; the others are in the depot
 *
 * Context: any that @gfp allows, no lock held.
 * Return: false if there is no memory.
 */
bool percpu_cache_slab_create(struct percpu_cache *cache, gfp_t gfp,
			      struct percpu_cache_batch *batch)
{
	struct percpu_cache_slab *slab = create_slab(cache, gfp);
	unsigned int i = cache->slab_objs;

	if (!slab)
		return false;
	while (i--) {
		if (batch->nr == cache->batch)
			percpu_cache_depot_put(cache, batch);
		percpu_cache_batch_push(batch, &slab->objs[i]);
	}
	return true;
}

/**
 * percpu_cache_slab_release - free a slab
 * @cache: the cache
 * @slab: a slab of which the caller holds all objects
 *
 * Context: process context, cache->mutex held.
 */
void percpu_cache_slab_release(struct percpu_cache *cache, struct percpu_cache_slab *slab)
{
	unsigned long flags;

	lockdep_assert_held(&cache->mutex);

	raw_spin_lock_irqsave(&cache->lock, flags);
	list_del(&slab->list);
	cache->nr_slabs--;
	raw_spin_unlock_irqrestore(&cache->lock, flags);
	/* A late free of one of its objects finds no head, or no memory. */
	percpu_cache_clear_heads(cache, slab);
	free_slab_mem(cache, slab);
	kfree(slab);
}

/**
 * percpu_cache_depot_get - take a batch out of the depot
 * @cache: the cache
 * @batch: set to the batch
 *
 * Context: any, except NMI.
 * Return: false if the depot is empty.
 */
bool percpu_cache_depot_get(struct percpu_cache *cache, struct percpu_cache_batch *batch)
{
	struct percpu_cache_obj *first;
	unsigned long flags;

	/* A batch that is put meanwhile may be missed. */
	if (!READ_ONCE(cache->depot))
		return false;
	raw_spin_lock_irqsave(&cache->lock, flags);
	first = cache->depot;
	if (first) {
		WRITE_ONCE(cache->depot, first->next_batch);
		cache->nr_depot--;
		cache->low_depot = min(cache->low_depot, cache->nr_depot);
		batch->first = first;
		batch->nr = first->nr;
	}
	raw_spin_unlock_irqrestore(&cache->lock, flags);
	return first;
}

/**
 * percpu_cache_depot_push - put a batch into the depot, without a kick of the worker
 * @cache: the cache
 * @batch: the batch, may be empty; is empty on return
 *
 * Context: any, except NMI.
 */
void percpu_cache_depot_push(struct percpu_cache *cache, struct percpu_cache_batch *batch)
{
	struct percpu_cache_obj *first = batch->first;
	unsigned long flags;

	if (!first)
		return;
	first->nr = batch->nr;
	*batch = (struct percpu_cache_batch){ };
	raw_spin_lock_irqsave(&cache->lock, flags);
	first->next_batch = cache->depot;
	WRITE_ONCE(cache->depot, first);
	cache->nr_depot++;
	raw_spin_unlock_irqrestore(&cache->lock, flags);
}

/**
 * percpu_cache_depot_put - put a batch into the depot, which the worker may trim
 * @cache: the cache
 * @batch: the batch, may be empty; is empty on return
 *
 * Context: any, except NMI. May queue work.
 */
void percpu_cache_depot_put(struct percpu_cache *cache, struct percpu_cache_batch *batch)
{
	if (!batch->first)
		return;
	percpu_cache_depot_push(cache, batch);
	percpu_cache_kick();
}

/**
 * percpu_cache_worker_enable - let the worker be queued
 * @run: the worker, which trims idle objects
 *
 * Context: boot, once workqueues run. Without memory the shrinker is left.
 */
void __init percpu_cache_worker_enable(void (*run)(struct work_struct *work))
{
	struct workqueue_struct *wq = alloc_workqueue("percpu_cache", WQ_UNBOUND, 0);

	INIT_DELAYED_WORK(&percpu_cache_dwork, run);
	/* Pairs with smp_load_acquire() in percpu_cache_kick(). */
	smp_store_release(&percpu_cache_wq, wq);
	percpu_cache_kick();
}

/**
 * percpu_cache_kick - queue the worker, if it is not queued
 *
 * Context: any, except NMI.
 */
void percpu_cache_kick(void)
{
	/* Pairs with smp_store_release() in percpu_cache_worker_enable(). */
	struct workqueue_struct *wq = smp_load_acquire(&percpu_cache_wq);

	/*
	 * Pairs with smp_mb() of the workqueue after it has cleared PENDING: the worker, or
	 * the test below, sees what the other has written.
	 */
	smp_mb();
	if (wq && !delayed_work_pending(&percpu_cache_dwork))
		queue_delayed_work(wq, &percpu_cache_dwork, PERCPU_CACHE_TRIM_DELAY);
}
