/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * extent: one large object, in granules of 16 bytes, first fit by address.
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

unsigned long pcpu_extent_alloc(const struct pcpu_place *place, gfp_t gfp,
				const char **why);
enum pcpu_wrong pcpu_extent_wrong(const struct pcpu_chunk *chunk,
				  unsigned long off);
bool pcpu_extent_begins(const struct pcpu_chunk *chunk, unsigned long off);
size_t pcpu_extent_free(unsigned long off, struct pcpu_owner *owner);

#endif /* _MM_PERCPU_EXTENT_H */
