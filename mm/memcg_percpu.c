// SPDX-License-Identifier: GPL-2.0-only
/*
 * memcg_percpu: percpu memory of memory cgroups, from caches.
 *
 * The statistics of a free object are zero. After an update the css of the cgroup is on
 * the list of updates of that CPU, for which css->rstat_touched has the CPU; a flush puts
 * the ancestors, which the update may have changed, into the tree of the CPU, and notes
 * it in theirs. A cgroup is freed after its last flush and that of all its descendants, so
 * that only copies of CPUs in css->rstat_touched may not be zero.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/panic.h>
#include <linux/percpu_cache.h>
#include <linux/string.h>

#include "memcg_percpu.h"

static struct percpu_cache *vmstats_cache __ro_after_init;
static struct percpu_cache *lruvec_stats_cache __ro_after_init;

/* Sizes of the objects; links to the parent lie between two offsets of the first. */
static size_t vmstats_bytes __ro_after_init;
static size_t lruvec_stats_bytes __ro_after_init;
static size_t links_begin __ro_after_init;
static size_t links_after __ro_after_init;

/* The links are set for each CPU when the object is allocated. */
static bool check_vmstats(const void *copy, unsigned int cpu)
{
	return !memchr_inv(copy, 0, links_begin) &&
	       !memchr_inv(copy + links_after, 0, vmstats_bytes - links_after);
}

/**
 * memcg_percpu_init - create the caches
 * @vmstats_size: bytes of the statistics of a cgroup
 * @vmstats_align: their alignment
 * @links: offset of the links to the parent in them
 * @links_end: offset of what follows the links
 * @lruvec_size: bytes of the statistics of a cgroup for one node
 *
 * Context: boot, before the first cgroup is created.
 */
void __init memcg_percpu_init(size_t vmstats_size, size_t vmstats_align, size_t links,
			      size_t links_end, size_t lruvec_size)
{
	vmstats_cache = percpu_cache_create("memcg_vmstats", vmstats_size, vmstats_align,
					    NULL, 0);
	lruvec_stats_cache = percpu_cache_create("memcg_lruvec_stats", lruvec_size,
						 __alignof__(long), NULL, 0);
	if (IS_ERR(vmstats_cache) || IS_ERR(lruvec_stats_cache))
		panic("memcg_percpu: cannot create the caches\n");
	vmstats_bytes = vmstats_size;
	lruvec_stats_bytes = lruvec_size;
	links_begin = links;
	links_after = links_end;
	percpu_cache_set_check(vmstats_cache, check_vmstats);
}

static void free_cleared(struct percpu_cache *cache, void __percpu *ptr, size_t bytes,
			 const atomic_t *touched)
{
	unsigned int cpu;

	if (!ptr)
		return;
	if (touched) {
		for_each_touched_cpu(cpu, touched)
			memset(per_cpu_ptr(ptr, cpu), 0, bytes);
	}
	percpu_cache_free(cache, ptr);
}

/**
 * memcg_vmstats_alloc - allocate the statistics of a cgroup
 *
 * Context: process context, may sleep.
 * Return: statistics that are zero, with invalid links to the parent; or %NULL.
 */
void __percpu *memcg_vmstats_alloc(void)
{
	return percpu_cache_alloc(vmstats_cache, GFP_KERNEL_ACCOUNT);
}

/**
 * memcg_free_vmstats - free the statistics of a cgroup
 * @ptr: the statistics, or %NULL
 * @touched: the CPUs that changed them, or %NULL if there are none
 *
 * Context: as kfree() of memory that is charged.
 */
void memcg_free_vmstats(void __percpu *ptr, const atomic_t *touched)
{
	free_cleared(vmstats_cache, ptr, vmstats_bytes, touched);
}

/**
 * memcg_lruvec_stats_alloc - allocate the statistics of a cgroup for one node
 *
 * Context: process context, may sleep.
 * Return: statistics that are zero, or %NULL.
 */
void __percpu *memcg_lruvec_stats_alloc(void)
{
	return percpu_cache_alloc(lruvec_stats_cache, GFP_KERNEL_ACCOUNT);
}

/**
 * memcg_free_lruvec_stats - free the statistics of a cgroup for one node
 * @ptr: the statistics, or %NULL
 * @touched: the CPUs that changed them, or %NULL if there are none
 *
 * Context: as kfree() of memory that is charged.
 */
void memcg_free_lruvec_stats(void __percpu *ptr, const atomic_t *touched)
{
	free_cleared(lruvec_stats_cache, ptr, lruvec_stats_bytes, touched);
}
