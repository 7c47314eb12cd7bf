// SPDX-License-Identifier: GPL-2.0-only
/*
 * table: all chunks: their life, and what is allocated from them.
 *
 * This file and claim.c take pcpu_chunk_lock. The functions of chunk.c,
 * place.c and small.c are called with the lock held, and each critical section
 * is one function of this file. Memory is allocated outside.
 *
 * Steps under the lock: a range costs a step per page of one chunk. Whatever visits
 * more chunks releases the lock in between, after PCPU_LOCK_CHUNKS of them or after
 * each one that it changes.
 */
#include <linux/err.h>
#include <linux/slab.h>

#include <trace/events/percpu.h>

#include "chunk.h"
#include "pages.h"

/* The bound of each critical section is in internal.h. */
DEFINE_RAW_SPINLOCK(pcpu_chunk_lock);

unsigned long *pcpu_chunk_nrs __ro_after_init;

unsigned int pcpu_claims;

/* The error of a request that finds no space. */
static int pcpu_no_space(void)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	return pcpu_claims ? -EBUSY : -ENOSPC;
}

/**
 * pcpu_chunk_table_init - set up the table of chunks
 * @table: zeroed memory for pcpu_area_nr_chunks() pointers
 * @nrs: zeroed memory for as many bits
 * @slots: zeroed memory
 *
 * Context: boot, before any other function of this file.
 */
void pcpu_chunk_table_init(struct pcpu_chunk **table, unsigned long *nrs,
			   struct pcpu_slots *slots)
{
	pcpu_chunk_table = table;
	pcpu_chunk_nrs = nrs;
	pcpu_slots_init(slots);
}

/**
 * pcpu_chunk_reserve_nrs - reserve numbers that no chunk will have
 * @first: first number
 * @nr: how many
 *
 * Context: boot, before the first call of pcpu_chunk_create().
 */
void __init pcpu_chunk_reserve_nrs(unsigned int first, unsigned int nr)
{
	bitmap_set(pcpu_chunk_nrs, first, nr);
}

/**
 * pcpu_chunk_top - upper bound of the chunk numbers
 *
 * Context: any; exact with the lock held.
 * Return: one more than the highest number in use, or 0.
 */
unsigned int pcpu_chunk_top(void)
{
	unsigned int last;

	/* Without the lock, numbers may come and go. */
	last = data_race(find_last_bit(pcpu_chunk_nrs, pcpu_area_nr_chunks()));
	return last == pcpu_area_nr_chunks() ? 0 : last + 1;
}

/**
 * pcpu_chunk_creatable - test whether a chunk can be created
 * @limit: upper bound of its number
 *
 * Context: any; takes pcpu_chunk_lock.
 * Return: 0 if a number below @limit is free, else -EBUSY if one may be soon, or
 * -ENOSPC.
 */
int pcpu_chunk_creatable(unsigned int limit)
{
	unsigned long flags;
	int err = 0;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	if (find_first_zero_bit(pcpu_chunk_nrs, limit) >= limit)
		err = pcpu_no_space();
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return err;
}

/* Make a chunk visible to placement and to lookups. */
static void pcpu_chunk_publish(struct pcpu_chunk *chunk)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	__set_bit(chunk->nr, pcpu_chunk_nrs);
	/* Pairs with the address dependency of pcpu_chunk_of(). */
	smp_store_release(&pcpu_chunk_table[chunk->nr], chunk);
	pcpu_chunk_set_slot(chunk);
	pcpu_counts.chunks++;
	pcpu_counts.max_chunks = max(pcpu_counts.max_chunks,
				     pcpu_counts.chunks);
	/* Nothing of it is counted yet. Pinned pages have memory from the start. */
	chunk->empty = 0;
	pcpu_chunk_set_masks(chunk, chunk->pinned, ~0ULL);
}

static void pcpu_chunk_trace_create(const struct pcpu_chunk *chunk)
{
	trace_percpu_create_chunk((void *)pcpu_area_off_to_addr(pcpu_chunk_off(chunk)));
}

/**
 * pcpu_chunk_add_first - publish a chunk of the first window
 * @chunk: the chunk, with its masks of pinned and reserved pages set
 * @static_granules: granules of static data at its beginning; they have no entry
 *	in the object map
 * @withheld: pages without memory that never get any
 *
 * Context: boot; takes pcpu_chunk_lock.
 */
