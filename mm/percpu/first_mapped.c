// SPDX-License-Identifier: GPL-2.0-only
/*
 * first_mapped: the CPU-major layout: map the first chunks of all units.
 *
 * Needs CONFIG_SMP and CONFIG_NEED_PER_CPU_PAGE_FIRST_CHUNK.
 */
#include <linux/cacheflush.h>
#include <linux/cpumask.h>
#include <linux/hugetlb.h>
#include <linux/kasan.h>
#include <linux/kmemleak.h>
#include <linux/log2.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pgalloc.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

#include <asm/dma.h>
#include <asm/sections.h>

#include "chunk.h"
#include "debug/hooks.h"
#include "first_window.h"
#include "layout.h"
#include "pages.h"

/* Allocate one page table, of one page. */
static void * __init pcpu_early_table(void)
{
	void *table = memblock_alloc(PAGE_SIZE, PAGE_SIZE);

	if (!table)
		panic("percpu: no memory for page tables");
	return table;
}

/**
 * pcpu_populate_pte - create the page tables of an address
 * @addr: kernel virtual address
 *
 * Architectures with tables of another size than a page override it.
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

/* Count what an architecture's pcpu_populate_pte() allocates, too. */
static void __init pcpu_early_populate(unsigned long addr)
{
	phys_addr_t before = memblock_reserved_size();

	pcpu_populate_pte(addr);
	pcpu_early_tables += memblock_reserved_size() - before;
}

/* What arm64 joins with pages of 4 KB; x86-64 joins less. */
#define PCPU_EARLY_ALIGN	max_t(unsigned long, SZ_64K, PAGE_SIZE)

/*
 * Allocate the first memory of a unit, @size bytes that begin @skip bytes behind a
 * multiple of @align. Return its physical address, or 0.
 */
static phys_addr_t __init pcpu_early_unit(size_t size, size_t align, size_t skip,
					  unsigned int cpu,
					  pcpu_fc_cpu_to_node_fn_t node_of)
{
	int node = node_of ? node_of(cpu) : NUMA_NO_NODE;
	void *p;

	p = memblock_alloc_try_nid(skip + size, align, __pa(MAX_DMA_ADDRESS),
				   MEMBLOCK_ALLOC_ACCESSIBLE, node);
	if (!p)
		return 0;
	if (skip)
		memblock_free(p, skip);
	/* kmemleak scans percpu data by unit. */
	kmemleak_ignore_phys(__pa(p + skip));
	return __pa(p + skip);
}

#ifdef CONFIG_HUGETLB_PAGE

/* Map the page at @addr or, on arm64, pages that share a TLB entry. Return bytes. */
static unsigned long __init pcpu_early_set_pte(unsigned long addr,
					       unsigned long end,
					       unsigned long pfn)
{
	unsigned long size = arch_vmap_pte_range_map_size(addr, end, pfn,
							  PMD_SHIFT);
	pte_t pte = pfn_pte(pfn, PAGE_KERNEL);

	if (size == PAGE_SIZE)
		set_pte_at(&init_mm, addr, virt_to_kpte(addr), pte);
	else
		set_huge_pte_at(&init_mm, addr, virt_to_kpte(addr),
				arch_make_huge_pte(pte, ilog2(size), 0), size);
	return size;
}

#else

static unsigned long __init pcpu_early_set_pte(unsigned long addr,
					       unsigned long end,
					       unsigned long pfn)
{
	set_pte_at(&init_mm, addr, virt_to_kpte(addr),
		   pfn_pte(pfn, PAGE_KERNEL));
	return PAGE_SIZE;
}

#endif /* CONFIG_HUGETLB_PAGE */

/*
 * Map memory by pages. It is contiguous, and as far from a multiple of PCPU_EARLY_ALIGN
 * as its address, so that a CPU that can joins neighbours in its TLB: by itself or, on
 * arm64, where the page table says so.
 */
