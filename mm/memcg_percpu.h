/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memcg_percpu: percpu memory of memory cgroups.
 */
#ifndef _MM_MEMCG_PERCPU_H
#define _MM_MEMCG_PERCPU_H

#include <linux/percpu.h>
#include <linux/percpu_touched.h>

#ifdef CONFIG_CGROUP_PERCPU_CACHE

struct mem_cgroup;
struct memcg_vmstats;

/*
 * Members of struct memcg_vmstats_percpu. Both are NULL in the copy of a CPU that has
 * updated neither the cgroup nor a descendant. Otherwise those of the ancestors are set.
 */
struct memcg_vmstats_links {
	void __percpu *parent;
	struct memcg_vmstats *vmstats;
};

void memcg_percpu_init(size_t own, size_t align, size_t links, size_t node);

void __percpu *memcg_vmstats_alloc(void);
void memcg_free_vmstats(void __percpu *ptr, const atomic_t *touched);
void __percpu *memcg_node_stats(void __percpu *ptr, int node);
void memcg_link_vmstats(struct mem_cgroup *memcg);

/* Before an update follows the links of this CPU */
#define memcg_vmstats_link(memcg)						\
do {										\
	if (unlikely(!this_cpu_read((memcg)->vmstats_percpu->vmstats)))		\
		memcg_link_vmstats(memcg);					\
} while (0)

/* The first update on a CPU sets the links of its copy. */
#define for_each_linked_cpu(cpu)	for_each_cpu((cpu), cpu_none_mask)

/* Leave NULL, which free_percpu() ignores. */
#define memcg_vmstats_free(memcg)						\
do {										\
	memcg_free_vmstats((memcg)->vmstats_percpu, &(memcg)->css.rstat_touched); \
	(memcg)->vmstats_percpu = NULL;						\
} while (0)

#define memcg_lruvec_stats_alloc(memcg, node)					\
	memcg_node_stats((memcg)->vmstats_percpu, (node))
#define memcg_lruvec_stats_free(ptr)	do { } while (0)

#define memcg_percpu_create()							\
do {										\
	BUILD_BUG_ON(offsetof(struct memcg_vmstats_percpu, vmstats) !=		\
		     offsetof(struct memcg_vmstats_percpu, parent_pcpu) +	\
		     offsetof(struct memcg_vmstats_links, vmstats));		\
	memcg_percpu_init(offsetofend(struct memcg_vmstats_percpu, events_prev), \
			  __alignof__(struct memcg_vmstats_percpu),		\
			  offsetof(struct memcg_vmstats_percpu, parent_pcpu),	\
			  sizeof(struct lruvec_stats_percpu));			\
} while (0)

#else

#define memcg_percpu_create()		do { } while (0)

#define memcg_vmstats_link(memcg)	do { } while (0)
#define for_each_linked_cpu(cpu)	for_each_possible_cpu(cpu)

#define memcg_vmstats_alloc()							\
	alloc_percpu_gfp(struct memcg_vmstats_percpu, GFP_KERNEL_ACCOUNT)
#define memcg_vmstats_free(memcg)	do { } while (0)

#define memcg_lruvec_stats_alloc(memcg, node)					\
	alloc_percpu_gfp(struct lruvec_stats_percpu, GFP_KERNEL_ACCOUNT)
#define memcg_lruvec_stats_free(ptr)	free_percpu(ptr)

#endif

#endif /* _MM_MEMCG_PERCPU_H */
