// SPDX-License-Identifier: GPL-2.0-only
/*
 * memcg_percpu: percpu memory of memory cgroups, from a cache.
 *
 * The statistics of a cgroup and those for each possible node are one object, with memory
 * only on the CPUs that have been online:
 *
 *	the statistics, with links to those of the parent, then those of each node
 *
 * A free object is zero. An update on a CPU sets the links of its copy if it is the first
 * one since the cgroup was created, and those of the copies of all ancestors: no loop over
 * CPUs does it, and a CPU that comes online finds its copies as they are on a CPU without
 * an update.
 *
 * After an update the css of the cgroup is on the list of updates of that CPU, for which
 * css->rstat_touched has the CPU; a flush puts the ancestors, which the update may have
 * changed, into the tree of the CPU, and notes it in theirs. A cgroup is freed after its
 * last flush and that of all its descendants, so that only copies of CPUs in
 * css->rstat_touched may not be zero. A flush reads and writes the copies of a CPU if the
 * css is in the tree of that CPU: no CPU that never was online has one.
 */
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/kconfig.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/nodemask.h>
#include <linux/panic.h>
#include <linux/percpu_cache.h>
#include <linux/string.h>

#include "memcg_percpu.h"

static struct percpu_cache *memcg_cache __ro_after_init;

/* Bytes of an object, of the part without a node, and of the part of one node */
static size_t memcg_bytes __ro_after_init;
static size_t memcg_own_bytes __ro_after_init;
static size_t memcg_node_bytes __ro_after_init;

/* Offset of the links in an object */
static size_t memcg_links __ro_after_init;

/*
 * A child of the cgroup with this bit, in place of the link to the parent: a call that sets
 * links has noted the way down. Only in copies that are not linked.
 */
#define MEMCG_LINK_NOTE		1UL

/**
 * memcg_percpu_init - create the cache
 * @own: bytes of the statistics of a cgroup
 * @align: their alignment
 * @links: offset of the links in them, see struct memcg_vmstats_links
 * @node: bytes of the statistics for one node
 *
 * Context: boot, before the first cgroup is created.
 */
void __init memcg_percpu_init(size_t own, size_t align, size_t links, size_t node)
{
	/* What an update reads is in one cache line. UBSAN wants all of @align. */
	if (!IS_ENABLED(CONFIG_UBSAN_ALIGNMENT))
		align = roundup_pow_of_two(links + sizeof(struct memcg_vmstats_links));

	memcg_own_bytes = ALIGN(own, __alignof__(long));
	memcg_node_bytes = node;
	memcg_bytes = memcg_own_bytes + num_possible_nodes() * node;
	memcg_links = links;
	percpu_cache_present_init();
	memcg_cache = percpu_cache_create("memcg_stats", memcg_bytes, align, NULL,
					  PERCPU_CACHE_PRESENT);
	if (IS_ERR(memcg_cache))
		panic("memcg_percpu: cannot create the cache\n");
}

/* The links in the copy of this CPU */
static struct memcg_vmstats_links *links_of(struct mem_cgroup *memcg)
{
	return this_cpu_ptr((void __percpu *)memcg->vmstats_percpu) + memcg_links;
}

/*
 * Note @child, or NULL, in the copy of this CPU, not that of the root. Return false if the
 * copy is linked.
 */
static bool note_child(struct mem_cgroup *memcg, struct mem_cgroup *child)
{
	struct memcg_vmstats_links *links = links_of(memcg);
	void __percpu *old = READ_ONCE(links->parent);
	unsigned long note = (unsigned long)child | MEMCG_LINK_NOTE;

	/* An interrupt that comes now and writes to the copy links it. */
	if (!old || (unsigned long __force)old & MEMCG_LINK_NOTE)
		return cmpxchg(&links->parent, old, (void __percpu __force *)note) == old;
	/* The call that this one interrupts may be about to do it. */
	WRITE_ONCE(links->vmstats, memcg->vmstats);
	return false;
}

/*
 * Link the copy of this CPU, as that of the parent is linked. Return the child that is noted
 * in it, or NULL, also if an interrupt has linked it.
 */
static struct mem_cgroup *link_copy(struct mem_cgroup *memcg)
{
	struct mem_cgroup *parent = parent_mem_cgroup(memcg);
	struct memcg_vmstats_links *links = links_of(memcg);
	unsigned long note = (unsigned long __force)READ_ONCE(links->parent);

	WRITE_ONCE(links->parent, parent ? parent->vmstats_percpu : NULL);
	/* An interrupt finds the parent where it finds this. */
	barrier();
	WRITE_ONCE(links->vmstats, memcg->vmstats);
	return note & MEMCG_LINK_NOTE ? (struct mem_cgroup *)(note & ~MEMCG_LINK_NOTE) : NULL;
}

/*
 * Return the highest ancestor that is not linked, or NULL if there is none; the root is
 * linked here. Notes lead down from it to @memcg.
 */
static struct mem_cgroup *note_way(struct mem_cgroup *memcg)
{
	struct mem_cgroup *child = NULL;

	for (; parent_mem_cgroup(memcg); memcg = parent_mem_cgroup(memcg)) {
		if (!note_child(memcg, child))
			return child;
		child = memcg;
	}
	link_copy(memcg);
	return child;
}

/**
 * memcg_link_vmstats - link the copies of this CPU of a cgroup and its ancestors
 * @memcg: the cgroup, not linked
 *
 * The highest ancestor that is not linked comes first: an interrupt or NMI that finds a
 * copy linked follows the links up to the root. If it has linked some of the copies
 * meanwhile, the way to the others is looked for again.
 *
 * Context: any, not preemptible. Steps: twice the depth of the cgroup, and the same again
 * for each interrupt that links copies.
 */
void memcg_link_vmstats(struct mem_cgroup *memcg)
{
	struct mem_cgroup *next;

	while (!READ_ONCE(links_of(memcg)->vmstats)) {
		next = note_way(memcg);
		while (next)
			next = link_copy(next);
	}
}

/**
 * memcg_vmstats_alloc - allocate the statistics of a cgroup, also those for each node
 *
 * Context: process context, may sleep.
 * Return: statistics that are zero and not linked, or %NULL.
 */
void __percpu *memcg_vmstats_alloc(void)
{
	return percpu_cache_alloc(memcg_cache, GFP_KERNEL_ACCOUNT);
}

/**
 * memcg_free_vmstats - free the statistics of a cgroup
 * @ptr: the statistics, or %NULL
 * @touched: the CPUs that changed them
 *
 * Context: as kfree() of memory that is charged.
 */
void memcg_free_vmstats(void __percpu *ptr, const atomic_t *touched)
{
	unsigned int cpu;

	if (!ptr)
		return;
	for_each_touched_cpu_in(cpu, touched, percpu_cache_cpus(memcg_cache))
		memset(per_cpu_ptr(ptr, cpu), 0, memcg_bytes);
	percpu_cache_free(memcg_cache, ptr);
}

/**
 * memcg_node_stats - find the statistics of a cgroup for one node
 * @ptr: from memcg_vmstats_alloc()
 * @node: the node, a possible one
 *
 * Return: the statistics.
 */
void __percpu *memcg_node_stats(void __percpu *ptr, int node)
{
	unsigned int rank = bitmap_weight(node_states[N_POSSIBLE].bits, node);

	return ptr + memcg_own_bytes + rank * memcg_node_bytes;
}
