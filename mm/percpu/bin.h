/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bin: up to 64 small objects of one size, side by side in one page.
 */
#ifndef _MM_PERCPU_BIN_H
#define _MM_PERCPU_BIN_H

#include <linux/list.h>
#include <linux/types.h>

#include "chunk.h"

/*
 * What is larger is an extent. Bins hold objects of all times together, and a
 * page of bins goes only when all of them have gone: on the recorded trace of
 * cgroups, bins for up to 64 bytes leave 804 KB per unit behind, for up to 8
 * bytes 716, as much as the best fit they are measured against. Below 16 bytes
 * extents would waste half of a granule and more.
 */
#define PCPU_SMALL_MAX		8U
#define PCPU_NR_CLASSES		2

/**
 * struct pcpu_class - a size of small objects
 * @size: bytes of an object
 * @bytes: bytes of a bin; what @size does not divide is left over
 * @nr: objects in a bin, at most 64
 * @recip: 2^20 / @size rounded up, to divide offsets in a bin
 */
struct pcpu_class {
	u16 size;
	u16 bytes;
	u16 nr;
	u32 recip;
};

extern const struct pcpu_class pcpu_classes[PCPU_NR_CLASSES];

/**
 * enum pcpu_bin_state - who may allocate from a bin
 * @PCPU_BIN_NONE: no bin, the slot is free or belongs to the bin at its lead
 * @PCPU_BIN_MOVING: one CPU is about to give it to an arena or to a list
 * @PCPU_BIN_CURRENT: the home arena's current bin of its class
 * @PCPU_BIN_SHARED: partly free, on the list all arenas draw from
 * @PCPU_BIN_FULL: nothing free, on no list; the next free finds it a place
 */
enum pcpu_bin_state {
	PCPU_BIN_NONE,
	PCPU_BIN_MOVING,
	PCPU_BIN_CURRENT,
	PCPU_BIN_SHARED,
	PCPU_BIN_FULL,
};

/**
 * struct pcpu_bin - a bin, described at its first slot
 * @free: a bit for each object that is free; guarded by the home arena's lock
 * @node: on the shared list of its class; guarded by pcpu_chunk_lock
 * @chunk: where it lies; constant
 * @off: offset of the first object within the chunk
 * @home: the arena whose lock guards @free and @state; changes under the old
 *	home's lock while the bin moves
 * @class: index into pcpu_classes[]
 * @state: see &enum pcpu_bin_state
 * @lead: index of the descriptor of the bin that covers this slot; guarded by
 *	pcpu_chunk_lock, stable while the bin has a live object
 */
struct pcpu_bin {
	u64 free;
	struct list_head node;
	struct pcpu_chunk *chunk;
	u32 off;
	u8 home;
	u8 class;
	u8 state;
	u8 lead;
};

static inline u64 pcpu_class_mask(unsigned int class)
{
	return ~0ULL >> (64 - pcpu_classes[class].nr);
}

int pcpu_class_of(size_t size, size_t align);

struct pcpu_bin *pcpu_bin_at(struct pcpu_chunk *chunk, unsigned long off);
int pcpu_bin_index(const struct pcpu_bin *bin, unsigned long off);
struct pcpu_bin *pcpu_bin_carve(unsigned int class, unsigned int home);
void pcpu_bin_dissolve(struct pcpu_bin *bin);
struct pcpu_bin *pcpu_bin_take_shared(unsigned int class);
void pcpu_bin_share(struct pcpu_bin *bin);
bool pcpu_bin_unshare(struct pcpu_bin *bin);
bool pcpu_bin_add_page(gfp_t gfp, const char **why);
struct pcpu_bin *pcpu_bins_early(struct pcpu_chunk *chunk, u64 pages,
				 void *mem);

#endif /* _MM_PERCPU_BIN_H */
