// SPDX-License-Identifier: GPL-2.0-only
/*
 * balance: the worker that keeps a reserve and gives pages back.
 *
 * Everything here is policy: how many pages, which ones, when.  It runs in
 * process context, holds no lock while it allocates, maps or flushes, and
 * withholds the pages it works on, so that nobody has to wait for it.
 */
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "age.h"
#include "balance.h"
#include "debug.h"
#include "populate.h"

/* Frees come in bursts, and often allocations behind them: wait that long. */
#define PCPU_BALANCE_DELAY	(HZ / 20)

/* An object that nobody took from an arena for so long is not needed there. */
#define PCPU_BALANCE_AGE	(HZ / 4)

/* Offsets beyond the highest chunk that are kept ready, with page tables. */
#define PCPU_TABLES_AHEAD	(8 * PCPU_CHUNK_SIZE)

static void pcpu_balance_run(struct work_struct *work);
static DECLARE_DELAYED_WORK(pcpu_balance_dwork, pcpu_balance_run);

/* Set once workqueues run. */
static bool pcpu_balance_enabled __read_mostly;

/* The worker was called because the reserve is low, and has not begun; and when. */
static bool pcpu_balance_urgent;
static unsigned long pcpu_balance_called;

/* When arenas were last asked for what nobody needs, in jiffies; the worker's own. */
static unsigned long pcpu_balance_aged;

/*
 * Call the worker at once, but not again and again, which would cost more than to
 * allocate. If it has not begun in the next jiffy its CPU may have no time for
 * it: then it is to run on ours.
 */
static void pcpu_balance_hurry(void)
{
	unsigned long now = jiffies;

	if (READ_ONCE(pcpu_balance_urgent) &&
	    READ_ONCE(pcpu_balance_called) == now)
		return;
	WRITE_ONCE(pcpu_balance_called, now);
	WRITE_ONCE(pcpu_balance_urgent, true);
	mod_delayed_work(system_long_wq, &pcpu_balance_dwork, 0);
}

/**
 * pcpu_balance_kick - have the worker look at the reserve soon
 *
 * Context: any, with none of the allocator's locks held.
 */
void pcpu_balance_kick(void)
{
	if (!READ_ONCE(pcpu_balance_enabled))
		return;
	/*
	 * What the caller changed is seen by a worker that is not pending any more,
	 * or has taken back that it was called for; see pcpu_balance_run().
	 */
	smp_mb();
	if (READ_ONCE(pcpu_counts.empty) < PCPU_RESERVE_LOW)
		pcpu_balance_hurry();
	else if (!delayed_work_pending(&pcpu_balance_dwork))
		queue_delayed_work(system_long_wq, &pcpu_balance_dwork,
				   PCPU_BALANCE_DELAY);
}

/* Populate one withheld page and let go of it. */
static bool pcpu_balance_populate(struct pcpu_chunk *chunk, unsigned int page,
				  gfp_t gfp)
{
	unsigned long flags;
	bool ok;

	ok = !pcpu_populate_page(pcpu_chunk_off(chunk) + (page << PAGE_SHIFT),
				 gfp);
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	if (ok)
		pcpu_chunk_set_populated(chunk, BIT_ULL(page), true);
	pcpu_chunk_release(chunk, BIT_ULL(page));
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return ok;
}

/* An empty page without memory, withheld. */
static struct pcpu_chunk *pcpu_balance_claim_bare(unsigned int *page)
{
	struct pcpu_chunk *chunk;
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_for_each_shelf(i, 1) {
		list_for_each_entry(chunk, &pcpu_shelves->by_free[i].chunks,
				    list) {
			u64 bare = chunk->empty & ~chunk->populated &
				   ~chunk->reserved;

			if (!bare)
				continue;
			*page = __ffs64(bare);
			pcpu_chunk_withhold(chunk, BIT_ULL(*page));
			goto out;
		}
	}
	chunk = NULL;
out:
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return chunk;
}

/* Bring the reserve up to what is kept; without memory, leave it. */
static void pcpu_balance_grow(void)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN;
	struct pcpu_chunk *chunk;
	unsigned int page;
	const char *why;

	while (READ_ONCE(pcpu_counts.empty) < PCPU_RESERVE_KEEP) {
		chunk = pcpu_balance_claim_bare(&page);
		if (!chunk) {
			if (!pcpu_chunk_create(gfp, &why))
				return;
		} else if (!pcpu_balance_populate(chunk, page, gfp)) {
			return;
		}
		cond_resched();
	}
}