static void __init pcpu_map_pages(unsigned long addr, unsigned long size,
				  phys_addr_t phys)
{
	unsigned long end = addr + size, done;

	for (; addr < end; addr += done, phys += done) {
		pcpu_early_populate(addr);
		done = pcpu_early_set_pte(addr, end, PHYS_PFN(phys));
	}
}

/* Return true if the tables of an address go down to the PMD. */
static bool __init pcpu_early_has_pmd(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_k(addr);
	p4d_t *p4d;

	if (pgd_none(*pgd))
		return false;
	p4d = p4d_offset(pgd, addr);
	return !p4d_none(*p4d) && !pud_none(*pud_offset(p4d, addr));
}

/* Map a large page. Return false if the architecture refuses. */
static bool __init pcpu_map_huge(unsigned long addr, phys_addr_t phys)
{
	/* Create tables down to the PMD, but no PTE table at @addr itself. */
	if (!pcpu_early_has_pmd(addr))
		pcpu_early_populate(addr ^ PMD_SIZE);
	return pmd_set_huge(pmd_off_k(addr), phys, PAGE_KERNEL);
}

/*
 * Map the first chunks of a unit at @addr by a large page, and static data also at
 * offset 0.
 */
static bool __init pcpu_map_unit_huge(unsigned long addr, unsigned int cpu,
				      pcpu_fc_cpu_to_node_fn_t node_of)
{
	phys_addr_t phys = pcpu_early_unit(PMD_SIZE, PMD_SIZE, 0, cpu, node_of);

	if (!phys)
		return false;
	if (pcpu_map_huge(addr + pcpu_area.first, phys)) {
		if (!pcpu_area.first || pcpu_map_huge(addr, phys))
			return true;
		pmd_clear_huge(pmd_off_k(addr + pcpu_area.first));
	}
	memblock_phys_free(phys, PMD_SIZE);
	return false;
}

/* The same by pages, @size bytes. */
static bool __init pcpu_map_unit_pages(unsigned long addr, unsigned long size,
				       unsigned int cpu,
				       pcpu_fc_cpu_to_node_fn_t node_of)
{
	phys_addr_t phys = pcpu_early_unit(size, PCPU_EARLY_ALIGN,
					   addr & (PCPU_EARLY_ALIGN - 1), cpu, node_of);
	unsigned long skip = 0;

	if (!phys)
		return false;
	if (pcpu_area.first) {
		pcpu_map_pages(addr, PFN_ALIGN(pcpu_area.static_size), phys);
		/*
		 * Pages with static data only are mapped once: under Xen nothing
		 * else may map the GDT.
		 */
		skip = ALIGN_DOWN(pcpu_area.static_size, PAGE_SIZE);
		addr += pcpu_area.first;
		pcpu_early_populate(addr);
	}
	pcpu_map_pages(addr + skip, size - skip, phys + skip);
	return true;
}

/*
 * Return true if large pages should map the first window. They save TLB misses,
 * but a part of them stays unused: without percpu_alloc=large they must cost at most
 * 1/1024 of the memory.
 */
static bool __init pcpu_huge_pays(unsigned long populated)
{
	if (!arch_vmap_pmd_supported(PAGE_KERNEL) || populated > PMD_SIZE)
		return false;
	/* With the option, too, boot needs the other memory. */
	return num_possible_cpus() * PMD_SIZE <=
	       memblock_phys_mem_size() / (pcpu_option_large ? 4 : 1024);
}

/* Let KASAN and the cache know that @size bytes at @addr are mapped. */
static void __init pcpu_map_done(unsigned long addr, unsigned long size)
{
	flush_cache_vmap_early(addr, addr + size);
	kasan_populate_early_vm_area_shadow((void *)addr, size);
}

/*
 * Create the page tables of a range, which may begin anywhere in what one of them maps:
 * the last page can be in another one.
 */
static void __init pcpu_early_populate_range(unsigned long addr, unsigned long size)
{
	unsigned long off;

	for (off = 0; off < size; off += PMD_SIZE)
		pcpu_early_populate(addr + off);
	if (size)
		pcpu_early_populate(addr + size - PAGE_SIZE);
}

/*
 * Map all units and copy static data. Pages are the fallback if a large page
 * cannot be had. The last chunk gets page tables and shadow up to its end.
 */
