/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * layout: sizes of objects; where an offset lies in every unit, and back. Pure
 * arithmetic on constants that are set once at boot.
 */
#ifndef _MM_PERCPU_LAYOUT_H
#define _MM_PERCPU_LAYOUT_H

#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/types.h>

#include <asm/sections.h>

/* The unit of placement, in bytes. */
#define PCPU_GRANULE_SHIFT	4
#define PCPU_GRANULE		(1U << PCPU_GRANULE_SHIFT)

/*
 * Classes: sizes of which caches and the depot keep free objects, 4 and 8 bytes, then
 * every multiple of a granule. Objects of the first PCPU_NR_SMALL classes share a granule:
 * 4 objects of 4 bytes, 2 of 8.
 */
#define PCPU_NR_SMALL		2

/* Granules of the largest class: larger objects are rare. */
#define PCPU_CLASS_GRANULES	64

#define PCPU_NR_CLASSES		(PCPU_NR_SMALL + PCPU_CLASS_GRANULES)

/* Stands for the lack of a class: the object is longer than all of them. */
#define PCPU_CLASS_LONG		PCPU_NR_CLASSES

/* The class of an object of at most 8 bytes, aligned to at most 8. */
static inline unsigned int pcpu_class_of_small(size_t size, size_t align)
{
	return size > 4 || align > 4;
}

/* The class of @nr granules. */
static inline unsigned int pcpu_class_of_granules(unsigned int nr)
{
	return PCPU_NR_SMALL - 1 + nr;
}

/* The class of @size bytes, not 0, aligned to @align, or PCPU_CLASS_LONG. */
static inline unsigned int pcpu_class_of(size_t size, size_t align)
{
	if (size <= 8 && align <= 8)
		return pcpu_class_of_small(size, align);
	if (unlikely(size > PCPU_CLASS_GRANULES * PCPU_GRANULE))
		return PCPU_CLASS_LONG;
	return pcpu_class_of_granules(DIV_ROUND_UP((unsigned int)size,
						   PCPU_GRANULE));
}

/* Granules of an object of a class that is not small. */
static inline unsigned int pcpu_class_granules(unsigned int class)
{
	return class - (PCPU_NR_SMALL - 1);
}

/* Bytes of an object of a class. */
static inline unsigned int pcpu_class_size(unsigned int class)
{
	if (class < PCPU_NR_SMALL)
		return 4 << class;
	return pcpu_class_granules(class) << PCPU_GRANULE_SHIFT;
}

/*
 * Pages of a chunk: 64, or as many as have 512 KB, as the first window of each unit is a
 * chunk at least. A set of them is a u64.
 */
#define PCPU_CHUNK_SHIFT	(PAGE_SHIFT < 13 ? PAGE_SHIFT + 6 : 19)
#define PCPU_CHUNK_SIZE		BIT(PCPU_CHUNK_SHIFT)
#define PCPU_CHUNK_PAGES	(1U << (PCPU_CHUNK_SHIFT - PAGE_SHIFT))

/*
 * Upper limit of the offset space, in bytes. Relocations of modules must reach
 * all of it, see first_window.h.
 */
#define PCPU_AREA_MAX_SIZE	(256UL << 20)

/* Not a valid offset: placement or translation failed. */
#define PCPU_NO_OFF		(~0UL)

/**
 * struct pcpu_area - the address layout
 *
 * Written by first_*.c before the second CPU runs, constant afterwards.
 */
