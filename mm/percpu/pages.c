// SPDX-License-Identifier: GPL-2.0-only
/*
 * pages: pages and page tables behind offsets.
 *
 * Page tables of a chunk are created before the chunk and are never freed, so
 * that populating a page only needs pages and writes entries, which atomic
 * context can do. CPUs that populate the same page do not wait for each other:
 * the first to write an entry wins, the other one frees its page, and either of
 * them finds the page complete after its walk over all units.
 */
#include <linux/cacheflush.h>
#include <linux/gfp.h>
#include <linux/kasan.h>
#include <linux/kmsan.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

#include <asm/tlbflush.h>

#include "layout.h"
#include "pages.h"

/* All units have page tables and shadow below this offset. It only grows. */
static unsigned long pcpu_tables_end;

/* Protects updates of pcpu_tables_end: creating tables twice is harmless. */
static DEFINE_SPINLOCK(pcpu_tables_lock);

/* Protects one page table entry at a time. */
static DEFINE_SPINLOCK(pcpu_map_lock);

/**
 * pcpu_populate_tables_exist - record that page tables exist
 * @end: offsets below it have tables and shadow, or are linear memory
 */
void pcpu_populate_tables_exist(unsigned long end)
{
	unsigned long flags;

	spin_lock_irqsave(&pcpu_tables_lock, flags);
	WRITE_ONCE(pcpu_tables_end, max(pcpu_tables_end, end));
	spin_unlock_irqrestore(&pcpu_tables_lock, flags);
}

/* Create page tables and shadow of @size bytes at @addr of one unit. */
static int pcpu_populate_unit_tables(unsigned long addr, unsigned long size,
				     gfp_t gfp)
{
	int ret;

	ret = apply_to_page_range(&init_mm, addr, size, NULL, NULL);
	if (ret)
		return ret;
	ret = kasan_populate_vmalloc(addr, size, gfp);
	if (ret)
		return ret;
	/* Otherwise pcpu_shadow_unpoison() does it for each object. */
	if (!pcpu_shadow_enabled())
		kasan_unpoison_vmalloc((void *)addr, size,
				       KASAN_VMALLOC_PROT_NORMAL);
	return 0;
}

/**
 * pcpu_populate_tables - make sure that a range of offsets has page tables
 * @off: first offset
 * @size: bytes, which end in the window of @off
 * @gfp: tables are created only if it allows to block
 *
 * Tables are created from offset 0 up, without gaps.
 *
 * Context: No lock held; may sleep if @gfp allows.
 * Return: 0 or -ENOMEM.
 */
int pcpu_populate_tables(unsigned long off, unsigned long size, gfp_t gfp)
{
	unsigned long from = READ_ONCE(pcpu_tables_end), end = off + size;
	unsigned long addr;
	unsigned int unit, noio;
	int ret = 0;

	if (end <= from)
		return 0;
	if (!gfpflags_allow_blocking(gfp))
		return -ENOMEM;

	/* Tables are allocated by GFP_KERNEL; the caller may be in reclaim. */
	noio = memalloc_noio_save();
	for (; from < end && !ret; from += PCPU_CHUNK_SIZE) {
		for_each_pcpu_unit(unit) {
			addr = pcpu_area_unit_addr(unit, from);
			ret = pcpu_populate_unit_tables(addr, PCPU_CHUNK_SIZE,
							gfp);
			if (ret)
				break;
			cond_resched();
		}
		if (!ret)
			pcpu_populate_tables_exist(from + PCPU_CHUNK_SIZE);
	}
	memalloc_noio_restore(noio);
	return ret;
}

/**
 * pcpu_metadata_allowed - check if slab and the page allocator may be called
 * @gfp: flags of the allocation
 *
 * On PREEMPT_RT both take sleeping locks even if @gfp does not allow to block.
 *
 * Return: true if slab is up and @gfp and the context allow the call.
 */
bool pcpu_metadata_allowed(gfp_t gfp)
{
	return slab_is_available() &&
	       (gfpflags_allow_blocking(gfp) ||
		!IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible());
}

