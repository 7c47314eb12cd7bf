/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats: lifetime counters for CONFIG_PERCPU_STATS.
 */
#ifndef _MM_PERCPU_STATS_H
#define _MM_PERCPU_STATS_H

#include <linux/types.h>

/**
 * struct pcpu_stats - lifetime counters, as they are at a moment
 * @nr_alloc: objects allocated
 * @nr_free: objects freed
 * @nr_max: the most that were live at once
 * @min_size: smallest request, in bytes
 * @max_size: largest request, in bytes
 */
struct pcpu_stats {
	long nr_alloc;
	long nr_free;
	long nr_max;
	unsigned long min_size;
	unsigned long max_size;
};

#ifdef CONFIG_PERCPU_STATS

bool pcpu_stats_read(struct pcpu_stats *stats);
void pcpu_stats_alloc(size_t size);
void pcpu_stats_free(void);

#else

static inline bool pcpu_stats_read(struct pcpu_stats *stats)
{
	return false;
}

static inline void pcpu_stats_alloc(size_t size)
{
}

static inline void pcpu_stats_free(void)
{
}

#endif

#endif /* _MM_PERCPU_STATS_H */