void pcpu_chunk_add_first(struct pcpu_chunk *chunk, unsigned int static_granules,
			  u64 withheld)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_chunk_publish(chunk);
	if (static_granules)
		pcpu_range_alloc(chunk, 0, static_granules);
	if (withheld)
		pcpu_chunk_withhold(chunk, withheld);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	pcpu_chunk_trace_create(chunk);
}

/* Allocate a chunk and its page tables. Return it, or NULL without memory. */
static struct pcpu_chunk *pcpu_chunk_new(unsigned int nr, gfp_t gfp, bool present)
{
	struct pcpu_chunk *chunk = kzalloc(sizeof(*chunk), gfp);
	void *objmap = kzalloc(PCPU_OBJMAP_SIZE, gfp);

	if (!chunk || !objmap ||
	    pcpu_populate_tables((unsigned long)nr << PCPU_CHUNK_SHIFT,
				 PCPU_CHUNK_SIZE, gfp)) {
		kfree(objmap);
		kfree(chunk);
		return NULL;
	}
	pcpu_chunk_init(chunk, nr, objmap);
	chunk->present = present;
	return chunk;
}

/**
 * pcpu_chunk_create - create the chunk with the lowest free number
 * @gfp: flags to allocate its description and page tables with
 * @present: it is for objects of present CPUs
 *
 * Context: any that @gfp allows; takes pcpu_chunk_lock.
 * Return: the chunk, ERR_PTR(-ENOSPC) if all numbers are in use, ERR_PTR(-EBUSY) if
 * chunks or pages may become free soon, or ERR_PTR(-ENOMEM).
 */
struct pcpu_chunk *pcpu_chunk_create(gfp_t gfp, bool present)
{
	unsigned int nr, nr_chunks = pcpu_area_nr_chunks();
	struct pcpu_chunk *chunk;
	unsigned long flags;
	int err = 0;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	nr = find_first_zero_bit(pcpu_chunk_nrs, nr_chunks);
	if (nr < nr_chunks) {
		__set_bit(nr, pcpu_chunk_nrs);
		pcpu_claims++;
	} else {
		err = pcpu_no_space();
	}
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	if (err)
		return ERR_PTR(err);

	chunk = pcpu_chunk_new(nr, gfp, present);

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_claims--;
	if (chunk)
		pcpu_chunk_publish(chunk);
	else
		__clear_bit(nr, pcpu_chunk_nrs);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	if (!chunk)
		return ERR_PTR(-ENOMEM);
	pcpu_chunk_trace_create(chunk);
	return chunk;
}

/* Return true if an object over a chunk in size could use number @i. */
static bool pcpu_chunk_is_claimable(unsigned int i)
{
	struct pcpu_chunk *chunk = pcpu_chunk_table[i];

	lockdep_assert_held(&pcpu_chunk_lock);

	return !test_bit(i, pcpu_chunk_nrs) ||
	       (chunk && chunk->empty == ~0ULL && !chunk->reserved &&
		!pcpu_chunk_is_present(chunk));
}

/*
 * Find the lowest run of @nr numbers from @first on, in one window and below @limit,
 * that are free or belong to empty chunks. Return the first, -ENOSPC, or -EBUSY if
 * there may be such a run soon.
 */
static long pcpu_chunks_find_run(unsigned int first, unsigned int nr,
				 unsigned int limit)
{
	unsigned int per_window = pcpu_area_window_size() >> PCPU_CHUNK_SHIFT;
	unsigned long flags;
	long found = -1;
	unsigned int i;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	for (i = first; i < limit && found < 0; i++) {
		pcpu_chunk_lock_break(i, &flags);
		if (i % per_window == 0)
			first = i;
		if (!pcpu_chunk_is_claimable(i))
			first = i + 1;
		else if (i + 1 - first == nr)
			found = first;
	}
	if (found < 0)
		found = pcpu_no_space();
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return found;
}

/* Claim number @i; a chunk that exists is withheld. */
static bool pcpu_chunk_claim(unsigned int i)
{
	unsigned long flags;
	bool claimed;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	claimed = pcpu_chunk_is_claimable(i);
	if (claimed) {
		if (pcpu_chunk_table[i])
			pcpu_chunk_withhold(pcpu_chunk_table[i], ~0ULL);
		__set_bit(i, pcpu_chunk_nrs);
		pcpu_claims++;
	}
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return claimed;
}

