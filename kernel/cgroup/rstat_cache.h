/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rstat_cache: percpu memory of cgroup statistics.
 */
#ifndef _KERNEL_CGROUP_RSTAT_CACHE_H
#define _KERNEL_CGROUP_RSTAT_CACHE_H

#include <linux/cgroup-defs.h>
#include <linux/compiler.h>
#include <linux/percpu.h>
#include <linux/percpu_touched.h>

#ifdef CONFIG_CGROUP_PERCPU_CACHE

int css_rstat_caches_create(void);

struct css_rstat_cpu __percpu *css_rstat_cpu_alloc(void);
void css_rstat_cpu_free(struct css_rstat_cpu __percpu *ptr, const atomic_t *touched);

struct cgroup_rstat_base_cpu __percpu *cgroup_rstat_base_alloc(void);
void cgroup_rstat_base_free(struct cgroup_rstat_base_cpu __percpu *ptr,
			    const atomic_t *touched);

/* Before a css comes to the list of updates of a CPU: say which one it is. */
static inline void css_rstat_claim(struct css_rstat_cpu *rstatc,
				   struct cgroup_subsys_state *css, int cpu)
{
	if (unlikely(!rstatc->owner))
		WRITE_ONCE(rstatc->owner, css);
	percpu_touch(&css->rstat_touched, cpu);
}

/* Before a css comes to the tree of a CPU, under the lock of the tree: it has no children. */
static inline void css_rstat_join(struct css_rstat_cpu *rstatc,
				  struct cgroup_subsys_state *css, int cpu)
{
	if (likely(rstatc->updated_children))
		return;
	rstatc->updated_children = css;
	percpu_touch(&css->rstat_touched, cpu);
}

/*
 * CPUs to flush: the possible ones, as descendants may have updates that are not in
 * the tree yet. A css that was released has no descendants.
 */
static inline int css_rstat_next_flush(const struct cgroup_subsys_state *css, int cpu)
{
	if (css->flags & CSS_RELEASED)
		return percpu_touched_next(&css->rstat_touched, cpu);
	return cpumask_next(cpu - 1, cpu_possible_mask);
}

#define for_each_flush_cpu(cpu, css)					\
	for ((cpu) = css_rstat_next_flush((css), 0); (cpu) < nr_cpu_ids;	\
	     (cpu) = css_rstat_next_flush((css), (cpu) + 1))

/* The first CPU from @cpu on of which the css was in the tree, or nr_cpu_ids */
static inline int css_rstat_next_joined(const struct cgroup_subsys_state *css, int cpu)
{
	while ((cpu = percpu_touched_next(&css->rstat_touched, cpu)) < nr_cpu_ids) {
		if (per_cpu_ptr(css->rstat_cpu, cpu)->updated_children)
			break;
		cpu++;
	}
	return cpu;
}

#define for_each_rstat_cpu(cpu, css)					\
	for ((cpu) = css_rstat_next_joined((css), 0); (cpu) < nr_cpu_ids;	\
	     (cpu) = css_rstat_next_joined((css), (cpu) + 1))

#else

static inline int css_rstat_caches_create(void)
{
	return 0;
}

#define css_rstat_cpu_alloc()			alloc_percpu(struct css_rstat_cpu)
#define css_rstat_cpu_free(ptr, touched)	free_percpu(ptr)

#define cgroup_rstat_base_alloc()		alloc_percpu(struct cgroup_rstat_base_cpu)
#define cgroup_rstat_base_free(ptr, touched)	free_percpu(ptr)

static inline void css_rstat_claim(struct css_rstat_cpu *rstatc,
				   struct cgroup_subsys_state *css, int cpu)
{
}

static inline void css_rstat_join(struct css_rstat_cpu *rstatc,
				  struct cgroup_subsys_state *css, int cpu)
{
}

#define for_each_flush_cpu(cpu, css)		for_each_possible_cpu(cpu)
#define for_each_rstat_cpu(cpu, css)		for_each_possible_cpu(cpu)

#endif

#endif /* _KERNEL_CGROUP_RSTAT_CACHE_H */
