// SPDX-License-Identifier: GPL-2.0-only
/*
 * validate: check the invariants of each level, for tests and the fuzzer.
 *
 * Each function returns NULL, or the invariant that does not hold.
 */
#include "../cache.h"
#include "../chunk.h"
#include "../objmap.h"
#include "validate.h"

static const char *pcpu_validate_page(struct pcpu_chunk *chunk,
				      unsigned int page)
{
	unsigned long *used = chunk->used +
			      page * (PCPU_PAGE_GRANULES / BITS_PER_LONG);
	unsigned int n = PCPU_PAGE_GRANULES, weight = bitmap_weight(used, n);
	struct pcpu_page *pg = &chunk->pages[page];
	unsigned int start, end, i;

	if (!!(chunk->empty & BIT_ULL(page)) != !weight)
		return "the empty bit of a page is wrong";
	if ((chunk->withheld & BIT_ULL(page)) && weight != n)
		return "a withheld page has free granules";
	if (pg->head != find_first_bit(used, n))
		return "the head hint of a page is wrong";
	if (!!(chunk->headed & BIT_ULL(page)) != !!pg->head)
		return "the headed bit of a page is wrong";
	if (!!(chunk->tailed & BIT_ULL(page)) != !!pg->tail)
		return "the tailed bit of a page is wrong";
	for (i = 0; i < PCPU_NR_BY_RUN; i++)
		if (!!(chunk->by_run[i] & BIT_ULL(page)) != !!(pg->run >> i))
			return "a by_run mask is wrong";
	if (weight && pg->tail != n - 1 - find_last_bit(used, n))
		return "the tail hint of a page is wrong";

	if (weight == n && pg->run)
		return "a full page has a run";
	for_each_clear_bitrange(start, end, used, n)
		if (end - start > pg->run)
			return "a free run is longer than the hint of its page";
	return NULL;
}

/* The granules with free objects of a page are counted. */
static const char *pcpu_validate_partial(struct pcpu_chunk *chunk,
					 unsigned int page)
{
	unsigned int base = page * PCPU_PAGE_GRANULES, g, class;
	unsigned int nr[PCPU_NR_SMALL] = { };
	u8 *masks = chunk->free_masks[page];

	for (g = 0; masks && g < PCPU_PAGE_GRANULES; g++)
		if (masks[g])
			nr[pcpu_objmap_split_class(pcpu_objmap_read(chunk, base + g))]++;
	for (class = 0; class < PCPU_NR_SMALL; class++)
		if (chunk->pages[page].partial[class] != nr[class] ||
		    !!(chunk->partial[class] & BIT_ULL(page)) != !!nr[class])
			return "the count of partly free granules is wrong";
	return NULL;
}

/* Check an entry of the object map; store the granules of its object. */
static const char *pcpu_validate_entry(struct pcpu_chunk *chunk,
				       unsigned int g, u8 entry,
				       unsigned int *granules)
{
	unsigned int class, n;
	u8 *masks;

	*granules = 1;
	if (!entry)
		return NULL;
	if (entry & PCPU_OBJMAP_SPLIT) {
		class = pcpu_objmap_split_class(entry);
		masks = chunk->free_masks[g / PCPU_PAGE_GRANULES];
		if (!test_bit(g, chunk->used))
			return "a split granule is free";
		if (entry & PCPU_OBJMAP_LONE)
			return NULL;
		if (!masks)
			return "a split granule has no mask";
		n = masks[g % PCPU_PAGE_GRANULES];
		if (n & entry & pcpu_objmap_full(class))
			return "a small object is both live and free";
		return n == pcpu_objmap_full(class) ?
			"a split granule has no object" : NULL;
	}
	/* An object that is being freed may have left a digit. */
	if ((entry & ~0xf) == PCPU_OBJMAP_DIGIT)
		return NULL;
	n = pcpu_objmap_length(chunk, g);
	if (!n)
		return pcpu_objmap_read(chunk, g) == entry ? "an entry is invalid" : NULL;
	n = clamp(n, 1U, PCPU_CHUNK_GRANULES - g);
	if (find_next_zero_bit(chunk->used, g + n, g) < g + n)
		return "a live object has free granules";
	*granules = n;
	return NULL;
}

/* The number of digits behind @entry. */
static unsigned int pcpu_objmap_nr_digits(u8 entry)
{
	if (pcpu_objmap_is_wide(entry))
		return 1;
	return pcpu_objmap_has_digits(entry) ? PCPU_OBJMAP_DIGITS : 0;
}

/* Live objects do not overlap. Entries may change concurrently. */
static const char *pcpu_validate_objmap(struct pcpu_chunk *chunk)
{
	unsigned int g, i, n;
	const char *bad;
	u8 entry;

	for (g = 0; g < PCPU_CHUNK_GRANULES; g += n) {
		entry = pcpu_objmap_read(chunk, g);
		bad = pcpu_validate_entry(chunk, g, entry, &n);
		if (bad)
			return bad;
		/* Only the digits of its length may follow. */
		i = 1 + pcpu_objmap_nr_digits(entry);
		for (; i < n && pcpu_objmap_read(chunk, g) == entry; i++)
			if (pcpu_objmap_read(chunk, g + i))
				return "an object begins in another";
	}
	return NULL;
}

