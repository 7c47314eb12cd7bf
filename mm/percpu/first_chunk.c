// SPDX-License-Identifier: GPL-2.0-only
/*
 * first_chunk: builders of the first window.
 *
 * Both end in pcpu_first_window(), which describes what was built: static
 * data, then populated room for the dynamic objects that slab and others need
 * before there is a page allocator.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <linux/cacheflush.h>
#include <linux/cpumask.h>
#include <linux/kasan.h>
#include <linux/kmemleak.h>
#include <linux/log2.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/pgalloc.h>
#include <linux/pgtable.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <asm/dma.h>

#include "arena.h"
#include "depot.h"
#include "first_chunk.h"
#include "populate.h"
#include "reach.h"
#include "shadow.h"

void *pcpu_base_addr __ro_after_init;
EXPORT_SYMBOL_GPL(pcpu_base_addr);

/* By CPU; a pointer, because entry code loads it. */
const unsigned long *pcpu_unit_offsets __ro_after_init;

/*
 * For the boot log: bytes of metadata and of page tables that boot made, and of
 * vmalloc space that it reserved.
 */
static unsigned long pcpu_early_metadata __initdata;
static unsigned long pcpu_early_tables __initdata;
static unsigned long pcpu_early_vm __initdata;

static unsigned long __init pcpu_static_size(void)
{
	if (!IS_ENABLED(CONFIG_SMP))
		return 0;
	return ALIGN((unsigned long)(__per_cpu_end - __per_cpu_start),
		     PCPU_GRANULE);
}

/* Give a unit the values that static variables begin with. */
static void __init pcpu_copy_static(unsigned long addr)
{
	memcpy((void *)addr, __per_cpu_start, __per_cpu_end - __per_cpu_start);
}

/* Units in address space: the unit of a CPU is its number. */
static void __init pcpu_count_units(void)
{
	pcpu_area.nr_units = IS_ENABLED(CONFIG_SMP) ? nr_cpu_ids : 1;
	pcpu_area.sparse = num_possible_cpus() < pcpu_area.nr_units;
}

static void * __init pcpu_early_alloc(size_t size)
{
	void *p = memblock_alloc(size, SMP_CACHE_BYTES);

	if (!p)
		panic("percpu: no memory for %zu bytes of metadata", size);
	pcpu_early_metadata += size;
	return p;
}

/* Publish the layout to architecture code. */
static void __init pcpu_publish_layout(void)
{
	unsigned long *offsets;
	unsigned int unit;

	pcpu_area.span = pcpu_area.nr_units * pcpu_area.stride;
	offsets = pcpu_early_alloc(pcpu_area.nr_units * sizeof(*offsets));
	for (unit = 0; unit < pcpu_area.nr_units; unit++)
		offsets[unit] = unit * pcpu_area.stride;
	pcpu_unit_offsets = offsets;
	pcpu_base_addr = (void *)pcpu_area.base;
}

/* What of a chunk's pages lies below @bytes. */
static u64 __init pcpu_pages_below(unsigned int nr, unsigned long bytes)
{
	unsigned long off = (unsigned long)nr << PCPU_CHUNK_SHIFT;

	if (bytes <= off)
		return 0;
	bytes = min(bytes - off, PCPU_CHUNK_SIZE);
	return pcpu_page_mask(0, PFN_UP(bytes) - 1);
}

/* Take the granules of static data out of @chunk. They carry no mark. */
static void __init pcpu_take_static(struct pcpu_chunk *chunk)
{
	unsigned long off = pcpu_chunk_off(chunk);

	if (off >= pcpu_area.static_size)
		return;
	pcpu_chunk_take(chunk, 0, min(pcpu_area.static_size - off,
				      PCPU_CHUNK_SIZE) >> PCPU_GRANULE_SHIFT);
}

/* Pages at the end of the populated part, for modules only. */
static u64 __init pcpu_reserved_pages(unsigned int nr, unsigned long populated)
{
	return pcpu_pages_below(nr, populated) &
	       ~pcpu_pages_below(nr, populated - pcpu_area.reserved_size);
}

