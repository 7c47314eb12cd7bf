// SPDX-License-Identifier: GPL-2.0-only
/*
 * populate: pages and page tables behind offsets.
 *
 * Page tables are made before a chunk is used and are never freed, so that
 * populating a page later only takes pages and writes entries, which works in
 * atomic context.  Nobody waits for anybody: when two CPUs populate the same
 * page, each entry goes to whoever comes first, the other gives its page back,
 * and after either has been through all units the page is complete.
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

#include "area.h"
#include "populate.h"
#include "shadow.h"

/*
 * Every unit has page tables, and KASAN shadow, for all offsets below this.
 * Grows only.
 */
static unsigned long pcpu_tables_end;

/* Making tables twice is harmless: this only orders updates of the mark. */
static DEFINE_SPINLOCK(pcpu_tables_lock);

/* One page table entry at a time changes hands under this lock. */
static DEFINE_SPINLOCK(pcpu_map_lock);

/**
 * pcpu_populate_tables_exist - note that page tables were made at boot
 * @end: offsets below this have them, or lie in linear memory
 */
void pcpu_populate_tables_exist(unsigned long end)
{
	unsigned long flags;

	spin_lock_irqsave(&pcpu_tables_lock, flags);
	WRITE_ONCE(pcpu_tables_end, max(pcpu_tables_end, end));
	spin_unlock_irqrestore(&pcpu_tables_lock, flags);
}

/* Page tables and shadow for @size bytes at @addr of one unit. */
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
	/* Else object by object, see shadow.h. */
	if (!pcpu_shadow_is_kept())
		kasan_unpoison_vmalloc((void *)addr, size,
				       KASAN_VMALLOC_PROT_NORMAL);
	return 0;
}

/**
 * pcpu_populate_tables - see that a range of offsets has page tables
 * @off: first offset
 * @size: how many, together with @off in one window
 * @gfp: when it does not allow to block, only looks whether they are there
 *
 * Tables are made without gaps from offset 0 up, in the order of offsets.
 *
 * Context: sleeps if @gfp allows. No lock may be held.
 * Return: 0 or -ENOMEM.
 */
