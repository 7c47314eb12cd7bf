// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_cache: the CPUs of objects, construction of copies.
 *
 * An ordinary cache has copies on all possible CPUs. One with PERCPU_CACHE_PRESENT has
 * them on those that have been online: pcpu_alloc_present() allocates its slabs, and
 * before a CPU comes online for the first time, CPU hotplug calls, in this order,
 *
 *	pcpu_present_prepare()		which makes the memory of all slabs, and may fail;
 *	percpu_cache_present_prepare()	which constructs the copies, and cannot fail.
 *
 * The latter must not miss a slab that is being created:
 *
 *	CPU hotplug				creation of a slab
 *
 *	add the CPU to constructed_cpus		pcpu_present_enter()
 *	pcpu_present_synchronize()		construct the copies of constructed_cpus
 *	construct the copies in all slabs	add the slab to cache->slabs
 *	add the CPU to ready_cpus		pcpu_present_leave()
 *
 * A creation finds the CPU in constructed_cpus, or has added its slab before the walk
 * over the slabs. If both are true the copies are constructed twice: nothing uses the
 * copies of a CPU before it is in ready_cpus.
 */
#include <linux/cleanup.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "percpu_cache_internal.h"

unsigned int percpu_cache_nr_ready;

/* Write the head of one copy of a slab, and construct that copy of its objects. */
static void construct_copy(struct percpu_cache *cache, struct percpu_cache_slab *slab,
			   unsigned int cpu)
{
	unsigned int i;

	/* Other memory is allocated as zeroes. */
	if (cache->present)
		memset(per_cpu_ptr(slab->mem, cpu), 0, cache->slab_bytes);
	percpu_cache_write_head(cache, slab, cpu, true);
	for (i = 0; cache->ctor && i < cache->slab_objs; i++)
		cache->ctor(per_cpu_ptr(slab->objs[i].ptr, cpu), cpu);
}

#ifdef CONFIG_PERCPU_PRESENT

/* CPUs for which the creation of a slab constructs copies. Bits are only set. */
static cpumask_var_t constructed_cpus;

/* CPUs of which all copies are constructed. Bits are only set. */
static cpumask_var_t ready_cpus;

/* The masks are allocated, and the callbacks of CPU hotplug are set up. */
static bool present_enabled __ro_after_init;
static bool present_tried __initdata;

/**
 * percpu_cache_present_possible - test if slabs can have memory on some CPUs only
 * @slab_bytes: bytes of a slab on each CPU
 *
 * Context: any.
 * Return: true if they can.
 */
bool percpu_cache_present_possible(size_t slab_bytes)
{
	return present_enabled && slab_bytes <= PCPU_PRESENT_MAX;
}

static const struct cpumask *new_slab_cpus(const struct percpu_cache *cache)
{
	return cache->present ? constructed_cpus : cpu_possible_mask;
}

/**
 * percpu_cache_cpus - the CPUs that objects have copies on
 * @cache: the cache
 *
 * All possible CPUs, or with %PERCPU_CACHE_PRESENT those that have been online, and
 * maybe one that comes online. CPUs may be added at any time, and none is removed. All
 * CPUs that are online are in the mask.
 *
 * Context: any.
 * Return: the mask.
 */
const struct cpumask *percpu_cache_cpus(const struct percpu_cache *cache)
{
	return cache->present ? ready_cpus : cpu_possible_mask;
}

/* Construct the copies of a CPU in all slabs. */
static void construct_cpu(struct percpu_cache *cache, unsigned int cpu)
{
	struct percpu_cache_slab *slab;

	guard(mutex)(&cache->mutex);
	list_for_each_entry_rcu(slab, &cache->slabs, list, lockdep_is_held(&cache->mutex)) {
		construct_copy(cache, slab, cpu);
		cond_resched();
	}
}

/**
 * percpu_cache_present_prepare - construct the copies of a CPU that comes
 * @cpu: the CPU, after pcpu_present_prepare()
 *
 * Context: process context, CPU hotplug is locked.
 * Return: 0.
 */
