/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shadow: what KASAN is told.  To it all of the area is out of bounds but what
 * was asked for of live objects, where vmalloc space has shadow: everywhere in
 * the CPU-major layout, and beyond the first window of the other.
 *
 * Shadow counts by 8 bytes, so objects lie further apart: none begins in the
 * 8 bytes behind another one.
 */
#ifndef _MM_PERCPU_SHADOW_H
#define _MM_PERCPU_SHADOW_H

#include <linux/cpumask.h>
#include <linux/kasan.h>
#include <linux/types.h>

#include "area.h"

#if defined(CONFIG_KASAN_GENERIC) && defined(CONFIG_KASAN_VMALLOC)

/* Bytes behind each object that are nobody's. */
#define PCPU_SHADOW_GAP		8

/* Whether KASAN has to hear of each object. */
static inline bool pcpu_shadow_is_kept(void)
{
	return true;
}

/**
 * pcpu_shadow_give - all copies of an object may be accessed
 * @off: its offset
 * @size: bytes that were asked for
 */
static inline void pcpu_shadow_give(unsigned long off, size_t size)
{
	unsigned int cpu;

	for_each_pcpu_unit(cpu)
		kasan_unpoison_vmalloc((void *)pcpu_area_unit_addr(cpu, off),
				       size, KASAN_VMALLOC_PROT_NORMAL);
}

/**
 * pcpu_shadow_take - nobody may access what lies there
 * @off: a granule
 * @size: bytes
 */
static inline void pcpu_shadow_take(unsigned long off, size_t size)
{
	unsigned int cpu;

	for_each_pcpu_unit(cpu)
		kasan_poison_vmalloc((void *)pcpu_area_unit_addr(cpu, off),
				     size);
}

/* Whether KASAN would let a byte be accessed. */
static inline bool pcpu_shadow_allows(const void *addr)
{
	s8 shadow = *(s8 *)kasan_mem_to_shadow(addr);
	unsigned long in = (unsigned long)addr & (PCPU_SHADOW_GAP - 1);

	return !shadow || (shadow > 0 && in < shadow);
}

#else

#define PCPU_SHADOW_GAP		0

static inline bool pcpu_shadow_is_kept(void)
{
	return false;
}

static inline void pcpu_shadow_give(unsigned long off, size_t size)
{
}

static inline void pcpu_shadow_take(unsigned long off, size_t size)
{
}

static inline bool pcpu_shadow_allows(const void *addr)
{
	return true;
}

#endif

#endif /* _MM_PERCPU_SHADOW_H */
