// SPDX-License-Identifier: GPL-2.0-only
/*
 * layout: translate pointers and addresses to offsets.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#include "layout.h"

struct pcpu_area pcpu_area __ro_after_init;
unsigned int pcpu_nr_units __ro_after_init;

/*
 * The offset of a percpu pointer beyond the first window, or %PCPU_NO_OFF if it is not
 * in a later one. @rel: distance of the pointer from the pointer to offset 0.
 */
unsigned long pcpu_area_far_to_off(unsigned long rel)
{
	unsigned long nr_windows = pcpu_area.size >> pcpu_area.window_shift;
	unsigned long in, window;

	if (nr_windows < 2)
		return PCPU_NO_OFF;

	in = rel - (pcpu_area.later_windows - pcpu_area.base);
	window = in / pcpu_area.window_stride;
	in -= window * pcpu_area.window_stride;
	if (window >= nr_windows - 1 || in >= pcpu_area_window_size())
		return PCPU_NO_OFF;

	return ((window + 1) << pcpu_area.window_shift) + in;
}

/* Split the distance @in from the beginning of a window in unit and offset. */
static bool pcpu_area_split(unsigned long in, unsigned long size,
			    unsigned long *off, unsigned int *unit)
{
	unsigned long u = in / pcpu_area.stride;

	in -= u * pcpu_area.stride;
	if (u >= pcpu_area.nr_units || in >= size)
		return false;
	*unit = u;
	*off = in;
	return true;
}

/*
 * Translate an address, as per_cpu_ptr() returns it, to offset and unit. Return true if
 * it is in a unit of the area.
 */
bool pcpu_area_addr_to_off(unsigned long addr, unsigned long *off,
			   unsigned int *unit)
{
	unsigned long nr_windows = pcpu_area.size >> pcpu_area.window_shift;
	unsigned long in, window;

	if (pcpu_area_split(addr - pcpu_area.base, pcpu_area.max_object,
			    off, unit))
		return true;
	if (nr_windows < 2)
		return false;

	in = addr - pcpu_area.later_windows;
	/* All later windows of a unit lie below the stride, one after the other. */
	if (pcpu_area.window_stride < pcpu_area.stride) {
		if (!pcpu_area_split(in, pcpu_area.size - pcpu_area_window_size(),
				     off, unit))
			return false;
		*off += pcpu_area_window_size();
		return true;
	}
	window = in / pcpu_area.window_stride;
	if (window >= nr_windows - 1 ||
	    !pcpu_area_split(in - window * pcpu_area.window_stride,
			     pcpu_area_window_size(), off, unit))
		return false;
	*off += (window + 1) << pcpu_area.window_shift;
	return true;
}

/**
 * __is_kernel_percpu_address - test whether an address is static percpu data
 * @addr: address
 * @can_addr: set to the address of the boot CPU's copy, may be %NULL
 *
 * Context: any.
 * Return: true if @addr is percpu data of the kernel image on a possible CPU. On
 * UP that is ordinary data, and the function returns false.
 */
bool __is_kernel_percpu_address(unsigned long addr, unsigned long *can_addr)
{
	unsigned long off;
	unsigned int unit;

	/* Not before the layout is complete: lockdep asks for early locks, too. */
	if (!pcpu_unit_offsets ||
	    !pcpu_area_addr_to_off(addr, &off, &unit) ||
	    off >= pcpu_area.static_size)
		return false;
	if (can_addr)
		*can_addr = off + pcpu_area.base +
			    pcpu_unit_offsets[get_boot_cpu_id()];
	return true;
}

/**
 * is_kernel_percpu_address - test whether an address is static percpu data
 * @addr: address
 *
 * For percpu data of modules see is_module_percpu_address().
 *
 * Context: any.
 * Return: true if @addr is a static percpu variable of the kernel on some CPU.
 */
bool is_kernel_percpu_address(unsigned long addr)
{
	return __is_kernel_percpu_address(addr, NULL);
}

/**
 * per_cpu_ptr_to_phys - physical address of a CPU's copy
 * @addr: address from per_cpu_ptr() and the like; the object stays allocated
 *
 * Percpu memory need not be linear, so __pa() does not serve.
 *
 * Context: any.
 * Return: the physical address.
 */
phys_addr_t per_cpu_ptr_to_phys(void *addr)
{
	if (is_vmalloc_addr(addr))
		return page_to_phys(vmalloc_to_page(addr)) +
		       offset_in_page(addr);
	return __pa(addr);
}

/**
 * pcpu_max_size - largest size of an object that users may multiply by CPUs
 *
 * For users that offer objects of any size, as tables of BPF do. The sum over all
 * possible CPUs fits into an int.
 *
 * Context: any.
 * Return: bytes on each CPU, a multiple of 8.
 */
size_t pcpu_max_size(void)
{
	return round_down(min(pcpu_area.max_object,
			      (unsigned long)INT_MAX / pcpu_area.nr_units), 8);
}

/**
 * pcpu_max_copied_size - largest size of an object of which all copies are copied at once
 *
 * For users that do it with interrupts disabled, as hash tables of BPF do. The sum over
 * all possible CPUs is at most 2 MB, unless that is less than PCPU_MIN_UNIT_SIZE each.
 *
 * Context: any.
 * Return: bytes on each CPU, a multiple of 8.
 */
size_t pcpu_max_copied_size(void)
{
	size_t size = round_down(SZ_2M / pcpu_area.nr_units, 8);

	return clamp(size, PCPU_MIN_UNIT_SIZE, pcpu_max_size());
}
