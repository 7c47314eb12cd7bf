/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * depot: batches of free objects on their way from one cache to another.
 */
#ifndef _MM_PERCPU_DEPOT_H
#define _MM_PERCPU_DEPOT_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "chunk.h"
#include "layout.h"

/* Objects of a batch, at most. */
#define PCPU_BATCH_MAX		32

/* Objects that a free returns to the chunks if the depot is full, at most. */
#define PCPU_PART_MAX		4

/* Number of batches in the depot, at most. */
#define PCPU_DEPOT_BATCHES	256

/* Bytes of objects, on one CPU, that the depot may hold in any case. */
#define PCPU_DEPOT_BYTES	(32U << 10)

/**
 * struct pcpu_batch - free objects of one class that the caller owns
 * @class: their class, not %PCPU_CLASS_LONG
 * @nr: number of objects
 * @offs: their offsets; the object map has no entries for them
 */
struct pcpu_batch {
	unsigned int class;
	unsigned int nr;
	u32 offs[PCPU_BATCH_MAX];
};

/**
 * struct pcpu_depot_batch - a batch in the depot
 * @next: index of the next batch of the class, or of the next unused one; or 0
 * @nr: number of objects
 * @offs: their offsets
 */
struct pcpu_depot_batch {
	u16 next;
	u16 nr;
	u32 offs[PCPU_BATCH_MAX];
};

/**
 * struct pcpu_depot_class - the objects of a class
 * @head: index of the batch with the last ones, or 0; may be read without the lock
 * @nr: number of objects
 * @low: minimum of @nr since the last trim: so many objects were idle
 */
struct pcpu_depot_class {
	u16 head;
	u16 nr;
	u16 low;
};

/**
 * struct pcpu_depot - objects that no cache has capacity for
 * @classes: by class
 * @unused: index of the first unused batch, or 0; may be read without the lock
 * @bytes: bytes of all objects, on one CPU; may be read without the lock
 * @batches: the batches; index 0 stands for none
 *
 * Guarded by pcpu_depot_lock.
 */
struct pcpu_depot {
	struct pcpu_depot_class classes[PCPU_NR_CLASSES];
	u16 unused;
	unsigned long bytes;
	struct pcpu_depot_batch batches[PCPU_DEPOT_BATCHES + 1];
};

extern struct pcpu_depot *pcpu_depot;

void pcpu_depot_init(struct pcpu_depot *depot);
void pcpu_depot_put(struct pcpu_batch *batch);
void pcpu_depot_get(struct pcpu_batch *batch);
bool pcpu_depot_get_idle(struct pcpu_batch *batch);
bool pcpu_depot_track(void);

/* Return true if pcpu_depot_get() may find a batch of @class; a hint. */
static inline bool pcpu_depot_has(unsigned int class)
{
	return READ_ONCE(pcpu_depot->classes[class].head);
}

/*
 * Return true if the depot takes no batch, otherwise any one. Exact with its lock held.
 * The limit in bytes on one CPU includes a 32nd of the populated memory.
 */
static inline bool pcpu_depot_is_full(void)
{
	unsigned long limit = PCPU_DEPOT_BYTES +
			      READ_ONCE(pcpu_nr_populated) * (PAGE_SIZE / 32);

	return !READ_ONCE(pcpu_depot->unused) ||
	       READ_ONCE(pcpu_depot->bytes) >= limit;
}

#endif /* _MM_PERCPU_DEPOT_H */
