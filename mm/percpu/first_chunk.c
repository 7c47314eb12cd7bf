// SPDX-License-Identifier: GPL-2.0-only
/*
 * first_chunk: choose the layout, once at boot, and build the chunk-major one, with each
 * unit on the node of its CPU if one stride allows it.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <linux/cc_platform.h>
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/kmemleak.h>
#include <linux/log2.h>
#include <linux/memblock.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pgtable.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include <asm/dma.h>

#include "chunk.h"
#include "first_window.h"
#include "layout.h"
#include "pages.h"

/*
 * Bytes of the vmalloc range that the later windows may use. The share is
 * larger where the range is narrow, and is half of it with percpu_area=. It is
 * 0 without an MMU.
 */
static unsigned long __init pcpu_vm_share(void)
{
	if (pcpu_option_area_size(0))
		return VMALLOC_TOTAL / 2;
	return VMALLOC_TOTAL / (IS_ENABLED(CONFIG_64BIT) ? 8 : 4);
}

/* Bytes of a window in a unit, at least @unit: two later windows should fit. */
static unsigned long __init pcpu_window_wanted(unsigned long unit)
{
	unsigned long window = IS_ENABLED(CONFIG_64BIT) ? SZ_2M : SZ_1M;

	while (window > unit &&
	       pcpu_vm_share() / 2 / window < pcpu_area.nr_units)
		window /= 2;
	return max(window, unit);
}

#ifdef CONFIG_MMU

/*
 * Reserve address space for the later windows. On 32-bit, where few CPUs would
 * use the whole share, the area has 8 MB unless percpu_area= asks for more.
 */
static void __init pcpu_reserve_windows(void)
{
	unsigned long window = pcpu_area_window_size(), size, n, most, other_units = 0;

	size = pcpu_option_area_size(IS_ENABLED(CONFIG_64BIT) ?
				     PCPU_AREA_MAX_SIZE : SZ_8M);
	if (pcpu_area.on_nodes) {
		pcpu_area.window_stride = window;
		most = pcpu_area.stride / window;
		other_units = (pcpu_area.nr_units - 1) * pcpu_area.stride;
	} else {
		pcpu_area.window_stride = pcpu_area.nr_units * pcpu_area.stride;
		most = max(pcpu_vm_share() / pcpu_area.window_stride, 1UL);
	}
	n = max(DIV_ROUND_UP(size, window), 2UL) - 1;
	n = clamp(n, 1UL, most);
	/* Without any gap the first window is the whole area. */
	do {
		pcpu_area.later_windows =
			pcpu_reserve_vm(other_units + n * pcpu_area.window_stride, window);
	} while (!pcpu_area.later_windows && (n /= 2));
	pcpu_area.size = (n + 1) * window;
}

#else /* !CONFIG_MMU */

/* Without an MMU there is one window, and all of it has memory. */
static void __init pcpu_reserve_windows(void)
{
	pcpu_area.size = pcpu_area_window_size();
}

#endif /* CONFIG_MMU */

/*
 * Bytes of a linear first chunk for dynamic objects. Without an MMU no memory
 * can be added after boot: take a share of it, or what percpu_area= asks for.
 */
static unsigned long __init pcpu_linear_dynamic(unsigned long wanted)
{
	unsigned long share = memblock_phys_mem_size() / 64 /
			      pcpu_area.nr_units;

	if (IS_ENABLED(CONFIG_MMU))
		return wanted;
	return max(wanted,
		   pcpu_option_area_size(min(share, PCPU_AREA_MAX_SIZE)));
}

#ifdef CONFIG_NUMA

/*
 * Linear units on the nodes of their CPUs, one stride apart: it leads from the memory of one
 * node into that of the next one, and not out of a node before its last unit. See
 * Documentation/mm/percpu.rst, "Nodes in the chunk-major layout".
 */

/* Places that are tried for the units. */
#define PCPU_NODE_TRIES		256

/*
 * Bound the stride of units of @size bytes that lie on given nodes: @nr runs of CPUs
 * that are neighbours on one node, in ascending order of units. Without an upper bound
 * @max is %ULONG_MAX. Return true if there is a stride; memory that is in use may still
 * prevent it.
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

/*
 * Bound the address of unit 0, for a stride between the bounds of pcpu_node_stride().
 * Return true if there is one.
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

/*
 * Allocate units of @size bytes, unit 0 aligned to @align, with windows of @window bytes
 * and at most @space bytes of vmalloc space for all units. The area is as large as fits
 * the stride, and at least four windows. CPUs that take turns on nodes have no such
 * stride. The page tables of all linear memory exist. Return the address of unit 0, with
 * &pcpu_area.stride set, or NULL: then all units come from one block.
 */