/* Return true if all pages of a range are populated and none is reserved. */
static bool pcpu_validate_has_memory(struct pcpu_chunk *chunk,
				     unsigned int start, unsigned int end)
{
	u64 pages = GENMASK_ULL((end - 1) / PCPU_PAGE_GRANULES, start / PCPU_PAGE_GRANULES);

	return !(pages & ~(chunk->populated & ~chunk->reserved));
}

/**
 * pcpu_validate_chunk - check masks, hints and object map of a chunk
 * @chunk: the chunk
 *
 * Context: pcpu_chunk_lock held.
 * Return: the invariant that does not hold, or %NULL.
 */
const char *pcpu_validate_chunk(struct pcpu_chunk *chunk)
{
	unsigned int page, start, end, n = PCPU_CHUNK_GRANULES;
	const struct pcpu_slot *slot;
	const char *bad;

	lockdep_assert_held(&pcpu_chunk_lock);

	if (n - bitmap_weight(chunk->used, n) != chunk->nr_free)
		return "the number of free granules is wrong";
	for (page = 0; page < PCPU_CHUNK_PAGES; page++) {
		bad = pcpu_validate_page(chunk, page) ?:
		      pcpu_validate_partial(chunk, page);
		if (bad)
			return bad;
	}
	slot = chunk->slot;
	if (slot != (chunk->present ? &pcpu_slots->present :
		     &pcpu_slots->by_free[chunk->nr_free / PCPU_PAGE_GRANULES]))
		return "a chunk is in the wrong slot";
	if (!list_empty(&chunk->list) &&
	    (chunk->max_run > slot->max_run ||
	     chunk->populated_run > slot->populated_run))
		return "the run of a chunk is longer than the hint of its slot";
	for_each_clear_bitrange(start, end, chunk->used, n) {
		if (end - start > chunk->max_run)
			return "a free run is longer than the hint of its chunk";
		if (end - start > chunk->populated_run &&
		    pcpu_validate_has_memory(chunk, start, end))
			return "a populated free run is longer than the hint of its chunk";
	}
	return pcpu_validate_objmap(chunk);
}

/**
 * struct pcpu_sums - granules by use
 * @used: used granules, without withheld pages
 * @live: granules of live objects and of static data, and split granules
 * @cached: granules of objects and runs in the caches and the depot
 * @share: bytes of the budget that the caches have taken
 */
struct pcpu_sums {
	unsigned long used;
	unsigned long live;
	unsigned long cached;
	int share;
};

static void pcpu_sum_chunk(struct pcpu_chunk *chunk, struct pcpu_sums *sums)
{
	unsigned int g;

	sums->used += PCPU_CHUNK_GRANULES - chunk->nr_free -
		      hweight64(chunk->withheld) * PCPU_PAGE_GRANULES;
	for (g = 0; g < PCPU_CHUNK_GRANULES; g++) {
		sums->live += pcpu_objmap_length(chunk, g);
		/* The red zone before a checked object */
		sums->live += pcpu_objmap_is_debug(pcpu_objmap_read(chunk, g));
	}
}

/* Cached objects are used in their chunks, and not live. */
static const char *pcpu_sum_objects(unsigned int class, const u32 *offs,
				    unsigned int nr, struct pcpu_sums *sums)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct pcpu_chunk *chunk = pcpu_chunk_of(offs[i]);

		if (!chunk || pcpu_objmap_is_live(chunk, offs[i]) ||
		    !test_bit(pcpu_off_to_granule(offs[i]), chunk->used))
			return "a cached object is not a freed one";
		if (class >= PCPU_NR_SMALL && class != PCPU_CLASS_LONG)
			sums->cached += pcpu_class_granules(class);
	}
	return NULL;
}

static const char *pcpu_sum_wides(const struct pcpu_cache *cache,
				  struct pcpu_sums *sums)
{
	unsigned int i;
	const char *bad = NULL;

	for (i = 0; i < PCPU_CACHE_WIDES && !bad; i++) {
		if (!cache->wides[i].nr)
			continue;
		bad = pcpu_sum_objects(PCPU_CLASS_LONG, &cache->wides[i].off, 1,
				       sums);
		sums->cached += cache->wides[i].nr;
	}
	return bad;
}

static const char *pcpu_sum_cache(struct pcpu_cache *cache,
				  struct pcpu_sums *sums)
{
	int capacity = cache->capacity;
	unsigned int class, i;
	const char *bad;

	sums->cached += cache->run.nr + cache->leftover.nr;
	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		struct pcpu_magazine *mag = &cache->magazines[class];

