/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * first_window: what both layouts build on, and the range of offsets for modules.
 */
#ifndef _MM_PERCPU_FIRST_WINDOW_H
#define _MM_PERCPU_FIRST_WINDOW_H

#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include <asm/sections.h>

#include "layout.h"

struct vm_struct;

/* first_window.c: what both layouts build on. */

extern bool pcpu_option_large;
extern unsigned long pcpu_early_tables;

unsigned long pcpu_option_area_size(unsigned long choice);
unsigned long pcpu_option_reserve(unsigned long choice);
bool pcpu_options_forget(void);

void pcpu_begin_layout(const char *name);
void pcpu_copy_static(unsigned long addr);
unsigned long pcpu_skew(void);
unsigned long pcpu_early_gap(const struct vm_struct *vm, unsigned long start,
			     unsigned long end, unsigned long size,
			     unsigned long align, bool lowest);
unsigned long pcpu_reserve_vm(unsigned long size, unsigned long align);
void pcpu_first_window(unsigned long populated);

/* first_mapped.c: the CPU-major layout. */

#if defined(CONFIG_SMP) && defined(CONFIG_NEED_PER_CPU_PAGE_FIRST_CHUNK)
int pcpu_first_chunk_mapped(bool huge, unsigned long least,
			    pcpu_fc_cpu_to_node_fn_t node_of);
#else
static inline int pcpu_first_chunk_mapped(bool huge, unsigned long least,
					  pcpu_fc_cpu_to_node_fn_t node_of)
{
	return -ENOSPC;
}
#endif

/* first_chunk.c: linear units on the nodes of their CPUs. */

/* More runs of CPUs than that have units in one block. */
#define PCPU_NODE_RUNS		64

/**
 * struct pcpu_node_run - units of CPUs that are neighbours on one node
 * @first: the first of them
 * @last: the last one
 * @node: the node
 * @start: lowest physical address of the node
 * @end: end of its addresses
 */
struct pcpu_node_run {
	unsigned int first;
	unsigned int last;
	int node;
	unsigned long start;
	unsigned long end;
};

bool pcpu_node_stride(const struct pcpu_node_run *runs, unsigned int nr,
		      unsigned long size, unsigned long *min, unsigned long *max);
bool pcpu_node_base(const struct pcpu_node_run *runs, unsigned int nr,
		    unsigned long size, unsigned long stride,
		    unsigned long *low, unsigned long *high);

/*
 * Offsets that all relocations of modules reach, see Documentation/mm/percpu.rst, "The module
 * range". S is the address of the first static percpu variable, P that of the code:
 *
 *	R_X86_64_32S          S + offset + addend        32 bits, sign-extended
 *	R_X86_64_PC32, PLT32  S + offset + addend - P    32 bits, sign-extended
 */

/* Bytes that an addend may point beyond an object, on either side. */
#define PCPU_MODULE_RANGE_SLACK	SZ_64K

/* Return true if the lower 32 bits of @value, sign-extended, are @value. */
static inline bool pcpu_fits_s32(u64 value)
{
	return (s64)value == (s32)value;
}

/**
 * struct pcpu_module_range - addresses that decide what modules reach
 * @start: percpu pointer of offset 0
 * @low: first address of the range that code of modules is loaded to
 * @end: end of that range, exclusive
 */
struct pcpu_module_range {
	u64 start;
	u64 low;
	u64 end;
};

/* Offsets that 32 bits reach, from 0 on, if the field of offset 0 is @first. */
static inline u64 pcpu_module_range_from(u64 first)
{
	if (!pcpu_fits_s32(first - PCPU_MODULE_RANGE_SLACK) ||
	    !pcpu_fits_s32(first + PCPU_MODULE_RANGE_SLACK))
		return 0;
	return S32_MAX - PCPU_MODULE_RANGE_SLACK - (s64)first + 1;
}

/*
 * The limit that offsets must stay below to be reached by every module; 0 if not even
 * offset 0 is reached.
 */
static inline u64 pcpu_module_range_limit(const struct pcpu_module_range *range)
{
	u64 direct = pcpu_module_range_from(range->start);
	u64 below = pcpu_module_range_from(range->start - range->low);
	u64 above = pcpu_module_range_from(range->start - (range->end - 1));

	return min3(direct, below, above);
}

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)

/* The part of @size, in whole chunks, that modules of this kernel reach. */
static inline unsigned long pcpu_module_range_size(unsigned long size)
{
	const struct pcpu_module_range range = {
		.start = (unsigned long)__per_cpu_start,
		.low = MODULES_VADDR,
		.end = MODULES_END,
	};

	return min_t(u64, size, ALIGN_DOWN(pcpu_module_range_limit(&range),
					   PCPU_CHUNK_SIZE));
}

#elif defined(CONFIG_RISCV) && defined(CONFIG_64BIT) && defined(CONFIG_MMU)

/* Modules lie up to 2 GB below _end, and their code reaches 2 GB less 2 KB. */
static inline unsigned long pcpu_module_range_size(unsigned long size)
{
	unsigned long reach = (unsigned long)_end - (unsigned long)__per_cpu_start - SZ_4K;

	return min(size, ALIGN_DOWN(reach, PCPU_CHUNK_SIZE));
}

#else

/*
 * On other architectures @size is the first window, which is reached as the
 * static data in it is. Or it is a mapped area: the loader refuses what does not fit
 * (arm64), code has 64 bits for percpu data (loongarch), or 32 bits are enough,
 * as on sparc64, where the image is at a low address.
 */
static inline unsigned long pcpu_module_range_size(unsigned long size)
{
	return size;
}

#endif /* CONFIG_X86_64 && !CONFIG_UML */

#endif /* _MM_PERCPU_FIRST_WINDOW_H */