static bool __init pcpu_map_units(unsigned long populated,
				  pcpu_fc_cpu_to_node_fn_t node_of)
{
	unsigned long tables = round_up(populated, PCPU_CHUNK_SIZE);
	unsigned long first = pcpu_area.first;
	unsigned long addr = pcpu_area.base;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		if (!(pcpu_area.huge && pcpu_map_unit_huge(addr, cpu, node_of)) &&
		    !pcpu_map_unit_pages(addr, populated, cpu, node_of))
			return false;
		pcpu_early_populate_range(addr + first + populated,
					  tables - populated);
		pcpu_map_done(addr + first, tables);
		if (first)
			pcpu_map_done(addr, PFN_ALIGN(pcpu_area.static_size));
		pcpu_copy_static(addr);
		addr += pcpu_area.stride;
	}
	if (PCPU_SHADOW)
		pcpu_shadow_poison(first + pcpu_area.static_size,
				   tables - pcpu_area.static_size);
	pcpu_populate_tables_exist(first + tables);
	return true;
}

/*
 * The offset from which on percpu pointers are no addresses of the kernel image,
 * or 0 if that takes over a quarter of the area, or if static variables have no
 * addresses in the image. The image ends with its last large page.
 */
static unsigned long __init pcpu_beyond_image(void)
{
	unsigned long start = (unsigned long)__per_cpu_start, off;

	/* Modules of riscv do not reach what is beyond the image. */
	if (IS_ENABLED(CONFIG_RISCV) || start < (unsigned long)_text ||
	    start >= (unsigned long)_end)
		return 0;
	off = ALIGN(ALIGN((unsigned long)_end, PMD_SIZE) - start,
		    pcpu_area.huge ? PMD_SIZE : PCPU_CHUNK_SIZE);
	/* Not next to offset 0, see pcpu_map_huge(). */
	if (pcpu_area.huge)
		off = max(off, 2 * PMD_SIZE);
	return off <= pcpu_area.size / 4 ? off : 0;
}

/*
 * Set up the CPU-major layout, by large pages if @huge and if that pays, with an area of
 * at least @least bytes. @node_of: the node of a CPU, or %NULL. Return 0, or -ENOSPC, with
 * nothing set up, if vmalloc space is too small.
 */
int __init pcpu_first_chunk_mapped(bool huge, unsigned long least,
				   pcpu_fc_cpu_to_node_fn_t node_of)
{
	unsigned long populated, size, fair;

	pcpu_begin_layout("CPU-major");
	populated = PFN_ALIGN(pcpu_area.static_size +
			      PERCPU_DYNAMIC_EARLY_SIZE);

	/* A power of two: all units together use a sixteenth of the range. */
	fair = rounddown_pow_of_two(VMALLOC_TOTAL / 16 / pcpu_area.nr_units);
	size = roundup_pow_of_two(pcpu_option_area_size(PCPU_AREA_MAX_SIZE));
	size = min(size, fair);
	if (size < max3(2 * populated, 4 * PCPU_CHUNK_SIZE, least))
		return -ENOSPC;

	pcpu_area.huge = huge && size >= 2 * PMD_SIZE &&
			 pcpu_huge_pays(populated);
	if (pcpu_area.huge)
		populated = PMD_SIZE;
	pcpu_area.size = size;
	pcpu_area.first = pcpu_beyond_image();
	pcpu_area.max_object = size;
	pcpu_area.module_limit = pcpu_module_range_size(size);
	pcpu_area.window_shift = ilog2(size);
	pcpu_area.stride = size + pcpu_skew();
	pcpu_area.base = pcpu_reserve_vm(pcpu_area.nr_units * pcpu_area.stride,
					 size);
	if (!pcpu_area.base) {
		pcpu_area.huge = false;
		pcpu_area.first = 0;
		return -ENOSPC;
	}

	if (!pcpu_map_units(populated, node_of))
		panic("percpu: no memory for the first chunk");
	pcpu_first_window(populated);
	return 0;
}
