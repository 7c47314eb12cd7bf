// SPDX-License-Identifier: GPL-2.0
/*
 * A module that has percpu data and little else, to be loaded and unloaded
 * over and over: every load must find the initial values on every CPU, and
 * every variable where its alignment says.
 *
 * Each variable is of a section of its own, which a module's linker script must
 * collect into the one that the loader knows.
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
		pr_err("FAIL: cpu %d: a variable lacks its initial value\n", cpu);
		return -EIO;
	}
	if (!IS_ALIGNED((unsigned long)page, PAGE_SIZE) ||
	    !IS_ALIGNED((unsigned long)per_cpu_ptr(&line_value, cpu),
			L1_CACHE_BYTES)) {
		pr_err("FAIL: cpu %d: a variable lacks its alignment\n", cpu);
		return -EINVAL;
	}
	return 0;
}

/* What the next load must not find. */
static void __init spoil_cpu(int cpu)
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
		spoil_cpu(cpu);
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
