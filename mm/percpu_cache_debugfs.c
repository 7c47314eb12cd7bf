// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_cache: statistics in debugfs, in percpu_cache.
 */
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/math64.h>
#include <linux/seq_file.h>

#include "percpu_cache_internal.h"

/* Print allocations, and per cent of them that the magazines served. */
static void show_rate(struct seq_file *m, struct percpu_cache *cache)
{
	u64 hits = 0, misses = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		const struct percpu_cache_cpu *mag = per_cpu_ptr(cache->cpus, cpu);

		/* Counts that may change meanwhile. */
		hits += data_race(mag->nr_hits);
		/* As above. */
		misses += data_race(mag->nr_misses);
	}
	seq_printf(m, " %10llu %4llu\n", hits + misses,
		   div64_u64(100 * hits, max(hits + misses, 1ULL)));
}

static void show_cache(struct seq_file *m, struct percpu_cache *cache)
{
	guard(mutex)(&cache->mutex);
	seq_printf(m, "%-20s %8lu %8lu %8zu %6u %6lu %12llu", cache->name,
		   percpu_cache_count_live(cache),
		   cache->nr_slabs * cache->slab_objs, cache->size,
		   cache->slab_objs, cache->nr_slabs,
		   (u64)cache->nr_slabs * cache->slab_bytes *
		   percpu_cache_nr_cpus(cache));
	show_rate(m, cache);
}

/* Bytes are those of all CPUs that have memory. */
static int percpu_cache_show(struct seq_file *m, void *unused)
{
	struct percpu_cache *cache;

	seq_puts(m, "# name                 active    total     size  /slab  slabs        bytes     allocs hit%\n");
	guard(mutex)(&percpu_caches_mutex);
	list_for_each_entry(cache, &percpu_caches, node)
		show_cache(m, cache);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(percpu_cache);

static int __init percpu_cache_debugfs_init(void)
{
	debugfs_create_file("percpu_cache", 0400, NULL, NULL, &percpu_cache_fops);
	return 0;
}
late_initcall(percpu_cache_debugfs_init);
