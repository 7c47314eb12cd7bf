// SPDX-License-Identifier: GPL-2.0-only
/*
 * chunk: the granules and pages of one chunk, and the hints for searches.
 *
 * A page is free, or holds objects, or is withheld. Withheld pages look fully
 * used, so that the search for free granules needs no further mask.
 *
 * All functions expect pcpu_chunk_lock to be held. A range costs a step per
 * page of the chunk at most, which is the bound of each of them.
 */
#include <linux/init.h>
#include <linux/slab.h>

#include "chunk.h"

/* By chunk number; entries change under pcpu_chunk_lock, read by RCU. */
struct pcpu_chunk **pcpu_chunk_table __ro_after_init;

struct pcpu_slots *pcpu_slots __ro_after_init;

struct pcpu_counts pcpu_counts;
unsigned long pcpu_nr_populated;
unsigned long pcpu_nr_present;

/**
 * pcpu_slots_init - set up the slots
 * @slots: zeroed memory
 *
 * Context: boot.
 */
void pcpu_slots_init(struct pcpu_slots *slots)
{
	int i;

	for (i = 0; i < PCPU_NR_SLOTS; i++)
		INIT_LIST_HEAD(&slots->by_free[i].chunks);
	INIT_LIST_HEAD(&slots->present.chunks);
	pcpu_slots = slots;
}

/* Raise the hints of the slot of @chunk to the hints of the chunk. */
static void pcpu_slot_raise(const struct pcpu_chunk *chunk)
{
	struct pcpu_slot *slot = pcpu_chunk_slot(chunk);

	lockdep_assert_held(&pcpu_chunk_lock);

	slot->raised++;
	slot->max_run = max(slot->max_run, chunk->max_run);
	slot->populated_run = max(slot->populated_run, chunk->populated_run);
}

/**
 * pcpu_chunk_set_slot - move a chunk to the slot of its number of free granules
 * @chunk: the chunk
 */
void pcpu_chunk_set_slot(struct pcpu_chunk *chunk)
{
	struct pcpu_slot *slot = pcpu_chunk_slot(chunk);

	lockdep_assert_held(&pcpu_chunk_lock);

	if (!pcpu_chunk_is_present(chunk)) {
		list_move(&chunk->list, &slot->chunks);
		__set_bit(pcpu_chunk_slot_nr(chunk), pcpu_slots->filled);
	} else if (list_empty(&chunk->list)) {
		list_add_tail(&chunk->list, &slot->chunks);
	}
	pcpu_slot_raise(chunk);
}

static void pcpu_chunk_add_free(struct pcpu_chunk *chunk, int nr)
{
	unsigned int before = pcpu_chunk_slot_nr(chunk);

	chunk->nr_free += nr;
	if (pcpu_chunk_slot_nr(chunk) != before)
		pcpu_chunk_set_slot(chunk);
}

/* Add a chunk to the count of empty ones, if it is empty. */
static void pcpu_chunk_count_loose(struct pcpu_chunk *chunk, int sign)
{
	if (pcpu_chunk_is_present(chunk))
		pcpu_counts.present_chunks += sign * pcpu_chunk_is_loose(chunk);
	else
		pcpu_counts.empty_chunks += sign * pcpu_chunk_is_loose(chunk);
}

/**
 * pcpu_chunk_count - add a chunk to the global counts
 * @chunk: the chunk
 * @sign: 1 to add, -1 to subtract
 */
void pcpu_chunk_count(struct pcpu_chunk *chunk, long sign)
{
	long populated = sign * (long)hweight64(chunk->populated);
	u64 spare = pcpu_chunk_spare(chunk);
	long empty = sign * (long)hweight64(spare);
	long loose = sign * (long)hweight64(spare & ~chunk->pinned);

	if (pcpu_chunk_is_present(chunk)) {
		WRITE_ONCE(pcpu_nr_present, pcpu_nr_present + populated);
		WRITE_ONCE(pcpu_counts.present_empty,
			   pcpu_counts.present_empty + empty);
		pcpu_chunk_count_loose(chunk, sign);
		return;
	}
	WRITE_ONCE(pcpu_nr_populated, pcpu_nr_populated + populated);
	WRITE_ONCE(pcpu_counts.empty, pcpu_counts.empty + empty);
	WRITE_ONCE(pcpu_counts.loose, pcpu_counts.loose + loose);
	pcpu_chunk_count_loose(chunk, sign);
}

