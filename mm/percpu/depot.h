/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * depot: batches of free objects on their way from one arena to another.
 */
#ifndef _MM_PERCPU_DEPOT_H
#define _MM_PERCPU_DEPOT_H

#include <linux/types.h>

#include "class.h"

/* The most objects of a batch. */
#define PCPU_BATCH_MAX		32

/* Batches that there can be, and bytes of their objects on one CPU. */
#define PCPU_DEPOT_BATCHES	256
#define PCPU_DEPOT_BYTES	(64U << 10)

/**
 * struct pcpu_batch - free objects of one class
 * @next: number of the next batch of the class, or of the next unused one; or 0
 * @nr: objects
 * @offs: their offsets
 */
struct pcpu_batch {
	u16 next;
	u16 nr;
	u32 offs[PCPU_BATCH_MAX];
};

/**
 * struct pcpu_depot_class - the batches of a class
 * @head: number of the one that came last, or 0
 * @nr: how many there are
 * @low: the fewest there were since the worker came by: nobody needed these
 */
struct pcpu_depot_class {
	u16 head;
	u16 nr;
	u16 low;
};

/**
 * struct pcpu_depot - what arenas had too much of
 * @classes: by class
 * @filled: classes that have any
 * @hand: class at which making room goes on
 * @unused: number of the first unused batch, or 0
 * @bytes: bytes of all objects here, on one CPU
 * @batches: the batches; number 0 is none
 *
 * Guarded by a lock in depot.c; @head of a class may be read without it, as a
 * hint.
 */
struct pcpu_depot {
	struct pcpu_depot_class classes[PCPU_NR_CLASSES];
	DECLARE_BITMAP(filled, PCPU_NR_CLASSES);
	u8 hand;
	u16 unused;
	unsigned long bytes;
	struct pcpu_batch batches[PCPU_DEPOT_BATCHES + 1];
};

extern struct pcpu_depot *pcpu_depot;

void pcpu_depot_init(struct pcpu_depot *depot);
unsigned int pcpu_depot_put(unsigned int *class, u32 *offs, unsigned int nr);
unsigned int pcpu_depot_take(unsigned int class, u32 *offs);
unsigned int pcpu_depot_take_stale(unsigned int *class, u32 *offs);
bool pcpu_depot_watch(void);

/* Whether it is worth to look for a batch of @class. */
static inline bool pcpu_depot_has(unsigned int class)
{
	return READ_ONCE(pcpu_depot->classes[class].head);
}

#endif /* _MM_PERCPU_DEPOT_H */
