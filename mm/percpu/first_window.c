// SPDX-License-Identifier: GPL-2.0-only
/*
 * first_window: what both layouts build on: boot parameters, address space and the
 * metadata of the first window.
 *
 * A layout gives memory to the beginning of each unit: static data, then memory for
 * objects that are allocated before the page allocator is up.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <linux/align.h>
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/memblock.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pgtable.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "../internal.h"
#include "cache.h"
#include "chunk.h"
#include "first_window.h"
#include "layout.h"

/* percpu_alloc=, percpu_area= and percpu_reserve= of the kernel command line. */

const char * const pcpu_fc_names[PCPU_FC_NR] __initconst = {
	[PCPU_FC_AUTO] = "auto",
	[PCPU_FC_EMBED] = "embed",
	[PCPU_FC_PAGE] = "page",
};

enum pcpu_fc pcpu_chosen_fc __initdata = PCPU_FC_AUTO;

/* percpu_alloc=large: for architectures it is auto. */
bool pcpu_option_large __initdata;

/* percpu_area=, bytes of offset space; 0 if not given. */
static unsigned long pcpu_area_bytes __initdata;

/* percpu_reserve=, bytes of each unit withheld for modules; -1 if not given. */
static long pcpu_reserve_bytes __initdata = -1;

/*
 * Return true, after a warning, if the area is set up already: some
 * architectures parse the command line later.
 */
static bool __init pcpu_option_is_late(const char *name)
{
	if (pcpu_area.size)
		pr_warn("%s= ignored: parsed too late on this architecture\n",
			name);
	return pcpu_area.size;
}

static int __init pcpu_alloc_setup(char *str)
{
	int fc;

	if (!str)
		return -EINVAL;
	if (pcpu_option_is_late("percpu_alloc"))
		return 0;
	pcpu_option_large = !strcmp(str, "large");
	fc = match_string(pcpu_fc_names, PCPU_FC_NR, pcpu_option_large ? "auto" : str);
	if (fc < 0)
		pr_warn("percpu_alloc=%s: must be auto, embed, large or page\n",
			str);
	else
		pcpu_chosen_fc = fc;
	return 0;
}
early_param("percpu_alloc", pcpu_alloc_setup);

/* The bytes that @str gives, or -1 after a warning. */
static long __init pcpu_parse_size(const char *name, const char *str)
{
	char *end;
	u64 size = memparse(str, &end);

	if (pcpu_option_is_late(name))
		return -1;
	if (end != str && !*end && size <= LONG_MAX)
		return size;
	pr_warn("%s=%s: invalid size\n", name, str);
	return -1;
}

static int __init pcpu_area_setup(char *str)
{
	if (!str)
		return -EINVAL;
	pcpu_area_bytes = max(pcpu_parse_size("percpu_area", str), 0L);
	return 0;
}
early_param("percpu_area", pcpu_area_setup);

static int __init pcpu_reserve_setup(char *str)
{
	if (!str)
		return -EINVAL;
	pcpu_reserve_bytes = pcpu_parse_size("percpu_reserve", str);
	return 0;
}
early_param("percpu_reserve", pcpu_reserve_setup);

/*
 * The bytes of offset space that percpu_area= asks for, within bounds, or @choice
 * without the option.
 */
unsigned long __init pcpu_option_area_size(unsigned long choice)
{
	if (!pcpu_area_bytes)
		return choice;
	return clamp(pcpu_area_bytes, 4 * PCPU_CHUNK_SIZE, PCPU_AREA_MAX_SIZE);
}

/*
 * The bytes of the reserve for modules that percpu_reserve= asks for, within bounds, or
 * @choice without the option. Modules reach %PCPU_AREA_MAX_SIZE bytes: half of them are
 * left to static data.
 */
unsigned long __init pcpu_option_reserve(unsigned long choice)
{
	if (pcpu_reserve_bytes < 0)
		return choice;
	return min_t(unsigned long, pcpu_reserve_bytes, PCPU_AREA_MAX_SIZE / 2);
}

