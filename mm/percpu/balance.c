// SPDX-License-Identifier: GPL-2.0-only
/*
 * balance: the worker: it trims caches, keeps the reserve and gives pages back.
 *
 * This file is policy: how many pages, which ones, when. The worker runs in process
 * context and holds no lock while it allocates, maps or flushes. The pages that it
 * works on are withheld, so that no allocation has to wait for it.
 */
#include <linux/err.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "cache.h"
#include "chunk.h"
#include "debug/hooks.h"
#include "pages.h"

/* A cached object that is unused for so long, in jiffies, is idle. */
#define PCPU_TRIM_INTERVAL	(HZ / 4)

/*
 * The same when a burst of frees has filled the depot; and the delay after which the
 * worker looks whether the burst is over.
 */
#define PCPU_TRIM_SOON		max(HZ / 25UL, 1UL)

/*
 * A flush of TLBs interrupts isolated CPUs. Where there are any, pages are given back this
 * often, in jiffies. Less than a part in PCPU_KEEP_PART of RAM stays, and no more than one in
 * PCPU_HOLD_PART waits for that time.
 */
#define PCPU_FLUSH_INTERVAL	(30 * HZ)
#define PCPU_KEEP_PART		1024
#define PCPU_HOLD_PART		64

/* Offsets beyond the highest chunk for which page tables are kept. */
#define PCPU_TABLES_AHEAD	(8 * PCPU_CHUNK_SIZE)

/*
 * Time of the last trim, in jiffies; the fewest bytes that the depot has had since; and
 * whether frees had filled the depot before the trim. Only used by the worker.
 */
static unsigned long pcpu_balance_trimmed;
static unsigned long pcpu_balance_kept;
static bool pcpu_balance_burst;

/* Time of the last flush of TLBs, in jiffies. Only used by the worker. */
static unsigned long pcpu_balance_flushed;

/*
 * Fill the reserve, as far as memory is available. With @create false, no chunk is
 * created: an allocation waits for its number.
 */
static void pcpu_balance_grow(bool create)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN;
	struct pcpu_chunk *chunk;
	unsigned int page;
	int err = 0;

	/* The next chunk is made in advance, as far as it costs no page tables. */
	pcpu_chunk_prepare(gfp);
	while (!err && READ_ONCE(pcpu_counts.empty) < PCPU_RESERVE_KEEP) {
		chunk = pcpu_chunks_claim_bare(&page);
		if (chunk) {
			err = pcpu_populate_page(pcpu_chunk_off(chunk) + (page << PAGE_SHIFT),
						 gfp, false);
			if (!err)
				pcpu_chunk_publish_pages(chunk, BIT_ULL(page), NULL, 0);
			pcpu_chunk_unclaim(chunk, BIT_ULL(page));
		} else if (create) {
			err = PTR_ERR_OR_ZERO(pcpu_chunk_create(gfp, false));
		} else {
			err = -ENOSPC;
		}
		cond_resched();
	}
}

/*
 * Chunks of which pages are given back by one flush of TLBs, and at most an eighth of
 * the area: allocations cannot use them meanwhile.
 */
#define PCPU_FLUSH_CHUNKS	32U

/**
 * struct pcpu_shrink - pages that are given back together
 * @nr: number of chunks
 * @pages: their memory
 * @first: lowest offset
 * @end: end of the highest page
 * @chunks: the chunks
 * @withheld: pages of each chunk, withheld and no longer populated
 */
struct pcpu_shrink {
	unsigned int nr;
	struct list_head pages;
	unsigned long first;
	unsigned long end;
	struct pcpu_chunk *chunks[PCPU_FLUSH_CHUNKS];
	u64 withheld[PCPU_FLUSH_CHUNKS];
};

/* Unmap the withheld pages of a chunk. Return true if the flush is due. */
static bool pcpu_shrink_add(struct pcpu_shrink *s, struct pcpu_chunk *chunk,
			    u64 pages)
{
	unsigned long base = pcpu_chunk_off(chunk), off;
	u64 left;

	for (left = pages; left; left &= left - 1) {
		off = base + (__ffs64(left) << PAGE_SHIFT);
		pcpu_depopulate_page(off, &s->pages);
		s->first = min(s->first, off);
		s->end = max(s->end, off + PAGE_SIZE);
		cond_resched();
	}
	s->chunks[s->nr] = chunk;
	s->withheld[s->nr++] = pages;
	return s->nr >= min(PCPU_FLUSH_CHUNKS, pcpu_area_nr_chunks() / 8);
}

/*
 * Give back pages beyond the reserve, and all but @keep empty chunks, those at the highest
 * offsets first.
 */
static void pcpu_balance_shrink(unsigned int keep)
{
	struct pcpu_shrink s;
	struct pcpu_chunk *chunk;
	unsigned int i;
	u64 pages;

	do {
		s.nr = 0;
		s.first = PCPU_NO_OFF;
		s.end = 0;
		INIT_LIST_HEAD(&s.pages);
		do {
			chunk = pcpu_chunks_claim_spare(PCPU_RESERVE_KEEP, keep, &pages);
		} while (chunk && !pcpu_shrink_add(&s, chunk, pages));
		/* Give the memory back. */
		if (s.end) {
			pcpu_flush_units(0, pcpu_area.nr_units - 1, s.first, s.end,
					 &s.pages);
			pcpu_balance_flushed = jiffies;
		}
		cond_resched();
		for (i = 0; i < s.nr; i++)
			pcpu_chunk_unclaim(s.chunks[i], s.withheld[i]);
	} while (chunk);
}

