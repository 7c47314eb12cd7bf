/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats: lifetime counters for CONFIG_PERCPU_STATS.
 */
#ifndef _MM_PERCPU_STATS_H
#define _MM_PERCPU_STATS_H

#include <linux/types.h>

#ifdef CONFIG_PERCPU_STATS

void pcpu_stats_alloc(size_t size);
void pcpu_stats_free(void);

#else

static inline void pcpu_stats_alloc(size_t size)
{
}

static inline void pcpu_stats_free(void)
{
}

#endif

#endif /* _MM_PERCPU_STATS_H */