/*
 * The global counts depend on page masks of all chunks: these change in the next
 * two functions only.
 */
static void pcpu_chunk_write_populated(struct pcpu_chunk *chunk, u64 populated)
{
	pcpu_chunk_count(chunk, -1);
	WRITE_ONCE(chunk->populated, populated);
	pcpu_chunk_count(chunk, 1);
}

static void pcpu_page_set_empty(struct pcpu_chunk *chunk, unsigned int page,
				bool empty)
{
	u64 bit = BIT_ULL(page);
	int sign = empty ? 1 : -1;

	if (!!(chunk->empty & bit) == empty)
		return;
	pcpu_chunk_count_loose(chunk, -1);
	chunk->empty ^= bit;
	pcpu_chunk_count_loose(chunk, 1);
	if (!(bit & chunk->populated & ~chunk->reserved))
		return;
	if (pcpu_chunk_is_present(chunk)) {
		WRITE_ONCE(pcpu_counts.present_empty,
			   pcpu_counts.present_empty + sign);
		return;
	}
	WRITE_ONCE(pcpu_counts.empty, pcpu_counts.empty + sign);
	if (!(bit & chunk->pinned))
		WRITE_ONCE(pcpu_counts.loose, pcpu_counts.loose + sign);
}

/**
 * struct pcpu_part - the part of a range of granules that lies in one page
 * @page: the page
 * @start: its first granule, counted from the beginning of the page
 * @end: end of its granules, exclusive
 */
struct pcpu_part {
	unsigned int page;
	unsigned int start;
	unsigned int end;
};

static struct pcpu_part pcpu_part_of(unsigned int page, unsigned int start,
				     unsigned int end)
{
	unsigned int base = page * PCPU_PAGE_GRANULES;

	return (struct pcpu_part) {
		.page = page,
		.start = max(start, base) - base,
		.end = min(end - base, PCPU_PAGE_GRANULES),
	};
}

/**
 * pcpu_page_set_run - set the run hint of a page
 * @chunk: the chunk
 * @page: the page
 * @run: upper bound of the free runs within the page, in granules
 */
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

/* Update the hints of a page after @part of it was allocated. */
static void pcpu_page_range_allocated(struct pcpu_chunk *chunk,
				      const struct pcpu_part *part)
{
	struct pcpu_page *pg = &chunk->pages[part->page];
	bool whole = pg->head == PCPU_PAGE_GRANULES;

	if (!part->start)
		chunk->headed &= ~BIT_ULL(part->page);
	if (part->end == PCPU_PAGE_GRANULES)
		chunk->tailed &= ~BIT_ULL(part->page);
	pg->head = min_t(unsigned int, pg->head, part->start);
	pg->tail = min_t(unsigned int, pg->tail,
			 PCPU_PAGE_GRANULES - part->end);
	if (!whole)
		return;
	/* Only the two ends of a page that was wholly free are free now. */
	pcpu_page_set_run(chunk, part->page, max(pg->head, pg->tail));
	pcpu_page_set_empty(chunk, part->page, false);
}

/*
 * Update the hints of a page after @part of it was freed; @run is the length of
 * the free run that the part is in now.
 */
static void pcpu_page_range_freed(struct pcpu_chunk *chunk,
				  const struct pcpu_part *part,
				  unsigned int run)
{
	unsigned long *used = chunk->used +
			      part->page * (PCPU_PAGE_GRANULES / BITS_PER_LONG);
	struct pcpu_page *pg = &chunk->pages[part->page];
	unsigned int last;

	if (part->end == PCPU_PAGE_GRANULES - pg->tail) {
		last = find_last_bit(used, part->start);
		pg->tail = PCPU_PAGE_GRANULES -
			   (last == part->start ? 0 : last + 1);
	}
	if (part->start == pg->head)
		pg->head = find_next_bit(used, PCPU_PAGE_GRANULES, part->end);
	if (!part->start)
		chunk->headed |= BIT_ULL(part->page);
	if (part->end == PCPU_PAGE_GRANULES)
		chunk->tailed |= BIT_ULL(part->page);
	if (run > pg->run)
		pcpu_page_set_run(chunk, part->page,
				  min(run, PCPU_PAGE_GRANULES));
	if (pg->head == PCPU_PAGE_GRANULES)
		pcpu_page_set_empty(chunk, part->page, true);
}

