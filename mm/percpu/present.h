/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * present: objects that have memory on CPUs only that have been online.
 * linux/percpu-present.h is the interface for percpu caches.
 */
#ifndef _MM_PERCPU_PRESENT_H
#define _MM_PERCPU_PRESENT_H

#include "chunk.h"

bool pcpu_addr_is_absent(unsigned long addr, unsigned long *off, unsigned int *cpu);

#endif /* _MM_PERCPU_PRESENT_H */
