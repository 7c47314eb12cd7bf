/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chunk: a window of offsets, and what each of its pages is used for.
 */
#ifndef _MM_PERCPU_CHUNK_H
#define _MM_PERCPU_CHUNK_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "area.h"

/* Large objects are placed in units of 16 bytes. */
#define PCPU_GRANULE_SHIFT	4
#define PCPU_GRANULE		(1U << PCPU_GRANULE_SHIFT)
#define PCPU_PAGE_GRANULES	(PAGE_SIZE >> PCPU_GRANULE_SHIFT)
#define PCPU_CHUNK_GRANULES	(PCPU_CHUNK_PAGES * PCPU_PAGE_GRANULES)

/* A page that holds bins is cut into at most 64 slots, so a mask is a word. */
#define PCPU_SLOT_SHIFT		max(8, PAGE_SHIFT - 6)
#define PCPU_SLOT_SIZE		BIT(PCPU_SLOT_SHIFT)
#define PCPU_PAGE_SLOTS		(PAGE_SIZE >> PCPU_SLOT_SHIFT)
#define PCPU_ALL_SLOTS		(~0ULL >> (64 - PCPU_PAGE_SLOTS))

struct pcpu_bin;
struct pcpu_owner;

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
 * @spill: the extent that reaches the chunk's end goes on in the next chunk
 * @populated: pages that have memory behind them in every unit
 * @pinned: pages whose memory is never given back (first window)
 * @binned: pages cut into bins
 * @withheld: pages that placement may not touch: beyond the first window's
 *	memory, or being populated for bins, or being given back
 * @reserved: pages that only module data may use
 * @empty: pages wholly free, neither cut nor withheld
 * @list: on pcpu_chunks_by_free[], by the number of free granules
 * @rcu: frees the structure after lookups without a lock are over
 * @slot_room: no run of free slots in a page of bins is longer
 * @slots: free slots of each page cut into bins
 * @bins: bin descriptors, one for each slot of a page; made with the first cut
 *	of the page, kept until the chunk goes
 * @owners: who pays for each extent, one entry for each granule of a page
 * @pages: hints for each page
 * @used: granules that are taken, cut or withheld
 * @begin: granules at which an extent (or a page cut or withheld) begins
 *
 * All of it is guarded by &pcpu_chunk_lock, but @bins and @owners entries are
 * set once, by cmpxchg, and may be read without a lock.
 */
struct pcpu_chunk {
	unsigned int nr;
	unsigned int nr_free;
	unsigned int max_run;
	bool spill;
	u8 slot_room;
	u64 populated;
	u64 pinned;
	u64 binned;
	u64 withheld;
	u64 reserved;
	u64 empty;
	struct list_head list;
	struct rcu_head rcu;
	u64 slots[PCPU_CHUNK_PAGES];
	struct pcpu_bin *bins[PCPU_CHUNK_PAGES];
	struct pcpu_owner *owners[PCPU_CHUNK_PAGES];
	struct pcpu_page pages[PCPU_CHUNK_PAGES];
	DECLARE_BITMAP(used, PCPU_CHUNK_GRANULES);
	DECLARE_BITMAP(begin, PCPU_CHUNK_GRANULES);
};

/* One list for each number of wholly free page equivalents, 0..64. */
#define PCPU_NR_BY_FREE		(PCPU_CHUNK_PAGES + 1)

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

/**
 * enum pcpu_wrong - what is wrong with a free
 * @PCPU_FREE_OK: nothing
 * @PCPU_WRONG_OUTSIDE: the pointer is outside the area
 * @PCPU_WRONG_UNUSED: nothing is allocated there
 * @PCPU_WRONG_INTERIOR: something is, but it does not begin there
 * @PCPU_WRONG_TWICE: an object of a bin that is free already
 */
enum pcpu_wrong {
	PCPU_FREE_OK,
	PCPU_WRONG_OUTSIDE,
	PCPU_WRONG_UNUSED,
	PCPU_WRONG_INTERIOR,
	PCPU_WRONG_TWICE,
};

extern raw_spinlock_t pcpu_chunk_lock;
extern struct pcpu_chunk **pcpu_chunk_table;
extern struct list_head pcpu_chunks_by_free[PCPU_NR_BY_FREE];
extern struct pcpu_counts pcpu_counts;

static inline unsigned long pcpu_chunk_off(const struct pcpu_chunk *chunk)
{
	return (unsigned long)chunk->nr << PCPU_CHUNK_SHIFT;
}

static inline unsigned int pcpu_off_to_page(unsigned long off)
{
	return (off >> PAGE_SHIFT) & (PCPU_CHUNK_PAGES - 1);
}

/* The chunk of a valid offset, or NULL; see pcpu_chunk_remove() for lifetime. */
static inline struct pcpu_chunk *pcpu_chunk_of(unsigned long off)
{
	return READ_ONCE(pcpu_chunk_table[off >> PCPU_CHUNK_SHIFT]);
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

static inline bool pcpu_chunk_is_empty(const struct pcpu_chunk *chunk)
{
	return chunk->empty == ~0ULL;
}

/* Whether a chunk could be destroyed. */
static inline bool pcpu_chunk_is_loose(const struct pcpu_chunk *chunk)
{
	return pcpu_chunk_is_empty(chunk) && !chunk->pinned;
}

void pcpu_chunk_table_init(struct pcpu_chunk **table, unsigned long *taken);
void pcpu_chunk_init(struct pcpu_chunk *chunk, unsigned int nr);
struct pcpu_chunk *pcpu_chunk_create(gfp_t gfp, const char **why);
bool pcpu_chunks_create_run(unsigned int nr, unsigned long limit, gfp_t gfp,
			    unsigned int *first, const char **why);
void pcpu_chunk_publish(struct pcpu_chunk *chunk);
struct pcpu_chunk *pcpu_chunk_remove_empty(unsigned int keep);
void pcpu_chunk_discard(struct pcpu_chunk *chunk);
void pcpu_chunk_forbid(unsigned int first, unsigned int nr);
bool pcpu_chunk_creatable(unsigned int limit);
unsigned int pcpu_chunk_top(void);

void pcpu_chunk_take(struct pcpu_chunk *chunk, unsigned int start,
		     unsigned int nr);
void pcpu_chunk_give(struct pcpu_chunk *chunk, unsigned int start,
		     unsigned int nr);

struct pcpu_chunk *pcpu_chunk_claim_page(bool populated, unsigned int *page);
void pcpu_chunk_withhold(struct pcpu_chunk *chunk, u64 pages);
void pcpu_chunk_release(struct pcpu_chunk *chunk, u64 pages);
void pcpu_chunk_set_populated(struct pcpu_chunk *chunk, u64 pages, bool on);
void pcpu_chunk_cut(struct pcpu_chunk *chunk, unsigned int page);
void pcpu_chunk_uncut(struct pcpu_chunk *chunk, unsigned int page);

#endif /* _MM_PERCPU_CHUNK_H */
