/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * extent: runs of granules, first fit by address.
 */
#ifndef _MM_PERCPU_EXTENT_H
#define _MM_PERCPU_EXTENT_H

#include "chunk.h"

/**
 * struct pcpu_place - where an extent may go
 * @size: bytes, not 0
 * @align: power of two, at most PAGE_SIZE
 * @module: holds a module's percpu section: the lowest offsets, in reach of
 *	its relocations, and the reserve if the layout has one
 */
struct pcpu_place {
	size_t size;
	size_t align;
	bool module;
};

/**
 * struct pcpu_run - granules side by side that somebody has taken
 * @off: offset of the first
 * @nr: how many; 0: none
 */
struct pcpu_run {
	u32 off;
	u32 nr;
};

unsigned long pcpu_extent_alloc(const struct pcpu_place *place, gfp_t gfp,
				const char **why);
void pcpu_extent_take_run(unsigned int nr, size_t align, unsigned int wanted,
			  unsigned int most, struct pcpu_run *run);
void pcpu_extent_give(unsigned long off, unsigned int nr);
void pcpu_extent_free(unsigned long off, unsigned int nr);

#endif /* _MM_PERCPU_EXTENT_H */