/**
 * pcpu_range_alloc - allocate granules
 * @chunk: the chunk
 * @start: first granule; it and the following ones are free
 * @nr: number of granules
 */
void pcpu_range_alloc(struct pcpu_chunk *chunk, unsigned int start,
		      unsigned int nr)
{
	unsigned int page = start / PCPU_PAGE_GRANULES, end = start + nr;

	lockdep_assert_held(&pcpu_chunk_lock);

	bitmap_set(chunk->used, start, nr);
	for (; page * PCPU_PAGE_GRANULES < end; page++) {
		struct pcpu_part part = pcpu_part_of(page, start, end);

		pcpu_page_range_allocated(chunk, &part);
	}
	chunk->max_run = min(chunk->max_run, chunk->nr_free - nr);
	chunk->populated_run = min(chunk->populated_run, chunk->nr_free - nr);
	pcpu_chunk_add_free(chunk, -nr);
}

/*
 * The length of the free run around granules @start to @end - 1. The search is
 * limited to one page to each side; a longer run is "the whole chunk".
 */
static unsigned int pcpu_chunk_run_around(struct pcpu_chunk *chunk,
					  unsigned int start, unsigned int end)
{
	unsigned int lo, hi, left, right;

	lo = start - min_t(unsigned int, start, PCPU_PAGE_GRANULES);
	lo = round_down(lo, BITS_PER_LONG);
	hi = min(end + PCPU_PAGE_GRANULES, PCPU_CHUNK_GRANULES);
	left = find_last_bit(chunk->used + BIT_WORD(lo), start - lo);
	right = find_next_bit(chunk->used, hi, end);
	if ((left == start - lo && lo) ||
	    (right == hi && hi < PCPU_CHUNK_GRANULES))
		return PCPU_CHUNK_GRANULES;
	left = left == start - lo ? lo : lo + left + 1;
	return right - left;
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

/* Update all hints after granules at an end of their page were freed. */
static noinline void pcpu_range_free_ends(struct pcpu_chunk *chunk,
					  unsigned int start, unsigned int nr)
{
	unsigned int page = start / PCPU_PAGE_GRANULES, end = start + nr;
	unsigned int run;

	run = min(pcpu_chunk_run_around(chunk, start, end),
		  chunk->nr_free + nr);
	pcpu_chunk_raise(chunk, run);
	for (; page * PCPU_PAGE_GRANULES < end; page++) {
		struct pcpu_part part = pcpu_part_of(page, start, end);

		pcpu_page_range_freed(chunk, &part, run);
	}
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

/*
 * The length of the free run around granules @start to @end - 1, or 0 if the
 * run reaches an end of their page.
 */
static unsigned int pcpu_page_run(struct pcpu_chunk *chunk, unsigned int start,
				  unsigned int end)
{
	unsigned int first = round_down(start, PCPU_PAGE_GRANULES), left, right;
	unsigned long *used = &chunk->used[BIT_WORD(first)];

	left = find_last_bit(used, start - first);
	if (left == start - first)
		return 0;
	right = find_next_bit(used, PCPU_PAGE_GRANULES, end - first);
	return right < PCPU_PAGE_GRANULES ? right - left - 1 : 0;
}

/**
 * pcpu_range_free - free granules
 * @chunk: the chunk
 * @start: first granule; it and the following ones are allocated
 * @nr: number of granules, not 0
 */
void pcpu_range_free(struct pcpu_chunk *chunk, unsigned int start,
		     unsigned int nr)
{
	unsigned int page = start / PCPU_PAGE_GRANULES, run = 0;
	unsigned int bit = start % BITS_PER_LONG;

	lockdep_assert_held(&pcpu_chunk_lock);

	chunk->missed.nr = 0;
	if (bit + nr <= BITS_PER_LONG)
		run = pcpu_word_clear(&chunk->used[BIT_WORD(start)], bit, nr);
	else
		bitmap_clear(chunk->used, start, nr);
	if (!run)
		run = pcpu_page_run(chunk, start, start + nr);
	/* Mostly the run ends within the page: the ends of the page do not change. */
	if (run) {
		pcpu_chunk_raise(chunk, run);
		if (run > chunk->pages[page].run)
			pcpu_page_set_run(chunk, page, run);
	} else {
		pcpu_range_free_ends(chunk, start, nr);
	}
	pcpu_chunk_add_free(chunk, nr);
}

/* Call @act for each run of adjacent @pages. */
static void pcpu_chunk_each_run(struct pcpu_chunk *chunk, u64 pages,
				void (*act)(struct pcpu_chunk *chunk,
					    unsigned int start, unsigned int nr))
{
	while (pages) {
		unsigned int first = __ffs64(pages);
		u64 stop = ~pages & ~0ULL << first;
		unsigned int end = stop ? __ffs64(stop) : PCPU_CHUNK_PAGES;

		act(chunk, first * PCPU_PAGE_GRANULES,
		    (end - first) * PCPU_PAGE_GRANULES);
		pages &= ~pcpu_page_mask(first, end - 1);
	}
}

/**
 * pcpu_chunk_withhold - withhold pages from allocations
 * @chunk: the chunk
 * @pages: mask of pages, all of them empty
 *
 * For the time in which the caller populates these pages or gives them back.
 */
void pcpu_chunk_withhold(struct pcpu_chunk *chunk, u64 pages)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	WRITE_ONCE(chunk->withheld, chunk->withheld | pages);
	pcpu_chunk_each_run(chunk, pages, pcpu_range_alloc);
}

/**
 * pcpu_chunk_release - undo pcpu_chunk_withhold()
 * @chunk: the chunk
 * @pages: mask of pages, all of them withheld
 */
void pcpu_chunk_release(struct pcpu_chunk *chunk, u64 pages)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	WRITE_ONCE(chunk->withheld, chunk->withheld & ~pages);
	pcpu_chunk_each_run(chunk, pages, pcpu_range_free);
}

