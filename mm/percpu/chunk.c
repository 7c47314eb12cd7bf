// SPDX-License-Identifier: GPL-2.0-only
/*
 * chunk: the granules and pages of one chunk, and the hints for searches.
 *
 * A page is free, or holds objects, or is withheld. Withheld pages look fully
 * used, so that the search for free granules needs no further mask.
 *
 * Unless a comment says otherwise, functions expect pcpu_chunk_lock to be held. A range
 * costs a step per page of the chunk at most, which is the bound of each function.
 */
#include <linux/init.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "chunk.h"
#include "pages.h"

/* By chunk number; entries change under pcpu_chunk_lock, read by RCU. */
struct pcpu_chunk **pcpu_chunk_table __ro_after_init;

struct pcpu_slots *pcpu_slots __ro_after_init;

struct pcpu_counts pcpu_counts;
unsigned long pcpu_nr_populated;
unsigned long pcpu_nr_present;

/* Raise the hints of the slot of @chunk to the hints of the chunk. */
static void pcpu_slot_raise(const struct pcpu_chunk *chunk)
{
	struct pcpu_slot *slot = chunk->slot;

	lockdep_assert_held(&pcpu_chunk_lock);

	slot->raised++;
	slot->max_run = max(slot->max_run, chunk->max_run);
	slot->populated_run = max(slot->populated_run, chunk->populated_run);
}

/* Move a chunk to the slot of its number of free granules. */
void pcpu_chunk_set_slot(struct pcpu_chunk *chunk)
{
	unsigned int i = chunk->nr_free / PCPU_PAGE_GRANULES;
	bool present = chunk->present;

	lockdep_assert_held(&pcpu_chunk_lock);

	/* A present chunk stays where it is. */
	if (present && chunk->slot)
		return;
	chunk->slot = present ? &pcpu_slots->present : &pcpu_slots->by_free[i];
	if (present) {
		list_add_tail(&chunk->list, &chunk->slot->chunks);
	} else {
		list_move(&chunk->list, &chunk->slot->chunks);
		__set_bit(i, pcpu_slots->filled);
	}
	pcpu_slot_raise(chunk);
}

static inline void pcpu_chunk_add_free(struct pcpu_chunk *chunk, int nr)
{
	unsigned int before = chunk->nr_free;

	chunk->nr_free += nr;
	/* Otherwise the number of whole pages is the same. */
	if ((before ^ chunk->nr_free) >= PCPU_PAGE_GRANULES)
		pcpu_chunk_set_slot(chunk);
}

/*
 * Change which pages of a chunk have memory in every unit, and which have no bit set in
 * &pcpu_chunk.used. The counts over all chunks depend on these masks, which change here
 * only.
 */
void pcpu_chunk_set_masks(struct pcpu_chunk *chunk, u64 populated, u64 empty)
{
	u64 before = chunk->populated & chunk->empty & ~chunk->reserved;
	u64 spare = populated & empty & ~chunk->reserved;
	long nr = (long)hweight64(populated) - (long)hweight64(chunk->populated);
	long nr_empty = (long)hweight64(spare) - (long)hweight64(before);
	long nr_loose = (long)hweight64(spare & ~chunk->pinned) -
			(long)hweight64(before & ~chunk->pinned);
	int chunks = (empty == PCPU_ALL_PAGES) - (chunk->empty == PCPU_ALL_PAGES);

	lockdep_assert_held(&pcpu_chunk_lock);

	/* A page that is populated can join two runs. */
	if (populated & ~chunk->populated) {
		chunk->populated_run = chunk->max_run;
		pcpu_slot_raise(chunk);
	}
	WRITE_ONCE(chunk->populated, populated);
	chunk->empty = empty;
	if (chunk->present) {
		WRITE_ONCE(pcpu_nr_present, pcpu_nr_present + nr);
		WRITE_ONCE(pcpu_counts.present_empty,
			   pcpu_counts.present_empty + nr_empty);
		pcpu_counts.present_chunks += chunks;
		return;
	}
	WRITE_ONCE(pcpu_nr_populated, pcpu_nr_populated + nr);
	WRITE_ONCE(pcpu_counts.empty, pcpu_counts.empty + nr_empty);
	WRITE_ONCE(pcpu_counts.loose, pcpu_counts.loose + nr_loose);
	if (!chunk->pinned)
		pcpu_counts.empty_chunks += chunks;
}