/* Undo pcpu_chunk_claim() for @nr numbers; chunks created since stay, empty. */
static void pcpu_chunks_unclaim_run(unsigned int first, unsigned int nr)
{
	unsigned long flags;
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
		if (pcpu_chunk_table[i])
			pcpu_chunk_release(pcpu_chunk_table[i], ~0ULL);
		else
			__clear_bit(i, pcpu_chunk_nrs);
		pcpu_claims--;
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	}
}

/* Claim the lowest run of @nr numbers below @limit. Return as the search for it. */
static long pcpu_chunks_claim_run(unsigned int nr, unsigned int limit)
{
	long first = pcpu_chunks_find_run(0, nr, limit);
	unsigned int i;

	while (first >= 0) {
		for (i = 0; i < nr && pcpu_chunk_claim(first + i); i++)
			;
		if (i == nr)
			break;
		/* Another CPU was first to use this number: go on behind it. */
		pcpu_chunks_unclaim_run(first, i);
		first = pcpu_chunks_find_run(first + i + 1, nr, limit);
	}
	return first;
}

/* Create chunk @i, of which the number is claimed. */
static int pcpu_chunk_create_claimed(unsigned int i, gfp_t gfp)
{
	struct pcpu_chunk *chunk = pcpu_chunk_new(i, gfp, false);
	unsigned long flags;

	if (!chunk)
		return -ENOMEM;
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_chunk_publish(chunk);
	pcpu_chunk_withhold(chunk, ~0ULL);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	pcpu_chunk_trace_create(chunk);
	return 0;
}

/**
 * pcpu_chunks_create_run - claim adjacent chunks for one large object
 * @nr: number of chunks
 * @limit: upper bound of their numbers
 * @gfp: flags to allocate those that do not exist with
 *
 * All pages of the chunks are withheld; pcpu_chunks_alloc_claimed() is next.
 *
 * Context: any that @gfp allows; takes pcpu_chunk_lock.
 * Return: number of the first chunk, -ENOSPC, -EBUSY if there may be enough adjacent
 * chunks soon, or -ENOMEM.
 */
long pcpu_chunks_create_run(unsigned int nr, unsigned int limit, gfp_t gfp)
{
	long first = pcpu_chunks_claim_run(nr, limit);
	unsigned int i;

	if (first < 0)
		return first;
	for (i = first; i < first + nr; i++) {
		/* Only the owner of a claimed number changes its entry. */
		if (pcpu_chunk_table[i])
			continue;
		if (pcpu_chunk_create_claimed(i, gfp)) {
			pcpu_chunks_unclaim_run(first, nr);
			return -ENOMEM;
		}
	}
	return first;
}

/*
 * For each chunk that a range of granules lies in, call @act with its part, under
 * the lock.
 */
static __always_inline void
pcpu_chunks_each_part(unsigned long off, unsigned int nr,
		      void (*act)(struct pcpu_chunk *chunk, unsigned int start,
				  unsigned int nr))
{
	unsigned int start = pcpu_off_to_granule(off);
	unsigned int i = off >> PCPU_CHUNK_SHIFT;

	for (; nr; i++, start = 0) {
		unsigned int part = min(nr, PCPU_CHUNK_GRANULES - start);
		unsigned long flags;

		raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
		act(pcpu_chunk_table[i], start, part);
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
		nr -= part;
	}
}

/**
 * pcpu_chunks_alloc_run - allocate a run in the chunks that exist
 * @fit: the run that will do
 * @wanted: better length in granules, where pages are populated
 * @run: a run to free before, may be empty; set to the new run, or to an empty one
 * @cut: where to store whether a thorough search may find more
 *
 * Populated pages are preferred, except for modules.
 *
 * Context: any; takes pcpu_chunk_lock, again and again if many chunks are searched.
 * Return: true if there was one. The old run is freed in either case.
 */
bool pcpu_chunks_alloc_run(const struct pcpu_fit *fit, unsigned int wanted,
			   struct pcpu_run *run, bool *cut)
{
	struct pcpu_search search = { };
	struct pcpu_run old = *run;
	enum pcpu_found found;
	unsigned long flags;

