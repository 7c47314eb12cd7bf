// SPDX-License-Identifier: GPL-2.0-only
/*
 * early_gap: a gap between vmalloc areas that exist before vmalloc does.
 */
#include <linux/align.h>
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/vmalloc.h>

#include "../internal.h"
#include "first_chunk.h"

/* Place @size bytes between @low and @high: the address, or 0. */
static unsigned long pcpu_early_gap_fit(unsigned long low, unsigned long high,
					unsigned long size,
					unsigned long align, bool lowest)
{
	unsigned long addr = ALIGN(low, align);

	/* ALIGN() may wrap near the end of the address space. */
	if (addr < low || addr >= high || high - addr < size)
		return 0;
	return lowest ? addr : ALIGN_DOWN(high - size, align);
}

/**
 * pcpu_early_gap - find a gap between early vmalloc areas
 * @vm: list of the areas in ascending order of addresses, or %NULL
 * @start: lowest address to take
 * @end: end of the addresses to take
 * @size: bytes wanted
 * @align: a power of two
 * @lowest: take the lowest address that fits, not the highest
 *
 * Areas may lie below @start and above @end.
 *
 * Return: the address, a multiple of @align, or 0 if no gap is large enough.
 */
unsigned long pcpu_early_gap(const struct vm_struct *vm, unsigned long start,
			     unsigned long end, unsigned long size,
			     unsigned long align, bool lowest)
{
	unsigned long low = start, found = 0, addr;

	for (; vm && (unsigned long)vm->addr < end; vm = vm->next) {
		unsigned long from = (unsigned long)vm->addr;

		addr = pcpu_early_gap_fit(low, from, size, align, lowest);
		if (addr && lowest)
			return addr;
		found = addr ?: found;
		/* No sum before that: an area may end with the last address. */
		if (vm->size >= end - from)
			return found;
		low = max(low, from + vm->size);
	}
	return pcpu_early_gap_fit(low, end, size, align, lowest) ?: found;
}

/*
 * On 32-bit powerpc and microblaze VMALLOC_END is ioremap_bot, which moves down
 * with each ioremap() until slab is available.
 */
static bool __init pcpu_vm_end_moves(void)
{
	return IS_ENABLED(CONFIG_PPC32) || IS_ENABLED(CONFIG_MICROBLAZE);
}

/**
 * pcpu_early_vm_gap - find a gap of the vmalloc range
 * @size: bytes wanted
 * @align: a power of two
 *
 * Take the lowest gap if the end of the range moves, else the highest: parisc
 * sets VMALLOC_START in mem_init(), which is later, and arm64 places modules
 * near the kernel's image, at the start of the range.
 *
 * On 32-bit ARM the areas are static mappings of registers, the PCI I/O window
 * and the UART of earlyprintk, on arm64 the kernel's image, both made by
 * paging_init(); on alpha the console callbacks, on Xen the p2m table. All of
 * them are made in setup_arch(). No caller of vm_area_add_early() or
 * vm_area_register_early() runs between setup_per_cpu_areas() and
 * vmalloc_init(), and neither may be called later.
 *
 * Return: the address, a multiple of @align, or 0 if no gap is large enough.
 */
unsigned long __init pcpu_early_vm_gap(unsigned long size, unsigned long align)
{
	return pcpu_early_gap(vm_area_early_list(), VMALLOC_START, VMALLOC_END,
			      size, align, pcpu_vm_end_moves());
}
