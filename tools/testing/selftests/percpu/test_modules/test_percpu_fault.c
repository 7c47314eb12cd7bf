// SPDX-License-Identifier: GPL-2.0
/*
 * Percpu selftest: allocations of a task with injected faults.
 *
 *	echo <name> > /sys/module/test_percpu_fault/parameters/run
 *
 * The task that writes runs the test of that name.  The write fails with ENOMEM
 * if an allocation failed, and with another error if an object was wrong.  All
 * objects are freed again, except those of "chunks": they stay, so that its next
 * run needs new chunks, until "drop" frees them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bigref.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/percpu_tag.h>
#include <linux/sizes.h>
#include <linux/string.h>

#define MAX_KEPT	16

/* Objects of two chunks each: many times the chunks that boot creates */
#define MAX_OCCUPIED	32

/* Time in which the worker releases idle memory */
#define IDLE_MS		500

/* The lock of kernel parameters guards these. */
static void __percpu *kept[MAX_KEPT];
static unsigned int nr_kept;
static void __percpu *occupied[MAX_OCCUPIED];
static unsigned int nr_occupied;

static void fill(void __percpu *ptr, size_t size)
{
	int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(ptr, cpu), 0xf1, size);
}

static bool is_zero(void __percpu *ptr, size_t size)
{
	int cpu;

	for_each_possible_cpu(cpu)
		if (memchr_inv(per_cpu_ptr(ptr, cpu), 0, size))
			return false;
	return true;
}

/* Allocate an object, check that it is zero, and fill it. */
static int alloc_filled(void __percpu **ptr, size_t size, size_t align, gfp_t gfp)
{
	*ptr = __alloc_percpu_gfp(size, align, gfp | __GFP_NOWARN);
	if (!*ptr)
		return -ENOMEM;
	if (!is_zero(*ptr, size)) {
		pr_err("FAIL: an object of %zu is not zero\n", size);
		return -EIO;
	}
	fill(*ptr, size);
	return 0;
}

/* Allocate and free objects of all kinds. */
static int alloc_all(size_t max_size, gfp_t gfp)
{
	static const size_t sizes[] = {
		4, 8, 16, 40, 200, 1000, 1024, 1040, 4096, 5000, 20000,
	};
	void __percpu *ptrs[ARRAY_SIZE(sizes)];
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && sizes[i] <= max_size && !err; i++)
		err = alloc_filled(&ptrs[i], sizes[i], 8, gfp);
	while (i--)
		free_percpu(ptrs[i]);
	return err;
}

static int run_alloc(void)
{
	return alloc_all(SZ_64K, GFP_KERNEL);
}

/* At most the reserve: GFP_ATOMIC may fail to populate pages. */
static int run_atomic(void)
{
	return alloc_all(SZ_1K, GFP_ATOMIC);
}

static int run_account(void)
{
	return alloc_all(SZ_64K, GFP_KERNEL_ACCOUNT);
}

static int run_drop(void)
{
	while (nr_kept)
		free_percpu(kept[--nr_kept]);
	msleep(IDLE_MS);
	return 0;
}

/* Allocate an object that is longer than a chunk, in new chunks. */
static int run_chunks(void)
{
	int err;

	if (nr_kept == MAX_KEPT)
		run_drop();
	err = alloc_filled(&kept[nr_kept], SZ_256K + SZ_16K, 16, GFP_KERNEL);
	if (kept[nr_kept])
		nr_kept++;
	return err;
}

/* Keep an object until rmmod, so that other tests have to populate pages. */
static int run_occupy(void)
{
	int err;

	if (nr_occupied == MAX_OCCUPIED)
		return -ENOSPC;
	err = alloc_filled(&occupied[nr_occupied], SZ_256K + SZ_16K, 16, GFP_KERNEL);
	if (occupied[nr_occupied])
		nr_occupied++;
	return err;
}

/* Without memory a bigref has one shared counter, and is as correct. */
static int run_bigref(void)
{
	struct bigref ref;
	bool right;

	if (!IS_ENABLED(CONFIG_BIGREF))
		return -EOPNOTSUPP;
	bigref_init(&ref, NULL, 0, GFP_KERNEL);
	bigref_get(&ref);
	right = bigref_val(&ref) == 2;
	bigref_put(&ref);
	return bigref_destroy(&ref) && right ? 0 : -EIO;
}

static int run_tags(void)
{
	struct percpu_tag_pool pool;
	int tag, err;

	if (!IS_ENABLED(CONFIG_PERCPU_TAG))
		return -EOPNOTSUPP;
	err = percpu_tag_pool_init(&pool, 100, 0);
	if (err)
		return err;
	tag = percpu_tag_alloc(&pool, GFP_NOWAIT);
	if (tag >= 0)
		percpu_tag_free(&pool, tag);
	err = percpu_tag_pool_resize(&pool, 50);
	return percpu_tag_pool_destroy(&pool) || tag < 0 ? -EIO : err;
}

static const struct {
	const char *name;
	int (*run)(void);
} runs[] = {
	{ "alloc", run_alloc },
	{ "atomic", run_atomic },
	{ "account", run_account },
	{ "chunks", run_chunks },
	{ "occupy", run_occupy },
	{ "drop", run_drop },
	{ "bigref", run_bigref },
	{ "tags", run_tags },
};

static int set_run(const char *val, const struct kernel_param *kp)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(runs); i++)
		if (sysfs_streq(val, runs[i].name))
			return runs[i].run();
	return -EINVAL;
}

static const struct kernel_param_ops run_ops = {
	.set = set_run,
};
module_param_cb(run, &run_ops, NULL, 0200);
MODULE_PARM_DESC(run, "name of the test");

static int __init test_init(void)
{
	return 0;
}

static void __exit test_exit(void)
{
	while (nr_occupied)
		free_percpu(occupied[--nr_occupied]);
	run_drop();
}

module_init(test_init);
module_exit(test_exit);
MODULE_DESCRIPTION("Percpu allocations of a task with injected faults");
MODULE_LICENSE("GPL");
