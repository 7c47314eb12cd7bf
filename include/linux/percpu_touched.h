/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * percpu_touched: the CPUs that changed their copies of a percpu object.
 *
 * The object of a percpu cache is freed in its constructed state. A user that knows the
 * CPUs which changed their copies restores these only. A CPU is noted modulo
 * PERCPU_TOUCHED_BITS: a copy that is not as constructed belongs to a CPU that is noted,
 * the copy of a CPU that is noted may be as constructed.
 */
#ifndef _LINUX_PERCPU_TOUCHED_H
#define _LINUX_PERCPU_TOUCHED_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/cpumask.h>
#include <linux/math.h>

/* CPUs with the same number modulo this share a bit. */
#define PERCPU_TOUCHED_BITS	32

/**
 * percpu_touch - note that a CPU changes its copy
 * @touched: the CPUs, initially 0
 * @cpu: the CPU
 *
 * Called before the copy changes, unless the end of the change is otherwise known before
 * for_each_touched_cpu() begins. The word is written once for each CPU, as all CPUs
 * read it.
 *
 * Context: any.
 */
static __always_inline void percpu_touch(atomic_t *touched, unsigned int cpu)
{
	unsigned int noted = atomic_read(touched);

	/* A bit test, where the compiler makes one of it */
	if (unlikely(!(noted >> cpu % PERCPU_TOUCHED_BITS & 1)))
		atomic_or(BIT(cpu % PERCPU_TOUCHED_BITS), touched);
}

/**
 * percpu_touched_next_in - find a CPU of a mask that may have changed its copy
 * @touched: the CPUs
 * @cpu: where to begin
 * @mask: CPUs to look at
 *
 * Return: the first such CPU from @cpu on, or nr_cpu_ids.
 */
static inline unsigned int percpu_touched_next_in(const atomic_t *touched, unsigned int cpu,
						  const struct cpumask *mask)
{
	unsigned int bits = atomic_read(touched), left;

	while (bits && cpu < nr_cpu_ids) {
		left = bits >> cpu % PERCPU_TOUCHED_BITS;
		if (!left) {
			cpu = round_down(cpu, PERCPU_TOUCHED_BITS) + PERCPU_TOUCHED_BITS;
			continue;
		}
		cpu += __ffs(left);
		if (cpu < nr_cpu_ids && cpumask_test_cpu(cpu, mask))
			return cpu;
		cpu++;
	}
	return nr_cpu_ids;
}

/**
 * percpu_touched_next - find a CPU that may have changed its copy
 * @touched: the CPUs
 * @cpu: where to begin
 *
 * Return: the first such CPU from @cpu on that is possible, or nr_cpu_ids.
 */
static inline unsigned int percpu_touched_next(const atomic_t *touched, unsigned int cpu)
{
	return percpu_touched_next_in(touched, cpu, cpu_possible_mask);
}

/**
 * for_each_touched_cpu_in - walk the CPUs of a mask that may have changed their copies
 * @cpu: set to each of them
 * @touched: the CPUs
 * @mask: the CPUs that have copies, see percpu_cache_cpus(): a CPU that never was online
 *	may share its bit with one that changed its copy
 */
#define for_each_touched_cpu_in(cpu, touched, mask)			\
	for ((cpu) = percpu_touched_next_in((touched), 0, (mask));	\
	     (cpu) < nr_cpu_ids;					\
	     (cpu) = percpu_touched_next_in((touched), (cpu) + 1, (mask)))

/**
 * for_each_touched_cpu - walk the CPUs that may have changed their copies
 * @cpu: set to each of them
 * @touched: the CPUs
 */
#define for_each_touched_cpu(cpu, touched)				\
	for_each_touched_cpu_in((cpu), (touched), cpu_possible_mask)

#endif /* _LINUX_PERCPU_TOUCHED_H */
