/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * balance: how much populated memory is kept in reserve.
 */
#ifndef _MM_PERCPU_BALANCE_H
#define _MM_PERCPU_BALANCE_H

#include <linux/compiler.h>
#include <linux/minmax.h>

#include "chunk.h"

/*
 * Pages of a unit that are kept populated with nothing in them, for callers
 * that may not populate. The worker runs below LOW and above HIGH, and brings
 * the reserve to KEEP.
 */
#define PCPU_RESERVE_LOW	2
#define PCPU_RESERVE_KEEP	4
#define PCPU_RESERVE_HIGH	6

/* Empty chunks that are kept, with page tables but no pages. */
#define PCPU_EMPTY_CHUNKS_KEEP	1

void pcpu_balance_kick(void);

/* Pages beyond @keep that could be given back. */
static inline long pcpu_balance_excess(long keep)
{
	return min(READ_ONCE(pcpu_counts.empty) - keep,
		   READ_ONCE(pcpu_counts.loose));
}

/* Call the worker if the reserve is out of bounds. Any context, no lock. */
static inline void pcpu_balance_check(void)
{
	if (unlikely(READ_ONCE(pcpu_counts.empty) < PCPU_RESERVE_LOW ||
		     pcpu_balance_excess(PCPU_RESERVE_KEEP) >
		     PCPU_RESERVE_HIGH - PCPU_RESERVE_KEEP))
		pcpu_balance_kick();
}

void pcpu_balance_now(void);

#endif /* _MM_PERCPU_BALANCE_H */
