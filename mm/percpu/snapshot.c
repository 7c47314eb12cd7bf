// SPDX-License-Identifier: GPL-2.0-only
/*
 * snapshot: a chunk's books as they are at one moment, to be read at leisure.
 *
 * Marks change without a lock, so an object may be seen that came or went
 * meanwhile, and a long one that does with a wrong length, but none that is longer
 * than objects can be.
 */
#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "mark.h"
#include "snapshot.h"

/* Granules of chunk @nr and up that the object at @granule of @chunk has. */
static unsigned int pcpu_snapshot_reach(struct pcpu_chunk *chunk,
					unsigned int granule, unsigned int nr)
{
	unsigned long end, begin = (unsigned long)nr * PCPU_CHUNK_GRANULES;

	end = (unsigned long)chunk->nr * PCPU_CHUNK_GRANULES + granule +
	      pcpu_mark_length(chunk, granule);
	return end > begin ? min(end - begin, PCPU_CHUNK_GRANULES) : 0;
}

/*
 * Granules at the beginning of chunk @nr that belong to an object of a lower
 * one: the last that begins there reaches so far.
 */
static unsigned int pcpu_snapshot_rest(unsigned int nr)
{
	struct pcpu_chunk *chunk;
	unsigned int g, i = nr;

	while (i--) {
		chunk = READ_ONCE(pcpu_chunk_table[i]);
		if (!chunk)
			return 0;
		/* As within a long object. Owners of others change theirs. */
		if (!data_race(memchr_inv(chunk->marks, 0, PCPU_MARKS_SIZE)))
			continue;
		for (g = PCPU_CHUNK_GRANULES; g--;)
			if (pcpu_mark_length(chunk, g))
				return pcpu_snapshot_reach(chunk, g, nr);
	}
	return 0;
}

/**
 * pcpu_snapshot_take - copy a chunk's books
 * @snap: where to
 * @nr: the chunk's number
 *
 * Context: any; takes pcpu_chunk_lock.
 * Return: %false when there is no such chunk.
 */
bool pcpu_snapshot_take(struct pcpu_snapshot *snap, unsigned int nr)
{
	struct pcpu_chunk *chunk;

	guard(rcu)();
	chunk = READ_ONCE(pcpu_chunk_table[nr]);
	if (!chunk)
		return false;
	snap->nr = nr;
	scoped_guard(raw_spinlock_irqsave, &pcpu_chunk_lock) {
		snap->nr_free = chunk->nr_free;
		snap->populated = chunk->populated;
		snap->withheld = chunk->withheld;
		snap->reserved = chunk->reserved;
		snap->empty = chunk->empty;
		memcpy(snap->used, chunk->used, sizeof(snap->used));
	}
	/* Owners of objects change them meanwhile. */
	data_race(memcpy(snap->marks, chunk->marks, PCPU_MARKS_SIZE));
	snap->rest = test_bit(0, snap->used) && !snap->marks[0] &&
		     !(snap->withheld & 1) ? pcpu_snapshot_rest(nr) : 0;
	return true;
}

/* What a free granule of a page is. */
static enum pcpu_use pcpu_snapshot_free(const struct pcpu_snapshot *snap,
					u64 page)
{
	if (!(snap->populated & page))
		return PCPU_USE_BARE;
	return snap->reserved & page ? PCPU_USE_RESERVED : PCPU_USE_FREE;
}

/* What granule @g is, where no object is. */
static enum pcpu_use pcpu_snapshot_use(const struct pcpu_snapshot *snap,
				       unsigned int g)
{
	unsigned long off = ((unsigned long)snap->nr << PCPU_CHUNK_SHIFT) +
			    ((unsigned long)g << PCPU_GRANULE_SHIFT);
	u64 page = BIT_ULL(g / PCPU_PAGE_GRANULES);

	if (off < pcpu_area.static_size)
		return PCPU_USE_STATIC;
	if (snap->withheld & page)
		return PCPU_USE_WITHHELD;
	return test_bit(g, snap->used) ? PCPU_USE_HELD :
					 pcpu_snapshot_free(snap, page);
}

