/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SPARC64_CPUMASKS_H
#define _SPARC64_CPUMASKS_H

/*
 * Masks of the CPUs that share a core or a cache with each CPU. As arrays of NR_CPUS
 * masks they take most of the image if NR_CPUS is 4096.
 */
#include <linux/cpumask.h>
#include <asm/percpu.h>

#ifdef CONFIG_PERCPU_AREA
#define DECLARE_CPU_MASKS(name)	DECLARE_PER_CPU(cpumask_t, name)
#define DEFINE_CPU_MASKS(name)	DEFINE_PER_CPU(cpumask_t, name)
#define EXPORT_CPU_MASKS(name)	EXPORT_PER_CPU_SYMBOL(name)
#define cpu_mask_of(name, cpu)	(&per_cpu(name, cpu))
#else
#define DECLARE_CPU_MASKS(name)	extern cpumask_t name[NR_CPUS]
#define DEFINE_CPU_MASKS(name)						\
	cpumask_t name[NR_CPUS] __read_mostly = {			\
		[0 ... NR_CPUS - 1] = CPU_MASK_NONE			\
	}
#define EXPORT_CPU_MASKS(name)	EXPORT_SYMBOL(name)
#define cpu_mask_of(name, cpu)	(&name[cpu])
#endif

DECLARE_CPU_MASKS(cpu_core_map);
DECLARE_CPU_MASKS(cpu_core_sib_map);
DECLARE_CPU_MASKS(cpu_core_sib_cache_map);

#endif /* _SPARC64_CPUMASKS_H */