/**
 * pcpu_populate_allowed - check if pages may be populated
 * @gfp: flags of the allocation
 *
 * Some configurations cannot populate in atomic context: UML syncs page tables
 * under a lock that is not IRQ-safe, KMSAN allocates metadata for a mapping,
 * parisc and xtensa flush the caches of other CPUs. Atomic allocations then
 * depend on the reserve of populated pages.
 *
 * Return: true if pages may be allocated and mapped.
 */
bool pcpu_populate_allowed(gfp_t gfp)
{
	if (!pcpu_metadata_allowed(gfp))
		return false;
	return gfpflags_allow_blocking(gfp) ||
	       !(IS_ENABLED(CONFIG_UML) || IS_ENABLED(CONFIG_KMSAN) ||
		 IS_ENABLED(CONFIG_PARISC) || IS_ENABLED(CONFIG_XTENSA));
}

static void pcpu_free_pages(struct list_head *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
}

/* Pages of a node in one request to the page allocator. */
#define PCPU_PAGES_BULK		16

/* Allocate @nr pages of @node, at most PCPU_PAGES_BULK. */
static bool pcpu_get_node_pages(struct list_head *pages, int node,
				unsigned int nr, gfp_t gfp)
{
	struct page *page, *bulk[PCPU_PAGES_BULK] = { };
	unsigned int i, got = 0;

	if (nr > 1)
		got = alloc_pages_bulk_node(gfp, node, nr, bulk);
	for (i = 0; i < nr; i++) {
		page = i < got ? bulk[i] : alloc_pages_node(node, gfp, 0);
		if (!page)
			return false;
		list_add_tail(&page->lru, pages);
	}
	return true;
}

/* Allocate a page of its node for each unit, in the order of units. */
static int pcpu_get_pages(struct list_head *pages, gfp_t gfp)
{
	int next, node = NUMA_NO_NODE;
	unsigned int unit, nr = 0;

	gfp |= __GFP_HIGHMEM;
	/* Atomic requests are expected to fail; the allocation warns itself. */
	if (!gfpflags_allow_blocking(gfp))
		gfp |= __GFP_NOWARN;
	for_each_pcpu_unit(unit) {
		next = cpu_to_node(pcpu_unit_cpu(unit));
		if (nr && (nr == PCPU_PAGES_BULK || next != node)) {
			if (!pcpu_get_node_pages(pages, node, nr, gfp))
				goto failed;
			nr = 0;
		}
		node = next;
		nr++;
	}
	if (pcpu_get_node_pages(pages, node, nr, gfp))
		return 0;
failed:
	pcpu_free_pages(pages);
	return -ENOMEM;
}

/*
 * KMSAN maps the metadata of a page before the page. A CPU that comes second
 * could not undo that: the mutex lets one CPU populate at a time. KMSAN may
 * allocate page tables: keep it out of reclaim, which may populate pages, too.
 */
static DEFINE_MUTEX(pcpu_kmsan_mutex);

static unsigned int pcpu_kmsan_begin(void)
{
	if (!IS_ENABLED(CONFIG_KMSAN))
		return 0;
	mutex_lock(&pcpu_kmsan_mutex);
	return memalloc_noreclaim_save();
}

static void pcpu_kmsan_end(unsigned int noreclaim)
{
	if (!IS_ENABLED(CONFIG_KMSAN))
		return;
	memalloc_noreclaim_restore(noreclaim);
	mutex_unlock(&pcpu_kmsan_mutex);
}

static int pcpu_kmsan_map_page(unsigned long addr, struct page *page)
{
	return kmsan_vmap_pages_range_noflush(addr, addr + PAGE_SIZE,
					      PAGE_KERNEL, &page, PAGE_SHIFT,
					      GFP_KERNEL | __GFP_NOWARN);
}

/* Map the metadata of the @pages that pcpu_map_page() will map at @off. */
static int pcpu_kmsan_map_pages(unsigned long off, struct list_head *pages)
{
	struct page *page = list_first_entry(pages, struct page, lru);
	unsigned long addr;
	unsigned int unit;

	if (!IS_ENABLED(CONFIG_KMSAN))
		return 0;
	for_each_pcpu_unit(unit) {
		addr = pcpu_area_unit_addr(unit, off);
		if (pte_none(ptep_get(virt_to_kpte(addr))) &&
		    pcpu_kmsan_map_page(addr, page))
			goto failed;
		page = list_next_entry(page, lru);
	}
	return 0;

failed:
	for_each_pcpu_unit(unit) {
		addr = pcpu_area_unit_addr(unit, off);
		if (pte_none(ptep_get(virt_to_kpte(addr))))
			kmsan_vunmap_range_noflush(addr, addr + PAGE_SIZE);
	}
	return -ENOMEM;
}