		if (mag->nr > mag->max)
			return "a magazine has too many objects";
		bad = pcpu_sum_objects(class, mag->offs, mag->nr, sums);
		if (bad)
			return bad;
		capacity += mag->nr * mag->size;
	}
	for (i = 0; i < PCPU_CACHE_WIDES; i++)
		capacity += pcpu_run_bytes(&cache->wides[i]);
	if (capacity != cache->share)
		return "the capacity of a cache is wrong";
	if (!cache->tracked && cache->capacity)
		return "a cache that is not tracked has a capacity";
	sums->share += cache->share;
	return pcpu_sum_wides(cache, sums);
}

static const char *pcpu_sum_depot(struct pcpu_sums *sums)
{
	unsigned long bytes = 0;
	unsigned int class, i;
	const char *bad;

	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		unsigned int nr = 0;

		for (i = pcpu_depot->classes[class].head; i;) {
			struct pcpu_depot_batch *batch = &pcpu_depot->batches[i];

			if (!batch->nr)
				return "a batch in the depot is empty";

			bad = pcpu_sum_objects(class, batch->offs, batch->nr,
					       sums);
			if (bad)
				return bad;
			bytes += batch->nr * pcpu_class_size(class);
			nr += batch->nr;
			i = batch->next;
		}
		if (nr != pcpu_depot->classes[class].nr)
			return "the number of objects in the depot is wrong";
	}
	return bytes != pcpu_depot->bytes ? "the bytes of the depot are wrong" : NULL;
}

/**
 * pcpu_validate_conservation - check that each granule has exactly one use
 *
 * Context: no concurrent allocations, frees or runs of the worker.
 * Return: the invariant that does not hold, or %NULL.
 */
const char *pcpu_validate_conservation(void)
{
	struct pcpu_sums sums = {
		.live = pcpu_area.static_size >> PCPU_GRANULE_SHIFT,
	};
	const char *bad;
	unsigned int i;

	for (i = 0; i < pcpu_area_nr_chunks(); i++)
		if (pcpu_chunk_table[i])
			pcpu_sum_chunk(pcpu_chunk_table[i], &sums);
	bad = pcpu_sum_cache(&pcpu_cache_common, &sums);
	for (i = 0; i < pcpu_area.nr_units && !bad; i++)
		if (pcpu_cache_of_unit(i))
			bad = pcpu_sum_cache(pcpu_cache_of_unit(i), &sums);
	if (!bad && sums.share + atomic_read(&pcpu_caches_left) !=
		    PCPU_CACHES_BYTES)
		bad = "the budget of the caches is wrong";
	if (!bad)
		bad = pcpu_sum_depot(&sums);
	if (bad)
		return bad;
	return sums.used != sums.live + sums.cached ?
		"granules are lost or have two uses" : NULL;
}

/* Add a chunk to the counts of its kind, and its populated pages. */
static void pcpu_sum_counts(const struct pcpu_chunk *chunk, struct pcpu_counts *sum,
			    unsigned long *populated, unsigned long *present)
{
	sum->chunks++;
	if (chunk->present) {
		sum->present_chunks += pcpu_chunk_is_loose(chunk);
		sum->present_empty += hweight64(pcpu_chunk_spare(chunk));
		*present += hweight64(chunk->populated);
		return;
	}
	sum->empty_chunks += pcpu_chunk_is_loose(chunk);
	sum->empty += hweight64(pcpu_chunk_spare(chunk));
	sum->loose += hweight64(pcpu_chunk_spare(chunk) & ~chunk->pinned);
	*populated += hweight64(chunk->populated);
}

static void pcpu_validate_chunks(void *data)
{
	struct pcpu_counts sum = { };
	unsigned long populated = 0, present = 0;
	const char *bad = NULL;
	unsigned int i;

	for (i = 0; i < pcpu_area_nr_chunks() && !bad; i++) {
		struct pcpu_chunk *chunk = pcpu_chunk_table[i];

		if (!chunk)
			continue;
		bad = pcpu_validate_chunk(chunk);
		pcpu_sum_counts(chunk, &sum, &populated, &present);
	}
	if (!bad && (sum.chunks != pcpu_counts.chunks ||
		     sum.empty_chunks != pcpu_counts.empty_chunks ||
		     populated != pcpu_nr_populated || present != pcpu_nr_present ||
		     sum.present_chunks != pcpu_counts.present_chunks ||
		     sum.present_empty != pcpu_counts.present_empty ||
		     sum.empty != pcpu_counts.empty ||
		     sum.loose != pcpu_counts.loose))
		bad = "pcpu_counts or pcpu_nr_populated is not the sum over all chunks";
	*(const char **)data = bad;
}

/**
 * pcpu_validate_area - check all chunks and the counts
 *
 * Context: any; holds pcpu_chunk_lock until all chunks are checked.
 * Return: the invariant that does not hold, or %NULL.
 */
const char *pcpu_validate_area(void)
{
	const char *bad = NULL;

	pcpu_chunks_inspect(pcpu_validate_chunks, &bad);
	return bad;
}
