// SPDX-License-Identifier: GPL-2.0-only
/*
 * chunk: a window of offsets, and what each of its pages is used for.
 *
 * A page is free, or has objects in it, or is withheld.  To the search for
 * free granules the last looks fully used, so it needs no masks.
 */
#include <linux/slab.h>

#include <trace/events/percpu.h>

#include "chunk.h"
#include "populate.h"

/* Guards everything in this file, extent.c and small.c. */
DEFINE_RAW_SPINLOCK(pcpu_chunk_lock);

/* By chunk number; entries change under pcpu_chunk_lock, read by RCU. */
struct pcpu_chunk **pcpu_chunk_table __ro_after_init;

/* Numbers in use or being created; guarded by pcpu_chunk_lock. */
static unsigned long *pcpu_chunk_taken __ro_after_init;

struct pcpu_shelves *pcpu_shelves __ro_after_init;

struct pcpu_counts pcpu_counts;

/**
 * pcpu_chunk_table_init - set up the table of chunks
 * @table: zeroed room for pcpu_area_nr_chunks() pointers
 * @taken: zeroed room for as many bits
 * @shelves: zeroed room for the shelves
 *
 * Context: once, at boot, before any other function of this file.
 */
void pcpu_chunk_table_init(struct pcpu_chunk **table, unsigned long *taken,
			   struct pcpu_shelves *shelves)
{
	int i;

	pcpu_chunk_table = table;
	pcpu_chunk_taken = taken;
	pcpu_shelves = shelves;
	for (i = 0; i < PCPU_NR_BY_FREE; i++)
		INIT_LIST_HEAD(&pcpu_shelves->by_free[i].chunks);
}

/* The shelf of @chunk may have runs as long as the chunk's. */
static void pcpu_shelf_raise(const struct pcpu_chunk *chunk)
{
	struct pcpu_shelf *shelf = &pcpu_shelves->by_free[pcpu_chunk_shelf(chunk)];

	lockdep_assert_held(&pcpu_chunk_lock);

	shelf->max_run = max(shelf->max_run, chunk->max_run);
	shelf->populated_run = max(shelf->populated_run, chunk->populated_run);
}

/* Put @chunk on the shelf that its number of free granules asks for. */
static void pcpu_chunk_shelve(struct pcpu_chunk *chunk)
{
	unsigned int i = pcpu_chunk_shelf(chunk);

	lockdep_assert_held(&pcpu_chunk_lock);
	list_move(&chunk->list, &pcpu_shelves->by_free[i].chunks);
	__set_bit(i, pcpu_shelves->filled);
	pcpu_shelf_raise(chunk);
}

/**
 * pcpu_chunks_next_shelf - the next shelf that is not empty
 * @i: where to begin
 *
 * Return: its index, or %PCPU_NR_BY_FREE.
 */
unsigned int pcpu_chunks_next_shelf(unsigned int i)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	for (;; i++) {
		i = find_next_bit(pcpu_shelves->filled, PCPU_NR_BY_FREE, i);
		if (i >= PCPU_NR_BY_FREE ||
		    !list_empty(&pcpu_shelves->by_free[i].chunks))
			return i;
		__clear_bit(i, pcpu_shelves->filled);
	}
}

/* Add to the number of free granules. */
static void pcpu_chunk_add_free(struct pcpu_chunk *chunk, int nr)
{
	unsigned int before = pcpu_chunk_shelf(chunk);

	chunk->nr_free += nr;
	if (pcpu_chunk_shelf(chunk) != before)
		pcpu_chunk_shelve(chunk);
}

/* Add what @chunk holds to the global counts, @sign times. */
static void pcpu_chunk_count(struct pcpu_chunk *chunk, long sign)
{
	long populated = sign * (long)hweight64(chunk->populated);
	u64 spare = pcpu_chunk_spare(chunk);
	long empty = sign * (long)hweight64(spare);
	long loose = sign * (long)hweight64(spare & ~chunk->pinned);

	WRITE_ONCE(pcpu_counts.populated, pcpu_counts.populated + populated);
	WRITE_ONCE(pcpu_counts.empty, pcpu_counts.empty + empty);
	WRITE_ONCE(pcpu_counts.loose, pcpu_counts.loose + loose);
	pcpu_counts.empty_chunks += sign * pcpu_chunk_is_loose(chunk);
}

/*
 * Every change of a page mask that the global counts depend on goes through
 * here or the next function, so that they cannot drift.
 */
