// SPDX-License-Identifier: GPL-2.0
/*
 * module_static: the percpu variables of this module.
 */
#include <linux/cache.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "test.h"

static DEFINE_PER_CPU(u32, static_value) = 2007;
static DEFINE_PER_CPU_ALIGNED(u64, static_line) = 2013;
static DEFINE_PER_CPU_SHARED_ALIGNED(u64, static_shared) = 2026;
static DEFINE_PER_CPU(u8, static_bytes[24]) = { [0 ... 23] = 0xa5 };
static DEFINE_PER_CPU(u64, static_zero);

static int static_cpu_initial(int cpu)
{
	if (per_cpu(static_value, cpu) != 2007 ||
	    per_cpu(static_line, cpu) != 2013 ||
	    per_cpu(static_shared, cpu) != 2026 ||
	    memchr_inv(per_cpu(static_bytes, cpu), 0xa5, sizeof(static_bytes)) ||
	    per_cpu(static_zero, cpu)) {
		complain("cpu %d: wrong initial value of a variable", cpu);
		return -EIO;
	}
	return 0;
}

/* The copy of a CPU lies in the section that the module loader allocated. */
static int static_cpu_place(int cpu)
{
#ifdef CONFIG_SMP
	unsigned long start = (unsigned long)per_cpu_ptr(THIS_MODULE->percpu, cpu);
	unsigned long addr = (unsigned long)per_cpu_ptr(&static_zero, cpu);

	if (addr < start || addr >= start + THIS_MODULE->percpu_size) {
		complain("cpu %d: a variable is outside the module's section", cpu);
		return -EFAULT;
	}
#endif
	if (!IS_ALIGNED((unsigned long)per_cpu_ptr(&static_line, cpu),
			L1_CACHE_BYTES)) {
		complain("cpu %d: wrong alignment of a variable", cpu);
		return -EINVAL;
	}
	return 0;
}

static void static_increment(void *unused)
{
	this_cpu_inc(static_value);
	this_cpu_add(static_line, 2);
	this_cpu_inc(static_zero);
}

int test_module_static(void)
{
	u64 sum = 0, online;
	int cpu, err;

	for_each_possible_cpu(cpu) {
		err = static_cpu_initial(cpu);
		if (!err)
			err = static_cpu_place(cpu);
		if (err)
			return err;
	}
	cpus_read_lock();
	on_each_cpu(static_increment, NULL, 1);
	online = num_online_cpus();
	cpus_read_unlock();
	for_each_possible_cpu(cpu)
		sum += per_cpu(static_value, cpu) - 2007 +
		       per_cpu(static_line, cpu) - 2013 +
		       per_cpu(static_zero, cpu);
	if (sum != online * 4) {
		complain("the sum of increments is %llu, not %llu", sum, online * 4);
		return -EIO;
	}
	return 0;
}
