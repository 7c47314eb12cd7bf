// SPDX-License-Identifier: GPL-2.0-only
/*
 * stats: lifetime counters for CONFIG_PERCPU_STATS.
 */
#include <linux/compiler.h>

#include "hooks.h"

struct pcpu_stats pcpu_stats = {
	.min_size = ULONG_MAX,
};

/**
 * pcpu_stats_alloc - count an allocation
 * @size: bytes requested
 *
 * Context: any.
 */
void pcpu_stats_alloc(size_t size)
{
	long cur = atomic_long_inc_return(&pcpu_stats.nr_alloc) -
		   atomic_long_read(&pcpu_stats.nr_free);
	long max = atomic_long_read(&pcpu_stats.nr_max);

	while (cur > max &&
	       !atomic_long_try_cmpxchg(&pcpu_stats.nr_max, &max, cur))
		;
	if (size < READ_ONCE(pcpu_stats.min_size))
		WRITE_ONCE(pcpu_stats.min_size, size);
	if (size > READ_ONCE(pcpu_stats.max_size))
		WRITE_ONCE(pcpu_stats.max_size, size);
}
