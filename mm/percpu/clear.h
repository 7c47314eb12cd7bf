/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clear: zero an object in all units, by a few stores for each unit: clearing
 * is most of the cost of a small allocation.
 */
#ifndef _MM_PERCPU_CLEAR_H
#define _MM_PERCPU_CLEAR_H

#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/string.h>
#include <linux/types.h>

#include "layout.h"

/* More bytes than this are cleared by memset() if it is fast. */
#define PCPU_CLEAR_STORES_MAX	256

/* Without fast string instructions memset() of x86-64 is a loop of stores. */
#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
#include <asm/cpufeature.h>
#define pcpu_memset_is_fast()	cpu_feature_enabled(X86_FEATURE_FSRS)
#else
#define pcpu_memset_is_fast()	true
#endif

/*
 * Zero @bytes, a constant, 4 or a multiple of 8, by stores without a loop. They are
 * volatile, or the compiler would replace them by a call of memset().
 */
static __always_inline void pcpu_zero(unsigned long addr, unsigned int bytes)
{
	unsigned int i;

	if (bytes == 4)
		WRITE_ONCE(*(u32 *)addr, 0);
	_Pragma("GCC unroll 64")
	for (i = 0; i + 8 <= bytes; i += 8)
		WRITE_ONCE(*(u64 *)(addr + i), 0);
}

/* Zero @bytes, a constant, of each copy; @addr is that of unit 0. */
static __always_inline void pcpu_zero_copies(unsigned long addr,
					     unsigned int bytes)
{
	unsigned long stride = pcpu_area.stride, end = addr + pcpu_area.span;

	do {
		pcpu_zero(addr, bytes);
		addr += stride;
	} while (addr != end);
}

/*
 * Zero twice @bytes, a constant, of each copy, the second time @skip bytes behind: they
 * may overlap, which takes fewer instructions than to tell sizes apart in each copy.
 */
static __always_inline void pcpu_zero_copies_twice(unsigned long addr,
						   unsigned int bytes,
						   unsigned long skip)
{
	unsigned long stride = pcpu_area.stride, end = addr + pcpu_area.span;

	do {
		pcpu_zero(addr, bytes);
		pcpu_zero(addr + skip, bytes);
		addr += stride;
	} while (addr != end);
}

/* Zero one copy of at least @block bytes, a constant; the last two blocks may overlap. */
static __always_inline void pcpu_zero_long(unsigned long addr,
					   unsigned int size, unsigned int block)
{
	unsigned long last = addr + size - block;

	for (; addr < last; addr += block)
		pcpu_zero(addr, block);
	pcpu_zero(last, block);
}

/* Zero @size bytes of each copy, in blocks of @block bytes. */
static __always_inline void pcpu_zero_copies_long(unsigned long addr,
						  unsigned int size,
						  unsigned int block)
{
	unsigned long stride = pcpu_area.stride, end = addr + pcpu_area.span;

	do {
		pcpu_zero_long(addr, size, block);
		addr += stride;
	} while (addr != end);
}

/* Clear any size. */
static noinline void pcpu_clear_memset(unsigned long addr, size_t size)
{
	unsigned long stride = pcpu_area.stride, end = addr + pcpu_area.span;

	do {
		memset((void *)addr, 0, size);
		addr += stride;
	} while (addr != end);
}

/* Clear @size bytes at @off, within a window, in all units; any size. */
static inline void pcpu_clear(unsigned long off, size_t size)
{
	pcpu_clear_memset(pcpu_area_off_to_addr(off), size);
}

/* @addr, here and below, is the address of the object in unit 0. */
static __always_inline void pcpu_clear_small(unsigned long addr,
					     unsigned int class)
{
	if (class)
		pcpu_zero_copies(addr, 8);
	else
		pcpu_zero_copies(addr, 4);
}

/* Bytes of an object that pcpu_clear_short() clears. */
#define PCPU_CLEAR_SHORT	64

/* Clear up to PCPU_CLEAR_SHORT bytes, a multiple of 16. */
static __always_inline void pcpu_clear_short(unsigned long addr,
					     unsigned int size)
{
	if (size & 64)
		pcpu_zero_copies(addr, 64);
	else if (size > 32)
		pcpu_zero_copies_twice(addr, 32, size - 32);
	else if (size > 16)
		pcpu_zero_copies(addr, 32);
	else
		pcpu_zero_copies(addr, 16);
}

/* Clear more than PCPU_CLEAR_STORES_MAX bytes, a multiple of 16. */
static __always_inline void pcpu_clear_long(unsigned long addr,
					    unsigned int size)
{
	if (pcpu_memset_is_fast())
		pcpu_clear_memset(addr, size);
	else
		pcpu_zero_copies_long(addr, size, 256);
}

/*
 * Clear a wide object, a multiple of 16 bytes. With larger blocks a copy takes fewer
 * turns; of a short object too much would be zeroed twice.
 */
static __always_inline void pcpu_clear_wide(unsigned long addr,
					    unsigned int size)
{
	if (size < 2048 || pcpu_memset_is_fast())
		pcpu_clear_long(addr, size);
	else
		pcpu_zero_copies_long(addr, size, 512);
}

/* Clear any multiple of 16 bytes. */
static __always_inline void pcpu_clear_granules(unsigned long addr,
						unsigned int size)
{
	if (size <= PCPU_CLEAR_SHORT)
		pcpu_clear_short(addr, size);
	else if (size <= 128)
		pcpu_zero_copies_twice(addr, 64, size - 64);
	else if (size <= PCPU_CLEAR_STORES_MAX)
		pcpu_zero_copies_twice(addr, 128, size - 128);
	else
		pcpu_clear_long(addr, size);
}

/* Clear an extent of up to a page at @off. */
static noinline void pcpu_clear_extent(unsigned long off, unsigned int size)
{
	pcpu_clear_granules(pcpu_area_off_to_addr(off), size);
}

#endif /* _MM_PERCPU_CLEAR_H */