static void pcpu_chunk_set_masks(struct pcpu_chunk *chunk, u64 empty,
				 u64 populated)
{
	pcpu_chunk_count(chunk, -1);
	chunk->empty = empty;
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
	pcpu_counts.empty_chunks -= pcpu_chunk_is_loose(chunk);
	chunk->empty ^= bit;
	pcpu_counts.empty_chunks += pcpu_chunk_is_loose(chunk);
	if (!(bit & chunk->populated & ~chunk->reserved))
		return;
	WRITE_ONCE(pcpu_counts.empty, pcpu_counts.empty + sign);
	if (!(bit & chunk->pinned))
		WRITE_ONCE(pcpu_counts.loose, pcpu_counts.loose + sign);
}

/**
 * struct pcpu_part - the part of a range of granules that lies in one page
 * @page: the page
 * @start: its first granule, from the beginning of the page
 * @end: behind its last granule
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
 * pcpu_page_set_run - note how long a free run in a page may be
 * @chunk: the chunk
 * @page: the page
 * @run: no free run within it is longer, in granules
 */
void pcpu_page_set_run(struct pcpu_chunk *chunk, unsigned int page,
		       unsigned int run)
{
	unsigned int old = chunk->pages[page].run;
	unsigned int i, end = min(fls(max(old, run)), PCPU_NR_BY_RUN);
	u64 bit = BIT_ULL(page);

	lockdep_assert_held(&pcpu_chunk_lock);

	chunk->pages[page].run = run;
	/* The page is in mask i while a run of 1 << i may be in it. */
	for (i = fls(min(old, run)); i < end; i++) {
		if (run > old)
			chunk->by_run[i] |= bit;
		else
			chunk->by_run[i] &= ~bit;
	}
}

/* A page's hints after @part of it was taken. */
static void pcpu_page_taken(struct pcpu_chunk *chunk,
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
	/* Of a page that was wholly free only the ends remain. */
	pcpu_page_set_run(chunk, part->page, max(pg->head, pg->tail));
	pcpu_page_set_empty(chunk, part->page, false);
}

/* The same after it was given back; the free run that it lies in now is @run. */
static void pcpu_page_given(struct pcpu_chunk *chunk,
			    const struct pcpu_part *part, unsigned int run)
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
 * pcpu_chunk_take - mark granules used
 * @chunk: the chunk
 * @start: first granule, free like the following ones
 * @nr: how many
 */
void pcpu_chunk_take(struct pcpu_chunk *chunk, unsigned int start,
		     unsigned int nr)
{
	unsigned int page = start / PCPU_PAGE_GRANULES, end = start + nr;

	lockdep_assert_held(&pcpu_chunk_lock);

	bitmap_set(chunk->used, start, nr);
	for (; page * PCPU_PAGE_GRANULES < end; page++) {
		struct pcpu_part part = pcpu_part_of(page, start, end);

		pcpu_page_taken(chunk, &part);
	}
	chunk->max_run = min(chunk->max_run, chunk->nr_free - nr);
	chunk->populated_run = min(chunk->populated_run, chunk->nr_free - nr);
	pcpu_chunk_add_free(chunk, -nr);
}

/*
 * The free run around granules start..end-1, looked at no further than one
 * page to each side: what lies beyond only matters as "long".
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

/* There is a free run of up to @run granules in @chunk. */
static void pcpu_chunk_raise(struct pcpu_chunk *chunk, unsigned int run)
{
	if (run <= min(chunk->max_run, chunk->populated_run))
		return;
	chunk->max_run = max(chunk->max_run, run);
	chunk->populated_run = max(chunk->populated_run, run);
	pcpu_shelf_raise(chunk);
}

/* Granules are free now; how their pages begin and end may have changed. */
static noinline void pcpu_chunk_given(struct pcpu_chunk *chunk,
				      unsigned int start, unsigned int nr)
{
	unsigned int page = start / PCPU_PAGE_GRANULES, end = start + nr;
	unsigned int run;

	run = min(pcpu_chunk_run_around(chunk, start, end),
		  chunk->nr_free + nr);
	pcpu_chunk_raise(chunk, run);
	for (; page * PCPU_PAGE_GRANULES < end; page++) {
		struct pcpu_part part = pcpu_part_of(page, start, end);

		pcpu_page_given(chunk, &part, run);
	}
}

/*
 * Clear @nr bits of a word from @bit on. Return how many are clear between the
 * next that are set, or 0 if there are none on a side.
 */