/* Create chunk @nr of the first window, populated below @populated. */
static void __init pcpu_first_chunk(unsigned int nr, unsigned long populated)
{
	u64 pages = pcpu_pages_below(nr, populated);
	struct pcpu_chunk *chunk = pcpu_early_alloc(sizeof(*chunk));
	unsigned long flags;

	pcpu_chunk_init(chunk, nr, pcpu_early_alloc(PCPU_MARKS_SIZE));
	chunk->populated = pages;
	chunk->pinned = pages;
	chunk->reserved = pcpu_reserved_pages(nr, populated);
	bitmap_from_arr64(chunk->odd, &chunk->reserved, PCPU_CHUNK_PAGES);

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_chunk_publish(chunk);
	pcpu_take_static(chunk);
	/* Linear memory beyond what was kept belongs to others by now. */
	if (pcpu_area.linear_size && ~pages)
		pcpu_chunk_withhold(chunk, ~pages);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}

/*
 * Describe the first window: @populated bytes of each unit are there, static
 * data in front, the modules' reserve at the end.
 */
static void __init pcpu_first_window(unsigned long populated)
{
	unsigned int nr_chunks = pcpu_area_nr_chunks();
	unsigned int nr, n = DIV_ROUND_UP(populated, PCPU_CHUNK_SIZE);
	unsigned int arenas = pcpu_arenas_wanted();

	pcpu_publish_layout();
	pcpu_chunk_table_init(pcpu_early_alloc(nr_chunks * sizeof(struct pcpu_chunk *)),
			      pcpu_early_alloc(BITS_TO_LONGS(nr_chunks) *
					       sizeof(long)),
			      pcpu_early_alloc(sizeof(struct pcpu_shelves)));
	pcpu_arenas_init(pcpu_early_alloc(arenas * sizeof(struct pcpu_arena)),
			 arenas,
			 pcpu_early_alloc(arenas * pcpu_arena_nr_slots() *
					  sizeof(u32)));
	pcpu_depot_init(pcpu_early_alloc(sizeof(struct pcpu_depot)));
	for (nr = 0; nr < n; nr++)
		pcpu_first_chunk(nr, populated);
	if (pcpu_area.linear_size)
		pcpu_chunk_forbid(n, (pcpu_area_window_size() >>
				      PCPU_CHUNK_SHIFT) - n);
}

#ifdef CONFIG_MMU

/*
 * Units a power of two apart would share the sets of a TLB, or the slots of the
 * one TSB that all CPUs of a sparc64 have for the kernel; a page more (a large
 * page, if mapped by those) spreads them. KASAN makes shadow by whole pages,
 * which then must not be shared by units.
 */
static unsigned long __init pcpu_skew(void)
{
	if (pcpu_area.huge)
		return PMD_SIZE;
	return IS_ENABLED(CONFIG_KASAN_VMALLOC) ? 0 : PAGE_SIZE;
}

/* Reserve @size bytes at the top of the vmalloc range. */
static unsigned long __init pcpu_reserve_vm(unsigned long size,
					    unsigned long align)
{
	struct vm_struct *vm = pcpu_early_alloc(sizeof(*vm));

	vm->flags = VM_ALLOC;
	vm->size = size;
	vm->addr = (void *)ALIGN_DOWN(VMALLOC_END - size - PAGE_SIZE, align);
	vm->caller = __builtin_return_address(0);
	vm_area_add_early(vm);
	pcpu_early_vm = size;
	return (unsigned long)vm->addr;
}

/*
 * How much of the vmalloc range later windows may take. Where it is narrow it
 * is a larger part, as percpu memory needs no less; who asks by percpu_area=
 * gets up to half.
 */
static unsigned long __init pcpu_vm_share(void)
{
	if (pcpu_boot_area_size(0))
		return VMALLOC_TOTAL / 2;
	return VMALLOC_TOTAL / (IS_ENABLED(CONFIG_64BIT) ? 8 : 4);
}

/* Bytes of a window, at least @unit: so that some windows fit the share. */
static unsigned long __init pcpu_window_wanted(unsigned long unit)
{
	unsigned long window = IS_ENABLED(CONFIG_64BIT) ? SZ_2M : SZ_1M;

	while (window > unit &&
	       pcpu_vm_share() / 2 / window < pcpu_area.nr_units)
		window /= 2;
	return max(window, unit);
}

/*
 * Reserve address space for the later windows. On 32 bit one CPU would get the
 * whole share: a unit has 8 MB at most there, unless percpu_area= asks for more.
 */