static void * __init pcpu_linear_on_nodes(unsigned long size, unsigned long align,
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

#else /* !CONFIG_NUMA */

static void * __init pcpu_linear_on_nodes(unsigned long size, unsigned long align,
					  unsigned long window, unsigned long space,
					  pcpu_fc_cpu_to_node_fn_t node_of)
{
	return NULL;
}

#endif /* CONFIG_NUMA */

/*
 * Allocate one block of linear memory, a window for each unit. Try a large window
 * first: no object is longer than a window. Reduce @window to what is possible.
 */
static void * __init pcpu_linear_block(unsigned long unit, unsigned long *window,
				       unsigned long align)
{
	void *p = NULL;

	for (; *window >= unit; *window /= 2) {
		pcpu_area.stride = *window + pcpu_skew();
		p = memblock_alloc_try_nid_raw(pcpu_area.nr_units *
					       pcpu_area.stride, align,
					       __pa(MAX_DMA_ADDRESS),
					       MEMBLOCK_ALLOC_ACCESSIBLE,
					       NUMA_NO_NODE);
		if (p)
			break;
	}
	if (p)
		kmemleak_ignore_phys(__pa(p));
	return p;
}

/* Allocate linear memory of all units: on their nodes, or as one block. */
static bool __init pcpu_linear_units(unsigned long populated,
				     unsigned long align,
				     pcpu_fc_cpu_to_node_fn_t node_of)
{
	unsigned long unit = roundup_pow_of_two(max(populated, PCPU_CHUNK_SIZE));
	unsigned long best = pcpu_window_wanted(unit);
	void *p = pcpu_linear_on_nodes(populated, align, best, pcpu_vm_share(),
				       node_of);

	pcpu_area.on_nodes = p;
	if (!p)
		p = pcpu_linear_block(unit, &best, align);
	if (!p)
		return false;
	pcpu_area.base = (unsigned long)p;
	pcpu_area.linear_size = populated;
	pcpu_area.max_object = best;
	pcpu_area.window_shift = ilog2(best);
	return true;
}

/* Initialize a unit, and free what it does not use. */
static void __init pcpu_linear_unit_init(unsigned int unit,
					 unsigned long populated)
{
	void *p = (void *)pcpu_area_unit_addr(unit, 0);

	memset(p, 0, populated);
	if (IS_ENABLED(CONFIG_SMP))
		pcpu_copy_static((unsigned long)p);
	if (!pcpu_area.on_nodes && populated < pcpu_area.stride)
		memblock_free(p + populated, pcpu_area.stride - populated);
}

/*
 * Return true if code of modules reaches percpu data in vmalloc space although
 * the first chunk is linear: on UML, with 32-bit pointers, and where the
 * architecture asks for no reserve, as 64-bit powerpc. On UP modules have no
 * percpu data, and @reserved is always 0.
 */
static bool __init pcpu_modules_reach_all(unsigned long reserved)
{
	if (IS_ENABLED(CONFIG_SMP) && !reserved)
		return true;
	return IS_ENABLED(CONFIG_UML) || !IS_ENABLED(CONFIG_64BIT) ||
	       !IS_ENABLED(CONFIG_MMU);
}

/*
 * Set up the chunk-major layout in memory aligned to @align, with @dynamic bytes
 * for dynamic objects from the start. @reserved: bytes for modules that the
 * architecture asks for, or 0 if the code of modules reaches all of the area.
 * @node_of: the node of a CPU, or %NULL.
 */
static int __init pcpu_first_chunk_linear(unsigned long reserved,
					  unsigned long dynamic,
					  unsigned long align,
					  pcpu_fc_cpu_to_node_fn_t node_of)
{
	unsigned long populated, withheld;
	unsigned int unit;
	bool reach_all;

	pcpu_begin_layout("chunk-major");
	reach_all = pcpu_modules_reach_all(reserved);
	for (;;) {
		withheld = reach_all ? 0 : PFN_ALIGN(pcpu_option_reserve(reserved));
		populated = PFN_ALIGN(pcpu_area.static_size +
				      pcpu_linear_dynamic(dynamic)) + withheld;
		if (pcpu_linear_units(populated, align, node_of))
			break;
		if (!pcpu_options_forget())
			return -ENOMEM;
	}
	/* Not earlier: after a failure the CPU-major layout may be tried. */
	pcpu_area.reserved_size = withheld;
	pcpu_reserve_windows();
	pcpu_area.module_limit = reach_all ? pcpu_area.size :
				 pcpu_module_range_size(pcpu_area_window_size());

	for (unit = 0; unit < pcpu_area.nr_units; unit++)
		pcpu_linear_unit_init(unit, populated);
	pcpu_populate_tables_exist(pcpu_area_window_size());
	pcpu_first_window(populated);
	return 0;
}

#ifdef CONFIG_SMP

/*
 * Return true if the first chunk is to be mapped. It stays linear where a
 * mapping fails: encrypted guests share pages with the host in the linear map
 * only, KMSAN would need metadata of the mapping too early, sparc64 and powerpc
 * access percpu data where only linear memory is mapped, riscv passes __pa() of
 * percpu data to the hypervisor, and its modules reach little more than the
 * kernel image.
 */
static bool __init pcpu_want_mapped(void)
{
	if (!IS_ENABLED(CONFIG_NEED_PER_CPU_PAGE_FIRST_CHUNK) ||
	    !(IS_ENABLED(CONFIG_X86_64) || IS_ENABLED(CONFIG_ARM64)) ||
	    IS_ENABLED(CONFIG_KMSAN))
		return false;
	if (pcpu_chosen_fc != PCPU_FC_AUTO)
		return false;
	return !cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT);
}