static void pcpu_balance_pages(bool shrink, unsigned int keep_chunks)
{
	unsigned int noio = memalloc_noio_save();
	unsigned long end;

	if (shrink)
		pcpu_balance_shrink(keep_chunks);
	pcpu_balance_grow(keep_chunks);
	end = (unsigned long)pcpu_chunk_top() << PCPU_CHUNK_SHIFT;
	/* Page tables, so that atomic callers can create chunks. */
	if (pcpu_populate_allowed(GFP_NOWAIT))
		pcpu_populate_tables(0, min(end + PCPU_TABLES_AHEAD, pcpu_area.size),
				     GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
	memalloc_noio_restore(noio);
}

/* Drain all caches and do the work of the worker. Process context, may sleep. */
void pcpu_balance_now(void)
{
	if (pcpu_debug_begun())
		pcpu_debug_drain();
	pcpu_caches_drain();
	pcpu_balance_pages(true, PCPU_EMPTY_CHUNKS_KEEP);
}

/*
 * Return true if the depot has got many objects since the last trim: more were freed than
 * CPUs allocate again. A level that stays is no burst: it is in use.
 */
static bool pcpu_balance_filled(void)
{
	unsigned long bytes = READ_ONCE(pcpu_depot->bytes);

	pcpu_balance_kept = min(pcpu_balance_kept, bytes);
	return bytes - pcpu_balance_kept > PCPU_DEPOT_BYTES / 2;
}

/*
 * Trim the caches if it is time. A run triggered by a low reserve comes too soon:
 * objects about to be reused would be returned. Return the delay of the next trim
 * in jiffies, or 0 if all caches are empty.
 */
static unsigned long pcpu_balance_trim(void)
{
	unsigned long since = jiffies - pcpu_balance_trimmed;
	bool filled = pcpu_balance_filled(), left;
	unsigned long interval;

	/* After a burst two trims come soon: the second finds what the first has tracked. */
	interval = filled || pcpu_balance_burst ? PCPU_TRIM_SOON : PCPU_TRIM_INTERVAL;
	if (since < interval)
		return interval - since;
	pcpu_balance_trimmed = jiffies;
	pcpu_balance_burst = filled;
	left = pcpu_caches_trim();
	pcpu_balance_kept = READ_ONCE(pcpu_depot->bytes);
	if (!left)
		return 0;
	return filled ? PCPU_TRIM_SOON : PCPU_TRIM_INTERVAL;
}

/* The worker waits so often for a pause of frees. */
#define PCPU_PAUSE_TURNS	25

/* Pages that could be given back when the worker has looked last. */
static long pcpu_balance_excess;

static long pcpu_balance_count_excess(void)
{
	return max(pcpu_counts_excess(PCPU_RESERVE_KEEP), 0L) +
	       READ_ONCE(pcpu_counts.present_empty);
}

/*
 * Return true if frees have added no pages since the last look, or if they go on for too
 * long. As each flush of TLBs interrupts all CPUs, the pages of a burst of frees are given
 * back together, with what caches return after it.
 */
static bool pcpu_balance_frees_paused(void)
{
	static unsigned int turns;

	if (pcpu_balance_count_excess() > pcpu_balance_excess && turns++ < PCPU_PAUSE_TURNS)
		return false;
	turns = 0;
	return true;
}

/*
 * Return how long pages stay that could be given back, in jiffies, as there are isolated
 * CPUs.
 */
static unsigned long pcpu_balance_keep_isolated(void)
{
	unsigned long since = jiffies - pcpu_balance_flushed;
	unsigned long pages = pcpu_balance_count_excess() * pcpu_area.nr_units;

	if (!pages || pages >= totalram_pages() / PCPU_HOLD_PART || !pcpu_caches_isolated())
		return 0;
	if (pages < totalram_pages() / PCPU_KEEP_PART)
		return PCPU_FLUSH_INTERVAL;
	return since < PCPU_FLUSH_INTERVAL ? PCPU_FLUSH_INTERVAL - since : 0;
}

static void pcpu_balance_run(struct work_struct *work)
{
	bool paused, wanted = pcpu_worker_begin();
	unsigned long delay, keep = 0;

	/* What the trim adds is not new: it goes with the pages of the frees before it. */
	paused = pcpu_balance_frees_paused() || wanted;
	delay = pcpu_balance_trim();
	if (!wanted)
		keep = paused ? pcpu_balance_keep_isolated() : PCPU_TRIM_SOON;
	pcpu_balance_pages(!keep, wanted ? 0 : PCPU_EMPTY_CHUNKS_KEEP);
	pcpu_balance_excess = pcpu_balance_count_excess();
	if (keep)
		delay = min(delay ?: keep, keep);
	if (delay)
		pcpu_worker_again(delay);
}

static int __init pcpu_balance_init(void)
{
	pcpu_balance_trimmed = jiffies;
	pcpu_balance_flushed = jiffies;
	pcpu_worker_enable(pcpu_balance_run);
	return 0;
}
subsys_initcall(pcpu_balance_init);