static void __init pcpu_reserve_windows(void)
{
	unsigned long window = pcpu_area_window_size(), size, n;

	size = pcpu_boot_area_size(IS_ENABLED(CONFIG_64BIT) ?
				   PCPU_AREA_MAX_SIZE : SZ_8M);
	pcpu_area.pitch = pcpu_area.nr_units * pcpu_area.stride;
	n = max(DIV_ROUND_UP(size, window), 2UL) - 1;
	n = clamp(n, 1UL, max(pcpu_vm_share() / pcpu_area.pitch, 1UL));
	pcpu_area.size = (n + 1) * window;
	pcpu_area.rest = pcpu_reserve_vm(n * pcpu_area.pitch, window);
}

/* Bytes for dynamic objects to have populated from the start. */
static unsigned long __init pcpu_linear_dynamic(unsigned long wanted)
{
	return wanted;
}

#else /* !CONFIG_MMU */

static unsigned long __init pcpu_skew(void)
{
	return 0;
}

static unsigned long __init pcpu_window_wanted(unsigned long unit)
{
	return unit;
}

/* There is one window, and all of it is there from the start. */
static void __init pcpu_reserve_windows(void)
{
	pcpu_area.size = pcpu_area_window_size();
}

/*
 * Without an MMU nothing can be put behind an offset later: a share of the
 * memory, or what percpu_area= says.
 */
static unsigned long __init pcpu_linear_dynamic(unsigned long wanted)
{
	unsigned long share = memblock_phys_mem_size() / 64 /
			      pcpu_area.nr_units;

	return max(wanted, pcpu_boot_area_size(min(share,
						   PCPU_AREA_MAX_SIZE)));
}

#endif /* CONFIG_MMU */

/* The lines that boot logs are searched for. */
static void __init pcpu_print_layout(unsigned long populated)
{
	pr_info("%s layout: %u units, stride %lu KB, area %lu MB, chunk %lu KB\n",
		pcpu_area.name, pcpu_area.nr_units, pcpu_area.stride >> 10,
		pcpu_area.size >> 20, PCPU_CHUNK_SIZE >> 10);
	pr_info("first chunk by %s: static %lu, populated %lu, reserved %lu bytes per unit\n",
		pcpu_area.linear_size ? "linear memory" :
		pcpu_area.huge ? "large pages" : "pages",
		pcpu_area.static_size, populated, pcpu_area.reserved_size);
	pr_info("%lu KB of vmalloc space reserved; %lu KB of metadata and %lu KB of page tables at boot\n",
		pcpu_early_vm >> 10, pcpu_early_metadata >> 10,
		pcpu_early_tables >> 10);
	pcpu_boot_report_area();
}

#ifdef CONFIG_NEED_PER_CPU_PAGE_FIRST_CHUNK

/* One table of the kernel's; all architectures' kernel tables fit a page. */
static void * __init pcpu_early_table(void)
{
	void *table = memblock_alloc(PAGE_SIZE, PAGE_SIZE);

	if (!table)
		panic("percpu: no memory for page tables");
	return table;
}

/**
 * pcpu_populate_pte - see that an address has page tables
 * @addr: kernel virtual address
 *
 * Architectures whose tables need more than that have their own.
 */
void __init __weak pcpu_populate_pte(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_k(addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd))
		pgd_populate(&init_mm, pgd, pcpu_early_table());
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		p4d_populate(&init_mm, p4d, pcpu_early_table());
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud))
		pud_populate(&init_mm, pud, pcpu_early_table());
	pmd = pmd_offset(pud, addr);
	if (pmd_none(*pmd))
		pmd_populate_kernel(&init_mm, pmd, pcpu_early_table());
}

/* Architectures may have their own: memblock knows what that one takes, too. */
static void __init pcpu_early_populate(unsigned long addr)
{
	phys_addr_t before = memblock_reserved_size();

	pcpu_populate_pte(addr);
	pcpu_early_tables += memblock_reserved_size() - before;
}

static void * __init pcpu_early_unit_pages(size_t size, unsigned int cpu,
					   pcpu_fc_cpu_to_node_fn_t to_node)
{
	int node = to_node ? to_node(cpu) : NUMA_NO_NODE;
	void *p;

	p = memblock_alloc_try_nid(size, size, __pa(MAX_DMA_ADDRESS),
				   MEMBLOCK_ALLOC_ACCESSIBLE, node);
	/* kmemleak knows percpu data by unit */
	if (p)
		kmemleak_ignore_phys(__pa(p));
	return p;
}

