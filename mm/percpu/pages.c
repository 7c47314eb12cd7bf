// SPDX-License-Identifier: GPL-2.0-only
/*
 * pages: pages and page tables behind offsets.
 *
 * Page tables of a chunk are created before the chunk and are never freed, so
 * that populating a page only needs pages and writes entries, which atomic
 * context can do. CPUs that populate the same page do not wait for each other:
 * the first to write an entry wins, the other one frees its page, and either of
 * them finds the page complete after its walk over all units.
 *
 * In present chunks, the units of CPUs that never were online map one page of zeroes,
 * read-only, see present.c.
 */
#include <kunit/static_stub.h>

#include <linux/bitmap.h>
#include <linux/cacheflush.h>
#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/kasan.h>
#include <linux/kmsan.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/pgtable.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

#include <asm/tlbflush.h>

#include "debug/hooks.h"
#include "layout.h"
#include "pages.h"

/* All units have page tables and shadow below this offset. It only grows. */
static unsigned long pcpu_tables_end;

/* Protects updates of pcpu_tables_end: creating tables twice is harmless. */
static DEFINE_SPINLOCK(pcpu_tables_lock);

/* Protects one page table entry at a time. */
static DEFINE_SPINLOCK(pcpu_map_lock);

unsigned long *pcpu_present_units __read_mostly;
unsigned int pcpu_nr_present_units __read_mostly;

/*
 * Record that all offsets below @end have page tables and shadow, or are linear memory.
 */
void pcpu_populate_tables_exist(unsigned long end)
{
	guard(spinlock_irqsave)(&pcpu_tables_lock);
	WRITE_ONCE(pcpu_tables_end, max(pcpu_tables_end, end));
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
	if (!PCPU_SHADOW)
		kasan_unpoison_vmalloc((void *)addr, size,
				       KASAN_VMALLOC_PROT_NORMAL);
	return 0;
}

/*
 * Make sure that @size offsets from @off on, in one window, have page tables. These are
 * created from offset 0 up, without gaps, and only if @gfp allows to block. No lock
 * held; may sleep then. Return 0 or -ENOMEM.
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

/*
 * Return true if slab is up, and @gfp and the context allow to call it and the page
 * allocator: on PREEMPT_RT both take sleeping locks even if @gfp does not allow to
 * block.
 */
bool pcpu_metadata_allowed(gfp_t gfp)
{
	return slab_is_available() &&
	       (gfpflags_allow_blocking(gfp) ||
		!IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible());
}

/*
 * Return true if pages may be allocated and mapped. Some configurations cannot populate
 * in atomic context: UML syncs page tables under a lock that is not IRQ-safe, KMSAN
 * allocates metadata for a mapping, parisc and xtensa flush the caches of other CPUs.
 * Atomic allocations then depend on the reserve of populated pages.
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

/*
 * Allocate 2^@order adjacent pages of @node, without direct reclaim, and split them. Return
 * the first one, or NULL.
 */
static struct page *pcpu_get_block(int node, unsigned int order, gfp_t gfp)
{
	struct page *page;

	/* The page allocator reports requests for a node that is offline, without others. */
	if (node == NUMA_NO_NODE || !node_online(node))
		return NULL;
	gfp &= ~(__GFP_DIRECT_RECLAIM | __GFP_HIGH);
	page = alloc_pages_node(node, gfp | __GFP_THISNODE | __GFP_NOWARN | __GFP_NOMEMALLOC,
				order);
	if (page)
		split_page(page, order);
	return page;
}

/*
 * Allocate a page for one unit, of its node. Any context that @gfp allows. Return it, or
 * NULL.
 */
struct page *pcpu_get_unit_page(unsigned int unit, gfp_t gfp)
{
	KUNIT_STATIC_STUB_REDIRECT(pcpu_get_unit_page, unit, gfp);

	return alloc_pages_node(cpu_to_node(pcpu_unit_cpu(unit)), gfp | __GFP_HIGHMEM, 0);
}

/*
 * Allocate pages for units @unit to @end - 1, all of one node, up to 2^@order at once where
 * there are such. The page allocator refills its lists of blocks by few pages at a time, that
 * of single pages by many in one call. The private field of a page has its unit.
 */
