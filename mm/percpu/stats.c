// SPDX-License-Identifier: GPL-2.0-only
/*
 * stats: lifetime counters for CONFIG_PERCPU_STATS.
 */
#include <linux/atomic.h>
#include <linux/compiler.h>

#include "stats.h"

/**
 * struct pcpu_tally - lifetime counters
 * @nr_alloc: objects allocated
 * @nr_free: objects freed
 * @nr_max: the most that were live at once
 * @min_size: smallest request, in bytes
 * @max_size: largest request, in bytes
 */
struct pcpu_tally {
	atomic_long_t nr_alloc;
	atomic_long_t nr_free;
	atomic_long_t nr_max;
	unsigned long min_size;
	unsigned long max_size;
};

static struct pcpu_tally pcpu_tally = {
	.min_size = ULONG_MAX,
};

/**
 * pcpu_stats_alloc - count an allocation
 * @size: bytes asked for
 */
void pcpu_stats_alloc(size_t size)
{
	long cur = atomic_long_inc_return(&pcpu_tally.nr_alloc) -
		   atomic_long_read(&pcpu_tally.nr_free);
	long max = atomic_long_read(&pcpu_tally.nr_max);

	while (cur > max &&
	       !atomic_long_try_cmpxchg(&pcpu_tally.nr_max, &max, cur))
		;
	if (size < READ_ONCE(pcpu_tally.min_size))
		WRITE_ONCE(pcpu_tally.min_size, size);
	if (size > READ_ONCE(pcpu_tally.max_size))
		WRITE_ONCE(pcpu_tally.max_size, size);
}

/**
 * pcpu_stats_free - count a free
 */
void pcpu_stats_free(void)
{
	atomic_long_inc(&pcpu_tally.nr_free);
}

/**
 * pcpu_stats_read - the counters
 * @stats: where to store them
 *
 * Return: %true; without CONFIG_PERCPU_STATS there are none.
 */
bool pcpu_stats_read(struct pcpu_stats *stats)
{
	/* Frees first, so that no free of an uncounted object shows. */
	stats->nr_free = atomic_long_read(&pcpu_tally.nr_free);
	stats->nr_alloc = atomic_long_read(&pcpu_tally.nr_alloc);
	stats->nr_max = atomic_long_read(&pcpu_tally.nr_max);
	stats->min_size = READ_ONCE(pcpu_tally.min_size);
	stats->max_size = READ_ONCE(pcpu_tally.max_size);
	if (stats->min_size == ULONG_MAX)
		stats->min_size = 0;
	return true;
}
