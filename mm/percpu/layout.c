// SPDX-License-Identifier: GPL-2.0-only
/*
 * layout: translate pointers and addresses to offsets.
 */
#include "layout.h"

struct pcpu_area pcpu_area __ro_after_init;
unsigned int pcpu_nr_units __ro_after_init;

/**
 * pcpu_area_far_to_off - translate a percpu pointer beyond the first window
 * @rel: distance of the pointer from the pointer to offset 0
 *
 * Return: the offset, or %PCPU_NO_OFF if @rel is not in a later window.
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

/**
 * pcpu_area_addr_to_off - translate the address of a copy
 * @addr: address as per_cpu_ptr() returns it
 * @off: where to store the offset
 * @unit: where to store the unit
 *
 * Return: true if @addr is in a unit of the area.
 */
bool pcpu_area_addr_to_off(unsigned long addr, unsigned long *off,
			   unsigned int *unit)
{
	unsigned long nr_windows = pcpu_area.size >> pcpu_area.window_shift;
	unsigned long in, window;

	if (pcpu_area_split(addr - pcpu_area.base, pcpu_area_max_object(),
			    off, unit))
		return true;
	if (nr_windows < 2)
		return false;

	in = addr - pcpu_area.later_windows;
	window = in / pcpu_area.window_stride;
	if (window >= nr_windows - 1 ||
	    !pcpu_area_split(in - window * pcpu_area.window_stride,
			     pcpu_area_window_size(), off, unit))
		return false;
	*off += (window + 1) << pcpu_area.window_shift;
	return true;
}
