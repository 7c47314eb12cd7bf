// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_cache: percpu objects of one kind that keep their state while they are free.
 *
 * A percpu allocation is zero on every possible CPU, so each allocation writes to
 * every CPU's memory. Most users bring their objects back to the same state before
 * they free them. A percpu cache allocates such an object as it is: the constructor
 * runs once for each copy, and neither an allocation nor a free touches a copy.
 *
 * A slab is one percpu allocation that is split into objects. Each object has a
 * descriptor, in a cache line of its own: its state, its owner and the cgroup that is
 * charged for it. A free object is in exactly one batch, a list of descriptors:
 *
 *	slab -> depot <-> spare batch of a CPU <-> current batch of a CPU <-> user
 *
 * Allocation and free use the current batch of their CPU, which the CPU owns while IRQs
 * are off; if it is empty or full, the spare batch takes its place. If that one does not
 * help either, a whole batch moves to or from the depot. So of each run of allocations
 * and frees at most one in cache->batch takes a lock, that of the depot, and the others
 * write to the line of the CPU and that of the descriptor only.
 *
 * Where one object in each batch of each CPU would take more than PERCPU_CACHE_BUDGET,
 * the magazines stay empty, and each allocation and free takes the lock of the depot.
 *
 * The batches of another CPU are taken by a function call on it, and directly if it is
 * dead or the cache is being destroyed. An isolated CPU is not interrupted.
 *
 * A free finds the descriptor by the head of the slab, which is in each copy of a slab:
 * it reads that of its own CPU. The state of the descriptor changes from live to free by
 * cmpxchg(), so that of two frees of an object one is reported.
 *
 * Walks
 * -----
 * A walk visits the descriptors of all slabs. It locks a live object by changing its
 * state to OBJ_VISITED, calls the visitor, and changes the state back, with IRQs off
 * throughout. A free waits while the object is locked, so percpu_cache_free() does not
 * return while a visitor uses the object or its owner. The wait is as long as one
 * visitor takes. A free on the CPU of the walk cannot wait for it, as IRQs are off.
 *
 * Absent CPUs
 * -----------
 * With PERCPU_CACHE_PRESENT a slab is allocated by pcpu_alloc_present(), and CPU
 * hotplug constructs the copies of a CPU before it comes online: see
 * percpu_cache_present.c.
 *
 * Locks
 * -----
 *	percpu_caches_mutex	the list of caches; then
 *	cache->mutex		walks, trims; then one of
 *	    cache->lock		raw, IRQs off: one batch or one slab
 *	    OBJ_VISITED		as a raw spinlock, IRQs off: one call of the visitor
 *
 * Magazines are owned with IRQs off, for one object or a swap of batches; cache->lock is
 * not taken then. The last two do not nest, and the visitor may take raw locks of the
 * user. No lock is held while a slab is allocated, constructed or
 * freed but the mutexes, and slabs are only freed under them.
 */
#define pr_fmt(fmt) "percpu_cache: " fmt

#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/irqflags.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/processor.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "percpu_cache_internal.h"

#ifdef CONFIG_LOCKDEP
struct lockdep_map percpu_cache_visit_map =
	STATIC_LOCKDEP_MAP_INIT("percpu_cache_visit", &percpu_cache_visit_map);
#endif

/* Allocate from the magazine. Return NULL if it is empty. */
static __always_inline struct percpu_cache_obj *alloc_fast(struct percpu_cache *cache)
{
	struct percpu_cache_obj *obj = NULL;
	struct percpu_cache_cpu *mag;
	unsigned long flags;

	local_irq_save(flags);
	mag = this_cpu_ptr(cache->cpus);
	if (unlikely(!mag->current_batch.first))
		swap(mag->current_batch, mag->spare);
	if (likely(mag->current_batch.first)) {
		obj = percpu_cache_batch_pop(&mag->current_batch);
		mag->nr_hits++;
	}
	local_irq_restore(flags);
	return obj;
}

/* Put a batch into the magazine of this CPU, or what is left of it into the depot. */
static void refill(struct percpu_cache *cache, struct percpu_cache_batch *batch)
{
	struct percpu_cache_cpu *mag;
	unsigned long flags;

	local_irq_save(flags);
	mag = this_cpu_ptr(cache->cpus);
	mag->nr_misses++;
	if (!mag->current_batch.first)
		swap(mag->current_batch, *batch);
	else if (!mag->spare.first)
		swap(mag->spare, *batch);
	local_irq_restore(flags);
	percpu_cache_depot_push(cache, batch);
	/* The worker does not watch the magazine, and the next free does not kick it. */
	percpu_cache_kick();
}

/* The magazine was empty. */
static noinline struct percpu_cache_obj *alloc_slow(struct percpu_cache *cache, gfp_t gfp)
{
	struct percpu_cache_batch batch = { };
	struct percpu_cache_obj *obj;

	if (!percpu_cache_depot_get(cache, &batch) &&
	    !percpu_cache_slab_create(cache, gfp, &batch))
		return NULL;
	obj = percpu_cache_batch_pop(&batch);
	refill(cache, &batch);
	return obj;
}

