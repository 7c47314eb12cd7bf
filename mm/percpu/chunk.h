/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chunk: a window of offsets, and what each of its pages is used for.
 */
#ifndef _MM_PERCPU_CHUNK_H
#define _MM_PERCPU_CHUNK_H

#include <linux/bitmap.h>
#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "area.h"
#include "class.h"

#define PCPU_PAGE_GRANULES	(PAGE_SIZE >> PCPU_GRANULE_SHIFT)
#define PCPU_CHUNK_GRANULES	(PCPU_CHUNK_PAGES * PCPU_PAGE_GRANULES)

struct pcpu_owner;

/* Masks of pages by the runs that they may have, of 2^0 granules to 2^7. */
#define PCPU_NR_BY_RUN		8

/* A page that is wholly free is in each of them. */
static_assert(PCPU_PAGE_GRANULES >= 1 << (PCPU_NR_BY_RUN - 1));

/**
 * struct pcpu_page - what placement knows of one page
 * @head: free granules at the page's beginning
 * @tail: free granules at its end
 * @run: no free run within the page is longer (an upper bound)
 *
 * Guarded by &pcpu_chunk_lock.
 */
struct pcpu_page {
	u16 head;
	u16 tail;
	u16 run;
};

/**
 * struct pcpu_chunk - state of PCPU_CHUNK_PAGES pages of offsets
 * @nr: the chunk's number; it begins at offset @nr << PCPU_CHUNK_SHIFT
 * @nr_free: granules that are free and not withheld
 * @max_run: no free run is longer, in granules (an upper bound)
 * @populated_run: the same for runs that have memory
 * @populated: pages that have memory behind them in every unit
 * @pinned: pages whose memory is never given back (first window)
 * @withheld: pages that placement may not touch: beyond the first window's
 *	memory, or being populated or given back
 * @reserved: pages that only module data may use
 * @empty: pages wholly free and not withheld
 * @headed: pages whose first granule is free
 * @tailed: pages whose last granule is free
 * @by_run: pages whose hint allows a run of 2^i granules
 * @list: on a shelf of pcpu_shelves, by the number of free granules
 * @rcu: frees the structure after lookups without a lock are over
 * @odd: pages in which a free needs a closer look: they have owners, or are
 *	reserved; bits are only set, by atomic operations
 * @marks: which live object begins at a granule, see mark.h; no lock
 * @partial: pages that may have split granules with room, by small class
 * @partial_node: on the list of chunks that have such pages
 * @rooms: masks of the free objects of split granules, one for each granule of
 *	a page; made with the first split in the page, kept until the chunk goes
 * @owners: who pays for each object, one entry for each 8 bytes of a page
 * @pages: hints for each page
 * @used: granules that are taken or withheld
 *
 * All of it is guarded by &pcpu_chunk_lock, but @odd and @marks; and entries of
 * @rooms and @owners are set once, by cmpxchg, and may be read without a lock.
 */
struct pcpu_chunk {
	unsigned int nr;
	unsigned int nr_free;
	unsigned int max_run;
	unsigned int populated_run;
	u64 populated;
	u64 pinned;
	u64 withheld;
	u64 reserved;
	u64 empty;
	u64 headed;
	u64 tailed;
	u64 by_run[PCPU_NR_BY_RUN];
	struct list_head list;
	struct rcu_head rcu;
	DECLARE_BITMAP(odd, PCPU_CHUNK_PAGES);
	u8 *marks;
	u64 partial[PCPU_NR_SMALL];
	struct list_head partial_node[PCPU_NR_SMALL];
	u8 *rooms[PCPU_CHUNK_PAGES];
	struct pcpu_owner *owners[PCPU_CHUNK_PAGES];
	struct pcpu_page pages[PCPU_CHUNK_PAGES];
	DECLARE_BITMAP(used, PCPU_CHUNK_GRANULES);
};

/**
 * struct pcpu_shelf - chunks with about as many free granules
 * @chunks: those chunks, by their @list
 * @max_run: no free run in any of them is longer, in granules (an upper bound)
 * @populated_run: the same for runs that have memory
 *
 * Guarded by &pcpu_chunk_lock.
 */
struct pcpu_shelf {
	struct list_head chunks;
	unsigned int max_run;
	unsigned int populated_run;
};

/* Bytes of &pcpu_chunk.marks. */
#define PCPU_MARKS_SIZE		PCPU_CHUNK_GRANULES

/* One shelf for each number of wholly free page equivalents, 0..64. */
#define PCPU_NR_BY_FREE		(PCPU_CHUNK_PAGES + 1)

/**
 * struct pcpu_shelves - all of them
 * @by_free: the chunks' shelves, the fullest chunks first
 * @filled: which of these may have a chunk
 *
 * Made at boot: this is more than a kilobyte, which no image should have in its
 * BSS.
 */
struct pcpu_shelves {
	struct pcpu_shelf by_free[PCPU_NR_BY_FREE];
	DECLARE_BITMAP(filled, PCPU_NR_BY_FREE);
};

