// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module outside of the kernel tree with percpu data: 16 KB that it defines, more
 * than the module reserve of mm/percpu.c holds, and objects that it allocates.
 */
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/percpu.h>

#define WORDS	(16384 / sizeof(unsigned long))

static DEFINE_PER_CPU(unsigned long [WORDS], defined);
static unsigned long __percpu *allocated;

static int __init percpu_sample_init(void)
{
	unsigned int cpu, i;

	allocated = __alloc_percpu(65536, __alignof__(*allocated));
	if (!allocated)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		for (i = 0; i < WORDS; i++)
			per_cpu(defined[i], cpu) = cpu + i;
		*per_cpu_ptr(allocated, cpu) = cpu;
	}
	for_each_possible_cpu(cpu) {
		if (per_cpu(defined[WORDS - 1], cpu) != cpu + WORDS - 1 ||
		    *per_cpu_ptr(allocated, cpu) != cpu) {
			free_percpu(allocated);
			return -EIO;
		}
	}
	return 0;
}

static void __exit percpu_sample_exit(void)
{
	free_percpu(allocated);
}

module_init(percpu_sample_init);
module_exit(percpu_sample_exit);
MODULE_DESCRIPTION("Percpu data of a module outside of the kernel tree");
MODULE_LICENSE("GPL");