/* Make the object live: walks see it from then on. */
static __always_inline void __percpu *publish(struct percpu_cache_obj *obj, void *owner)
{
	obj->owner = owner;
	/* Pairs with atomic_try_cmpxchg_acquire() of a walk. */
	atomic_set_release(&obj->state, OBJ_LIVE);
	return obj->ptr;
}

/* Allocate an object that is checked, charged, or not in the magazine. */
static noinline void __percpu *alloc_with_steps(struct percpu_cache *cache, gfp_t gfp,
						void *owner, unsigned long caller)
{
	unsigned int nr = percpu_cache_nr_cpus(cache);
	struct obj_cgroup *objcg = NULL;
	struct percpu_cache_obj *obj;

	if (!percpu_cache_charge(cache, gfp, nr, &objcg))
		return NULL;
	obj = alloc_fast(cache);
	if (unlikely(!obj))
		obj = alloc_slow(cache, gfp);
	if (unlikely(!obj)) {
		percpu_cache_cancel_charge(cache, nr, objcg);
		return NULL;
	}
	obj->objcg = objcg;
	obj->nr = nr;
	percpu_cache_record_charge(cache, nr, objcg);
	if (unlikely(percpu_cache_is_checked(cache)))
		percpu_cache_check_obj(cache, obj, false, caller);
	return publish(obj, owner);
}

/**
 * percpu_cache_alloc_owner - allocate an object for an owner
 * @cache: the cache
 * @gfp: allocation flags
 * @owner: passed to the visitor of a walk
 *
 * The object is in its constructed state on every possible CPU, or on those in
 * percpu_cache_cpus(). With %__GFP_ACCOUNT the current cgroup is charged for it, until it
 * is freed.
 *
 * If no free object is left, a slab is created: a percpu allocation with @gfp, then a
 * call of the constructor for each copy of at most 31 objects. On PREEMPT_RT a context
 * that is not preemptible gets free objects only, and none that a cgroup is charged for.
 *
 * Context: any that @gfp allows, except NMI. The caller must not hold a lock of the
 * scheduler.
 * Return: the object, or %NULL if there is no memory or the cgroup is over its limit.
 */
void __percpu *percpu_cache_alloc_owner(struct percpu_cache *cache, gfp_t gfp,
					void *owner)
{
	struct percpu_cache_obj *obj;

	might_alloc(gfp);
	if (unlikely((gfp & __GFP_ACCOUNT) || percpu_cache_is_checked(cache)))
		return alloc_with_steps(cache, gfp, owner, _RET_IP_);
	obj = alloc_fast(cache);
	if (unlikely(!obj))
		return alloc_with_steps(cache, gfp, owner, _RET_IP_);
	return publish(obj, owner);
}
EXPORT_SYMBOL_GPL(percpu_cache_alloc_owner);

/*
 * Read the cache of what may be a slab. The target of an invalid pointer is read only if
 * it is ordinary memory.
 */
static __always_inline unsigned long cache_of_slab(unsigned long slab)
{
	struct percpu_cache_slab *s = (void *)slab;
	unsigned long cache;

	if (!virt_addr_valid((void *)slab) ||
	    !IS_ALIGNED(slab, __alignof__(struct percpu_cache_slab)))
		return 0;
	__get_kernel_nofault(&cache, (unsigned long *)&s->cache, unsigned long, no_memory);
	return cache;
no_memory:
	return 0;
}

/*
 * Find the descriptor of an object. Return false if @ptr is no object of the cache. @alone
 * is true if a slab has one object.
 */
static __always_inline bool find_obj(struct percpu_cache *cache, void __percpu *ptr,
				     bool alone, struct percpu_cache_obj **obj)
{
	unsigned long addr = (unsigned long)raw_cpu_ptr(ptr), found, slab;
	struct percpu_cache_head *head = (void *)((addr - 1) & cache->mask) + cache->to_head;
	u32 offset, index;

	/* An invalid pointer may lead to a page without memory. */
	__get_kernel_nofault(&slab, (unsigned long *)&head->slab, unsigned long, no_object);
	if (alone)
		found = cache_of_slab(slab);
	else
		__get_kernel_nofault(&found, (unsigned long *)&head->cache, unsigned long,
				     no_object);
	if (unlikely(found != (unsigned long)cache || !slab))
		return false;
	offset = addr - (unsigned long)head - cache->first;
	index = ((u64)offset * cache->reciprocal) >> 32;
	if (unlikely(index >= cache->slab_objs))
		return false;
	*obj = &((struct percpu_cache_slab *)slab)->objs[index];
	return likely((*obj)->ptr == ptr);
no_object:
	return false;
}

/* Tell lockdep that a free waits for a visitor, wherever it is called. */
static inline void might_wait_for_visitor(void)
{
	unsigned long flags;

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;
	local_irq_save(flags);
	lock_map_acquire(&percpu_cache_visit_map);
	lock_map_release(&percpu_cache_visit_map);
	local_irq_restore(flags);
}