static unsigned int pcpu_word_clear(unsigned long *word, unsigned int bit,
				    unsigned int nr)
{
	unsigned long before = *word & (BIT(bit) - 1);
	unsigned long behind = *word & (~1UL << (bit + nr - 1));

	*word = before | behind;
	return before && behind ? __ffs(behind) - fls_long(before) : 0;
}

/* The same of granules start..end-1, which are clear, and their page. */
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
 * pcpu_chunk_give - mark granules free
 * @chunk: the chunk
 * @start: first granule, used like the following ones
 * @nr: how many, not 0
 */
void pcpu_chunk_give(struct pcpu_chunk *chunk, unsigned int start,
		     unsigned int nr)
{
	unsigned int page = start / PCPU_PAGE_GRANULES, run = 0;
	unsigned int bit = start % BITS_PER_LONG;

	lockdep_assert_held(&pcpu_chunk_lock);

	if (bit + nr <= BITS_PER_LONG)
		run = pcpu_word_clear(&chunk->used[BIT_WORD(start)], bit, nr);
	else
		bitmap_clear(chunk->used, start, nr);
	if (!run)
		run = pcpu_page_run(chunk, start, start + nr);
	/* Mostly they were among others: the page's ends stay what they are. */
	if (run) {
		pcpu_chunk_raise(chunk, run);
		if (run > chunk->pages[page].run)
			pcpu_page_set_run(chunk, page, run);
	} else {
		pcpu_chunk_given(chunk, start, nr);
	}
	pcpu_chunk_add_free(chunk, nr);
}

/* Whole pages, wholly free before, leave the reach of placement. */
static void pcpu_chunk_hide(struct pcpu_chunk *chunk, unsigned int page)
{
	unsigned int start = page * PCPU_PAGE_GRANULES;

	pcpu_chunk_take(chunk, start, PCPU_PAGE_GRANULES);
}

static void pcpu_chunk_unhide(struct pcpu_chunk *chunk, unsigned int page)
{
	unsigned int start = page * PCPU_PAGE_GRANULES;

	pcpu_chunk_give(chunk, start, PCPU_PAGE_GRANULES);
}

/**
 * pcpu_chunk_withhold - keep pages from placement
 * @chunk: the chunk
 * @pages: mask of pages, all of them empty
 *
 * For as long as someone populates them, or gives them back.
 */
void pcpu_chunk_withhold(struct pcpu_chunk *chunk, u64 pages)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	WRITE_ONCE(chunk->withheld, chunk->withheld | pages);
	for (; pages; pages &= pages - 1)
		pcpu_chunk_hide(chunk, __ffs64(pages));
}

/**
 * pcpu_chunk_release - let placement have pages again
 * @chunk: the chunk
 * @pages: mask of pages, all of them withheld
 */
void pcpu_chunk_release(struct pcpu_chunk *chunk, u64 pages)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	WRITE_ONCE(chunk->withheld, chunk->withheld & ~pages);
	for (; pages; pages &= pages - 1)
		pcpu_chunk_unhide(chunk, __ffs64(pages));
}

/**
 * pcpu_chunk_set_populated - publish what is behind pages
 * @chunk: the chunk
 * @pages: mask of pages
 * @on: whether they now have memory in every unit
 */
void pcpu_chunk_set_populated(struct pcpu_chunk *chunk, u64 pages, bool on)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	if (on) {
		chunk->populated_run = chunk->max_run;
		pcpu_shelf_raise(chunk);
	}
	pcpu_chunk_set_masks(chunk, chunk->empty,
			     on ? chunk->populated | pages :
				  chunk->populated & ~pages);
}

/**
 * pcpu_chunk_init - a chunk with nothing in it
 * @chunk: zeroed memory
 * @nr: the chunk's number
 * @marks: PCPU_MARKS_SIZE bytes of zeroed memory
 */
void pcpu_chunk_init(struct pcpu_chunk *chunk, unsigned int nr, void *marks)
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
	chunk->marks = marks;
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
 * pcpu_chunk_publish - let placement and lookups find a chunk
 * @chunk: the chunk, its number taken
 */
