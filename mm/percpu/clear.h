/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clear: zeroes for every copy of an object.  That is most of what a small
 * allocation costs, so it is a few stores for each CPU and hardly more.
 */
#ifndef _MM_PERCPU_CLEAR_H
#define _MM_PERCPU_CLEAR_H

#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/string.h>
#include <linux/types.h>

#include "area.h"
#include "class.h"

/* More bytes than this are cleared by memset(), where that is fast. */
#define PCPU_CLEAR_BY_HAND	256

/* Without fast string instructions x86-64 has but a loop of stores. */
#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
#include <asm/cpufeature.h>
#define pcpu_memset_is_fast()	cpu_feature_enabled(X86_FEATURE_FSRS)
#else
#define pcpu_memset_is_fast()	true
#endif

/* By volatile stores, or the compiler makes them a call of memset(). */
static __always_inline void pcpu_zero_4(unsigned long addr)
{
	WRITE_ONCE(*(u32 *)addr, 0);
}

static __always_inline void pcpu_zero_8(unsigned long addr)
{
	WRITE_ONCE(*(u64 *)addr, 0);
}

static __always_inline void pcpu_zero_16(unsigned long addr)
{
	pcpu_zero_8(addr);
	pcpu_zero_8(addr + 8);
}

static __always_inline void pcpu_zero_32(unsigned long addr)
{
	pcpu_zero_16(addr);
	pcpu_zero_16(addr + 16);
}

static __always_inline void pcpu_zero_64(unsigned long addr)
{
	pcpu_zero_32(addr);
	pcpu_zero_32(addr + 32);
}

static __always_inline void pcpu_zero_128(unsigned long addr)
{
	pcpu_zero_64(addr);
	pcpu_zero_64(addr + 64);
}

/* Call @zero for the copy of every unit; @addr is that of unit 0. */
static __always_inline void pcpu_zero_copies(unsigned long addr,
					     void (*zero)(unsigned long addr))
{
	unsigned long stride = pcpu_area.stride, end = addr + pcpu_area.span;

	/* There is at least one unit. */
	do {
		zero(addr);
		addr += stride;
	} while (addr != end);
}

/* One copy of more than 64 bytes. */
static __always_inline void pcpu_zero_long(unsigned long addr,
					   unsigned int size)
{
	unsigned long end = addr + round_down(size, 256);

	for (; addr != end; addr += 256) {
		pcpu_zero_128(addr);
		pcpu_zero_128(addr + 128);
	}
	if (size & 128) {
		pcpu_zero_128(addr);
		addr += 128;
	}
	if (size & 64) {
		pcpu_zero_64(addr);
		addr += 64;
	}
	if (size & 32) {
		pcpu_zero_32(addr);
		addr += 32;
	}
	if (size & 16)
		pcpu_zero_16(addr);
}

/* Where some units belong to nobody, and have no memory; or any size. */
static noinline void pcpu_clear_possible(unsigned long addr, size_t size)
{
	unsigned int cpu;

	for_each_pcpu_unit(cpu)
		memset((void *)(addr + cpu * pcpu_area.stride), 0, size);
}

/**
 * pcpu_clear - clear all copies of what lies within a window
 * @off: its offset
 * @size: bytes of a copy
 */
static inline void pcpu_clear(unsigned long off, size_t size)
{
	pcpu_clear_possible(pcpu_area_off_to_addr(off), size);
}

/*
 * What follows is for areas without such units.
 */

/**
 * pcpu_clear_small - clear all copies of an object of a small class
 * @addr: its address in unit 0
 * @class: its class
 */
static __always_inline void pcpu_clear_small(unsigned long addr,
					     unsigned int class)
{
	if (class)
		pcpu_zero_copies(addr, pcpu_zero_8);
	else
		pcpu_zero_copies(addr, pcpu_zero_4);
}

/* What is this long takes no more than a few stores. */
#define PCPU_CLEAR_SHORT	64

/**
 * pcpu_clear_short - clear all copies of an object of up to 64 bytes
 * @addr: its address in unit 0
 * @size: its bytes, a multiple of 16
 */
static __always_inline void pcpu_clear_short(unsigned long addr,
					     unsigned int size)
{
	if (size & 64) {
		pcpu_zero_copies(addr, pcpu_zero_64);
		return;
	}
	if (size & 32)
		pcpu_zero_copies(addr, pcpu_zero_32);
	if (size & 16)
		pcpu_zero_copies(addr + (size & 32), pcpu_zero_16);
}

/* The same for any number of granules. */
static __always_inline void pcpu_clear_granules(unsigned long addr,
						unsigned int size)
{
	unsigned long end = addr + pcpu_area.span;

	if (size <= PCPU_CLEAR_SHORT) {
		pcpu_clear_short(addr, size);
		return;
	}
	if (size > PCPU_CLEAR_BY_HAND && pcpu_memset_is_fast()) {
		pcpu_clear_possible(addr, size);
		return;
	}
	do {
		pcpu_zero_long(addr, size);
		addr += pcpu_area.stride;
	} while (addr != end);
}

/* In any area: clear all copies of an object of any class, at @off. */
static inline void pcpu_clear_class(unsigned long off, unsigned int class)
{
	unsigned long addr = pcpu_area_off_to_addr(off);

	if (unlikely(pcpu_area.sparse))
		pcpu_clear_possible(addr, pcpu_class_size(class));
	else if (class < PCPU_NR_SMALL)
		pcpu_clear_small(addr, class);
	else
		pcpu_clear_granules(addr, pcpu_class_size(class));
}

#endif /* _MM_PERCPU_CLEAR_H */