/* Wait while a walk visits the object. Return false if it is not live then. */
static noinline bool claim_slow(struct percpu_cache_obj *obj)
{
	int old;

	do {
		while ((old = atomic_read(&obj->state)) == OBJ_VISITED)
			cpu_relax();
		if (old != OBJ_LIVE)
			return false;
	} while (!atomic_try_cmpxchg(&obj->state, &old, OBJ_FREE));
	return true;
}

/* Change a live object to a free one. Return false if a walk visits it, or it is not live. */
static __always_inline bool try_claim(struct percpu_cache_obj *obj)
{
	int old = OBJ_LIVE;

	might_wait_for_visitor();
	return likely(atomic_try_cmpxchg(&obj->state, &old, OBJ_FREE));
}

/* Push a claimed object on the current batch. Return false if that is full. */
static __always_inline bool free_fast(struct percpu_cache *cache,
				      struct percpu_cache_obj *obj, bool *first)
{
	struct percpu_cache_batch *batch;
	unsigned long flags;
	bool pushed = false;

	local_irq_save(flags);
	batch = &this_cpu_ptr(cache->cpus)->current_batch;
	if (likely(batch->nr < cache->mag_batch)) {
		*first = !batch->first;
		percpu_cache_batch_push(batch, obj);
		pushed = true;
	}
	local_irq_restore(flags);
	return pushed;
}

/*
 * The current batch is full: it becomes the spare one, and *@full the spare one before.
 * Return the batch for a freed object: *@full if the cache has no magazines.
 */
static struct percpu_cache_batch *make_space(struct percpu_cache *cache,
					     struct percpu_cache_cpu *mag,
					     struct percpu_cache_batch *full)
{
	if (!cache->mag_batch)
		return full;
	*full = mag->spare;
	mag->spare = mag->current_batch;
	mag->current_batch = (struct percpu_cache_batch){ };
	return &mag->current_batch;
}

/* The current batch was full: free a claimed object. */
static noinline void free_slow(struct percpu_cache *cache, struct percpu_cache_obj *obj)
{
	struct percpu_cache_batch full = { }, *batch;
	struct percpu_cache_cpu *mag;
	unsigned long flags;
	bool first;

	local_irq_save(flags);
	mag = this_cpu_ptr(cache->cpus);
	batch = &mag->current_batch;
	if (batch->nr >= cache->mag_batch)
		batch = make_space(cache, mag, &full);
	first = !batch->first;
	percpu_cache_batch_push(batch, obj);
	local_irq_restore(flags);
	if (full.first)
		percpu_cache_depot_put(cache, &full);
	else if (first)
		percpu_cache_kick();
}

/* Free a claimed object that is charged or checked. */
static noinline void free_claimed(struct percpu_cache *cache, struct percpu_cache_obj *obj,
				  unsigned long caller)
{
	struct obj_cgroup *objcg = obj->objcg;

	obj->objcg = NULL;
	percpu_cache_uncharge(cache, obj->nr, objcg);
	if (percpu_cache_is_checked(cache))
		percpu_cache_check_obj(cache, obj, true, caller);
	free_slow(cache, obj);
}

/* Free an object that is visited, checked or alone in its slab; or no object. */
static noinline void free_with_steps(struct percpu_cache *cache, void __percpu *ptr,
				     unsigned long caller)
{
	struct percpu_cache_obj *obj = NULL;
	bool found;

	if (cache->slab_objs == 1)
		found = find_obj(cache, ptr, true, &obj);
	else
		found = find_obj(cache, ptr, false, &obj);
	if (found && (try_claim(obj) || claim_slow(obj)))
		free_claimed(cache, obj, caller);
	else
		percpu_cache_report_free(cache, ptr, found ? obj : NULL, caller);
}

/**
 * percpu_cache_free - free an object
 * @cache: the cache that @ptr was allocated from
 * @ptr: the object, in its constructed state on every possible CPU; or %NULL
 *
 * A free of an object that is not allocated, or of a percpu pointer that is no object
 * of the cache, is reported and changes nothing, unless the slab of the object is freed
 * at the same time. If a walk visits the object, the function waits for the end of the
 * visit.
 *
 * Context: any, except NMI; on PREEMPT_RT preemptible if a cgroup was charged for the
 * object. The caller must not hold a lock of the scheduler, nor a lock that a visitor
 * takes.
 */
void percpu_cache_free(struct percpu_cache *cache, void __percpu *ptr)
{
	struct percpu_cache_obj *obj;
	bool first;

	if (unlikely(!ptr))
		return;
	/* Each call is the last one, so that no register is saved. */
	if (unlikely(cache->slab_objs == 1 || !find_obj(cache, ptr, false, &obj) ||
		     percpu_cache_is_checked(cache) || !try_claim(obj)))
		free_with_steps(cache, ptr, _RET_IP_);
	else if (unlikely(obj->objcg))
		free_claimed(cache, obj, _RET_IP_);
	else if (unlikely(!free_fast(cache, obj, &first)))
		free_slow(cache, obj);
	else if (unlikely(first))
		percpu_cache_kick();
}
EXPORT_SYMBOL_GPL(percpu_cache_free);