/* Map @page at @addr. Return false if another page is mapped there. */
static bool pcpu_map_page(unsigned long addr, struct page *page)
{
	pte_t *pte = virt_to_kpte(addr);
	unsigned long flags;
	bool none;

	spin_lock_irqsave(&pcpu_map_lock, flags);
	none = pte_none(ptep_get(pte));
	if (none)
		set_pte_at(&init_mm, addr, pte, mk_pte(page, PAGE_KERNEL));
	spin_unlock_irqrestore(&pcpu_map_lock, flags);
	return none;
}

/**
 * pcpu_populate_page - back one page of offsets with memory in every unit
 * @off: page-aligned offset that has page tables
 * @gfp: flags for the allocation of pages
 *
 * Several CPUs may populate the same page. The caller prevents that it is
 * depopulated meanwhile, and publishes it afterwards.
 *
 * Context: No lock held. Any context that pcpu_populate_allowed() allows.
 * Return: 0, or -ENOMEM with nothing changed.
 */
int pcpu_populate_page(unsigned long off, gfp_t gfp)
{
	unsigned int unit, noreclaim;
	struct page *page;
	unsigned long addr;
	LIST_HEAD(pages);
	LIST_HEAD(unused);
	int err;

	if (pcpu_get_pages(&pages, gfp))
		return -ENOMEM;

	noreclaim = pcpu_kmsan_begin();
	err = pcpu_kmsan_map_pages(off, &pages);
	if (err)
		goto out;
	for_each_pcpu_unit(unit) {
		page = list_first_entry(&pages, struct page, lru);
		list_del(&page->lru);
		addr = pcpu_area_unit_addr(unit, off);
		if (!pcpu_map_page(addr, page))
			list_add(&page->lru, &unused);
		flush_cache_vmap(addr, addr + PAGE_SIZE);
	}
out:
	pcpu_kmsan_end(noreclaim);
	pcpu_free_pages(&pages);
	pcpu_free_pages(&unused);
	return err;
}

/**
 * pcpu_depopulate_page - unmap one page of offsets in every unit
 * @off: page-aligned offset
 * @pages: list that receives the pages, for pcpu_depopulate_flush()
 *
 * Context: Process context. The caller owns the page: it is withheld, and no
 * longer marked populated.
 */
void pcpu_depopulate_page(unsigned long off, struct list_head *pages)
{
	unsigned long addr, flags;
	struct page *page;
	unsigned int unit;
	pte_t *pte;

	for_each_pcpu_unit(unit) {
		addr = pcpu_area_unit_addr(unit, off);
		pte = virt_to_kpte(addr);
		flush_cache_vunmap(addr, addr + PAGE_SIZE);
		kmsan_vunmap_range_noflush(addr, addr + PAGE_SIZE);
		page = pte_page(ptep_get(pte));
		spin_lock_irqsave(&pcpu_map_lock, flags);
		pte_clear(&init_mm, addr, pte);
		spin_unlock_irqrestore(&pcpu_map_lock, flags);
		list_add(&page->lru, pages);
	}
}

/**
 * pcpu_depopulate_flush - flush TLBs and free depopulated pages
 * @first: lowest offset that was depopulated
 * @end: end of the highest page that was depopulated; neither in linear memory
 * @pages: list from pcpu_depopulate_page()
 *
 * Context: Process context, IRQs on.
 */
void pcpu_depopulate_flush(unsigned long first, unsigned long end,
			   struct list_head *pages)
{
	unsigned int last = pcpu_area.nr_units - 1;

	flush_tlb_kernel_range(pcpu_area_unit_addr(0, first),
			       pcpu_area_unit_addr(last, end - 1) + 1);
	pcpu_free_pages(pages);
}