/* Drop the sizes of the command line, with a warning. Return true if there was one. */
bool __init pcpu_options_forget(void)
{
	if (!pcpu_area_bytes && pcpu_reserve_bytes < 0)
		return false;
	pr_warn("percpu_area= and percpu_reserve= ignored: no memory for the first chunk\n");
	pcpu_area_bytes = 0;
	pcpu_reserve_bytes = -1;
	return true;
}

/* What both layouts build on. */

void *pcpu_base_addr __ro_after_init;

/* A pointer and not an array: entry code of some architectures loads it. */
const unsigned long *pcpu_unit_offsets __ro_after_init;

/* For the boot log: bytes of metadata, page tables and vmalloc space. */
static unsigned long pcpu_early_metadata __initdata;
unsigned long pcpu_early_tables __initdata;
static unsigned long pcpu_early_vm __initdata;

/* Copy the initial values of static variables to the unit at @addr. */
void __init pcpu_copy_static(unsigned long addr)
{
	memcpy((void *)addr, __per_cpu_start, __per_cpu_end - __per_cpu_start);
}

/*
 * Set what both layouts have. @name: name of the layout in messages. On UP, static data
 * is not part of the area.
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
	return GENMASK_ULL(PFN_UP(bytes) - 1, 0);
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
			     pcpu_area.linear_size ? PCPU_ALL_PAGES & ~pages : 0);
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
	if (pcpu_area_bytes > pcpu_area.size)
		pr_warn("percpu_area= limited to %lu KB, %lu KB requested\n",
			pcpu_area.size >> 10, pcpu_area_bytes >> 10);
}

/*
 * Create the metadata of the first window. @populated bytes of each unit have memory:
 * static data first, the reserve for modules last.
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

/*
 * The bytes that keep the stride from being a power of two: else the copies of an object
 * share a set of the TLB and, on sparc64, a slot of the kernel's TSB. They are one page
 * of the size that maps the first window. With KASAN they are 0, or two units would
 * share a page of shadow.
 */
unsigned long __init pcpu_skew(void)
{
	if (pcpu_area.huge)
		return PMD_SIZE;
	return IS_ENABLED(CONFIG_KASAN_VMALLOC) ? 0 : PAGE_SIZE;
}

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

/*
 * Find a gap of @size bytes between @start and @end and between the areas of @vm, a list
 * in ascending order of addresses, or %NULL; these may lie below @start and above @end.
 * @lowest: take the lowest address that fits, not the highest. Return the address, a
 * multiple of @align, a power of two, or 0 if no gap is large enough.
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
 * Reserve @size bytes of the vmalloc range. Return the address, a multiple of @align, a
 * power of two, or 0 if no gap between early areas is large enough.
 *
 * Take the lowest gap if the end of the range moves, else the highest: parisc sets
 * VMALLOC_START in mem_init(), which is later, and arm64 places modules near the
 * kernel's image, at the start of the range.
 *
 * On 32-bit ARM the early areas are static mappings of registers, the PCI I/O window and
 * the UART of earlyprintk, on arm64 the kernel's image, both made by paging_init(); on
 * alpha the console callbacks, on Xen the p2m table. All of them are made in
 * setup_arch(). No caller of vm_area_add_early() or vm_area_register_early() runs
 * between setup_per_cpu_areas() and vmalloc_init(), and neither may be called later.
 */
unsigned long __init pcpu_reserve_vm(unsigned long size, unsigned long align)
{
	/*
	 * On 32-bit powerpc and microblaze VMALLOC_END is ioremap_bot, which moves down with
	 * each ioremap() until slab is available.
	 */
	bool end_moves = IS_ENABLED(CONFIG_PPC32) || IS_ENABLED(CONFIG_MICROBLAZE);
	/* vm_struct::size includes a guard page. */
	unsigned long guarded = size + PAGE_SIZE;
	unsigned long addr = pcpu_early_gap(vm_area_early_list(), VMALLOC_START,
					    VMALLOC_END, guarded, align, end_moves);
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
