/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memcg_percpu: percpu memory of memory cgroups.
 */
#ifndef _MM_MEMCG_PERCPU_H
#define _MM_MEMCG_PERCPU_H

#include <linux/percpu.h>
#include <linux/percpu_touched.h>

#ifdef CONFIG_CGROUP_PERCPU_CACHE

void memcg_percpu_init(size_t vmstats_size, size_t vmstats_align, size_t links,
		       size_t links_end, size_t lruvec_size);

void __percpu *memcg_vmstats_alloc(void);
void memcg_free_vmstats(void __percpu *ptr, const atomic_t *touched);

void __percpu *memcg_lruvec_stats_alloc(void);
void memcg_free_lruvec_stats(void __percpu *ptr, const atomic_t *touched);

/* The CPUs that changed the statistics of @memcg, which is NULL if it is not complete */
#define memcg_touched(memcg)	((memcg) ? &(memcg)->css.rstat_touched : NULL)

/* Leave NULL, which free_percpu() ignores. */
#define memcg_vmstats_free(memcg)						\
do {										\
	memcg_free_vmstats((memcg)->vmstats_percpu, memcg_touched(memcg));	\
	(memcg)->vmstats_percpu = NULL;						\
} while (0)

#define memcg_lruvec_stats_free(memcg, ptr)					\
	memcg_free_lruvec_stats((ptr), memcg_touched(memcg))

#define memcg_percpu_create()							\
	memcg_percpu_init(sizeof(struct memcg_vmstats_percpu),			\
			  __alignof__(struct memcg_vmstats_percpu),		\
			  offsetof(struct memcg_vmstats_percpu, parent_pcpu),	\
			  offsetofend(struct memcg_vmstats_percpu, vmstats),	\
			  sizeof(struct lruvec_stats_percpu))

#else

#define memcg_percpu_create()		do { } while (0)

#define memcg_vmstats_alloc()							\
	alloc_percpu_gfp(struct memcg_vmstats_percpu, GFP_KERNEL_ACCOUNT)
#define memcg_vmstats_free(memcg)	do { } while (0)

#define memcg_lruvec_stats_alloc()						\
	alloc_percpu_gfp(struct lruvec_stats_percpu, GFP_KERNEL_ACCOUNT)
#define memcg_lruvec_stats_free(memcg, ptr)	free_percpu(ptr)

#endif

#endif /* _MM_MEMCG_PERCPU_H */
