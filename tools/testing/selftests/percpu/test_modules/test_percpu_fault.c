// SPDX-License-Identifier: GPL-2.0
/*
 * Percpu selftest: allocations for a task that has faults injected.
 *
 *	echo <name> > /sys/module/test_percpu_fault/parameters/run
 *
 * The task that writes does what the name says; the write fails with ENOMEM if
 * memory was refused, and with another error if what came was wrong.  Whatever
 * was allocated is free again, but for what "chunks" got: that stays for a while,
 * so that the next one needs more chunks, at most until "drop".
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

/* Two chunks each: many times what is there from boot on. */
#define MAX_OCCUPIED	32

/* The worker gives back what is idle after a while. */
#define IDLE_MS		500

/* All of it is done under the lock of the parameters. */
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

/* An object, zero as it has to be, and then full of something else. */
static int take(void __percpu **ptr, size_t size, size_t align, gfp_t gfp)
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

/* Objects of all kinds */
static int take_all(size_t max_size, gfp_t gfp)
{
	static const size_t sizes[] = {
		4, 8, 16, 40, 200, 1000, 1024, 1040, 4096, 5000, 20000,
	};
	void __percpu *ptrs[ARRAY_SIZE(sizes)];
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && sizes[i] <= max_size && !err; i++)
		err = take(&ptrs[i], sizes[i], 8, gfp);
	while (i--)
		free_percpu(ptrs[i]);
	return err;
}

static int run_alloc(void)
{
	return take_all(SZ_64K, GFP_KERNEL);
}

/* No more than there is in reserve: who may not sleep may not get pages. */
static int run_atomic(void)
{
	return take_all(SZ_1K, GFP_ATOMIC);
}

static int run_account(void)
{
	return take_all(SZ_64K, GFP_KERNEL_ACCOUNT);
}

static int run_drop(void)
{
	while (nr_kept)
		free_percpu(kept[--nr_kept]);
	msleep(IDLE_MS);
	return 0;
}

/* More than a chunk has, in chunks that nobody uses yet */
static int run_chunks(void)
{
	int err;

	if (nr_kept == MAX_KEPT)
		run_drop();
	err = take(&kept[nr_kept], SZ_256K + SZ_16K, 16, GFP_KERNEL);
	if (kept[nr_kept])
		nr_kept++;
	return err;
}

/* Until rmmod, as others are to need memory that is not there yet */
static int run_occupy(void)
{
	int err;

	if (nr_occupied == MAX_OCCUPIED)
		return -ENOSPC;
	err = take(&occupied[nr_occupied], SZ_256K + SZ_16K, 16, GFP_KERNEL);
	if (occupied[nr_occupied])
		nr_occupied++;
	return err;
}

/* Without memory a reference count is shared, and as good. */
static int run_bigref(void)
{
	struct bigref ref;
	bool right;

	bigref_init(&ref, 0, GFP_KERNEL);
	bigref_get(&ref);
	right = bigref_val(&ref) == 2;
	bigref_put(&ref, NULL);
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
MODULE_PARM_DESC(run, "name of what to do");

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
MODULE_DESCRIPTION("Percpu allocations for a task that has faults injected");
MODULE_LICENSE("GPL");
