// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_cache: enumeration of live objects.
 */
#include <linux/export.h>
#include <linux/irqflags.h>
#include <linux/rculist.h>
#include <linux/sched.h>

#include "percpu_cache_internal.h"

/* Visit an object if it is live. Its state is a lock while the visitor runs. */
static bool visit(struct percpu_cache_obj *obj, percpu_cache_visit_t fn, void *arg)
{
	int old = OBJ_LIVE;
	unsigned long flags;
	bool live;

	if (atomic_read(&obj->state) != OBJ_LIVE)
		return false;
	local_irq_save(flags);
	/* Pairs with atomic_set_release() in publish(). */
	live = atomic_try_cmpxchg_acquire(&obj->state, &old, OBJ_VISITED);
	if (live) {
		lock_map_acquire(&percpu_cache_visit_map);
		fn(obj->ptr, obj->owner, arg);
		lock_map_release(&percpu_cache_visit_map);
		/* Pairs with atomic_read() in claim_slow(), and the cmpxchg after it. */
		atomic_set_release(&obj->state, OBJ_LIVE);
	}
	local_irq_restore(flags);
	return live;
}

/**
 * percpu_cache_for_each - visit the live objects
 * @cache: the cache
 * @fn: the visitor
 * @arg: argument for @fn
 *
 * An object that is live throughout the call is visited once. One that is allocated
 * or freed meanwhile is visited at most once for each time it is allocated; if it is
 * visited, percpu_cache_free() does not return before @fn does, so that @fn may use
 * the object and its owner. The order is not specified.
 *
 * IRQs are off for one call of @fn at a time. Objects may be allocated and freed on
 * all CPUs meanwhile; trims and other walks of the cache wait.
 *
 * Context: process context, may sleep.
 * Return: the number of visits.
 */
unsigned long percpu_cache_for_each(struct percpu_cache *cache, percpu_cache_visit_t fn,
				    void *arg)
{
	struct percpu_cache_slab *slab;
	unsigned long nr = 0;
	unsigned int i;

	might_sleep();
	mutex_lock(&cache->mutex);
	list_for_each_entry_rcu(slab, &cache->slabs, list, lockdep_is_held(&cache->mutex)) {
		for (i = 0; i < cache->slab_objs; i++)
			nr += visit(&slab->objs[i], fn, arg);
		cond_resched();
	}
	mutex_unlock(&cache->mutex);
	return nr;
}
EXPORT_SYMBOL_GPL(percpu_cache_for_each);

/**
 * percpu_cache_count_live - count the live objects
 * @cache: the cache
 *
 * Context: process context, cache->mutex held.
 * Return: their number; those allocated or freed meanwhile may count or not.
 */
unsigned long percpu_cache_count_live(struct percpu_cache *cache)
{
	struct percpu_cache_slab *slab;
	unsigned long nr = 0;
	unsigned int i;

	lockdep_assert_held(&cache->mutex);

	list_for_each_entry_rcu(slab, &cache->slabs, list, lockdep_is_held(&cache->mutex)) {
		for (i = 0; i < cache->slab_objs; i++)
			nr += atomic_read(&slab->objs[i].state) != OBJ_FREE;
		cond_resched();
	}
	return nr;
}
