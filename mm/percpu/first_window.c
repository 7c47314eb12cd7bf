// SPDX-License-Identifier: GPL-2.0-only
/*
 * first_window: the metadata of the first window, and what both layouts build on.
 *
 * A layout gives memory to the beginning of each unit: static data, then memory for
 * objects that are allocated before the page allocator is up.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <linux/cpumask.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "cache.h"
#include "chunk.h"
#include "depot.h"
#include "first_chunk.h"
#include "layout.h"

void *pcpu_base_addr __ro_after_init;

/* A pointer and not an array: entry code of some architectures loads it. */
const unsigned long *pcpu_unit_offsets __ro_after_init;

/* For the boot log: bytes of metadata, page tables and vmalloc space. */
static unsigned long pcpu_early_metadata __initdata;
unsigned long pcpu_early_tables __initdata;
static unsigned long pcpu_early_vm __initdata;

/**
 * pcpu_copy_static - copy the initial values of static variables to a unit
 * @addr: address of the unit
 *
 * Context: boot.
 */
void __init pcpu_copy_static(unsigned long addr)
{
	memcpy((void *)addr, __per_cpu_start, __per_cpu_end - __per_cpu_start);
}

/**
 * pcpu_begin_layout - set what both layouts have
 * @name: name of the layout in messages
 *
 * On UP, static data is not part of the area.
 *
 * Context: boot.
 */
void __init pcpu_begin_layout(const char *name)
{
	pcpu_area.name = name;
	pcpu_area.nr_units = 1;
	if (!IS_ENABLED(CONFIG_SMP))
		return;
	pcpu_area.nr_units = num_possible_cpus();
	pcpu_area.static_size = ALIGN(__per_cpu_end - __per_cpu_start,
				      PCPU_GRANULE);
}

static void * __init pcpu_early_alloc(size_t size)
{
	void *p = memblock_alloc(size, SMP_CACHE_BYTES);

	if (!p)
		panic("percpu: no memory for %zu bytes of metadata", size);
	pcpu_early_metadata += size;
	return p;
}

/* Set what architecture code reads. */
static void __init pcpu_publish_layout(void)
{
	unsigned long *offsets;
	unsigned int cpu, unit = 0;
	u16 *cpus;

	static_assert(NR_CPUS <= U16_MAX);
	pcpu_area.span = pcpu_area.nr_units * pcpu_area.stride;
	offsets = pcpu_early_alloc(nr_cpu_ids * sizeof(*offsets));
	cpus = pcpu_early_alloc(pcpu_area.nr_units * sizeof(*cpus));
	for_each_possible_cpu(cpu) {
		cpus[unit] = cpu;
		offsets[cpu] = unit++ * pcpu_area.stride;
	}
	pcpu_area.unit_cpus = cpus;
	pcpu_nr_units = pcpu_area.nr_units;
	pcpu_unit_offsets = offsets;
	pcpu_base_addr = (void *)pcpu_area.base;
}

/* The pages of chunk @nr, counted from the first one, in its first @bytes. */
static u64 __init pcpu_pages_below(unsigned int nr, unsigned long bytes)
{
	unsigned long off = (unsigned long)nr << PCPU_CHUNK_SHIFT;

	if (bytes <= off)
		return 0;
	bytes = min(bytes - off, PCPU_CHUNK_SIZE);
	return pcpu_page_mask(0, PFN_UP(bytes) - 1);
}

/* Granules of static data in @chunk. */
static unsigned int __init pcpu_static_granules(const struct pcpu_chunk *chunk)
{
	unsigned long off = pcpu_chunk_off(chunk) - pcpu_area.first;

	if (off >= pcpu_area.static_size)
		return 0;
	return min(pcpu_area.static_size - off, PCPU_CHUNK_SIZE) >>
	       PCPU_GRANULE_SHIFT;
}

/* Create chunk @nr, counted from the first one, of which @populated bytes are. */
static void __init pcpu_first_chunk(unsigned int nr, unsigned long populated)
{
	u64 pages = pcpu_pages_below(nr, populated);
	struct pcpu_chunk *chunk = pcpu_early_alloc(sizeof(*chunk));

	pcpu_chunk_init(chunk, (pcpu_area.first >> PCPU_CHUNK_SHIFT) + nr,
			pcpu_early_alloc(PCPU_OBJMAP_SIZE));
	chunk->pinned = pages;
	/* The reserve for modules is the last populated pages. */
	chunk->reserved = pages &
			  ~pcpu_pages_below(nr, populated -
						pcpu_area.reserved_size);

	/* Linear memory behind the populated part was freed to memblock. */
	pcpu_chunk_add_first(chunk, pcpu_static_granules(chunk),
			     pcpu_area.linear_size ? ~pages : 0);
}