struct pcpu_area {
	/** @base: address of unit 0 at offset 0 */
	unsigned long base;
	/** @later_windows: address of unit 0 at the second window, if any */
	unsigned long later_windows;
	/** @stride: bytes between neighbouring units, in each window */
	unsigned long stride;
	/**
	 * @window_stride: bytes between neighbouring later windows: @nr_units *
	 * @stride, or the size of a window if the units are on their nodes
	 */
	unsigned long window_stride;
	/** @size: bytes of offset space, a multiple of %PCPU_CHUNK_SIZE */
	unsigned long size;
	/** @static_size: bytes of static percpu data, at offset 0 */
	unsigned long static_size;
	/**
	 * @first: offset of the first chunk. If it is not 0, the chunk begins with
	 * the memory of the static data, mapped there once more: pointers to
	 * objects are beyond the addresses of the kernel image then.
	 */
	unsigned long first;
	/** @reserved_size: bytes of the first window withheld for modules */
	unsigned long reserved_size;
	/** @module_limit: data of modules must end at this offset or below */
	unsigned long module_limit;
	/** @window_shift: log2 of the bytes of a window in one unit */
	unsigned int window_shift;
	/** @nr_units: number of CPUs that were possible at boot: one unit each */
	unsigned int nr_units;
	/** @unit_cpus: the CPU of each unit, in ascending order */
	const u16 *unit_cpus;
	/** @span: @nr_units * @stride */
	unsigned long span;
	/** @max_object: bytes of the largest object: those of the first window */
	unsigned long max_object;
	/** @linear_size: bytes of a unit in linear memory, at offset 0 */
	unsigned long linear_size;
	/** @on_nodes: each unit's first memory is on the node of its CPU */
	bool on_nodes;
	/** @huge: large pages map the first window */
	bool huge;
	/** @name: the name of the layout in messages */
	const char *name;
};

extern struct pcpu_area pcpu_area;

/*
 * Visit all units. for_each_possible_cpu() would miss some: Xen removes CPUs from
 * that mask after boot, and their units stay.
 */
#define for_each_pcpu_unit(unit)					\
	for ((unit) = 0; (unit) < pcpu_area.nr_units; (unit)++)

/* The CPU that owns a unit. Holes among possible CPUs have no unit. */
static inline unsigned int pcpu_unit_cpu(unsigned int unit)
{
	return pcpu_area.unit_cpus[unit];
}

/* The unit of a possible CPU: its rank among them. */
static inline unsigned int pcpu_cpu_unit(unsigned int cpu)
{
	return pcpu_unit_offsets[cpu] / pcpu_area.stride;
}

/* The number of units; see pcpu_nr_populated. */
extern unsigned int pcpu_nr_units;

/* Bytes of a window in one unit. */
static inline unsigned long pcpu_area_window_size(void)
{
	return 1UL << pcpu_area.window_shift;
}

/*
 * Return true if relocations of modules reach the first window only, and it is
 * linear memory: percpu_reserve= bounds the data of modules then.
 */
static inline bool pcpu_modules_in_first_window(void)
{
	return pcpu_area.linear_size &&
	       pcpu_area.module_limit < pcpu_area.size;
}

static inline unsigned int pcpu_area_nr_chunks(void)
{
	return pcpu_area.size >> PCPU_CHUNK_SHIFT;
}

/* The address of offset @off, below &pcpu_area.size, in unit 0. */
static inline unsigned long pcpu_area_off_to_addr(unsigned long off)
{
	unsigned long window;

	/* The first window. */
	if (likely(off < pcpu_area.max_object))
		return pcpu_area.base + off;
	window = off >> pcpu_area.window_shift;
	return pcpu_area.later_windows +
	       (window - 1) * pcpu_area.window_stride +
	       (off & (pcpu_area_window_size() - 1));
}

static inline unsigned long pcpu_area_unit_addr(unsigned int unit,
						unsigned long off)
{
	return pcpu_area_off_to_addr(off) + unit * pcpu_area.stride;
}

/* Return true if static percpu data lies at @off. */
static inline bool pcpu_off_is_static(unsigned long off)
{
	return off < pcpu_area.static_size ||
	       off - pcpu_area.first < pcpu_area.static_size;
}

unsigned long pcpu_area_far_to_off(unsigned long rel);

/* The distance of a percpu pointer from the pointer to offset 0. */
static inline unsigned long pcpu_area_ptr_to_rel(const void __percpu *ptr)
{
#ifdef CONFIG_SMP
	return (__force unsigned long)ptr - (unsigned long)__per_cpu_start;
#else
	return (__force unsigned long)ptr - pcpu_area.base;
#endif
}

/* The percpu pointer of address @addr in unit 0. */
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

/* The offset of a percpu pointer, or PCPU_NO_OFF outside of the area. */
static inline unsigned long pcpu_area_ptr_to_off(const void __percpu *ptr)
{
	unsigned long rel = pcpu_area_ptr_to_rel(ptr);

	if (likely(rel < pcpu_area.max_object))
		return rel;
	return pcpu_area_far_to_off(rel);
}

bool pcpu_area_addr_to_off(unsigned long addr, unsigned long *off,
			   unsigned int *unit);

#endif /* _MM_PERCPU_LAYOUT_H */
