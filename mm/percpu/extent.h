/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * extent: granules with memory.
 */
#ifndef _MM_PERCPU_EXTENT_H
#define _MM_PERCPU_EXTENT_H

#include "chunk.h"

/**
 * struct pcpu_extent - an extent to allocate
 * @nr: length in granules, not 0
 * @align: alignment in bytes, a power of two, at most PAGE_SIZE
 * @module: it holds a module's percpu section: it must lie in the module range,
 *	at the lowest offset, and may use the reserve
 * @present: it has memory on CPUs only that have been online, and lies in a present
 *	chunk; at most a chunk long
 */
struct pcpu_extent {
	unsigned int nr;
	size_t align;
	bool module;
	bool present;
};

unsigned long pcpu_extent_alloc(const struct pcpu_extent *extent, gfp_t gfp);
int pcpu_extent_alloc_run(const struct pcpu_extent *extent, unsigned int max,
			  gfp_t gfp, struct pcpu_run *run);

#endif /* _MM_PERCPU_EXTENT_H */