/* How far a use goes on from granule @g, where no object is. */
static unsigned int pcpu_snapshot_run(const struct pcpu_snapshot *snap,
				      unsigned int g)
{
	enum pcpu_use use = pcpu_snapshot_use(snap, g);
	unsigned int end = g + 1;

	while (end < PCPU_CHUNK_GRANULES && !snap->marks[pcpu_mark_index(end)] &&
	       pcpu_snapshot_use(snap, end) == use)
		end++;
	return end - g;
}

/**
 * pcpu_snapshot_bytes - how long an object is
 * @snap: the snapshot
 * @span: its granules in this chunk, from pcpu_snapshot_next()
 *
 * Return: bytes on one CPU, in higher chunks as well.
 */
unsigned long pcpu_snapshot_bytes(const struct pcpu_snapshot *snap,
				  const struct pcpu_span *span)
{
	unsigned long nr = pcpu_marks_length(snap->marks, span->start);

	return min(nr << PCPU_GRANULE_SHIFT, pcpu_area_max_object());
}

/**
 * pcpu_snapshot_next - the next granules with one use
 * @snap: the snapshot
 * @span: the last ones, or zeroes; the next ones are stored here
 *
 * Return: %false when there are no more.
 */
bool pcpu_snapshot_next(const struct pcpu_snapshot *snap,
			struct pcpu_span *span)
{
	unsigned int g = span->start + span->nr, nr;

	if (g >= PCPU_CHUNK_GRANULES)
		return false;
	span->start = g;
	span->mark = snap->marks[pcpu_mark_index(g)];
	nr = pcpu_marks_length(snap->marks, g);
	if (span->mark & PCPU_MARK_SPLIT) {
		span->use = PCPU_USE_SMALL;
	} else if (nr) {
		span->use = span->mark == PCPU_MARK_RETIRED ?
			    PCPU_USE_RETIRED : PCPU_USE_OBJECT;
	} else if (!g && snap->rest) {
		span->use = PCPU_USE_REST;
		nr = snap->rest;
	} else {
		span->use = pcpu_snapshot_use(snap, g);
		nr = pcpu_snapshot_run(snap, g);
	}
	span->nr = min(nr, PCPU_CHUNK_GRANULES - g);
	return true;
}

static void pcpu_sums_small(struct pcpu_chunk_sums *sums, u8 mark)
{
	unsigned int live = pcpu_mark_nr_live(mark);

	sums->objects += live;
	sums->small_free += PCPU_GRANULE -
			    live * pcpu_class_size(pcpu_mark_split_class(mark));
}

/* Free granules may lie side by side, some of them without memory. */
static void pcpu_sums_free(struct pcpu_chunk_sums *sums, unsigned int nr,
			   unsigned int *run)
{
	sums->free += nr;
	*run += nr;
	sums->longest = max(sums->longest, *run);
}

/**
 * pcpu_snapshot_sum - sum up a chunk
 * @snap: the snapshot
 * @sums: where to store the sums
 */
void pcpu_snapshot_sum(const struct pcpu_snapshot *snap,
		       struct pcpu_chunk_sums *sums)
{
	struct pcpu_span span = { };
	unsigned int run = 0;

	*sums = (struct pcpu_chunk_sums) { };
	while (pcpu_snapshot_next(snap, &span)) {
		if (span.use == PCPU_USE_FREE || span.use == PCPU_USE_BARE) {
			pcpu_sums_free(sums, span.nr, &run);
			continue;
		}
		run = 0;
		if (span.use == PCPU_USE_HELD || span.use == PCPU_USE_RETIRED)
			sums->held += span.nr;
		else if (span.use == PCPU_USE_OBJECT)
			sums->objects++;
		else if (span.use == PCPU_USE_SMALL)
			pcpu_sums_small(sums, span.mark);
	}
}
