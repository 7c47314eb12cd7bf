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

/* Call @zero for the copy of every unit; @addr is that of unit 0. */
static __always_inline void pcpu_zero_copies(unsigned long addr,
					     void (*zero)(unsigned long addr))
{
	unsigned long stride = pcpu_area.stride, end = addr + pcpu_area.span;

	for (; addr != end; addr += stride)
		zero(addr);
}

/* One copy of more than 64 bytes. */
static __always_inline void pcpu_zero_long(unsigned long addr,
					   unsigned int size)
{
	unsigned long end = addr + round_down(size, 64);

	for (; addr != end; addr += 64)
		pcpu_zero_64(addr);
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

	for_each_possible_cpu(cpu)
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

/**
 * pcpu_clear_class - clear all copies of an object of a class
 * @off: its offset
 * @size: the bytes of the class: 4, 8, or a multiple of 16 up to 1,024
 */
static __always_inline void pcpu_clear_class(unsigned long off,
					     unsigned int size)
{
	unsigned long end, addr = pcpu_area_off_to_addr(off);

	if (unlikely(pcpu_area.sparse)) {
		pcpu_clear_possible(addr, size);
		return;
	}
	if (size > 64) {
		for (end = addr + pcpu_area.span; addr != end;
		     addr += pcpu_area.stride)
			pcpu_zero_long(addr, size);
		return;
	}
	if (size & 64)
		pcpu_zero_copies(addr, pcpu_zero_64);
	if (size & 32)
		pcpu_zero_copies(addr, pcpu_zero_32);
	if (size & 16)
		pcpu_zero_copies(addr + (size & 32), pcpu_zero_16);
	if (size & 8)
		pcpu_zero_copies(addr, pcpu_zero_8);
	if (size & 4)
		pcpu_zero_copies(addr, pcpu_zero_4);
}

#endif /* _MM_PERCPU_CLEAR_H */