	run->nr = 0;
	do {
		raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
		if (old.nr)
			pcpu_range_free(pcpu_chunk_of(old.off),
					pcpu_off_to_granule(old.off), old.nr);
		old.nr = 0;
		if (fit->pages == PCPU_FIT_MODULE)
			found = pcpu_place_module(fit, pcpu_chunk_top(),
						  &search, run);
		else
			found = pcpu_place_run(fit, wanted, &search, run);
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	} while (unlikely(found == PCPU_FOUND_LATER));
	*cut = search.cut;
	return found == PCPU_FOUND;
}

/**
 * pcpu_chunks_extend_run - append the free granules behind a run
 * @run: the run, populated
 * @max: maximum length in granules; the run ends with its page, too
 *
 * Context: any; takes pcpu_chunk_lock.
 */
void pcpu_chunks_extend_run(struct pcpu_run *run, unsigned int max)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(run->off);
	unsigned int start = pcpu_off_to_granule(run->off), end = start + run->nr;
	unsigned int limit = min(start + max, round_up(end, PCPU_PAGE_GRANULES));
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	limit = find_next_bit(chunk->used, limit, end);
	if (limit > end)
		pcpu_range_alloc(chunk, end, limit - end);
	run->nr = limit - start;
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}

/* Keep the granules of a withheld chunk that are wanted, and release the rest. */
static void pcpu_chunk_alloc_claimed(struct pcpu_chunk *chunk,
				     unsigned int start, unsigned int nr)
{
	WRITE_ONCE(chunk->withheld, 0);
	pcpu_claims--;
	if (nr < PCPU_CHUNK_GRANULES)
		pcpu_range_free(chunk, start + nr, PCPU_CHUNK_GRANULES - nr);
}

/**
 * pcpu_chunks_alloc_claimed - allocate granules of claimed chunks
 * @first: number of the first chunk, from pcpu_chunks_create_run()
 * @nr: granules; those that follow in the last chunk are free for others
 *
 * Context: any; takes pcpu_chunk_lock, for each chunk.
 */
void pcpu_chunks_alloc_claimed(unsigned int first, unsigned int nr)
{
	pcpu_chunks_each_part((unsigned long)first << PCPU_CHUNK_SHIFT, nr,
			      pcpu_chunk_alloc_claimed);
}

/**
 * pcpu_chunks_free - free granules
 * @off: offset of the first; the caller owns them, the object map has no entry
 * @nr: number of granules, not 0; they may lie in several chunks
 *
 * Context: any; takes pcpu_chunk_lock, for each chunk.
 */
void pcpu_chunks_free(unsigned long off, unsigned int nr)
{
	pcpu_chunks_each_part(off, nr, pcpu_range_free);
}

/**
 * pcpu_chunks_free_batch - free objects of one class
 * @class: their class
 * @offs: their offsets; the caller owns them, the object map has no entry
 * @nr: number of objects
 *
 * Context: any; takes pcpu_chunk_lock, for @nr steps.
 */
void pcpu_chunks_free_batch(unsigned int class, const u32 *offs,
			    unsigned int nr)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	for (i = 0; i < nr; i++) {
		if (class < PCPU_NR_SMALL)
			pcpu_small_free(offs[i], class);
		else
			pcpu_range_free(pcpu_chunk_of(offs[i]),
					pcpu_off_to_granule(offs[i]),
					pcpu_class_granules(class));
	}
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}

/**
 * pcpu_chunks_alloc_small - allocate free objects of split granules
 * @class: their small class
 * @offs: where to store their offsets
 * @nr: number of objects, at most
 *
 * Context: any; takes pcpu_chunk_lock.
 * Return: number of objects.
 */
unsigned int pcpu_chunks_alloc_small(unsigned int class, u32 *offs,
				     unsigned int nr)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	nr = pcpu_small_alloc(class, offs, nr);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return nr;
}

/**
 * pcpu_chunk_publish_pages - say that pages are populated
 * @chunk: the chunk
 * @pages: mask of pages in which the caller owns granules
 *
 * Context: any; takes pcpu_chunk_lock.
 */
void pcpu_chunk_publish_pages(struct pcpu_chunk *chunk, u64 pages)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_chunk_set_masks(chunk, chunk->populated | pages, chunk->empty);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}

/**
 * pcpu_chunks_inspect - look at chunks while they cannot change
 * @look: function to call
 * @data: its argument
 *
 * Context: any; calls @look with pcpu_chunk_lock held. For diagnostics only: the
 * bound is that of @look.
 */
void pcpu_chunks_inspect(void (*look)(void *data), void *data)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	look(data);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}
