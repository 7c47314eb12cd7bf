// SPDX-License-Identifier: GPL-2.0-only
/*
 * first_nodes: linear units on the nodes of their CPUs, one stride apart.
 *
 * The stride is constant, so the nodes bound it: it leads from the memory of one node
 * into that of the next one, and not out of a node before its last unit::
 *
 *	            base                 + stride              + 2 * stride
 *	linear      | unit 0 |    ...    | unit 1 |    ...     | unit 2 |    ...
 *	              CPU 0, node 0        CPU 1, node 0         CPU 2, node 1
 *
 * Units have only the memory that the first chunk needs; what lies between them
 * belongs to memblock. Such a stride is longer than a window, and all later windows of
 * a unit lie one after the other.
 *
 * Needs CONFIG_NUMA.
 */
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/kmemleak.h>
#include <linux/memblock.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "first_chunk.h"
#include "layout.h"

/* Places that are tried for the units. */
#define PCPU_NODE_TRIES		256

/**
 * pcpu_node_stride - bound the stride of units that lie on given nodes
 * @runs: units of CPUs that are neighbours on one node, in ascending order of units
 * @nr: the number of runs
 * @size: bytes of a unit
 * @min: where to store the smallest stride
 * @max: where to store the largest one, or %ULONG_MAX
 *
 * Return: true if there is a stride; memory that is in use may still prevent it.
 */
bool pcpu_node_stride(const struct pcpu_node_run *runs, unsigned int nr,
		      unsigned long size, unsigned long *min, unsigned long *max)
{
	const struct pcpu_node_run *a, *b;

	*min = 0;
	*max = ULONG_MAX;
	for (a = runs; a < runs + nr; a++) {
		if (a->end < a->start || a->end - a->start < size)
			return false;
		/* The first unit of a run and the last one of the run itself or below. */
		for (b = runs; b < a; b++) {
			unsigned long end = b->end - size;

			if (a->start > end)
				*min = max(*min, DIV_ROUND_UP(a->start - end,
							      a->first - b->last));
			end = a->end - size;
			if (end < b->start)
				return false;
			*max = min(*max, (end - b->start) / (a->last - b->first));
		}
		if (a->last > a->first)
			*max = min(*max, (a->end - size - a->start) /
					 (a->last - a->first));
	}
	return *min <= *max;
}

/**
 * pcpu_node_base - bound the address of unit 0
 * @runs: as for pcpu_node_stride()
 * @nr: the number of runs
 * @size: bytes of a unit
 * @stride: a stride between the bounds of pcpu_node_stride()
 * @low: where to store the lowest address
 * @high: where to store the highest one
 *
 * Return: true if there is one.
 */
bool pcpu_node_base(const struct pcpu_node_run *runs, unsigned int nr,
		    unsigned long size, unsigned long stride,
		    unsigned long *low, unsigned long *high)
{
	const struct pcpu_node_run *a;

	*low = 0;
	*high = ULONG_MAX;
	for (a = runs; a < runs + nr; a++) {
		unsigned long end = a->end - size;

		if (end / stride < a->last)
			return false;
		*high = min(*high, end - a->last * stride);
		if (a->start / stride >= a->first)
			*low = max(*low, a->start - a->first * stride);
	}
	return *low <= *high;
}

static struct pcpu_node_run pcpu_node_runs[PCPU_NODE_RUNS] __initdata;

/* Fill the runs. Return their number; 0 if all units are on one node, or too many. */
static unsigned int __init pcpu_node_runs_init(pcpu_fc_cpu_to_node_fn_t node_of)
{
	unsigned long limit = memblock_get_current_limit();
	unsigned long start, end;
	unsigned int cpu, unit = 0, nr = 0;

	for_each_possible_cpu(cpu) {
		int node = node_of(cpu);

		if (node < 0)
			return 0;
		if (nr && pcpu_node_runs[nr - 1].node == node) {
			pcpu_node_runs[nr - 1].last = unit++;
			continue;
		}
		if (nr == PCPU_NODE_RUNS)
			return 0;
		get_pfn_range_for_nid(node, &start, &end);
		pcpu_node_runs[nr++] = (struct pcpu_node_run) {
			.node = node, .first = unit, .last = unit,
			.start = PFN_PHYS(start), .end = min(PFN_PHYS(end), limit),
		};
		unit++;
	}
	return nr > 1 ? nr : 0;
}

/* Take the memory of the units, unit 0 at @base, or nothing. */
static bool __init pcpu_node_units(unsigned int nr, unsigned long base,
				   unsigned long stride, unsigned long size)
{
	const struct pcpu_node_run *run = pcpu_node_runs;
	unsigned long at = base;
	unsigned int unit;

	for (unit = 0; unit < pcpu_area.nr_units; unit++, at += stride) {
		if (unit > run->last)
			run++;
		if (memblock_alloc_range_nid(size, PAGE_SIZE, at, at + size,
					     run->node, true) != at)
			break;
		/* kmemleak scans percpu data by unit. */
		kmemleak_ignore_phys(at);
	}
	if (unit == pcpu_area.nr_units)
		return true;
	while (unit--)
		memblock_phys_free(base + unit * stride, size);
	return false;
}

/**
 * pcpu_linear_on_nodes - allocate linear units on the nodes of their CPUs
 * @size: bytes of a unit
 * @align: alignment of unit 0
 * @window: bytes of a window
 * @space: bytes of vmalloc space that all units may use
 * @node_of: the node of a CPU, or %NULL
 *
 * The area is as large as fits the stride, and at least four windows. CPUs that take
 * turns on nodes have no such stride.
 *
 * Context: boot; the page tables of all linear memory exist.
 * Return: the address of unit 0, with &pcpu_area.stride set, or %NULL: then all units
 * come from one block.
 */
void * __init pcpu_linear_on_nodes(unsigned long size, unsigned long align,
				   unsigned long window, unsigned long space,
				   pcpu_fc_cpu_to_node_fn_t node_of)
{
	unsigned long min, max, stride, low, high, step, base;
	unsigned long area = pcpu_option_area_size(PCPU_AREA_MAX_SIZE);
	unsigned int nr = node_of ? pcpu_node_runs_init(node_of) : 0;

	if (!nr || !pcpu_node_stride(pcpu_node_runs, nr, size, &min, &max))
		return NULL;
	for (; area >= 4 * window; area /= 2) {
		stride = ALIGN(max(min, area), window) + pcpu_skew();
		if (stride > max || stride > space / pcpu_area.nr_units ||
		    !pcpu_node_base(pcpu_node_runs, nr, size, stride, &low, &high))
			continue;
		step = ALIGN(max((high - low) / PCPU_NODE_TRIES, window), align);
		for (base = ALIGN_DOWN(high, align); base >= low && base <= high;
		     base -= step) {
			if (!pcpu_node_units(nr, base, stride, size))
				continue;
			pcpu_area.stride = stride;
			return __va(base);
		}
	}
	return NULL;
}