/**
 * pcpu_embed_first_chunk - set up the area as suits the machine best
 * @reserved_size: bytes withheld for modules if the first chunk is linear
 * @dyn_size: bytes for objects that are populated from the start
 * @atom_size: alignment of a linear first chunk
 * @cpu_distance_fn: unused, the stride is constant
 * @cpu_to_nd_fn: the node of a CPU, or %NULL
 *
 * The first chunk is mapped, with memory of each CPU's node, if the machine
 * allows it and percpu_alloc= does not choose another one. Otherwise, as with
 * percpu_alloc=embed, it is linear memory: of each CPU's node if one stride
 * leads from node to node, or else one block.
 *
 * Return: 0 or a negative errno.
 */
int __init pcpu_embed_first_chunk(size_t reserved_size, size_t dyn_size,
				  size_t atom_size,
				  pcpu_fc_cpu_distance_fn_t cpu_distance_fn,
				  pcpu_fc_cpu_to_node_fn_t cpu_to_nd_fn)
{
	dyn_size = max_t(size_t, dyn_size, PERCPU_DYNAMIC_EARLY_SIZE);
	if (pcpu_want_mapped() && !pcpu_first_chunk_mapped(true, 0, cpu_to_nd_fn))
		return 0;
	return pcpu_first_chunk_linear(reserved_size, dyn_size, atom_size,
				       cpu_to_nd_fn);
}

#ifdef CONFIG_NEED_PER_CPU_PAGE_FIRST_CHUNK
/**
 * pcpu_page_first_chunk - set up the area with a first chunk mapped by pages
 * @reserved_size: bytes withheld for modules if the first chunk is linear
 * @cpu_to_nd_fn: the node of a CPU, or %NULL
 *
 * The first chunk is linear if vmalloc space is too small, on 32-bit also if the area
 * would be smaller than the chunk-major layout has it: that takes a larger share.
 *
 * Return: 0 or a negative errno.
 */
int __init pcpu_page_first_chunk(size_t reserved_size,
				 pcpu_fc_cpu_to_node_fn_t cpu_to_nd_fn)
{
	unsigned long least = IS_ENABLED(CONFIG_64BIT) ? 0 : pcpu_option_area_size(SZ_8M);
	int ret = pcpu_first_chunk_mapped(false, least, cpu_to_nd_fn);

	if (ret != -ENOSPC)
		return ret;

	pr_info("vmalloc space too small for a mapped first chunk, using linear memory\n");
	ret = pcpu_first_chunk_linear(reserved_size, PERCPU_DYNAMIC_RESERVE,
				      PAGE_SIZE, cpu_to_nd_fn);
	/* Better a small area than none. */
	return ret && least ? pcpu_first_chunk_mapped(false, 0, cpu_to_nd_fn) : ret;
}
#endif

#ifndef CONFIG_HAVE_SETUP_PER_CPU_AREA
unsigned long __per_cpu_offset[NR_CPUS] __read_mostly;
EXPORT_SYMBOL(__per_cpu_offset);

/* The default of architectures without percpu code: no NUMA. */
void __init setup_per_cpu_areas(void)
{
	unsigned int cpu;

	if (pcpu_embed_first_chunk(PERCPU_MODULE_RESERVE,
				   PERCPU_DYNAMIC_RESERVE, PAGE_SIZE, NULL,
				   NULL))
		panic("percpu: no memory for the first chunk");

	for_each_possible_cpu(cpu)
		__per_cpu_offset[cpu] = pcpu_area.base + pcpu_unit_offsets[cpu] -
					(unsigned long)__per_cpu_start;
}
#endif

#else /* !CONFIG_SMP */

/* On UP static percpu variables are ordinary data: the unit has none. */
void __init setup_per_cpu_areas(void)
{
	if (pcpu_first_chunk_linear(0, PERCPU_DYNAMIC_RESERVE, PAGE_SIZE, NULL))
		panic("percpu: no memory for the first chunk");
}

#endif /* CONFIG_SMP */
