// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_cache: slabs without live objects go back.
 *
 * No count of free objects is kept for a slab, as allocation and free would have to
 * change it. A trim takes the free objects of the depot, and counts those of each slab.
 * CPUs keep their magazines meanwhile: an atomic allocation may need them. The worker
 * moves the objects of magazines that no CPU uses to the depot before.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/limits.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>
#include <linux/smp.h>
#include <linux/tick.h>

#include "percpu_cache_internal.h"

/**
 * struct taken - objects taken out of a magazine
 * @cache: the cache
 * @batches: the two batches of the magazine
 */
struct taken {
	struct percpu_cache *cache;
	struct percpu_cache_batch batches[2];
};

static void take(struct taken *taken, struct percpu_cache_cpu *mag)
{
	swap(taken->batches[0], mag->current_batch);
	swap(taken->batches[1], mag->spare);
}

/* On the CPU of the magazine, IRQs off. */
static void take_here(void *data)
{
	struct taken *taken = data;

	take(taken, this_cpu_ptr(taken->cache->cpus));
}

/* Return true if the magazine is empty, or if it is unless its CPU changes it now. */
static bool magazine_is_empty(struct percpu_cache *cache, unsigned int cpu)
{
	const struct percpu_cache_cpu *mag = per_cpu_ptr(cache->cpus, cpu);

	/* A wrong answer misses some objects, or costs an interrupt. */
	return !data_race(mag->current_batch.first) && !data_race(mag->spare.first);
}

/*
 * Isolated CPUs are not interrupted. RCU protects the mask of cpu_is_isolated(), which
 * does not have the CPUs of nohz_full= on all kernels.
 */
static bool is_isolated(unsigned int cpu)
{
	guard(rcu)();
	return cpu_is_isolated(cpu) || tick_nohz_full_cpu(cpu);
}

/* Take the objects of a CPU, unless it is offline or must not be interrupted. */
static void take_from(struct taken *taken, unsigned int cpu)
{
	if (magazine_is_empty(taken->cache, cpu) || is_isolated(cpu))
		return;
	smp_call_function_single(cpu, take_here, taken, true);
}

/* Move what was taken to the depot. */
static void put_taken(struct taken *taken)
{
	percpu_cache_depot_put(taken->cache, &taken->batches[0]);
	percpu_cache_depot_put(taken->cache, &taken->batches[1]);
}

/**
 * percpu_cache_flush_cpu - move the objects of a CPU to the depot
 * @cache: the cache
 * @cpu: the CPU
 *
 * Context: process context, CPU hotplug is locked.
 */
void percpu_cache_flush_cpu(struct percpu_cache *cache, unsigned int cpu)
{
	struct taken taken = { .cache = cache };

	lockdep_assert_cpus_held();

	if (cpu_online(cpu))
		take_from(&taken, cpu);
	else
		take(&taken, per_cpu_ptr(cache->cpus, cpu));
	put_taken(&taken);
}

/**
 * percpu_cache_flush - move the objects of all CPUs to the depot
 * @cache: the cache
 *
 * Isolated CPUs keep theirs. The magazines of dead CPUs are empty.
 *
 * Context: process context, may sleep; waits for other CPUs.
 */
void percpu_cache_flush(struct percpu_cache *cache)
{
	struct taken taken = { .cache = cache };
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		take_from(&taken, cpu);
		put_taken(&taken);
		cond_resched();
	}
}

/* What differs, but by chance, after a CPU has used its magazine */
static unsigned long magazine_state(const struct percpu_cache_cpu *mag)
{
	unsigned long state;

	/* The CPU may change it meanwhile: it is in use then. */
	state = data_race(mag->nr_hits + mag->nr_misses + mag->spare.nr);
	/* As above. */
	return state + (unsigned long)data_race(mag->current_batch.first);
}

/**
 * percpu_cache_flush_idle - move the objects of idle magazines to the depot
 * @cache: the cache
 *
 * A magazine is idle if its CPU has not used it since the last call. Isolated CPUs keep
 * their objects.
 *
 * Context: process context, may sleep, waits for other CPUs; cache->mutex held.
 * Return: true if another call is useful: a magazine has objects, and was in use.
 */
bool percpu_cache_flush_idle(struct percpu_cache *cache)
{
	struct taken taken = { .cache = cache };
	bool in_use = false;
	unsigned int cpu;

	lockdep_assert_held(&cache->mutex);

	for_each_online_cpu(cpu) {
		struct percpu_cache_cpu *mag = per_cpu_ptr(cache->cpus, cpu);
		unsigned long state = magazine_state(mag);

		if (magazine_is_empty(cache, cpu) || is_isolated(cpu))
			continue;
		if (mag->seen != state) {
			mag->seen = state;
			in_use = true;
			continue;
		}
		take_from(&taken, cpu);
		put_taken(&taken);
		cond_resched();
	}
	return in_use;
}