static bool pcpu_get_node_pages(struct list_head *pages, unsigned int unit,
				unsigned int end, unsigned int order, gfp_t gfp)
{
	int node = cpu_to_node(pcpu_unit_cpu(unit));
	struct page *page;
	unsigned int i;

	while (unit < end) {
		order = min_t(unsigned int, order, ilog2(end - unit));
		page = order ? pcpu_get_block(node, order, gfp | __GFP_HIGHMEM) : NULL;
		if (!page) {
			order = 0;
			page = pcpu_get_unit_page(unit, gfp);
		}
		if (!page)
			return false;
		for (i = 0; i < 1U << order; i++) {
			set_page_private(&page[i], unit++);
			list_add_tail(&page[i].lru, pages);
		}
	}
	return true;
}

/*
 * Allocate a page for each unit, or with @present pages of zeroes for each present unit, in
 * the order of units.
 */
static int pcpu_get_pages(struct list_head *pages, gfp_t gfp, bool present)
{
	unsigned int order = present ? 0 : PAGE_ALLOC_COSTLY_ORDER;
	unsigned int first, end;

	if (present)
		gfp |= __GFP_ZERO;
	/* Atomic requests are expected to fail; the allocation warns itself. */
	if (!gfpflags_allow_blocking(gfp))
		gfp |= __GFP_NOWARN;
	for (first = 0; first < pcpu_area.nr_units; first = max(first + 1, end)) {
		int node = cpu_to_node(pcpu_unit_cpu(first));

		for (end = first; end < pcpu_area.nr_units; end++)
			if ((present && !test_bit(end, pcpu_present_units)) ||
			    cpu_to_node(pcpu_unit_cpu(end)) != node)
				break;
		if (!pcpu_get_node_pages(pages, first, end, order, gfp)) {
			pcpu_free_pages(pages);
			return -ENOMEM;
		}
	}
	return 0;
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

/* Map the metadata of @page, unless another page is mapped at @addr. */
static int pcpu_kmsan_map_page(unsigned long addr, struct page *page)
{
	int err;

	if (!IS_ENABLED(CONFIG_KMSAN) || !pte_none(ptep_get(virt_to_kpte(addr))))
		return 0;
	err = kmsan_vmap_pages_range_noflush(addr, addr + PAGE_SIZE, PAGE_KERNEL, &page,
					     PAGE_SHIFT, GFP_KERNEL | __GFP_NOWARN);
	if (!err)
		return 0;
	/* The shadow may be mapped without the origin: the next call maps both. */
	kmsan_vunmap_range_noflush(addr, addr + PAGE_SIZE);
	return -ENOMEM;
}

/*
 * Map what @entry says at @addr. Return 1, or 0 if another page is mapped there, or
 * -ENOMEM, after a warning, without a page table: boot or pcpu_populate_tables() makes it.
 */
static __always_inline int pcpu_map_entry(unsigned long addr, pte_t entry)
{
	pte_t *pte = virt_to_kpte(addr);
	unsigned long flags;
	bool none;

	if (WARN_ONCE(!pte, "percpu: no page table at %lx\n", addr))
		return -ENOMEM;
	spin_lock_irqsave(&pcpu_map_lock, flags);
	none = pte_none(ptep_get(pte));
	if (none)
		set_pte_at(&init_mm, addr, pte, entry);
	spin_unlock_irqrestore(&pcpu_map_lock, flags);
	flush_cache_vmap(addr, addr + PAGE_SIZE);
	return none;
}

/* What absent units map: zeroes, read-only. */
static pte_t pcpu_zero_entry(void)
{
	return pte_wrprotect(mk_pte(ZERO_PAGE(0), PAGE_KERNEL_RO));
}

static bool pcpu_is_zero_page(const struct page *page)
{
	return page == ZERO_PAGE(0);
}

#ifdef CONFIG_PERCPU_PRESENT

/*
 * At @addr, replace the page of zeroes by @page, or any other page by that of zeroes if
 * @page is NULL. Return the page that was mapped.
 */
static struct page *pcpu_exchange_page(unsigned long addr, struct page *page)
{
	pte_t *pte = virt_to_kpte(addr);
	struct page *old;

	guard(spinlock_irqsave)(&pcpu_map_lock);
	old = pte_page(ptep_get(pte));
	if (pcpu_is_zero_page(old) == !!page)
		set_pte_at(&init_mm, addr, pte, page ? mk_pte(page, PAGE_KERNEL) :
						       pcpu_zero_entry());
	return old;
}

/*
 * Back the populated page at @off of a present chunk with memory in one unit, while
 * nothing depopulates it. Until pcpu_flush_units(), a CPU may still read the page of
 * zeroes. No lock held; may sleep if @gfp allows. Return 0 or -ENOMEM.
 */
int pcpu_populate_unit(unsigned long off, unsigned int unit, gfp_t gfp)
{
	unsigned long addr = pcpu_area_unit_addr(unit, off);
	struct page *page;

	/* A page that was populated since the unit is present has memory. */
	if (!pcpu_is_zero_page(pte_page(ptep_get(virt_to_kpte(addr)))))
		return 0;
	page = pcpu_get_unit_page(unit, gfp | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	if (!pcpu_is_zero_page(pcpu_exchange_page(addr, page)))
		__free_page(page);
	return 0;
}

/*
 * Undo pcpu_populate_unit(), for a unit that populates no pages any more. Process
 * context. @pages receives the page, for pcpu_flush_units().
 */
void pcpu_depopulate_unit(unsigned long off, unsigned int unit,
			  struct list_head *pages)
{
	struct page *old = pcpu_exchange_page(pcpu_area_unit_addr(unit, off), NULL);

	if (!pcpu_is_zero_page(old))
		list_add(&old->lru, pages);
}

#endif /* CONFIG_PERCPU_PRESENT */

/*
 * Back the page at @off, which has page tables, with memory in every unit. @present: it
 * is in a present chunk, and only present units get memory. Several CPUs may populate
 * the same page. The caller prevents that it is depopulated meanwhile, and publishes it
 * afterwards. No lock held, and any context that pcpu_populate_allowed() allows. Return
 * 0 or -ENOMEM; nothing is changed then, unless a page table or metadata of KMSAN is
 * missing: the next call finds the pages of the units before.
 */
int pcpu_populate_page(unsigned long off, gfp_t gfp, bool present)
{
	unsigned int unit, noreclaim;
	struct page *page;
	unsigned long addr;
	LIST_HEAD(pages);
	LIST_HEAD(unused);
	int ret = 0;

	if (pcpu_get_pages(&pages, gfp, present))
		return -ENOMEM;

	noreclaim = pcpu_kmsan_begin();
	for_each_pcpu_unit(unit) {
		addr = pcpu_area_unit_addr(unit, off);
		page = list_first_entry_or_null(&pages, struct page, lru);
		/*
		 * A unit that becomes present meanwhile gets the page of zeroes or memory:
		 * pcpu_present_prepare() waits and looks then.
		 */
		if (unlikely(!page || page_private(page) != unit)) {
			ret = pcpu_map_entry(addr, pcpu_zero_entry());
		} else {
			list_del(&page->lru);
			set_page_private(page, 0);
			ret = pcpu_kmsan_map_page(addr, page) ?:
			      pcpu_map_entry(addr, mk_pte(page, PAGE_KERNEL));
			if (ret <= 0)
				list_add(&page->lru, &unused);
		}
		if (ret < 0)
			break;
	}
	pcpu_kmsan_end(noreclaim);
	pcpu_free_pages(&pages);
	pcpu_free_pages(&unused);
	return min(ret, 0);
}

/*
 * Unmap the page at @off in every unit. Process context; the caller owns the page: it is
 * withheld, and no longer marked populated. @pages receives the pages, for
 * pcpu_flush_units().
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
		if (!pcpu_is_zero_page(page))
			list_add(&page->lru, pages);
	}
}

/*
 * Flush TLBs after changes of units @low to @high, at offsets from @first up to @end, which
 * are not in linear memory, and free the pages of pcpu_depopulate_page() or
 * pcpu_depopulate_unit(). Process context, IRQs on.
 */
void pcpu_flush_units(unsigned int low, unsigned int high, unsigned long first,
		      unsigned long end, struct list_head *pages)
{
	flush_tlb_kernel_range(pcpu_area_unit_addr(low, first),
			       pcpu_area_unit_addr(high, end - 1) + 1);
	pcpu_free_pages(pages);
}
