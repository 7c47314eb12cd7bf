/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hooks: the calls from the allocator into its diagnostics.
 *
 * The allocator includes no other header of this directory. A hook that is not
 * configured compiles to nothing; one that is configured and off costs the test
 * of a static branch, or two loads for fault injection.
 */
#ifndef _MM_PERCPU_DEBUG_HOOKS_H
#define _MM_PERCPU_DEBUG_HOOKS_H

#include <linux/atomic.h>
#include <linux/jump_label.h>
#include <linux/kasan.h>
#include <linux/types.h>

#include <trace/events/percpu.h>

#include "../layout.h"

/*
 * True if KASAN must see every allocation and every free. Where vmalloc space has shadow,
 * only the requested bytes of live objects are accessible: in all of the CPU-major layout,
 * and in the later windows of the chunk-major one.
 */
#define PCPU_SHADOW	(IS_ENABLED(CONFIG_KASAN_GENERIC) && IS_ENABLED(CONFIG_KASAN_VMALLOC))

/*
 * A byte of shadow stands for 8 bytes, so that none of the 8 bytes behind an object may
 * belong to another one.
 */
#define PCPU_SHADOW_GAP	(PCPU_SHADOW ? 8 : 0)

/* Allow access to @size bytes at @off in all units. */
static inline void pcpu_shadow_unpoison(unsigned long off, size_t size)
{
	unsigned int unit;

	for_each_pcpu_unit(unit)
		kasan_unpoison_vmalloc((void *)pcpu_area_unit_addr(unit, off),
				       size, KASAN_VMALLOC_PROT_NORMAL);
}

/* Forbid access to @size bytes at @off, a granule, in all units. */
static inline void pcpu_shadow_poison(unsigned long off, size_t size)
{
	unsigned int unit;

	for_each_pcpu_unit(unit)
		kasan_poison_vmalloc((void *)pcpu_area_unit_addr(unit, off),
				     size);
}

/* Invalid frees, bad_free.c */
void pcpu_bad_free_report(const void __percpu *ptr, unsigned long caller);

/*
 * percpu_debug=, redzone.c. Without CONFIG_PERCPU_DEBUG both conditions are a constant false,
 * and no call of the functions below is left: each stands behind one of them.
 */

DECLARE_STATIC_KEY_FALSE(pcpu_debug_key);
DECLARE_STATIC_KEY_FALSE(pcpu_debug_begun_key);

/* True if new objects get red zones and a record. */
#define pcpu_debug_enabled()						\
	(IS_ENABLED(CONFIG_PERCPU_DEBUG) && static_branch_unlikely(&pcpu_debug_key))

/* True if objects with red zones may exist: once true, it stays so. */
#define pcpu_debug_begun()						\
	(IS_ENABLED(CONFIG_PERCPU_DEBUG) && static_branch_unlikely(&pcpu_debug_begun_key))

/* Bytes of the red zone before a checked object: a granule. */
#define PCPU_DEBUG_FRONT	16

size_t pcpu_debug_alloc_size(size_t size);
void pcpu_debug_alloc(unsigned long off, size_t size, size_t alloc_size, bool section,
		      unsigned long caller);
size_t pcpu_debug_free(unsigned long off, unsigned long caller);
void pcpu_debug_free_section(unsigned long off, size_t alloc_size);
void pcpu_debug_retire(unsigned long off, size_t alloc_size);
void pcpu_debug_drain(void);

/* Fault injection */
#ifdef CONFIG_FAIL_PERCPU

#include <linux/fault-inject.h>
#include <linux/sched.h>

extern struct fault_attr pcpu_fail_attr;

/* Return true if pcpu_should_fail() must be called for each allocation. */
static inline bool pcpu_may_fail(void)
{
	return READ_ONCE(pcpu_fail_attr.probability) ||
	       READ_ONCE(current->fail_nth);
}

#else

#define pcpu_may_fail()	false

#endif /* CONFIG_FAIL_PERCPU */

bool pcpu_should_fail(size_t size, gfp_t gfp);

/**
 * struct pcpu_stats - lifetime counters
 * @nr_alloc: allocations
 * @nr_free: frees
 * @nr_max: maximum of live objects
 * @min_size: smallest request in bytes, or %ULONG_MAX
 * @max_size: largest request in bytes
 */
struct pcpu_stats {
	atomic_long_t nr_alloc;
	atomic_long_t nr_free;
	atomic_long_t nr_max;
	unsigned long min_size;
	unsigned long max_size;
};

extern struct pcpu_stats pcpu_stats;

#ifdef CONFIG_PERCPU_STATS

void pcpu_stats_alloc(size_t size);

static inline void pcpu_stats_free(void)
{
	atomic_long_inc(&pcpu_stats.nr_free);
}

#else

static inline void pcpu_stats_alloc(size_t size) { }

static inline void pcpu_stats_free(void) { }

#endif /* CONFIG_PERCPU_STATS */

/* kmemleak, KASAN and the tracepoints, hooks.c */
void pcpu_alloc_hooks(unsigned long off, size_t size, size_t align,
		      size_t alloc_size, bool module, gfp_t gfp,
		      unsigned long caller);
void pcpu_free_hooks(void __percpu *ptr, unsigned long off, size_t size);

/*
 * Return true if kmemleak, KASAN, percpu_debug= or the tracepoint must see every
 * allocation.
 */
static inline bool pcpu_alloc_has_hooks(void)
{
	return IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || PCPU_SHADOW ||
	       pcpu_debug_enabled() || trace_percpu_alloc_percpu_enabled();
}

/* Return true if kmemleak, KASAN or the tracepoint must see every free. */
static inline bool pcpu_free_has_hooks(void)
{
	return IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || PCPU_SHADOW ||
	       trace_percpu_free_percpu_enabled();
}

#endif /* _MM_PERCPU_DEBUG_HOOKS_H */