/* Depopulate withheld pages of @chunk, no longer marked populated. */
static void pcpu_balance_depopulate(struct pcpu_chunk *chunk, u64 pages)
{
	unsigned long base = pcpu_chunk_off(chunk);
	LIST_HEAD(freed);
	u64 rest;

	if (!pages)
		return;
	for (rest = pages; rest; rest &= rest - 1) {
		pcpu_depopulate_page(base + (__ffs64(rest) << PAGE_SHIFT),
				     &freed);
		cond_resched();
	}
	pcpu_depopulate_flush(base + (__ffs64(pages) << PAGE_SHIFT),
			      base + (fls64(pages) << PAGE_SHIFT), &freed);
}

/*
 * Choose pages to give back, of those beyond the reserve: the highest spare pages
 * of the highest chunk that has any. They come withheld and unpublished.
 */
static struct pcpu_chunk *pcpu_balance_claim_spare(u64 *pages)
{
	struct pcpu_chunk *chunk = NULL;
	unsigned long flags;
	unsigned int i;
	u64 spare = 0;
	long most;

	*pages = 0;
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	most = pcpu_balance_excess(PCPU_RESERVE_KEEP);
	for (i = pcpu_chunk_top(); i-- > 0 && most > 0 && !spare;) {
		chunk = pcpu_chunk_table[i];
		if (chunk)
			spare = pcpu_chunk_spare(chunk) & ~chunk->pinned;
	}
	for (; spare && most > 0; most--) {
		*pages |= BIT_ULL(fls64(spare) - 1);
		spare &= ~*pages;
	}
	if (*pages) {
		pcpu_chunk_withhold(chunk, *pages);
		pcpu_chunk_set_populated(chunk, *pages, false);
	}
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return *pages ? chunk : NULL;
}

/* Give back what is beyond the reserve. */
static void pcpu_balance_shrink(void)
{
	struct pcpu_chunk *chunk;
	unsigned long flags;
	u64 pages;

	while ((chunk = pcpu_balance_claim_spare(&pages))) {
		pcpu_balance_depopulate(chunk, pages);
		raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
		pcpu_chunk_release(chunk, pages);
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
		cond_resched();
	}
}

/* Destroy empty chunks but for the spare one. */
static void pcpu_balance_chunks(void)
{
	struct pcpu_chunk *chunk;
	u64 pages;

	while ((chunk = pcpu_chunk_remove_empty(PCPU_EMPTY_CHUNKS_KEEP,
						&pages))) {
		pcpu_balance_depopulate(chunk, pages);
		pcpu_chunk_discard(chunk);
		cond_resched();
	}
}

/* Keep offsets ready so that atomic callers can create chunks. */
static void pcpu_balance_tables(void)
{
	unsigned long flags, end;

	if (!pcpu_populate_allowed(GFP_NOWAIT))
		return;
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	end = (unsigned long)pcpu_chunk_top() << PCPU_CHUNK_SHIFT;
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	end = min(end + PCPU_TABLES_AHEAD, pcpu_area.size);
	pcpu_populate_tables(0, end, GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
}

/* Bring everything into its bounds. */
static void pcpu_balance_pages(void)
{
	unsigned int noio = memalloc_noio_save();

	pcpu_balance_shrink();
	pcpu_balance_chunks();
	pcpu_balance_grow();
	pcpu_balance_tables();
	memalloc_noio_restore(noio);
}

/**
 * pcpu_balance_now - do the worker's work, and leave nothing at hand
 *
 * Context: process context, sleeps.
 */
void pcpu_balance_now(void)
{
	pcpu_debug_drain();
	pcpu_age(true, true);
	pcpu_balance_pages();
}

/*
 * Ask arenas for what they did not need since the last time. Who runs because the
 * reserve is low comes too early for that: what is needed again at once would go
 * back. Return in how many jiffies to come again, 0 for never.
 */
static unsigned long pcpu_balance_age(void)
{
	unsigned long since = jiffies - pcpu_balance_aged;

	if (since < PCPU_BALANCE_AGE)
		return PCPU_BALANCE_AGE - since;
	pcpu_balance_aged = jiffies;
	return pcpu_age(false, true) ? PCPU_BALANCE_AGE : 0;
}

static void pcpu_balance_run(struct work_struct *work)
{
	unsigned long again;

	WRITE_ONCE(pcpu_balance_urgent, false);
	/* Who still saw it set has changed before what we will see. */
	smp_mb();
	again = pcpu_balance_age();
	pcpu_balance_pages();
	if (again)
		queue_delayed_work(system_long_wq, &pcpu_balance_dwork, again);
}

static int __init pcpu_balance_init(void)
{
	pcpu_balance_aged = jiffies;
	WRITE_ONCE(pcpu_balance_enabled, true);
	queue_delayed_work(system_long_wq, &pcpu_balance_dwork, 0);
	return 0;
}
subsys_initcall(pcpu_balance_init);
