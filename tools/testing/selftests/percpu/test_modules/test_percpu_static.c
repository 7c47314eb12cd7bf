// SPDX-License-Identifier: GPL-2.0
/*
 * A module with percpu variables, for many loads.  Each load checks the initial
 * values on all CPUs and the alignment of the variables, and then overwrites
 * them.
 *
 * The variables are in different input sections, which the linker script of
 * modules merges into the one section that the module loader handles.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cache.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/string.h>

#define PATTERN		0x5a

struct page_start {
	u64 word[4];
};

static DEFINE_PER_CPU(u32, first_value) = 20041;
static DEFINE_PER_CPU_ALIGNED(u64, line_value) = 20055;
static DEFINE_PER_CPU(u8, table[256]) = { [0 ... 255] = PATTERN };
static DEFINE_PER_CPU(u64, zero_table[32]);
static DEFINE_PER_CPU_READ_MOSTLY(u32, read_value) = 20062;
static DEFINE_PER_CPU_SHARED_ALIGNED(u32, shared_value) = 20063;
static DEFINE_PER_CPU_PAGE_ALIGNED(struct page_start, page_value) = {
	.word = { 1, 2, 3, 4 },
};

static int __init check_cpu(int cpu)
{
	struct page_start *page = per_cpu_ptr(&page_value, cpu);

	if (per_cpu(first_value, cpu) != 20041 ||
	    per_cpu(line_value, cpu) != 20055 ||
	    per_cpu(read_value, cpu) != 20062 ||
	    per_cpu(shared_value, cpu) != 20063 ||
	    memchr_inv(per_cpu(table, cpu), PATTERN, sizeof(table)) ||
	    memchr_inv(per_cpu(zero_table, cpu), 0, sizeof(zero_table)) ||
	    page->word[0] != 1 || page->word[3] != 4) {
		pr_err("FAIL: cpu %d: wrong initial value of a variable\n", cpu);
		return -EIO;
	}
	if (!IS_ALIGNED((unsigned long)page, PAGE_SIZE) ||
	    !IS_ALIGNED((unsigned long)per_cpu_ptr(&line_value, cpu),
			L1_CACHE_BYTES)) {
		pr_err("FAIL: cpu %d: wrong alignment of a variable\n", cpu);
		return -EINVAL;
	}
	return 0;
}

/* Overwrite all variables: the next load must not see these values. */
static void __init overwrite_cpu(int cpu)
{
	per_cpu(first_value, cpu) = ~0U;
	per_cpu(line_value, cpu) = ~0ULL;
	per_cpu(read_value, cpu) = ~0U;
	per_cpu(shared_value, cpu) = ~0U;
	memset(per_cpu(table, cpu), 0xff, sizeof(table));
	memset(per_cpu(zero_table, cpu), 0xff, sizeof(zero_table));
	memset(per_cpu_ptr(&page_value, cpu), 0xff, sizeof(page_value));
}

static int __init test_percpu_static_init(void)
{
	int cpu, err;

	for_each_possible_cpu(cpu) {
		err = check_cpu(cpu);
		if (err)
			return err;
		overwrite_cpu(cpu);
	}
	return 0;
}

static void __exit test_percpu_static_exit(void)
{
}

module_init(test_percpu_static_init);
module_exit(test_percpu_static_exit);
MODULE_DESCRIPTION("Percpu selftest: static percpu data of a module");
MODULE_LICENSE("GPL");