int pcpu_populate_tables(unsigned long off, unsigned long size, gfp_t gfp)
{
	unsigned long from = READ_ONCE(pcpu_tables_end), end = off + size;
	unsigned int cpu, noio;
	int ret = 0;

	if (end <= from)
		return 0;
	if (!gfpflags_allow_blocking(gfp))
		return -ENOMEM;

	/* Table pages come with GFP_KERNEL; the caller may be in reclaim. */
	noio = memalloc_noio_save();
	for (; from < end && !ret; from += PCPU_CHUNK_SIZE) {
		for_each_pcpu_unit(cpu) {
			ret = pcpu_populate_unit_tables(pcpu_area_unit_addr(cpu, from),
							PCPU_CHUNK_SIZE, gfp);
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
 * pcpu_metadata_allowed - whether a caller may use slab and the page allocator
 * @gfp: the caller's flags
 *
 * Before slab is up there is only what was mapped at boot; on PREEMPT_RT both
 * take sleeping locks, whatever @gfp says.
 *
 * Return: true if it may be asked for.
 */
bool pcpu_metadata_allowed(gfp_t gfp)
{
	return slab_is_available() &&
	       (gfpflags_allow_blocking(gfp) ||
		!IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible());
}

/**
 * pcpu_populate_allowed - whether a caller may populate pages
 * @gfp: the caller's flags
 *
 * UML syncs its page tables under a lock that is not IRQ-safe, KMSAN allocates
 * metadata while mapping, parisc and xtensa ask other CPUs to flush caches:
 * there, as where no memory can be had at all, callers that may not sleep live
 * on the reserve.
 *
 * Return: true if pages may be asked for and entered.
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

/* Pages of a node that are asked for at once. */
#define PCPU_PAGES_BULK		16

/* Get @nr pages of @node, at most %PCPU_PAGES_BULK. */
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

/* One page for each possible CPU, near it, in the order of CPUs. */
static int pcpu_get_pages(struct list_head *pages, gfp_t gfp)
{
	unsigned int cpu, nr = 0;
	int node = NUMA_NO_NODE;

	gfp |= __GFP_HIGHMEM;
	/* Who cannot wait may well fail; the refusal says it all. */
	if (!gfpflags_allow_blocking(gfp))
		gfp |= __GFP_NOWARN;
	for_each_pcpu_unit(cpu) {
		if (nr && (nr == PCPU_PAGES_BULK || cpu_to_node(cpu) != node)) {
			if (!pcpu_get_node_pages(pages, node, nr, gfp))
				goto failed;
			nr = 0;
		}
		node = cpu_to_node(cpu);
		nr++;
	}
	if (pcpu_get_node_pages(pages, node, nr, gfp))
		return 0;
failed:
	pcpu_free_pages(pages);
	return -ENOMEM;
}

/*
 * KMSAN has to map the metadata of a page before anybody maps the page, which
 * cannot be undone by who comes second: there, one at a time. Tables that it
 * makes must not send us into reclaim, which may come here.
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

/* Map the metadata of a page that is to be mapped. */
static int pcpu_kmsan_map_page(unsigned long addr, struct page *page)
{
	return kmsan_vmap_pages_range_noflush(addr, addr + PAGE_SIZE,
					      PAGE_KERNEL, &page, PAGE_SHIFT,
					      GFP_KERNEL | __GFP_NOWARN);
}

/* Forget the metadata of a page that is not mapped. */
static void pcpu_kmsan_unmap_page(unsigned long addr)
{
	kmsan_vunmap_range_noflush(addr, addr + PAGE_SIZE);
}

/* Map the metadata of those of @pages that will be mapped at @off. */
static int pcpu_kmsan_map_pages(unsigned long off, struct list_head *pages)
{
	struct page *page = list_first_entry(pages, struct page, lru);
	unsigned long addr;
	unsigned int cpu;

	if (!IS_ENABLED(CONFIG_KMSAN))
		return 0;
	for_each_pcpu_unit(cpu) {
		addr = pcpu_area_unit_addr(cpu, off);
		if (pte_none(ptep_get(virt_to_kpte(addr))) &&
		    pcpu_kmsan_map_page(addr, page))
			goto failed;
		page = list_next_entry(page, lru);
	}
	return 0;

failed:
	for_each_pcpu_unit(cpu) {
		addr = pcpu_area_unit_addr(cpu, off);
		if (pte_none(ptep_get(virt_to_kpte(addr))))
			pcpu_kmsan_unmap_page(addr);
	}
	return -ENOMEM;
}

/* Put @page at @addr unless something is there. */
static bool pcpu_map_page(unsigned long addr, struct page *page)
{
	pte_t *pte = virt_to_kpte(addr);
	unsigned long flags;
	bool mine;

	spin_lock_irqsave(&pcpu_map_lock, flags);
	mine = pte_none(ptep_get(pte));
	if (mine)
		set_pte_at(&init_mm, addr, pte, mk_pte(page, PAGE_KERNEL));
	spin_unlock_irqrestore(&pcpu_map_lock, flags);
	return mine;
}

/**
 * pcpu_populate_page - put memory behind one page in every unit
 * @off: page-aligned offset that has page tables
 * @gfp: how pages may be allocated
 *
 * The caller sees to it that nobody depopulates the page meanwhile, and
 * publishes it afterwards.  Others may populate it at the same time.
 *
 * Context: any that @gfp and pcpu_populate_allowed() allow; no lock held.
 * Return: 0 or -ENOMEM, with nothing changed.
 */
int pcpu_populate_page(unsigned long off, gfp_t gfp)
{
	unsigned int cpu, noreclaim;
	struct page *page;
	unsigned long addr;
	LIST_HEAD(pages);
	LIST_HEAD(lost);
	int err;

	if (pcpu_get_pages(&pages, gfp))
		return -ENOMEM;

	noreclaim = pcpu_kmsan_begin();
	err = pcpu_kmsan_map_pages(off, &pages);
	if (err)
		goto out;
	for_each_pcpu_unit(cpu) {
		page = list_first_entry(&pages, struct page, lru);
		list_del(&page->lru);
		addr = pcpu_area_unit_addr(cpu, off);
		if (!pcpu_map_page(addr, page))
			list_add(&page->lru, &lost);
		flush_cache_vmap(addr, addr + PAGE_SIZE);
	}
out:
	pcpu_kmsan_end(noreclaim);
	pcpu_free_pages(&pages);
	pcpu_free_pages(&lost);
	return err;
}

/**
 * pcpu_depopulate_page - take the memory from behind one page in every unit
 * @off: page-aligned offset
 * @pages: list that receives the pages; for pcpu_depopulate_flush()
 *
 * Context: process context. The caller owns the page: it is withheld, and not
 * marked populated any more.
 */
void pcpu_depopulate_page(unsigned long off, struct list_head *pages)
{
	unsigned long addr, flags;
	struct page *page;
	unsigned int cpu;
	pte_t *pte;

	for_each_pcpu_unit(cpu) {
		addr = pcpu_area_unit_addr(cpu, off);
		pte = virt_to_kpte(addr);
		flush_cache_vunmap(addr, addr + PAGE_SIZE);
		pcpu_kmsan_unmap_page(addr);
		page = pte_page(ptep_get(pte));
		spin_lock_irqsave(&pcpu_map_lock, flags);
		pte_clear(&init_mm, addr, pte);
		spin_unlock_irqrestore(&pcpu_map_lock, flags);
		list_add(&page->lru, pages);
	}
}

/**
 * pcpu_depopulate_flush - free depopulated pages once no TLB knows them
 * @first: lowest offset that was depopulated
 * @end: offset behind the highest one, in the same window
 * @pages: list from pcpu_depopulate_page()
 *
 * Context: process context, IRQs on.
 */
void pcpu_depopulate_flush(unsigned long first, unsigned long end,
			   struct list_head *pages)
{
	unsigned int last = pcpu_area.nr_units - 1;

	flush_tlb_kernel_range(pcpu_area_unit_addr(0, first),
			       pcpu_area_unit_addr(last, first) + end - first);
	pcpu_free_pages(pages);
}