/* Set the run hint of a page: an upper bound of the free runs within it, in granules. */
void pcpu_page_set_run(struct pcpu_chunk *chunk, unsigned int page,
		       unsigned int run)
{
	unsigned int old = chunk->pages[page].run;
	unsigned int i, end = min(fls(max(old, run)), PCPU_NR_BY_RUN);
	u64 bit = BIT_ULL(page);

	lockdep_assert_held(&pcpu_chunk_lock);

	chunk->pages[page].run = run;
	for (i = fls(min(old, run)); i < end; i++) {
		if (run > old)
			chunk->by_run[i] |= bit;
		else
			chunk->by_run[i] &= ~bit;
	}
}

/* Raise the run hint of a page. Mostly it is in the same masks before and after. */
static inline void pcpu_page_raise_run(struct pcpu_chunk *chunk, unsigned int page,
				       unsigned int run)
{
	unsigned int old = chunk->pages[page].run;

	if (run <= old)
		return;
	if ((run ^ old) < old)
		chunk->pages[page].run = run;
	else
		pcpu_page_set_run(chunk, page, run);
}

/*
 * Update the hints of a page after its granules from @start to @end - 1 were allocated;
 * the range may go beyond the page. Return true if the page was empty.
 */
static bool pcpu_page_range_allocated(struct pcpu_chunk *chunk, unsigned int page,
				      unsigned int start, unsigned int end)
{
	unsigned int base = page * PCPU_PAGE_GRANULES;
	struct pcpu_page *pg = &chunk->pages[page];
	bool whole = pg->head == PCPU_PAGE_GRANULES;

	start = max(start, base) - base;
	end = min(end - base, PCPU_PAGE_GRANULES);
	if (!start)
		chunk->headed &= ~BIT_ULL(page);
	if (end == PCPU_PAGE_GRANULES)
		chunk->tailed &= ~BIT_ULL(page);
	pg->head = min_t(unsigned int, pg->head, start);
	pg->tail = min_t(unsigned int, pg->tail, PCPU_PAGE_GRANULES - end);
	/* Only the two ends of a page that was wholly free are free now; none if it is full. */
	if (whole)
		pcpu_page_set_run(chunk, page, max(pg->head, pg->tail));
	else if (pg->run && !pg->head && !pg->tail &&
		 find_first_zero_bit(chunk->used + BIT_WORD(base),
				     PCPU_PAGE_GRANULES) == PCPU_PAGE_GRANULES)
		pcpu_page_set_run(chunk, page, 0);
	return whole;
}

/* Allocate @nr granules, all of them free. */
void pcpu_range_alloc(struct pcpu_chunk *chunk, unsigned int start,
		      unsigned int nr)
{
	unsigned int page = start / PCPU_PAGE_GRANULES, end = start + nr;
	u64 empty = chunk->empty;

	lockdep_assert_held(&pcpu_chunk_lock);

	bitmap_set(chunk->used, start, nr);
	for (; page * PCPU_PAGE_GRANULES < end; page++)
		if (pcpu_page_range_allocated(chunk, page, start, end))
			empty &= ~BIT_ULL(page);
	if (empty != chunk->empty)
		pcpu_chunk_set_masks(chunk, chunk->populated, empty);
	chunk->max_run = min(chunk->max_run, chunk->nr_free - nr);
	chunk->populated_run = min(chunk->populated_run, chunk->nr_free - nr);
	pcpu_chunk_add_free(chunk, -nr);
}

