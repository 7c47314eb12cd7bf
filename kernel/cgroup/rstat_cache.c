// SPDX-License-Identifier: GPL-2.0-only
/*
 * rstat_cache: percpu memory of cgroup statistics, from caches.
 *
 * The copy of a css is constructed for a css that was not updated on the CPU: it is on
 * no list, and has no children and no owner. The first update on the CPU sets the owner,
 * and the first flush after it sets the end of the list of children, which is the css
 * itself. Both note the CPU in css->rstat_touched; only such CPUs are visited when the
 * css is released and freed.
 */
#include <linux/err.h>
#include <linux/llist.h>
#include <linux/percpu_cache.h>
#include <linux/string.h>
#include <linux/u64_stats_sync.h>

#include "rstat_cache.h"

static struct percpu_cache *css_rstat_cpu_cache __ro_after_init;
static struct percpu_cache *rstat_base_cpu_cache __ro_after_init;

static void construct_css(void *copy, unsigned int cpu)
{
	struct css_rstat_cpu *rstatc = copy;

	init_llist_node(&rstatc->lnode);
}

static bool check_css(const void *copy, unsigned int cpu)
{
	const struct css_rstat_cpu *rstatc = copy;

	return !rstatc->updated_children && !rstatc->updated_next && !rstatc->owner &&
	       rstatc->lnode.next == &rstatc->lnode;
}

static void construct_base(void *copy, unsigned int cpu)
{
	struct cgroup_rstat_base_cpu *rstatbc = copy;

	u64_stats_init(&rstatbc->bsync);
}

static bool check_base(const void *copy, unsigned int cpu)
{
	const struct cgroup_rstat_base_cpu *rstatbc = copy;
	size_t first = offsetof(struct cgroup_rstat_base_cpu, bstat);

	return !memchr_inv(copy + first, 0, sizeof(*rstatbc) - first);
}

/**
 * css_rstat_caches_create - create the caches
 *
 * Context: boot.
 * Return: 0 or -ENOMEM.
 */
int __init css_rstat_caches_create(void)
{
	css_rstat_cpu_cache = percpu_cache_create("css_rstat_cpu",
						  sizeof(struct css_rstat_cpu),
						  __alignof__(struct css_rstat_cpu),
						  construct_css, 0);
	rstat_base_cpu_cache = percpu_cache_create("cgroup_rstat_base_cpu",
						   sizeof(struct cgroup_rstat_base_cpu),
						   __alignof__(struct cgroup_rstat_base_cpu),
						   construct_base, 0);
	if (IS_ERR(css_rstat_cpu_cache) || IS_ERR(rstat_base_cpu_cache))
		return -ENOMEM;
	percpu_cache_set_check(css_rstat_cpu_cache, check_css);
	percpu_cache_set_check(rstat_base_cpu_cache, check_base);
	return 0;
}

/**
 * css_rstat_cpu_alloc - allocate the tree nodes of a css
 *
 * Context: process context, may sleep.
 * Return: nodes in no tree, without an owner; or %NULL.
 */
struct css_rstat_cpu __percpu *css_rstat_cpu_alloc(void)
{
	return percpu_cache_alloc(css_rstat_cpu_cache, GFP_KERNEL);
}

/**
 * css_rstat_cpu_free - free the tree nodes of a css
 * @ptr: the nodes, which were flushed and are in no tree
 * @touched: the CPUs on which the css was in the tree
 *
 * Context: any, except NMI.
 */
void css_rstat_cpu_free(struct css_rstat_cpu __percpu *ptr, const atomic_t *touched)
{
	struct css_rstat_cpu *rstatc;
	unsigned int cpu;

	for_each_touched_cpu(cpu, touched) {
		rstatc = per_cpu_ptr(ptr, cpu);
		rstatc->updated_children = NULL;
		rstatc->owner = NULL;
	}
	percpu_cache_free(css_rstat_cpu_cache, ptr);
}

/**
 * cgroup_rstat_base_alloc - allocate the base statistics of a cgroup
 *
 * Context: process context, may sleep.
 * Return: statistics that are zero, or %NULL.
 */
struct cgroup_rstat_base_cpu __percpu *cgroup_rstat_base_alloc(void)
{
	return percpu_cache_alloc(rstat_base_cpu_cache, GFP_KERNEL);
}

/**
 * cgroup_rstat_base_free - free the base statistics of a cgroup
 * @ptr: the statistics
 * @touched: the CPUs on which the cgroup was updated or flushed
 *
 * Context: any, except NMI.
 */
void cgroup_rstat_base_free(struct cgroup_rstat_base_cpu __percpu *ptr,
			    const atomic_t *touched)
{
	size_t first = offsetof(struct cgroup_rstat_base_cpu, bstat);
	unsigned int cpu;

	for_each_touched_cpu(cpu, touched)
		memset((void *)per_cpu_ptr(ptr, cpu) + first, 0, sizeof(*ptr) - first);
	percpu_cache_free(rstat_base_cpu_cache, ptr);
}
