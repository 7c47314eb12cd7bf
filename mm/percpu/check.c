// SPDX-License-Identifier: GPL-2.0-only
/*
 * check: one validator per level.  Each returns NULL, or what does not hold.
 * Slow; for tests, fuzzers and debugging.
 */
#include "arena.h"
#include "check.h"
#include "depot.h"
#include "mark.h"

static const char *pcpu_check_page(struct pcpu_chunk *chunk, unsigned int page)
{
	unsigned long *used = chunk->used +
			      page * (PCPU_PAGE_GRANULES / BITS_PER_LONG);
	unsigned int n = PCPU_PAGE_GRANULES, weight = bitmap_weight(used, n);
	struct pcpu_page *pg = &chunk->pages[page];
	unsigned int start, end, i;

	if (!!(chunk->empty & BIT_ULL(page)) != !weight)
		return "a page's empty bit and its granules disagree";
	if ((chunk->withheld & BIT_ULL(page)) && weight != n)
		return "a withheld page has free granules";
	if (pg->head != find_first_bit(used, n))
		return "head hint is wrong";
	if (!!(chunk->headed & BIT_ULL(page)) != !!pg->head)
		return "headed bit is wrong";
	if (!!(chunk->tailed & BIT_ULL(page)) != !!pg->tail)
		return "tailed bit is wrong";
	for (i = 0; i < PCPU_NR_BY_RUN; i++)
		if (!!(chunk->by_run[i] & BIT_ULL(page)) != !!(pg->run >> i))
			return "a mask of pages by run is wrong";
	if (weight && pg->tail != n - 1 - find_last_bit(used, n))
		return "tail hint is wrong";

	for_each_clear_bitrange(start, end, used, n)
		if (end - start > pg->run)
			return "a free run is longer than the page's hint";
	return NULL;
}

/* What a mark says must be true of the granules behind it. */
static const char *pcpu_check_mark(struct pcpu_chunk *chunk, unsigned int g,
				   u8 mark, unsigned int *granules)
{
	unsigned int class, n;
	u8 *rooms;

	*granules = 1;
	if (!mark)
		return NULL;
	if (mark & PCPU_MARK_SPLIT) {
		class = pcpu_mark_split_class(mark);
		rooms = chunk->rooms[g / PCPU_PAGE_GRANULES];
		if (!test_bit(g, chunk->used))
			return "a split granule is free";
		if (mark & PCPU_MARK_LONE)
			return NULL;
		if (!rooms)
			return "a split granule has no mask";
		n = rooms[g % PCPU_PAGE_GRANULES];
		if (n & mark & pcpu_mark_full(class))
			return "a small object is both live and free";
		return n == pcpu_mark_full(class) ?
			"a split granule has no object" : NULL;
	}
	/* A digit without its object: that is being freed right now. */
	if ((mark & ~0xf) == PCPU_MARK_DIGIT)
		return NULL;
	n = pcpu_mark_length(chunk, g);
	if (!n)
		return pcpu_mark_get(chunk, g) == mark ? "a mark is none" : NULL;
	n = clamp(n, 1U, PCPU_CHUNK_GRANULES - g);
	if (find_next_zero_bit(chunk->used, g + n, g) < g + n)
		return "a live object has free granules";
	*granules = n;
	return NULL;
}

/* Live objects do not overlap. Others may give out and free meanwhile. */
static const char *pcpu_check_marks(struct pcpu_chunk *chunk)
{
	unsigned int g, i, n;
	const char *bad;
	u8 mark;

	for (g = 0; g < PCPU_CHUNK_GRANULES; g += n) {
		mark = pcpu_mark_get(chunk, g);
		bad = pcpu_check_mark(chunk, g, mark, &n);
		if (bad)
			return bad;
		/* Digits of a length may follow; nothing else does. */
		i = 1 + (pcpu_mark_has_digits(mark) ? PCPU_MARK_DIGITS : 0);
		for (; i < n && pcpu_mark_get(chunk, g) == mark; i++)
			if (pcpu_mark_get(chunk, g + i))
				return "an object begins in another";
	}
	return NULL;
}