/**
 * pcpu_chunk_set_populated - publish pages that have memory in every unit
 * @chunk: the chunk
 * @pages: mask of pages
 */
void pcpu_chunk_set_populated(struct pcpu_chunk *chunk, u64 pages)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	chunk->populated_run = chunk->max_run;
	pcpu_slot_raise(chunk);
	pcpu_chunk_write_populated(chunk, chunk->populated | pages);
}

/**
 * pcpu_chunk_clear_populated - take back what pcpu_chunk_set_populated() said
 * @chunk: the chunk
 * @pages: mask of pages, all of them withheld
 */
void pcpu_chunk_clear_populated(struct pcpu_chunk *chunk, u64 pages)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	pcpu_chunk_write_populated(chunk, chunk->populated & ~pages);
}

/**
 * pcpu_chunk_init - initialise a chunk with nothing in it
 * @chunk: zeroed memory
 * @nr: number of the chunk
 * @objmap: PCPU_OBJMAP_SIZE bytes of zeroed memory
 *
 * Context: any; nothing else uses @chunk yet.
 */
void pcpu_chunk_init(struct pcpu_chunk *chunk, unsigned int nr, void *objmap)
{
	int i;

	chunk->nr = nr;
	chunk->nr_free = PCPU_CHUNK_GRANULES;
	chunk->max_run = PCPU_CHUNK_GRANULES;
	chunk->populated_run = PCPU_CHUNK_GRANULES;
	chunk->empty = ~0ULL;
	chunk->headed = ~0ULL;
	chunk->tailed = ~0ULL;
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

/**
 * pcpu_chunk_free_rcu - free a chunk that no lookup can see
 * @rcu: its &pcpu_chunk.rcu
 *
 * Context: RCU callback.
 */
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