/**
 * struct pcpu_counts - what the area holds, in pages of one unit
 * @populated: pages with memory behind them
 * @empty: of those, pages with nothing in use that could be given to an
 *	object at once: the reserve that atomic callers live on
 * @loose: of those, pages that could be given back
 * @chunks: chunks that exist
 * @empty_chunks: of those, chunks with nothing in use that could be destroyed
 * @max_chunks: the most chunks that existed at once
 *
 * Written under &pcpu_chunk_lock, read anywhere.
 */
struct pcpu_counts {
	unsigned long populated;
	long empty;
	long loose;
	unsigned int chunks;
	unsigned int empty_chunks;
	unsigned int max_chunks;
};

extern raw_spinlock_t pcpu_chunk_lock;
extern struct pcpu_chunk **pcpu_chunk_table;
extern struct pcpu_shelves *pcpu_shelves;
extern struct pcpu_counts pcpu_counts;

static inline unsigned long pcpu_chunk_off(const struct pcpu_chunk *chunk)
{
	return (unsigned long)chunk->nr << PCPU_CHUNK_SHIFT;
}

static inline unsigned int pcpu_off_to_page(unsigned long off)
{
	return (off >> PAGE_SHIFT) & (PCPU_CHUNK_PAGES - 1);
}

/* The chunk of a valid offset, or NULL; how long: pcpu_chunk_remove_empty(). */
static inline struct pcpu_chunk *pcpu_chunk_of(unsigned long off)
{
	return READ_ONCE(pcpu_chunk_table[off >> PCPU_CHUNK_SHIFT]);
}

static inline unsigned int pcpu_off_to_granule(unsigned long off)
{
	return (off & (PCPU_CHUNK_SIZE - 1)) >> PCPU_GRANULE_SHIFT;
}

/* Pages first..last of a chunk, as a mask. */
static inline u64 pcpu_page_mask(unsigned int first, unsigned int last)
{
	return GENMASK_ULL(last, first);
}

/* Populated pages that an object could be given at once. */
static inline u64 pcpu_chunk_spare(const struct pcpu_chunk *chunk)
{
	return chunk->empty & chunk->populated & ~chunk->reserved;
}

/* Whether @off lies in a page that only module data may use. */
static inline bool pcpu_chunk_is_reserved(const struct pcpu_chunk *chunk,
					  unsigned long off)
{
	return chunk->reserved & BIT_ULL(pcpu_off_to_page(off));
}

static inline bool pcpu_chunk_is_empty(const struct pcpu_chunk *chunk)
{
	return chunk->empty == ~0ULL;
}

/* Whether a chunk could be destroyed. */
static inline bool pcpu_chunk_is_loose(const struct pcpu_chunk *chunk)
{
	return pcpu_chunk_is_empty(chunk) && !chunk->pinned;
}

/* The number of the shelf on which a chunk with @chunk's free granules stands. */
static inline unsigned int pcpu_chunk_shelf(const struct pcpu_chunk *chunk)
{
	return chunk->nr_free / PCPU_PAGE_GRANULES;
}

unsigned int pcpu_chunks_next_shelf(unsigned int i);

/* Shelves of chunks that have at least @first free pages' worth of granules. */
#define pcpu_for_each_shelf(i, first)					\
	for (i = pcpu_chunks_next_shelf(first); i < PCPU_NR_BY_FREE;	\
	     i = pcpu_chunks_next_shelf(i + 1))

void pcpu_chunk_table_init(struct pcpu_chunk **table, unsigned long *taken,
			   struct pcpu_shelves *shelves);
void pcpu_chunk_init(struct pcpu_chunk *chunk, unsigned int nr, void *marks);
struct pcpu_chunk *pcpu_chunk_create(gfp_t gfp, const char **why);
bool pcpu_chunks_create_run(unsigned int nr, unsigned long limit, gfp_t gfp,
			    unsigned int *first, const char **why);
void pcpu_chunk_publish(struct pcpu_chunk *chunk);
struct pcpu_chunk *pcpu_chunk_remove_empty(unsigned int keep, u64 *populated);
void pcpu_chunk_discard(struct pcpu_chunk *chunk);
void pcpu_chunk_forbid(unsigned int first, unsigned int nr);
bool pcpu_chunk_creatable(unsigned int limit);
unsigned int pcpu_chunk_top(void);

void pcpu_chunk_take(struct pcpu_chunk *chunk, unsigned int start,
		     unsigned int nr);
void pcpu_chunk_give(struct pcpu_chunk *chunk, unsigned int start,
		     unsigned int nr);

void pcpu_page_set_run(struct pcpu_chunk *chunk, unsigned int page,
		       unsigned int run);
void pcpu_chunk_withhold(struct pcpu_chunk *chunk, u64 pages);
void pcpu_chunk_release(struct pcpu_chunk *chunk, u64 pages);
void pcpu_chunk_set_populated(struct pcpu_chunk *chunk, u64 pages, bool on);

#endif /* _MM_PERCPU_CHUNK_H */
