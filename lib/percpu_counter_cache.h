/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * percpu_counter_cache: memory of percpu counters, and the CPUs that changed them.
 */
#ifndef _LIB_PERCPU_COUNTER_CACHE_H
#define _LIB_PERCPU_COUNTER_CACHE_H

#include <linux/cpumask.h>
#include <linux/percpu_counter.h>
#include <linux/percpu_touched.h>
#include <linux/smp.h>

#ifdef CONFIG_PERCPU_COUNTER_CACHE

/* Note that this CPU changes its copy. The caller must not be migrated until it has. */
static __always_inline void percpu_counter_touch(struct percpu_counter *fbc)
{
	percpu_touch(&fbc->touched, raw_smp_processor_id());
}

/* All CPUs with a copy that may not be 0, also those that died a moment ago */
#define percpu_counter_for_each_cpu(cpu, fbc)				\
	for_each_touched_cpu((cpu), &(fbc)->touched)

#ifdef CONFIG_HAVE_CMPXCHG_LOCAL
/* percpu_counter_cache.c has percpu_counter_add_batch(). */
#define PERCPU_COUNTER_ADD
#endif

int percpu_counter_cache_init(struct percpu_counter *fbc, s64 amount, gfp_t gfp,
			      u32 nr_counters, struct lock_class_key *key);
void percpu_counter_cache_destroy(struct percpu_counter *fbc, u32 nr_counters);
void percpu_counter_cache_fold(unsigned int cpu, struct percpu_counter *only);

#else

#ifdef CONFIG_HOTPLUG_CPU
#define PERCPU_COUNTER_LIST
#endif

static __always_inline void percpu_counter_touch(struct percpu_counter *fbc)
{
}

#define percpu_counter_for_each_cpu(cpu, fbc)				\
	for_each_cpu_or(cpu, cpu_online_mask, cpu_dying_mask)

static inline int percpu_counter_cache_init(struct percpu_counter *fbc, s64 amount,
					    gfp_t gfp, u32 nr_counters,
					    struct lock_class_key *key)
{
	return 0;
}

static inline void percpu_counter_cache_destroy(struct percpu_counter *fbc,
						u32 nr_counters)
{
}

static inline void percpu_counter_cache_fold(unsigned int cpu, struct percpu_counter *only)
{
}

#endif

#endif /* _LIB_PERCPU_COUNTER_CACHE_H */