void pcpu_chunk_publish(struct pcpu_chunk *chunk)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	__set_bit(chunk->nr, pcpu_chunk_taken);
	/* Lookups without a lock must see an initialised chunk. */
	smp_store_release(&pcpu_chunk_table[chunk->nr], chunk);
	pcpu_chunk_shelve(chunk);
	pcpu_counts.chunks++;
	pcpu_counts.max_chunks = max(pcpu_counts.max_chunks,
				     pcpu_counts.chunks);
	pcpu_chunk_count(chunk, 1);
	trace_percpu_create_chunk((void *)pcpu_area_off_to_addr(pcpu_chunk_off(chunk)));
}

/**
 * pcpu_chunk_forbid - numbers that no chunk will ever have
 * @first: first number
 * @nr: how many
 *
 * Context: boot, before the first chunk is created on demand.
 */
void __init pcpu_chunk_forbid(unsigned int first, unsigned int nr)
{
	bitmap_set(pcpu_chunk_taken, first, nr);
}

/**
 * pcpu_chunk_top - one more than the highest chunk number in use
 *
 * Return: that number, or 0 if no chunk is in use.
 */
unsigned int pcpu_chunk_top(void)
{
	unsigned int last = find_last_bit(pcpu_chunk_taken,
					  pcpu_area_nr_chunks());

	return last == pcpu_area_nr_chunks() ? 0 : last + 1;
}

/* Whether a chunk of a number below @limit could still be created. */
bool pcpu_chunk_creatable(unsigned int limit)
{
	unsigned long flags;
	bool creatable;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	creatable = find_first_zero_bit(pcpu_chunk_taken, limit) < limit;
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return creatable;
}

/* Make what a chunk of number @nr needs, without a lock. */
static struct pcpu_chunk *pcpu_chunk_make(unsigned int nr, gfp_t gfp,
					  const char **why)
{
	struct pcpu_chunk *chunk = kzalloc(sizeof(*chunk), gfp);
	void *marks = kzalloc(PCPU_MARKS_SIZE, gfp);

	if (!chunk || !marks) {
		*why = "no memory to describe a chunk";
		goto failed;
	}
	if (pcpu_populate_tables((unsigned long)nr << PCPU_CHUNK_SHIFT,
				 PCPU_CHUNK_SIZE, gfp)) {
		*why = "no page tables for a chunk";
		goto failed;
	}
	pcpu_chunk_init(chunk, nr, marks);
	return chunk;

failed:
	kfree(marks);
	kfree(chunk);
	return NULL;
}

/**
 * pcpu_chunk_create - create the chunk with the lowest free number
 * @gfp: how its description and page tables may be allocated
 * @why: where to store the reason of a failure
 *
 * Context: any that @gfp allows; takes pcpu_chunk_lock.
 * Return: the chunk, published, or NULL.
 */
struct pcpu_chunk *pcpu_chunk_create(gfp_t gfp, const char **why)
{
	unsigned int nr, nr_chunks = pcpu_area_nr_chunks();
	struct pcpu_chunk *chunk;
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	nr = find_first_zero_bit(pcpu_chunk_taken, nr_chunks);
	if (nr < nr_chunks)
		__set_bit(nr, pcpu_chunk_taken);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	if (nr == nr_chunks) {
		*why = "the area is full, see percpu_area=";
		return NULL;
	}

	chunk = pcpu_chunk_make(nr, gfp, why);

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	if (chunk)
		pcpu_chunk_publish(chunk);
	else
		__clear_bit(nr, pcpu_chunk_taken);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return chunk;
}

/*
 * The lowest run of @nr chunk numbers, in one window and below @limit, that
 * are free or belong to empty chunks.
 */
static int pcpu_chunks_find_run(unsigned int nr, unsigned int limit)
{
	unsigned int per_window = pcpu_area_window_size() >> PCPU_CHUNK_SHIFT;
	unsigned int i, first = 0;

	for (i = 0; i < limit; i++) {
		struct pcpu_chunk *chunk = pcpu_chunk_table[i];

		if (i % per_window == 0)
			first = i;
		if (test_bit(i, pcpu_chunk_taken) &&
		    !(chunk && pcpu_chunk_is_empty(chunk) && !chunk->reserved))
			first = i + 1;
		else if (i + 1 - first == nr)
			return first;
	}
	return -1;
}

/* Claim numbers first..first+nr-1; what exists is withheld. */
static void pcpu_chunks_claim_run(unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		__set_bit(i, pcpu_chunk_taken);
		if (pcpu_chunk_table[i])
			pcpu_chunk_withhold(pcpu_chunk_table[i], ~0ULL);
	}
}