/* Tests search boot logs for these lines. */
static void __init pcpu_print_layout(unsigned long populated)
{
	pr_info("%s layout: %u units, stride %lu KB, area %lu MB, chunk %lu KB\n",
		pcpu_area.name, pcpu_area.nr_units, pcpu_area.stride >> 10,
		pcpu_area.size >> 20, PCPU_CHUNK_SIZE >> 10);
	pr_info("first chunk by %s: static %lu, populated %lu, reserved %lu bytes per unit\n",
		pcpu_area.linear_size ? "linear memory" :
		pcpu_area.huge ? "large pages" : "pages",
		pcpu_area.static_size, populated, pcpu_area.reserved_size);
	if (pcpu_area.on_nodes)
		pr_info("each unit is on the node of its CPU\n");
	if (pcpu_area.first)
		pr_info("objects begin at %lu KB, beyond the kernel image\n",
			pcpu_area.first >> 10);
	pr_info("%lu KB of vmalloc space reserved; %lu KB of metadata and %lu KB of page tables at boot\n",
		pcpu_early_vm >> 10, pcpu_early_metadata >> 10,
		pcpu_early_tables >> 10);
	pcpu_option_report_area();
}

/**
 * pcpu_first_window - create the metadata of the first window
 * @populated: bytes of each unit that have memory: static data first, the reserve for
 *	modules last
 *
 * Context: boot.
 */
void __init pcpu_first_window(unsigned long populated)
{
	unsigned int nr_chunks = pcpu_area_nr_chunks();
	unsigned int nr, n = DIV_ROUND_UP(populated, PCPU_CHUNK_SIZE);

	pcpu_publish_layout();
	pcpu_chunk_table_init(pcpu_early_alloc(nr_chunks *
					       sizeof(struct pcpu_chunk *)),
			      pcpu_early_alloc(BITS_TO_LONGS(nr_chunks) *
					       sizeof(long)),
			      pcpu_early_alloc(sizeof(struct pcpu_slots)));
	pcpu_caches_init(pcpu_early_alloc(pcpu_area.nr_units *
					  sizeof(struct pcpu_cache *)),
			 pcpu_early_alloc(pcpu_cache_size()));
	pcpu_depot_init(pcpu_early_alloc(sizeof(struct pcpu_depot)));
	pcpu_chunk_reserve_nrs(0, pcpu_area.first >> PCPU_CHUNK_SHIFT);
	for (nr = 0; nr < n; nr++)
		pcpu_first_chunk(nr, populated);
	if (pcpu_area.linear_size)
		pcpu_chunk_reserve_nrs(n, (pcpu_area_window_size() >>
					   PCPU_CHUNK_SHIFT) - n);
	pcpu_print_layout(populated);
}

#ifdef CONFIG_MMU

/**
 * pcpu_skew - bytes that keep the stride from being a power of two
 *
 * Else the copies of an object share a set of the TLB and, on sparc64, a slot of the
 * kernel's TSB. It is one page of the size that maps the first window. With KASAN it
 * is 0, or two units would share a page of shadow.
 *
 * Context: boot.
 * Return: the bytes.
 */
unsigned long __init pcpu_skew(void)
{
	if (pcpu_area.huge)
		return PMD_SIZE;
	return IS_ENABLED(CONFIG_KASAN_VMALLOC) ? 0 : PAGE_SIZE;
}

/**
 * pcpu_reserve_vm - reserve a part of the vmalloc range
 * @size: bytes
 * @align: a power of two
 *
 * Context: boot.
 * Return: the address, a multiple of @align, or 0 if no gap between early areas is
 * large enough.
 */
unsigned long __init pcpu_reserve_vm(unsigned long size, unsigned long align)
{
	/* vm_struct::size includes a guard page. */
	unsigned long guarded = size + PAGE_SIZE;
	unsigned long addr = pcpu_early_vm_gap(guarded, align);
	struct vm_struct *vm;

	if (!addr)
		return 0;
	vm = pcpu_early_alloc(sizeof(*vm));
	vm->flags = VM_ALLOC;
	vm->size = guarded;
	vm->addr = (void *)addr;
	vm->caller = __builtin_return_address(0);
	vm_area_add_early(vm);
	pcpu_early_vm = size;
	return addr;
}

#else /* !CONFIG_MMU */

unsigned long __init pcpu_skew(void)
{
	return 0;
}

#endif /* CONFIG_MMU */
