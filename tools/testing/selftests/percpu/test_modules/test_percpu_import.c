// SPDX-License-Identifier: GPL-2.0
/*
 * A module that uses a percpu variable of test_percpu_export.ko.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/smp.h>

#include "test_percpu_export.h"

static void __init add_one(void *unused)
{
	this_cpu_inc(test_percpu_shared);
}

static int __init test_percpu_import_init(void)
{
	int cpu;

	if (&test_percpu_shared != test_percpu_shared_ptr()) {
		pr_err("FAIL: the symbol has another address in its own module\n");
		return -EINVAL;
	}
	on_each_cpu(add_one, NULL, 1);
	for_each_possible_cpu(cpu) {
		if (per_cpu(test_percpu_shared, cpu) ==
		    TEST_PERCPU_SHARED + cpu_online(cpu))
			continue;
		pr_err("FAIL: cpu %d: the value is %llu\n", cpu,
		       per_cpu(test_percpu_shared, cpu));
		return -EIO;
	}
	return 0;
}

static void __exit test_percpu_import_exit(void)
{
	int cpu;

	/* Restore the initial value for the next load of this module. */
	for_each_possible_cpu(cpu)
		per_cpu(test_percpu_shared, cpu) = TEST_PERCPU_SHARED;
}

module_init(test_percpu_import_init);
module_exit(test_percpu_import_exit);
MODULE_DESCRIPTION("Percpu selftest: percpu data of another module");
MODULE_LICENSE("GPL");
