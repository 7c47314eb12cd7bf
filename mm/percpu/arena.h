/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena: the bins that one group of CPUs allocates small objects from.
 */
#ifndef _MM_PERCPU_ARENA_H
#define _MM_PERCPU_ARENA_H

#include <linux/spinlock.h>

#include "bin.h"

/*
 * An object costs its size on every CPU, so current bins for each CPU would
 * cost memory by the square of CPUs; and the time to clear an object grows
 * with CPUs while that under the lock does not.
 */
#define PCPU_MAX_ARENAS		16

/**
 * struct pcpu_arena - current bins of a group of CPUs
 * @lock: guards @current_bin, and mask and state of every bin at home here;
 *	IRQs are off while it is held; pcpu_chunk_lock nests inside
 * @nr: this arena's number
 * @current_bin: for each class the bin to allocate from, or NULL
 */
struct pcpu_arena {
	raw_spinlock_t lock;
	unsigned int nr;
	struct pcpu_bin *current_bin[PCPU_NR_CLASSES];
} ____cacheline_aligned_in_smp;

extern struct pcpu_arena *pcpu_arenas;
extern unsigned int pcpu_nr_arenas;

unsigned int pcpu_arenas_wanted(void);
void pcpu_arenas_init(struct pcpu_arena *arenas, unsigned int nr);
unsigned long pcpu_arena_alloc(unsigned int class, gfp_t gfp,
			       const char **why);
enum pcpu_wrong pcpu_arena_free(struct pcpu_chunk *chunk, unsigned long off,
				size_t *size, struct pcpu_owner *owner);
void pcpu_arenas_trim(void);

#endif /* _MM_PERCPU_ARENA_H */
