/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * area: where an offset lies in every unit, and back.  Pure arithmetic on a
 * description that is written once at boot.
 */
#ifndef _MM_PERCPU_AREA_H
#define _MM_PERCPU_AREA_H

#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/percpu.h>

#include <asm/sections.h>

/* Pages of a chunk: one bit each in a u64, so that a page set is a word. */
#define PCPU_CHUNK_PAGES	64
#define PCPU_CHUNK_SHIFT	(PAGE_SHIFT + 6)
#define PCPU_CHUNK_SIZE		BIT(PCPU_CHUNK_SHIFT)

/*
 * The most bytes of offset space. Code of modules must reach all of it, see
 * reach.h.
 */
#define PCPU_AREA_MAX_SIZE	(256UL << 20)

/* No valid offset: what a failed placement or translation returns. */
#define PCPU_NO_OFF		(~0UL)

/* For people to read: what the books say, while others may be writing in them. */
#define pcpu_glance(figure)	data_race(figure)

/**
 * struct pcpu_area - the address layout
 * @base: address of unit 0 at offset 0
 * @rest: address of unit 0 at the second window; unused with one window
 * @stride: bytes from one unit to the next, the same in every window
 * @pitch: bytes from one of the later windows to the next
 * @size: bytes of offset space in a unit
 * @static_size: bytes at offset 0 that hold the kernel's own percpu data
 * @reserved_size: bytes of the first window withheld for modules
 * @module_limit: module data must end below this offset
 * @window_shift: log2 of the bytes of a window in one unit
 * @nr_units: units, in address space; the unit of a CPU is the CPU's number
 * @sparse: some unit belongs to no possible CPU, and has no memory
 * @span: bytes from unit 0 to the end of the last unit
 * @max_object: bytes of the first window, or of the area if it has but one
 * @linear_size: bytes of each unit from offset 0 in linear memory
 * @huge: the first window is mapped with large page-table entries
 * @name: the layout's name for people
 *
 * Written by first_chunk.c before the second CPU runs, constant afterwards.
 */
struct pcpu_area {
	unsigned long base;
	unsigned long rest;
	unsigned long stride;
	unsigned long pitch;
	unsigned long size;
	unsigned long static_size;
	unsigned long reserved_size;
	unsigned long module_limit;
	unsigned int window_shift;
	unsigned int nr_units;
	unsigned long span;
	unsigned long max_object;
	unsigned long linear_size;
	bool huge;
	bool sparse;
	const char *name;
};

extern struct pcpu_area pcpu_area;

/* The next unit from @unit on that has memory, or the number of units. */
static inline unsigned int pcpu_unit_next(unsigned int unit)
{
	while (pcpu_area.sparse && unit < pcpu_area.nr_units &&
	       !cpu_possible(unit))
		unit++;
	return unit;
}

/*
 * Not for_each_possible_cpu(): Xen takes CPUs out of that mask after boot has
 * given them units, which then stay as they are.
 */
#define for_each_pcpu_unit(unit)					\
	for ((unit) = pcpu_unit_next(0); (unit) < pcpu_area.nr_units;	\
	     (unit) = pcpu_unit_next((unit) + 1))

/* How many there are. */
static inline unsigned int pcpu_nr_units(void)
{
	return pcpu_area.sparse ? num_possible_cpus() : pcpu_area.nr_units;
}

static inline unsigned long pcpu_area_window_size(void)
{
	return 1UL << pcpu_area.window_shift;
}

/* The largest object: what fits into one window beside nothing else. */
static inline unsigned long pcpu_area_max_object(void)
{
	return pcpu_area.max_object;
}

/*
 * Whether modules reach only the first window, which is linear memory: what
 * they can have there was decided at boot, by percpu_reserve=.
 */
static inline bool pcpu_area_modules_near(void)
{
	return pcpu_area.linear_size &&
	       pcpu_area.module_limit < pcpu_area.size;
}

static inline unsigned int pcpu_area_nr_chunks(void)
{
	return pcpu_area.size >> PCPU_CHUNK_SHIFT;
}

/**
 * pcpu_area_off_to_addr - the address of an offset in unit 0
 * @off: offset within the area, below &pcpu_area.size
 *
 * The address in unit u is u * &pcpu_area.stride bytes higher.
 *
 * Return: the address in unit 0.
 */
static inline unsigned long pcpu_area_off_to_addr(unsigned long off)
{
	unsigned long window;

	/* That is the first window. */
	if (likely(off < pcpu_area.max_object))
		return pcpu_area.base + off;
	window = off >> pcpu_area.window_shift;
	return pcpu_area.rest + (window - 1) * pcpu_area.pitch +
	       (off & (pcpu_area_window_size() - 1));
}

static inline unsigned long pcpu_area_unit_addr(unsigned int unit,
						unsigned long off)
{
	return pcpu_area_off_to_addr(off) + unit * pcpu_area.stride;
}

unsigned long pcpu_area_far_to_off(unsigned long rel);

/* The percpu pointer's distance from the one that names offset 0. */
static inline unsigned long pcpu_area_ptr_to_rel(const void __percpu *ptr)
{
#ifdef CONFIG_SMP
	return (__force unsigned long)ptr - (unsigned long)__per_cpu_start;
#else
	return (__force unsigned long)ptr - pcpu_area.base;
#endif
}

/* The percpu pointer to what has this address in unit 0. */
static inline void __percpu *pcpu_area_addr_to_ptr(unsigned long addr)
{
#ifdef CONFIG_SMP
	addr += (unsigned long)__per_cpu_start - pcpu_area.base;
#endif
	return (void __percpu __force *)addr;
}

static inline void __percpu *pcpu_area_off_to_ptr(unsigned long off)
{
	return pcpu_area_addr_to_ptr(pcpu_area_off_to_addr(off));
}

/**
 * pcpu_area_ptr_to_off - the offset that a percpu pointer names
 * @ptr: anything a caller may pass off as a percpu pointer
 *
 * Return: the offset, or %PCPU_NO_OFF when @ptr lies outside the area.
 */
static inline unsigned long pcpu_area_ptr_to_off(const void __percpu *ptr)
{
	unsigned long rel = pcpu_area_ptr_to_rel(ptr);

	if (likely(rel < pcpu_area_max_object()))
		return rel;
	return pcpu_area_far_to_off(rel);
}

bool pcpu_area_addr_to_off(unsigned long addr, unsigned long *off,
			   unsigned int *unit);

#endif /* _MM_PERCPU_AREA_H */