/* Add the objects of a batch to those gathered, and count them. */
static void gather_batch(struct percpu_cache_batch *all, struct percpu_cache_batch *batch)
{
	struct percpu_cache_obj *obj;

	while (batch->first) {
		obj = percpu_cache_batch_pop(batch);
		obj->slab->nr_gathered++;
		percpu_cache_batch_push(all, obj);
	}
	cond_resched();
}

/* Gather the objects of the depot. Those that come meanwhile may be missed. */
static void gather(struct percpu_cache *cache, struct percpu_cache_batch *all)
{
	struct percpu_cache_batch batch;
	unsigned int nr;

	/* No more than are there now, so that the loop ends. */
	nr = data_race(cache->nr_depot);
	while (nr-- && percpu_cache_depot_get(cache, &batch))
		gather_batch(all, &batch);
}

/* Choose slabs of which all objects are gathered, at most @most. */
static void choose_slabs(struct percpu_cache *cache, unsigned long most)
{
	struct percpu_cache_slab *slab;

	list_for_each_entry_rcu(slab, &cache->slabs, list, lockdep_is_held(&cache->mutex)) {
		slab->release = most && slab->nr_gathered == cache->slab_objs;
		most -= slab->release;
		slab->nr_gathered = 0;
		cond_resched();
	}
}

/* Put the objects of other slabs back. */
static void scatter(struct percpu_cache *cache, struct percpu_cache_batch *all)
{
	struct percpu_cache_batch batch = { };
	struct percpu_cache_obj *obj;

	while (all->first) {
		obj = percpu_cache_batch_pop(all);
		if (obj->slab->release)
			continue;
		percpu_cache_batch_push(&batch, obj);
		if (batch.nr == cache->batch) {
			percpu_cache_depot_push(cache, &batch);
			cond_resched();
		}
	}
	percpu_cache_depot_push(cache, &batch);
}

static unsigned long release_slabs(struct percpu_cache *cache)
{
	struct percpu_cache_slab *slab, *next;
	unsigned long nr = 0;

	/* Slabs are added meanwhile, at the tail. */
	slab = list_first_or_null_rcu(&cache->slabs, struct percpu_cache_slab, list);
	for (; slab; slab = next) {
		next = list_next_or_null_rcu(&cache->slabs, &slab->list,
					     struct percpu_cache_slab, list);
		if (!slab->release)
			continue;
		percpu_cache_slab_release(cache, slab);
		nr++;
		cond_resched();
	}
	return nr;
}

/**
 * percpu_cache_trim - free slabs without live objects
 * @cache: the cache
 * @most: number of slabs to free, at most
 *
 * Objects in magazines are not free for it, see percpu_cache_flush(). While it runs an
 * allocation may find the depot empty, and create a slab. It does not allocate memory.
 *
 * Context: process context, cache->mutex held.
 * Return: the number of slabs freed.
 */
unsigned long percpu_cache_trim(struct percpu_cache *cache, unsigned long most)
{
	struct percpu_cache_batch all = { };

	lockdep_assert_held(&cache->mutex);

	gather(cache, &all);
	choose_slabs(cache, most);
	scatter(cache, &all);
	return release_slabs(cache);
}

/**
 * percpu_cache_trim_unused - free all slabs without live objects
 * @cache: the cache, which no task uses
 *
 * Empties the magazines of all CPUs, also of those that are isolated.
 *
 * Context: process context, percpu_caches_mutex and cache->mutex held.
 */
void percpu_cache_trim_unused(struct percpu_cache *cache)
{
	struct taken taken = { .cache = cache };
	unsigned int cpu;

	/* No CPU dies meanwhile, as percpu_cache_dead_cpu() waits. */
	lockdep_assert_held(&percpu_caches_mutex);

	for_each_possible_cpu(cpu) {
		take(&taken, per_cpu_ptr(cache->cpus, cpu));
		put_taken(&taken);
	}
	percpu_cache_trim(cache, ULONG_MAX);
}

/* Start to look for idle batches. Return the number of those that were. */
static unsigned int exchange_low(struct percpu_cache *cache, bool *raised)
{
	unsigned long flags;
	unsigned int low;

	raw_spin_lock_irqsave(&cache->lock, flags);
	low = cache->low_depot;
	cache->low_depot = cache->nr_depot;
	*raised = cache->low_depot > low;
	raw_spin_unlock_irqrestore(&cache->lock, flags);
	return low;
}

/**
 * percpu_cache_trim_idle - free slabs for objects that were not needed
 * @cache: the cache
 *
 * The depot has idle batches if it was never short of them since the last call. As
 * many of the free slabs go as make up the idle batches.
 *
 * Context: process context, cache->mutex held.
 * Return: true if another call is useful.
 */
bool percpu_cache_trim_idle(struct percpu_cache *cache)
{
	unsigned long freed = 0;
	unsigned int idle;
	bool raised;

	idle = exchange_low(cache, &raised) * cache->batch / cache->slab_objs;
	if (idle) {
		freed = percpu_cache_trim(cache, idle);
		exchange_low(cache, &raised);
		raised = false;
	}
	return freed || raised;
}
