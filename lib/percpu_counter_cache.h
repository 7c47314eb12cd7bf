/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * percpu_counter_cache: memory of percpu counters, and the CPUs that changed them.
 */
#ifndef _LIB_PERCPU_COUNTER_CACHE_H
#define _LIB_PERCPU_COUNTER_CACHE_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/cpumask.h>
#include <linux/percpu_counter.h>
#include <linux/preempt.h>

#ifdef CONFIG_PERCPU_COUNTER_CACHE

/* CPUs with the same number modulo this share a bit. */
#define PERCPU_COUNTER_BITS	32

/* Note that this CPU changes its copy. The caller must not be migrated until it has. */
static __always_inline void percpu_counter_touch(struct percpu_counter *fbc)
{
	unsigned int mask = BIT(raw_smp_processor_id() % PERCPU_COUNTER_BITS);

	/* Written once for each CPU, as all of them read it. */
	if (unlikely(!(atomic_read(&fbc->touched) & mask)))
		atomic_or(mask, &fbc->touched);
}

/* The first CPU from @cpu on that may have changed its copy, or nr_cpu_ids */
static inline unsigned int percpu_counter_next_cpu(struct percpu_counter *fbc,
						   unsigned int cpu)
{
	unsigned int touched = atomic_read(&fbc->touched), left;

	while (touched && cpu < nr_cpu_ids) {
		left = touched >> cpu % PERCPU_COUNTER_BITS;
		if (!left) {
			cpu = round_down(cpu, PERCPU_COUNTER_BITS) + PERCPU_COUNTER_BITS;
			continue;
		}
		cpu += __ffs(left);
		if (cpu < nr_cpu_ids && cpu_possible(cpu))
			return cpu;
		cpu++;
	}
	return nr_cpu_ids;
}

/* All CPUs with a copy that may not be 0, also those that died a moment ago */
#define percpu_counter_for_each_cpu(cpu, fbc)				\
	for ((cpu) = percpu_counter_next_cpu((fbc), 0);			\
	     (cpu) < nr_cpu_ids;					\
	     (cpu) = percpu_counter_next_cpu((fbc), (cpu) + 1))

#ifdef CONFIG_HAVE_CMPXCHG_LOCAL
/*
 * Change a copy from @count, which is the value of this CPU or of one that the task ran
 * on before. A copy that is not 0 belongs to a CPU that is noted.
 */
static __always_inline bool percpu_counter_try_add(struct percpu_counter *fbc,
						   s64 *count, s64 amount)
{
	bool done;

	/* A cmpxchg that failed may have set the lower half only. */
	if (likely((s32)*count))
		return this_cpu_try_cmpxchg(*fbc->counters, count, *count + amount);
	preempt_disable_notrace();
	percpu_counter_touch(fbc);
	done = this_cpu_try_cmpxchg(*fbc->counters, count, *count + amount);
	preempt_enable_notrace();
	return done;
}
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

#define percpu_counter_try_add(fbc, count, amount)			\
	this_cpu_try_cmpxchg(*(fbc)->counters, count, *(count) + (amount))

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