/* Raise the hints of the chunk and its slot to a free run of @run granules. */
static void pcpu_chunk_raise(struct pcpu_chunk *chunk, unsigned int run)
{
	if (run <= min(chunk->max_run, chunk->populated_run))
		return;
	chunk->max_run = max(chunk->max_run, run);
	chunk->populated_run = max(chunk->populated_run, run);
	pcpu_slot_raise(chunk);
}

/*
 * Clear @nr bits of a word from @bit on. Return the length of the clear run
 * around them, or 0 if the run reaches an end of the word.
 */
static unsigned int pcpu_word_clear(unsigned long *word, unsigned int bit,
				    unsigned int nr)
{
	unsigned long before = *word & (BIT(bit) - 1);
	unsigned long behind = *word & (~1UL << (bit + nr - 1));

	*word = before | behind;
	return before && behind ? __ffs(behind) - fls_long(before) : 0;
}

/* A bound of the granules beyond its page that a run takes; the next page has @free there. */
static unsigned int pcpu_page_joined(unsigned int free)
{
	/* The next page may be free, too. */
	return free == PCPU_PAGE_GRANULES ? PCPU_CHUNK_GRANULES : free;
}

/* Update all hints after granules @start to @end - 1 of @page were freed. */
static noinline void pcpu_page_freed(struct pcpu_chunk *chunk, unsigned int page,
				     unsigned int start, unsigned int end)
{
	const unsigned long *used = &chunk->used[page * PCPU_PAGE_GRANULES / BITS_PER_LONG];
	unsigned int first = 0, last = PCPU_PAGE_GRANULES, run;
	struct pcpu_page *pg = &chunk->pages[page];

	if (start != pg->head)
		first = find_last_bit(used, start) + 1;
	if (end != PCPU_PAGE_GRANULES - pg->tail)
		last = find_next_bit(used, PCPU_PAGE_GRANULES, end);
	run = last - first;
	pcpu_page_raise_run(chunk, page, run);
	if (run == PCPU_PAGE_GRANULES)
		pcpu_chunk_set_masks(chunk, chunk->populated, chunk->empty | BIT_ULL(page));
	if (!first) {
		pg->head = last;
		chunk->headed |= BIT_ULL(page);
		if (page)
			run += pcpu_page_joined(pg[-1].tail);
	}
	if (last == PCPU_PAGE_GRANULES) {
		pg->tail = last - first;
		chunk->tailed |= BIT_ULL(page);
		if (page < PCPU_CHUNK_PAGES - 1)
			run += pcpu_page_joined(pg[1].head);
	}
	pcpu_chunk_raise(chunk, min(run, chunk->nr_free + end - start));
}

/*
 * Free granules of several pages, page by page: the hints are right for each of them before
 * the next one is freed.
 */
static noinline void pcpu_pages_freed(struct pcpu_chunk *chunk, unsigned int start,
				      unsigned int nr)
{
	unsigned int first, part;

	for (; nr; nr -= part, start += part) {
		first = start % PCPU_PAGE_GRANULES;
		part = min(nr, PCPU_PAGE_GRANULES - first);
		bitmap_clear(chunk->used, start, part);
		pcpu_page_freed(chunk, start / PCPU_PAGE_GRANULES, first, first + part);
		pcpu_chunk_add_free(chunk, part);
	}
}

