/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * small: objects of 4 and 8 bytes, which share a granule.
 */
#ifndef _MM_PERCPU_SMALL_H
#define _MM_PERCPU_SMALL_H

#include "chunk.h"

bool pcpu_small_prepared(unsigned long off);
void pcpu_small_prepare(unsigned long off, gfp_t gfp);
unsigned int pcpu_small_split(unsigned long off, unsigned int class);
bool pcpu_small_any(unsigned int class);
unsigned int pcpu_small_take(unsigned int class, u32 *offs, unsigned int want);
void pcpu_small_give(unsigned long off, unsigned int class);

#endif /* _MM_PERCPU_SMALL_H */