/* Give up claimed numbers: chunks become empty ones, the rest is free again. */
static void pcpu_chunks_unclaim_run(unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		if (pcpu_chunk_table[i])
			pcpu_chunk_release(pcpu_chunk_table[i], ~0ULL);
		else
			__clear_bit(i, pcpu_chunk_taken);
	}
}

/**
 * pcpu_chunks_create_run - get neighbouring chunks for one large object
 * @nr: how many
 * @limit: they must end below this offset
 * @gfp: how missing ones may be allocated
 * @first: where to store the number of the first
 * @why: where to store the reason of a failure
 *
 * Context: any that @gfp allows; takes pcpu_chunk_lock.
 * Return: %true when all chunks exist with all their pages withheld.
 */
bool pcpu_chunks_create_run(unsigned int nr, unsigned long limit, gfp_t gfp,
			    unsigned int *first, const char **why)
{
	unsigned long flags;
	int start;
	unsigned int i;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	start = pcpu_chunks_find_run(nr, min(limit, pcpu_area.size) >>
				     PCPU_CHUNK_SHIFT);
	if (start >= 0)
		pcpu_chunks_claim_run(start, nr);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	if (start < 0) {
		*why = "no run of chunks is free, see percpu_area=";
		return false;
	}

	for (i = start; i < start + nr; i++) {
		struct pcpu_chunk *chunk;

		/* A claimed number is ours: nobody else adds or removes it. */
		if (pcpu_chunk_table[i])
			continue;
		chunk = pcpu_chunk_make(i, gfp, why);
		raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
		if (!chunk) {
			pcpu_chunks_unclaim_run(start, nr);
			raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
			return false;
		}
		pcpu_chunk_publish(chunk);
		pcpu_chunk_withhold(chunk, ~0ULL);
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	}
	*first = start;
	return true;
}

/* Nothing is split any more, but a list may still say so. */
static void pcpu_chunk_forget_partial(struct pcpu_chunk *chunk)
{
	unsigned int class;

	for (class = 0; class < PCPU_NR_SMALL; class++)
		list_del_init(&chunk->partial_node[class]);
}

/**
 * pcpu_chunk_remove_empty - take an empty chunk out of the table
 * @keep: how many empty chunks must stay
 * @populated: where to store which of its pages have memory
 *
 * The last one goes first, so that offsets stay low.  A lookup without a lock
 * may still see the chunk; pcpu_chunk_discard() waits for those.
 *
 * Context: takes pcpu_chunk_lock.
 * Return: the chunk, its pages withheld, or NULL; in @populated those that have
 * memory, which are no longer counted.
 */
struct pcpu_chunk *pcpu_chunk_remove_empty(unsigned int keep, u64 *populated)
{
	struct pcpu_chunk *chunk = NULL;
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	if (pcpu_counts.empty_chunks <= keep)
		goto out;
	for (i = pcpu_chunk_top(); i-- > 0;) {
		chunk = pcpu_chunk_table[i];
		if (chunk && pcpu_chunk_is_loose(chunk))
			break;
		chunk = NULL;
	}
	if (chunk) {
		*populated = chunk->populated;
		pcpu_chunk_withhold(chunk, ~0ULL);
		pcpu_chunk_set_populated(chunk, *populated, false);
		list_del_init(&chunk->list);
		pcpu_chunk_forget_partial(chunk);
		WRITE_ONCE(pcpu_chunk_table[i], NULL);
		pcpu_counts.chunks--;
	}
out:
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return chunk;
}

static void pcpu_chunk_free_rcu(struct rcu_head *rcu)
{
	struct pcpu_chunk *chunk = container_of(rcu, struct pcpu_chunk, rcu);
	int i;

	for (i = 0; i < PCPU_CHUNK_PAGES; i++) {
		kfree(chunk->rooms[i]);
		kfree(chunk->owners[i]);
	}
	kfree(chunk->marks);
	kfree(chunk);
}

/**
 * pcpu_chunk_discard - free a chunk that is out of the table
 * @chunk: from pcpu_chunk_remove_empty(), its pages depopulated
 *
 * Context: process context; takes pcpu_chunk_lock.
 */
void pcpu_chunk_discard(struct pcpu_chunk *chunk)
{
	unsigned long flags;

	trace_percpu_destroy_chunk((void *)pcpu_area_off_to_addr(pcpu_chunk_off(chunk)));
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	__clear_bit(chunk->nr, pcpu_chunk_taken);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	call_rcu(&chunk->rcu, pcpu_chunk_free_rcu);
}