/* Map the pages of one unit, one by one. */
static bool __init pcpu_map_unit_pages(unsigned int cpu, unsigned long size,
				       pcpu_fc_cpu_to_node_fn_t to_node)
{
	unsigned long addr = pcpu_area_unit_addr(cpu, 0), end = addr + size;
	void *p;

	for (; addr < end; addr += PAGE_SIZE) {
		p = pcpu_early_unit_pages(PAGE_SIZE, cpu, to_node);
		if (!p)
			return false;
		pcpu_early_populate(addr);
		set_pte_at(&init_mm, addr, virt_to_kpte(addr),
			   pfn_pte(PFN_DOWN(__pa(p)), PAGE_KERNEL));
	}
	return true;
}

#ifdef CONFIG_HAVE_ARCH_HUGE_VMAP
/* Map one unit by a single large entry. */
static bool __init pcpu_map_unit_huge(unsigned int cpu,
				      pcpu_fc_cpu_to_node_fn_t to_node)
{
	unsigned long addr = pcpu_area_unit_addr(cpu, 0);
	void *p = pcpu_early_unit_pages(PMD_SIZE, cpu, to_node);

	if (!p)
		return false;
	/* Tables down to the middle level come with the neighbour's. */
	pcpu_early_populate(addr ^ PMD_SIZE);
	if (pmd_set_huge(pmd_off_k(addr), __pa(p), PAGE_KERNEL))
		return true;
	memblock_free(p, PMD_SIZE);
	return false;
}

/*
 * Large entries save TLB misses but cost up to a large page for each CPU:
 * where memory is plentiful.
 */
static bool __init pcpu_huge_pays(unsigned long populated)
{
	return arch_vmap_pmd_supported(PAGE_KERNEL) && populated <= PMD_SIZE &&
	       num_possible_cpus() * PMD_SIZE <=
	       memblock_phys_mem_size() / 128;
}
#else
static bool __init pcpu_map_unit_huge(unsigned int cpu,
				      pcpu_fc_cpu_to_node_fn_t to_node)
{
	return false;
}

static bool __init pcpu_huge_pays(unsigned long populated)
{
	return false;
}
#endif

/*
 * Map all units and copy static data. What a large entry cannot map, pages do.
 * The rest of the last chunk gets tables and shadow as well.
 */
static bool __init pcpu_map_units(unsigned long populated,
				  pcpu_fc_cpu_to_node_fn_t to_node)
{
	unsigned long tables = round_up(populated, PCPU_CHUNK_SIZE);
	unsigned int cpu;

	for_each_pcpu_unit(cpu) {
		unsigned long addr = pcpu_area_unit_addr(cpu, 0);

		if (!(pcpu_area.huge && pcpu_map_unit_huge(cpu, to_node)) &&
		    !pcpu_map_unit_pages(cpu, populated, to_node))
			return false;
		if (tables > populated)
			pcpu_early_populate(addr + tables - PAGE_SIZE);
		flush_cache_vmap_early(addr, addr + populated);
		kasan_populate_early_vm_area_shadow((void *)addr, tables);
		pcpu_copy_static(addr);
	}
	pcpu_shadow_take(pcpu_area.static_size, tables - pcpu_area.static_size);
	pcpu_populate_tables_exist(tables);
	return true;
}

/**
 * pcpu_first_chunk_mapped - set up the CPU-major layout
 * @huge: by large entries if that pays
 * @to_node: the node of a CPU, or %NULL
 *
 * Return: 0 or a negative error, with nothing set up.
 */
int __init pcpu_first_chunk_mapped(bool huge, pcpu_fc_cpu_to_node_fn_t to_node)
{
	unsigned long populated, size, fair;

	pcpu_area.name = "CPU-major";
	pcpu_count_units();
	pcpu_area.static_size = pcpu_static_size();
	populated = PFN_ALIGN(pcpu_area.static_size +
			      PERCPU_DYNAMIC_EARLY_SIZE);

	/* A power of two: what is asked for, or what there is for each. */
	fair = rounddown_pow_of_two(VMALLOC_TOTAL / 16 / pcpu_area.nr_units);
	size = roundup_pow_of_two(pcpu_boot_area_size(PCPU_AREA_MAX_SIZE));
	size = min(size, fair);
	if (size < 2 * populated || size < 4 * PCPU_CHUNK_SIZE)
		return -ENOSPC;

	pcpu_area.huge = huge && size >= 2 * PMD_SIZE &&
			 pcpu_huge_pays(populated);
	if (pcpu_area.huge)
		populated = PMD_SIZE;
	pcpu_area.size = size;
	pcpu_area.max_object = size;
	pcpu_area.module_limit = pcpu_reach_of_modules(size);
	pcpu_area.window_shift = ilog2(size);
	pcpu_area.stride = size + pcpu_skew();
	pcpu_area.base = pcpu_reserve_vm(pcpu_area.nr_units * pcpu_area.stride,
					 size);

	if (!pcpu_map_units(populated, to_node))
		panic("percpu: no memory for the first chunk");
	pcpu_first_window(populated);
	pcpu_print_layout(populated);
	return 0;
}

