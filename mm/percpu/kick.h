/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kick: queue the worker of balance.c when there is work for it.
 */
#ifndef _MM_PERCPU_KICK_H
#define _MM_PERCPU_KICK_H

#include <linux/compiler.h>

#include "chunk.h"

struct work_struct;

/*
 * The reserve, in pages of a unit: populated pages without an object, for callers
 * that may not populate. The worker runs below LOW and above HIGH, and brings the
 * reserve to KEEP.
 */
#define PCPU_RESERVE_LOW	2
#define PCPU_RESERVE_KEEP	4
#define PCPU_RESERVE_HIGH	6

/*
 * The delay of the worker in jiffies: frees come in bursts and are often followed by
 * allocations.
 */
#define PCPU_BALANCE_DELAY	(HZ / 20UL)

void pcpu_balance_kick(void);
void pcpu_balance_check(void);
void pcpu_balance_want_chunk(void);
void pcpu_worker_enable(void (*run)(struct work_struct *work));
bool pcpu_worker_begin(void);
void pcpu_worker_again(unsigned long delay);

/* balance.c: the worker. */

/* Empty chunks that are kept, with page tables but without pages. */
#define PCPU_EMPTY_CHUNKS_KEEP	1

void pcpu_balance_now(void);

#endif /* _MM_PERCPU_KICK_H */
