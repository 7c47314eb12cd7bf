/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * percpu_cache: percpu objects of one kind that keep their state while they are free.
 *
 * See Documentation/core-api/percpu_cache.rst.
 */
#ifndef _LINUX_PERCPU_CACHE_H
#define _LINUX_PERCPU_CACHE_H

#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/percpu-defs.h>
#include <linux/types.h>

struct cpumask;
struct percpu_cache;

/* Check each copy of an object when it is allocated and freed, as percpu_debug=on does. */
#define PERCPU_CACHE_CHECK	BIT(0)

/*
 * Objects have memory only on CPUs that have been online. The copy of another CPU reads
 * as zeroes, also in a cache with a constructor, and must not be written to. The
 * constructor runs for all objects, also for those that are live, before a CPU comes
 * online for the first time.
 */
#define PERCPU_CACHE_PRESENT	BIT(1)

/**
 * typedef percpu_cache_ctor_t - construct one copy of an object
 * @copy: the copy, zero when the object is created
 * @cpu: the CPU of the copy, one of the possible CPUs
 *
 * Context: that of the allocation which creates the object; with %PERCPU_CACHE_PRESENT
 * also process context, before @cpu is online. Must not allocate from or free to a
 * percpu cache, nor wait for CPU hotplug.
 */
typedef void (*percpu_cache_ctor_t)(void *copy, unsigned int cpu);

/**
 * typedef percpu_cache_check_t - test one copy of an object
 * @copy: the copy
 * @cpu: the CPU of the copy
 *
 * Context: that of the allocation or free.
 * Return: true if the copy is in its constructed state.
 */
typedef bool (*percpu_cache_check_t)(const void *copy, unsigned int cpu);

/**
 * typedef percpu_cache_visit_t - visit a live object
 * @ptr: the object
 * @owner: as given to percpu_cache_alloc_owner(), or NULL
 * @arg: argument of percpu_cache_for_each()
 *
 * Context: IRQs off. Must not sleep, and must not allocate from, free to or walk a
 * percpu cache. It may take a raw spinlock that is never held around
 * percpu_cache_free(), nor, if objects are freed in interrupts, with IRQs on.
 */
typedef void (*percpu_cache_visit_t)(void __percpu *ptr, void *owner, void *arg);

struct percpu_cache *percpu_cache_create(const char *name, size_t size, size_t align,
					 percpu_cache_ctor_t ctor, unsigned int flags);
int percpu_cache_destroy(struct percpu_cache *cache);
#ifdef CONFIG_PERCPU_PRESENT
int __init percpu_cache_present_init(void);
#else
static inline int percpu_cache_present_init(void)
{
	return 0;
}
#endif

const struct cpumask *percpu_cache_cpus(const struct percpu_cache *cache);
void percpu_cache_set_check(struct percpu_cache *cache, percpu_cache_check_t check);

void __percpu *percpu_cache_alloc_owner(struct percpu_cache *cache, gfp_t gfp,
					void *owner);
void percpu_cache_free(struct percpu_cache *cache, void __percpu *ptr);

unsigned long percpu_cache_shrink(struct percpu_cache *cache);
unsigned long percpu_cache_for_each(struct percpu_cache *cache,
				    percpu_cache_visit_t fn, void *arg);

/**
 * percpu_cache_alloc - allocate an object
 * @cache: the cache
 * @gfp: allocation flags
 *
 * See percpu_cache_alloc_owner(). A walk gets NULL for the owner.
 *
 * Context: any that @gfp allows, except NMI.
 * Return: the object in its constructed state, or %NULL.
 */
static inline void __percpu *percpu_cache_alloc(struct percpu_cache *cache, gfp_t gfp)
{
	return percpu_cache_alloc_owner(cache, gfp, NULL);
}

#endif /* _LINUX_PERCPU_CACHE_H */