#endif /* CONFIG_NEED_PER_CPU_PAGE_FIRST_CHUNK */

/* Give what @unit does not need back to memblock; all of it for no CPU. */
static void __init pcpu_trim_unit(unsigned int unit, unsigned long populated)
{
	void *p = (void *)pcpu_area_unit_addr(unit, 0);

	if (!cpu_possible(unit))
		populated = 0;
	if (populated < pcpu_area.stride)
		memblock_free(p + populated, pcpu_area.stride - populated);
}

/*
 * Linear memory for all units, a window each: the larger, the larger the
 * objects that later windows can hold.
 */
static bool __init pcpu_linear_units(unsigned long populated,
				     unsigned long align)
{
	unsigned long unit = roundup_pow_of_two(max(populated, PCPU_CHUNK_SIZE));
	unsigned long best = pcpu_window_wanted(unit);
	void *p = NULL;

	for (; best >= unit; best /= 2) {
		pcpu_area.stride = best + pcpu_skew();
		p = memblock_alloc_try_nid_raw(pcpu_area.nr_units *
					       pcpu_area.stride, align,
					       __pa(MAX_DMA_ADDRESS),
					       MEMBLOCK_ALLOC_ACCESSIBLE,
					       NUMA_NO_NODE);
		if (p)
			break;
	}
	if (!p)
		return false;
	kmemleak_ignore_phys(__pa(p));
	pcpu_area.base = (unsigned long)p;
	pcpu_area.linear_size = populated;
	pcpu_area.max_object = best;
	pcpu_area.window_shift = ilog2(best);
	return true;
}

/*
 * Whether code of modules reaches percpu data in vmalloc space although the
 * first chunk is linear. Large models and 32-bit pointers do.
 */
static bool __init pcpu_modules_reach_far(void)
{
	return IS_ENABLED(CONFIG_UML) || !IS_ENABLED(CONFIG_64BIT) ||
	       !IS_ENABLED(CONFIG_MMU);
}

/**
 * pcpu_first_chunk_linear - set up the chunk-major layout
 * @reserved: bytes to hold back for modules
 * @dynamic: bytes for dynamic objects to have populated from the start
 * @align: alignment of the linear memory
 *
 * Return: 0 or a negative error.
 */
int __init pcpu_first_chunk_linear(unsigned long reserved,
				   unsigned long dynamic, unsigned long align)
{
	unsigned long populated;
	unsigned int unit;

	pcpu_area.name = "chunk-major";
	pcpu_count_units();
	pcpu_area.static_size = pcpu_static_size();
	reserved = pcpu_modules_reach_far() ? 0 : PFN_ALIGN(reserved);
	populated = PFN_ALIGN(pcpu_area.static_size +
			      pcpu_linear_dynamic(dynamic)) + reserved;

	if (!pcpu_linear_units(populated, align))
		return -ENOMEM;
	/* Not earlier: the layout that is tried next has no reserve. */
	pcpu_area.reserved_size = reserved;
	pcpu_reserve_windows();
	pcpu_area.module_limit = pcpu_modules_reach_far() ? pcpu_area.size :
				 pcpu_reach_of_modules(pcpu_area_window_size());

	for (unit = 0; unit < pcpu_area.nr_units; unit++) {
		memset((void *)pcpu_area_unit_addr(unit, 0), 0,
		       cpu_possible(unit) ? populated : 0);
		if (IS_ENABLED(CONFIG_SMP) && cpu_possible(unit))
			pcpu_copy_static(pcpu_area_unit_addr(unit, 0));
		pcpu_trim_unit(unit, populated);
	}
	pcpu_populate_tables_exist(pcpu_area_window_size());
	pcpu_first_window(populated);
	pcpu_print_layout(populated);
	return 0;
}