int percpu_cache_present_prepare(unsigned int cpu)
{
	struct percpu_cache *cache;

	if (cpumask_test_cpu(cpu, ready_cpus))
		return 0;
	cpumask_set_cpu(cpu, constructed_cpus);
	pcpu_present_synchronize();
	scoped_guard(mutex, &percpu_caches_mutex)
		list_for_each_entry(cache, &percpu_caches, node)
			if (cache->present)
				construct_cpu(cache, cpu);
	/*
	 * A user that finds the CPU in the mask finds its copies constructed: its loads
	 * are in order, as CONFIG_PERCPU_PRESENT depends on x86, or UML, which runs on x86.
	 */
	smp_mb__before_atomic();
	cpumask_set_cpu(cpu, ready_cpus);
	WRITE_ONCE(percpu_cache_nr_ready, cpumask_weight(ready_cpus));
	return 0;
}

/**
 * percpu_cache_present_remove - undo percpu_cache_present_prepare(), for tests
 * @cpu: the CPU; nothing uses its copies
 *
 * Context: process context, CPU hotplug is locked.
 */
void percpu_cache_present_remove(unsigned int cpu)
{
	cpumask_clear_cpu(cpu, ready_cpus);
	WRITE_ONCE(percpu_cache_nr_ready, cpumask_weight(ready_cpus));
	cpumask_clear_cpu(cpu, constructed_cpus);
	pcpu_present_synchronize();
}

/**
 * percpu_cache_present_init - let PERCPU_CACHE_PRESENT have its effect
 *
 * Called as an early initcall, and before by users that create caches earlier.
 *
 * Context: boot, before a second CPU runs, once slab and workqueues can be used.
 * Return: 0.
 */
int __init percpu_cache_present_init(void)
{
	unsigned int cpu;

	if (present_tried)
		return 0;
	present_tried = true;
	if (!zalloc_cpumask_var(&constructed_cpus, GFP_KERNEL) ||
	    !zalloc_cpumask_var(&ready_cpus, GFP_KERNEL) || pcpu_present_init())
		return 0;
	for_each_online_cpu(cpu)
		percpu_cache_present_prepare(cpu);
	/* After the callback of pcpu_present_init() */
	present_enabled = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
						    "mm/percpu_cache:present",
						    percpu_cache_present_prepare,
						    NULL) >= 0;
	return 0;
}
early_initcall(percpu_cache_present_init);

#else /* !CONFIG_PERCPU_PRESENT */

static const struct cpumask *new_slab_cpus(const struct percpu_cache *cache)
{
	return cpu_possible_mask;
}

const struct cpumask *percpu_cache_cpus(const struct percpu_cache *cache)
{
	return cpu_possible_mask;
}

#endif /* CONFIG_PERCPU_PRESENT */
EXPORT_SYMBOL_GPL(percpu_cache_cpus);

/**
 * percpu_cache_construct_slab - construct all objects of a new slab
 * @cache: the cache
 * @slab: the slab, with its descriptors set up
 * @gfp: flags of the allocation
 *
 * Context: any that @gfp allows; with %PERCPU_CACHE_PRESENT between
 * pcpu_present_enter() and pcpu_present_leave().
 */
void percpu_cache_construct_slab(struct percpu_cache *cache, struct percpu_cache_slab *slab,
				 gfp_t gfp)
{
	unsigned int cpu;

	for_each_cpu(cpu, new_slab_cpus(cache)) {
		construct_copy(cache, slab, cpu);
		if (gfpflags_allow_blocking(gfp))
			cond_resched();
	}
}

/**
 * percpu_cache_clear_heads - clear the heads of a slab that is being freed
 * @cache: the cache
 * @slab: the slab
 *
 * Context: any.
 */
void percpu_cache_clear_heads(struct percpu_cache *cache, struct percpu_cache_slab *slab)
{
	unsigned int index = pcpu_present_enter();
	unsigned int cpu;

	for_each_cpu(cpu, new_slab_cpus(cache))
		percpu_cache_write_head(cache, slab, cpu, false);
	pcpu_present_leave(index);
}
