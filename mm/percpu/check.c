// SPDX-License-Identifier: GPL-2.0-only
/*
 * check: one validator per level.  Each returns NULL, or what does not hold.
 * Slow; for tests, fuzzers and debugging.
 */
#include "arena.h"
#include "check.h"

static const char *pcpu_check_page(struct pcpu_chunk *chunk, unsigned int page)
{
	unsigned long *used = chunk->used +
			      page * (PCPU_PAGE_GRANULES / BITS_PER_LONG);
	unsigned int n = PCPU_PAGE_GRANULES, weight = bitmap_weight(used, n);
	struct pcpu_page *pg = &chunk->pages[page];
	bool hidden = (chunk->binned | chunk->withheld) & BIT_ULL(page);
	unsigned int start, end;

	if (!!(chunk->empty & BIT_ULL(page)) != !weight)
		return "a page's empty bit and its granules disagree";
	if (hidden && weight != n)
		return "a cut or withheld page has free granules";
	if (hidden && !test_bit(page * n, chunk->begin))
		return "a cut or withheld page does not begin";
	if (pg->head != find_first_bit(used, n))
		return "head hint is wrong";
	if (weight && pg->tail != n - 1 - find_last_bit(used, n))
		return "tail hint is wrong";

	for (start = find_first_zero_bit(used, n); start < n;
	     start = find_next_zero_bit(used, n, end)) {
		end = find_next_bit(used, n, start);
		if (end - start > pg->run)
			return "a free run is longer than the page's hint";
	}
	return NULL;
}

/**
 * pcpu_check_chunk - whether a chunk's books agree with each other
 * @chunk: the chunk
 *
 * Context: pcpu_chunk_lock held.
 */
const char *pcpu_check_chunk(struct pcpu_chunk *chunk)
{
	unsigned int page, start, end, n = PCPU_CHUNK_GRANULES;
	const char *bad;

	lockdep_assert_held(&pcpu_chunk_lock);

	if (n - bitmap_weight(chunk->used, n) != chunk->nr_free)
		return "number of free granules is wrong";
	if (chunk->binned & chunk->withheld)
		return "a page is both cut and withheld";
	if (chunk->binned & ~chunk->populated)
		return "a page of bins has no memory";
	if (!bitmap_subset(chunk->begin, chunk->used, n))
		return "an extent begins at a free granule";
	for (page = 0; page < PCPU_CHUNK_PAGES; page++) {
		bad = pcpu_check_page(chunk, page);
		if (bad)
			return bad;
	}
	for (start = find_first_zero_bit(chunk->used, n); start < n;
	     start = find_next_zero_bit(chunk->used, n, end)) {
		end = find_next_bit(chunk->used, n, start);
		if (end - start > chunk->max_run)
			return "a free run is longer than the chunk's hint";
	}
	return NULL;
}

/* One bin, with its home arena's lock held or nobody else about. */
static const char *pcpu_check_bin(struct pcpu_bin *bin, u64 slots,
				  unsigned int slot)
{
	bool listed = !list_empty(&bin->node);
	u64 mask = pcpu_class_mask(bin->class);

	if (slots & BIT_ULL(slot))
		return bin->state == PCPU_BIN_NONE ? NULL :
			"a bin lies in a free slot";
	if (bin->lead != slot)
		return NULL;
	if (bin->free & ~mask)
		return "a bin has free objects it does not have";
	switch (bin->state) {
	case PCPU_BIN_FULL:
		return bin->free || listed ? "a full bin is not" : NULL;
	case PCPU_BIN_SHARED:
		return !bin->free || !listed ? "a shared bin is not" : NULL;
	case PCPU_BIN_CURRENT:
		if (pcpu_arenas[bin->home].current_bin[bin->class] != bin)
			return "a current bin is not its arena's";
		return bin->free && !listed ? NULL : "a current bin is full";
	default:
		return "a bin is in no state to rest in";
	}
}

/**
 * pcpu_check_bins - whether the bins of a chunk are in order
 * @chunk: the chunk
 *
 * Context: nobody allocates or frees small objects meanwhile.
 */
const char *pcpu_check_bins(struct pcpu_chunk *chunk)
{
	const char *bad;
	unsigned int i;
	u64 pages;

	for (pages = chunk->binned; pages; pages &= pages - 1) {
		unsigned int page = __ffs64(pages);

		for (i = 0; i < PCPU_PAGE_SLOTS; i++) {
			bad = pcpu_check_bin(&chunk->bins[page][i],
					     chunk->slots[page], i);
			if (bad)
				return bad;
		}
	}
	return NULL;
}

/**
 * pcpu_check_area - whether all books agree
 *
 * Context: takes pcpu_chunk_lock for long; call it from tests only.
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
