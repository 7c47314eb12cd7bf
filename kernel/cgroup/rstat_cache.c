// SPDX-License-Identifier: GPL-2.0-only
/*
 * rstat_cache: percpu memory of cgroup statistics, from caches.
 *
 * The tree node of a cgroup and its base statistics are one object, as they are allocated
 * and freed together; other csses have a tree node only.
 *
 * The copy of a css is constructed for a css that was not updated on the CPU: it is on
 * no list, and has no children and no owner. The first update on the CPU sets the owner,
 * and the first flush after it sets the end of the list of children, which is the css
 * itself. Both note the CPU in css->rstat_touched; only such CPUs are visited when the
 * css is released and freed.
 *
 * CPUs that never were online have no memory, and nothing to flush. Their copies are
 * zero: in no tree, so that a flush passes them by, and, as the node of the list does not
 * point to itself, not to be added to a list. The constructor makes the node point to
 * itself before the CPU comes online: it depends on the copy only, not on the css, and is
 * right for live objects, as no update has used the copy.
 */
#include <linux/cgroup.h>
#include <linux/err.h>
#include <linux/llist.h>
#include <linux/percpu_cache.h>
#include <linux/string.h>
#include <linux/u64_stats_sync.h>

#include "rstat_cache.h"

/* What a cgroup has on each CPU */
struct cgroup_rstat_self {
	struct cgroup_rstat_base_cpu base;
	struct css_rstat_cpu node;
};

static struct percpu_cache *css_rstat_cpu_cache __ro_after_init;
static struct percpu_cache *cgroup_rstat_cache __ro_after_init;

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

/* The sequence of the base statistics begins at 0, and goes on with the next owner. */
static void construct_self(void *copy, unsigned int cpu)
{
	struct cgroup_rstat_self *self = copy;

	u64_stats_init(&self->base.bsync);
	construct_css(&self->node, cpu);
}

/* Bytes of the base statistics behind the sequence */
#define BASE_FIRST	offsetof(struct cgroup_rstat_base_cpu, bstat)
#define BASE_BYTES	(sizeof(struct cgroup_rstat_base_cpu) - BASE_FIRST)

static bool check_self(const void *copy, unsigned int cpu)
{
	const struct cgroup_rstat_self *self = copy;

	return !memchr_inv(copy + BASE_FIRST, 0, BASE_BYTES) && check_css(&self->node, cpu);
}

/**
 * css_rstat_caches_create - create the caches
 *
 * Context: boot.
 * Return: 0 or -ENOMEM.
 */
int __init css_rstat_caches_create(void)
{
	percpu_cache_present_init();
	css_rstat_cpu_cache = percpu_cache_create("css_rstat_cpu",
						  sizeof(struct css_rstat_cpu),
						  __alignof__(struct css_rstat_cpu),
						  construct_css, PERCPU_CACHE_PRESENT);
	cgroup_rstat_cache = percpu_cache_create("cgroup_rstat",
						 sizeof(struct cgroup_rstat_self),
						 __alignof__(struct cgroup_rstat_self),
						 construct_self, PERCPU_CACHE_PRESENT);
	if (IS_ERR(css_rstat_cpu_cache) || IS_ERR(cgroup_rstat_cache))
		return -ENOMEM;
	percpu_cache_set_check(css_rstat_cpu_cache, check_css);
	percpu_cache_set_check(cgroup_rstat_cache, check_self);
	return 0;
}

/**
 * css_rstat_cpus - the CPUs that can have updates
 *
 * Context: any.
 * Return: the mask, to which CPUs are added before they come online for the first time.
 */
const struct cpumask *css_rstat_cpus(void)
{
	return percpu_cache_cpus(css_rstat_cpu_cache);
}

/**
 * css_rstat_cpu_alloc - allocate the tree nodes of a css
 * @css: the css; cgroup_rstat_base_alloc() was called if it is that of a cgroup itself
 *
 * Context: process context, may sleep.
 * Return: nodes in no tree, without an owner; or %NULL.
 */
struct css_rstat_cpu __percpu *css_rstat_cpu_alloc(struct cgroup_subsys_state *css)
{
	if (css_is_self(css))
		return (void __percpu *)css->cgroup->rstat_base_cpu +
		       offsetof(struct cgroup_rstat_self, node);
	return percpu_cache_alloc(css_rstat_cpu_cache, GFP_KERNEL);
}

static void restore_css(struct css_rstat_cpu *rstatc)
{
	rstatc->updated_children = NULL;
	rstatc->owner = NULL;
}

/**
 * css_rstat_cpu_free - free the tree nodes of a css
 * @css: the css, which was flushed and is in no tree. If it is that of a cgroup itself,
 *	cgroup_rstat_base_free() has freed the nodes
 *
 * Context: any, except NMI.
 */
void css_rstat_cpu_free(struct cgroup_subsys_state *css)
{
	unsigned int cpu;

	if (css_is_self(css))
		return;
	for_each_touched_cpu_in(cpu, &css->rstat_touched, css_rstat_cpus())
		restore_css(per_cpu_ptr(css->rstat_cpu, cpu));
	percpu_cache_free(css_rstat_cpu_cache, css->rstat_cpu);
}

/**
 * cgroup_rstat_base_alloc - allocate the base statistics and tree nodes of a cgroup
 *
 * Context: process context, may sleep.
 * Return: statistics that are zero, or %NULL.
 */
struct cgroup_rstat_base_cpu __percpu *cgroup_rstat_base_alloc(void)
{
	return percpu_cache_alloc(cgroup_rstat_cache, GFP_KERNEL);
}

/**
 * cgroup_rstat_base_free - free the base statistics and tree nodes of a cgroup
 * @ptr: the statistics
 * @touched: the CPUs on which the cgroup was updated or flushed
 *
 * Context: any, except NMI.
 */
void cgroup_rstat_base_free(struct cgroup_rstat_base_cpu __percpu *ptr,
			    const atomic_t *touched)
{
	struct cgroup_rstat_self *self;
	unsigned int cpu;

	for_each_touched_cpu_in(cpu, touched, css_rstat_cpus()) {
		self = (void *)per_cpu_ptr(ptr, cpu);
		memset((void *)self + BASE_FIRST, 0, BASE_BYTES);
		restore_css(&self->node);
	}
	percpu_cache_free(cgroup_rstat_cache, ptr);
}