/* Whether granules that no module has reserved all have memory. */
static bool pcpu_check_has_memory(struct pcpu_chunk *chunk, unsigned int start,
				  unsigned int end)
{
	u64 pages = pcpu_page_mask(start / PCPU_PAGE_GRANULES,
				   (end - 1) / PCPU_PAGE_GRANULES);

	return !(pages & ~(chunk->populated & ~chunk->reserved));
}

/**
 * pcpu_check_chunk - whether a chunk's books agree with each other
 * @chunk: the chunk
 *
 * Context: pcpu_chunk_lock held.
 * Return: what is wrong, or %NULL.
 */
const char *pcpu_check_chunk(struct pcpu_chunk *chunk)
{
	unsigned int page, start, end, n = PCPU_CHUNK_GRANULES;
	const struct pcpu_shelf *shelf;
	const char *bad;

	lockdep_assert_held(&pcpu_chunk_lock);

	if (n - bitmap_weight(chunk->used, n) != chunk->nr_free)
		return "number of free granules is wrong";
	for (page = 0; page < PCPU_CHUNK_PAGES; page++) {
		bad = pcpu_check_page(chunk, page);
		if (bad)
			return bad;
	}
	shelf = &pcpu_shelves->by_free[pcpu_chunk_shelf(chunk)];
	if (!list_empty(&chunk->list) &&
	    (chunk->max_run > shelf->max_run ||
	     chunk->populated_run > shelf->populated_run))
		return "a chunk's run is longer than its shelf's hint";
	for_each_clear_bitrange(start, end, chunk->used, n) {
		if (end - start > chunk->max_run)
			return "a free run is longer than the chunk's hint";
		if (end - start > chunk->populated_run &&
		    pcpu_check_has_memory(chunk, start, end))
			return "a free run with memory is longer than its hint";
	}
	return pcpu_check_marks(chunk);
}

/**
 * struct pcpu_sums - granules that are in use, by what for
 * @used: all, but withheld pages and static data
 * @live: in live objects, or in split granules
 * @held: in objects that arenas or the depot have at hand
 */
struct pcpu_sums {
	unsigned long used;
	unsigned long live;
	unsigned long held;
};

static void pcpu_sum_chunk(struct pcpu_chunk *chunk, struct pcpu_sums *sums)
{
	unsigned int g;

	sums->used += PCPU_CHUNK_GRANULES - chunk->nr_free -
		      hweight64(chunk->withheld) * PCPU_PAGE_GRANULES;
	for (g = 0; g < PCPU_CHUNK_GRANULES; g++)
		sums->live += pcpu_mark_length(chunk, g);
}

/* What is at hand is in use for the chunks, and not live. */
static const char *pcpu_sum_objects(unsigned int class, const u32 *offs,
				    unsigned int nr, struct pcpu_sums *sums)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct pcpu_chunk *chunk = pcpu_chunk_of(offs[i]);

		if (!chunk || pcpu_mark_live(chunk, offs[i]) ||
		    !test_bit(pcpu_off_to_granule(offs[i]), chunk->used))
			return "an object at hand is not a free one";
		if (class >= PCPU_NR_SMALL && class != PCPU_CLASS_LONG)
			sums->held += pcpu_class_granules(class);
	}
	return NULL;
}

static const char *pcpu_sum_longs(const struct pcpu_arena *arena,
				  struct pcpu_sums *sums)
{
	unsigned int i;
	const char *bad = NULL;

	for (i = 0; i < PCPU_ARENA_LONGS && !bad; i++) {
		if (!arena->longs[i].nr)
			continue;
		bad = pcpu_sum_objects(PCPU_CLASS_LONG, &arena->longs[i].off, 1,
				       sums);
		sums->held += arena->longs[i].nr;
	}
	return bad;
}

