/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snapshot: a chunk's books as they are at one moment, to be read at leisure.
 */
#ifndef _MM_PERCPU_SNAPSHOT_H
#define _MM_PERCPU_SNAPSHOT_H

#include <linux/bitmap.h>
#include <linux/types.h>

#include "chunk.h"

/**
 * enum pcpu_use - what granules are used for
 * @PCPU_USE_BARE: for nothing, and there is no memory behind them
 * @PCPU_USE_FREE: for nothing
 * @PCPU_USE_RESERVED: for nothing; only modules may have them
 * @PCPU_USE_WITHHELD: nobody may have them now
 * @PCPU_USE_STATIC: the kernel's own percpu variables
 * @PCPU_USE_HELD: free, but an arena or the depot has them at hand
 * @PCPU_USE_OBJECT: an object begins here
 * @PCPU_USE_REST: the rest of an object that begins in a lower chunk
 * @PCPU_USE_RETIRED: a freed object in quarantine begins here
 * @PCPU_USE_SMALL: split into objects of a small class
 */
enum pcpu_use {
	PCPU_USE_BARE,
	PCPU_USE_FREE,
	PCPU_USE_RESERVED,
	PCPU_USE_WITHHELD,
	PCPU_USE_STATIC,
	PCPU_USE_HELD,
	PCPU_USE_OBJECT,
	PCPU_USE_REST,
	PCPU_USE_RETIRED,
	PCPU_USE_SMALL,
};

/**
 * struct pcpu_span - granules side by side with one use
 * @start: the first
 * @nr: how many, up to the end of the chunk
 * @use: what for
 * @mark: the mark of the first
 */
struct pcpu_span {
	unsigned int start;
	unsigned int nr;
	enum pcpu_use use;
	u8 mark;
};

/**
 * struct pcpu_snapshot - a chunk's books, copied
 * @nr: the chunk's number
 * @nr_free: as in &struct pcpu_chunk, like what follows
 * @populated: pages with memory
 * @withheld: pages that nobody may have now
 * @reserved: pages for modules only
 * @empty: pages with nothing in them
 * @rest: granules at the beginning that belong to a lower chunk's object
 * @used: granules that are taken or withheld
 * @marks: which live object begins at a granule
 *
 * All but @marks are of one moment; @marks may be younger.
 */
struct pcpu_snapshot {
	unsigned int nr;
	unsigned int nr_free;
	u64 populated;
	u64 withheld;
	u64 reserved;
	u64 empty;
	unsigned int rest;
	DECLARE_BITMAP(used, PCPU_CHUNK_GRANULES);
	u8 marks[PCPU_MARKS_SIZE];
};

/**
 * struct pcpu_chunk_sums - a chunk, summed up
 * @objects: live objects that begin in it
 * @free: granules free for any object
 * @held: granules that arenas and the depot have at hand, or in quarantine
 * @longest: the longest run of granules that are free
 * @small_free: bytes of split granules that are no live object's
 */
struct pcpu_chunk_sums {
	unsigned int objects;
	unsigned int free;
	unsigned int held;
	unsigned int longest;
	unsigned int small_free;
};

bool pcpu_snapshot_take(struct pcpu_snapshot *snap, unsigned int nr);
bool pcpu_snapshot_next(const struct pcpu_snapshot *snap,
			struct pcpu_span *span);
unsigned long pcpu_snapshot_bytes(const struct pcpu_snapshot *snap,
				  const struct pcpu_span *span);
void pcpu_snapshot_sum(const struct pcpu_snapshot *snap,
		       struct pcpu_chunk_sums *sums);

#endif /* _MM_PERCPU_SNAPSHOT_H */
