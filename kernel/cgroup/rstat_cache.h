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
const struct cpumask *css_rstat_cpus(void);

struct css_rstat_cpu __percpu *css_rstat_cpu_alloc(struct cgroup_subsys_state *css);
void css_rstat_cpu_free(struct cgroup_subsys_state *css);

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

/* Return true if @cpu has copies: no other CPU may be said to have an update. */
#define css_rstat_has_cpu(cpu)	cpumask_test_cpu((cpu), css_rstat_cpus())

/*
 * CPUs to flush: all that have copies, as descendants may have updates that are not in
 * the tree yet. A css that was released has no descendants.
 */
static inline int css_rstat_next_flush(const struct cgroup_subsys_state *css, int cpu)
{
	if (css->flags & CSS_RELEASED)
		return percpu_touched_next(&css->rstat_touched, cpu);
	return cpumask_next(cpu - 1, css_rstat_cpus());
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

#define css_rstat_cpu_alloc(css)		alloc_percpu(struct css_rstat_cpu)
#define css_rstat_cpu_free(css)			free_percpu((css)->rstat_cpu)

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

#define css_rstat_has_cpu(cpu)			cpu_possible(cpu)
#define for_each_flush_cpu(cpu, css)		for_each_possible_cpu(cpu)
#define for_each_rstat_cpu(cpu, css)		for_each_possible_cpu(cpu)

#endif

#endif /* _KERNEL_CGROUP_RSTAT_CACHE_H */