static const char *pcpu_sum_arena(struct pcpu_arena *arena,
				  struct pcpu_sums *sums)
{
	int room = pcpu_arena_room(arena);
	unsigned int class;
	const char *bad;

	sums->held += arena->run.nr + arena->rest.nr;
	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		struct pcpu_stock *stock = &arena->stocks[class];

		if (stock->nr > stock->most)
			return "a stock has too much";
		bad = pcpu_sum_objects(class, stock->offs, stock->nr, sums);
		if (bad)
			return bad;
		room += stock->nr * stock->size;
	}
	if (room != pcpu_arena_max_bytes)
		return "an arena's room is wrong";
	return pcpu_sum_longs(arena, sums);
}

static const char *pcpu_sum_depot(struct pcpu_sums *sums)
{
	unsigned long bytes = 0;
	unsigned int class, i;
	const char *bad;

	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		unsigned int nr = 0;

		for (i = pcpu_depot->classes[class].head; i; nr++) {
			struct pcpu_batch *batch = &pcpu_depot->batches[i];

			bad = pcpu_sum_objects(class, batch->offs, batch->nr,
					       sums);
			if (bad)
				return bad;
			bytes += batch->nr * pcpu_class_size(class);
			i = batch->next;
		}
		if (nr != pcpu_depot->classes[class].nr)
			return "the depot's number of batches is wrong";
		if (test_bit(class, pcpu_depot->filled) != !!nr)
			return "the depot's filled classes are wrong";
	}
	return bytes != pcpu_depot->bytes ? "the depot's bytes are wrong" : NULL;
}

/**
 * pcpu_check_conservation - whether every granule is accounted for
 *
 * Context: nobody allocates or frees meanwhile.
 * Return: what is wrong, or %NULL.
 */
const char *pcpu_check_conservation(void)
{
	struct pcpu_sums sums = {
		.live = pcpu_area.static_size >> PCPU_GRANULE_SHIFT,
	};
	const char *bad;
	unsigned int i;

	for (i = 0; i < pcpu_area_nr_chunks(); i++)
		if (pcpu_chunk_table[i])
			pcpu_sum_chunk(pcpu_chunk_table[i], &sums);
	bad = pcpu_sum_arena(&pcpu_arena_common, &sums);
	for (i = 0; i < pcpu_nr_arenas && !bad; i++)
		bad = pcpu_sum_arena(&pcpu_arenas[i], &sums);
	if (!bad)
		bad = pcpu_sum_depot(&sums);
	if (bad)
		return bad;
	return sums.used != sums.live + sums.held ?
		"granules are lost, or counted twice" : NULL;
}

/**
 * pcpu_check_area - whether all books agree
 *
 * Context: takes pcpu_chunk_lock for long; call it from tests only.
 * Return: what is wrong, or %NULL.
 */
const char *pcpu_check_area(void)
{
	struct pcpu_counts sum = { };
	const char *bad = NULL;
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	for (i = 0; i < pcpu_area_nr_chunks() && !bad; i++) {
		struct pcpu_chunk *chunk = pcpu_chunk_table[i];

		if (!chunk)
			continue;
		bad = pcpu_check_chunk(chunk);
		sum.chunks++;
		sum.empty_chunks += pcpu_chunk_is_loose(chunk);
		sum.populated += hweight64(chunk->populated);
		sum.empty += hweight64(pcpu_chunk_spare(chunk));
		sum.loose += hweight64(pcpu_chunk_spare(chunk) &
				       ~chunk->pinned);
	}
	if (!bad && (sum.chunks != pcpu_counts.chunks ||
		     sum.empty_chunks != pcpu_counts.empty_chunks ||
		     sum.populated != pcpu_counts.populated ||
		     sum.empty != pcpu_counts.empty ||
		     sum.loose != pcpu_counts.loose))
		bad = "the global counts are not the sum over chunks";
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return bad;
}