/* Free @nr granules, not 0, all of them allocated. */
void pcpu_range_free(struct pcpu_chunk *chunk, unsigned int start,
		     unsigned int nr)
{
	unsigned int page = start / PCPU_PAGE_GRANULES, run = 0;
	unsigned int bit = start % BITS_PER_LONG;

	lockdep_assert_held(&pcpu_chunk_lock);

	chunk->missed.nr = 0;
	if (bit + nr <= BITS_PER_LONG) {
		run = pcpu_word_clear(&chunk->used[BIT_WORD(start)], bit, nr);
	} else if (start % PCPU_PAGE_GRANULES + nr <= PCPU_PAGE_GRANULES) {
		bitmap_clear(chunk->used, start, nr);
	} else {
		pcpu_pages_freed(chunk, start, nr);
		return;
	}
	/* Mostly the run ends within its word: the ends of the page do not change. */
	start %= PCPU_PAGE_GRANULES;
	if (run) {
		pcpu_chunk_raise(chunk, run);
		pcpu_page_raise_run(chunk, page, run);
	} else {
		pcpu_page_freed(chunk, page, start, start + nr);
	}
	pcpu_chunk_add_free(chunk, nr);
}

/*
 * Withhold empty pages from allocations, for the time in which the caller populates them
 * or gives them back.
 */
void pcpu_chunk_withhold(struct pcpu_chunk *chunk, u64 pages)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	WRITE_ONCE(chunk->withheld, chunk->withheld | pages);
	for (; pages; pages &= pages - 1)
		pcpu_range_alloc(chunk, __ffs64(pages) * PCPU_PAGE_GRANULES, PCPU_PAGE_GRANULES);
}

/* Undo pcpu_chunk_withhold(). */
void pcpu_chunk_release(struct pcpu_chunk *chunk, u64 pages)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	WRITE_ONCE(chunk->withheld, chunk->withheld & ~pages);
	for (; pages; pages &= pages - 1)
		pcpu_range_free(chunk, __ffs64(pages) * PCPU_PAGE_GRANULES, PCPU_PAGE_GRANULES);
}

/*
 * Initialise chunk @nr with nothing in it, in zeroed memory; @objmap has
 * PCPU_OBJMAP_SIZE bytes of it. Any context: nothing else uses the chunk yet.
 */
void pcpu_chunk_init(struct pcpu_chunk *chunk, unsigned int nr, void *objmap)
{
	int i;

	chunk->nr = nr;
	chunk->nr_free = PCPU_CHUNK_GRANULES;
	chunk->max_run = PCPU_CHUNK_GRANULES;
	chunk->populated_run = PCPU_CHUNK_GRANULES;
	chunk->empty = PCPU_ALL_PAGES;
	chunk->headed = PCPU_ALL_PAGES;
	chunk->tailed = PCPU_ALL_PAGES;
	memset(chunk->by_run, 0xff, sizeof(chunk->by_run));
	chunk->objmap = objmap;
	INIT_LIST_HEAD(&chunk->list);
	for (i = 0; i < PCPU_NR_SMALL; i++)
		INIT_LIST_HEAD(&chunk->partial_node[i]);
	for (i = 0; i < PCPU_CHUNK_PAGES; i++) {
		chunk->pages[i].head = PCPU_PAGE_GRANULES;
		chunk->pages[i].tail = PCPU_PAGE_GRANULES;
		chunk->pages[i].run = PCPU_PAGE_GRANULES;
	}
}

/* Free a chunk that no lookup can see any more. */
void pcpu_chunk_free_rcu(struct rcu_head *rcu)
{
	struct pcpu_chunk *chunk = container_of(rcu, struct pcpu_chunk, rcu);
	int i;

	for (i = 0; i < PCPU_CHUNK_PAGES; i++) {
		kfree(chunk->free_masks[i]);
		kfree(chunk->owners[i]);
	}
	kfree(chunk->objmap);
	kfree(chunk);
}

/**
 * pcpu_nr_pages - number of pages of percpu memory
 *
 * Context: any.
 * Return: populated pages in all units, without metadata. Of present chunks, those of
 * units that have memory there.
 */
unsigned long pcpu_nr_pages(void)
{
	unsigned long nr = READ_ONCE(pcpu_nr_populated) * pcpu_nr_units;

	if (IS_ENABLED(CONFIG_PERCPU_PRESENT))
		nr += READ_ONCE(pcpu_nr_present) * READ_ONCE(pcpu_nr_present_units);
	return nr;
}
