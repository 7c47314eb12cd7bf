/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The body of a generated module with PERCPU_BYTES of percpu data.  On load each
 * word must have its initial value on all CPUs; the module then fills the words,
 * and they must keep their values until unload.
 *
 * A write to the parameter "check" checks all copies.  Each online CPU also
 * reads the first and the last word of its own copy with this_cpu_read().
 *
 * load_modules.c makes copies of the module with other names.  The values depend
 * on the name.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>

#define NR_WORDS	(PERCPU_BYTES / 4)
#define INITIAL		0x20062006

static DEFINE_PER_CPU(u32, words[NR_WORDS]) __aligned(PERCPU_ALIGN) = {
	[0 ... NR_WORDS - 1] = INITIAL,
};

static u32 seed;
static atomic_t nr_wrong;

static u32 expected(int cpu, unsigned int i)
{
	return (seed + cpu) * 2654435761u + i;
}

static int check_initial(int cpu)
{
	const u32 *copy = per_cpu_ptr(words, cpu);
	unsigned int i;

	for (i = 0; i < NR_WORDS; i++) {
		if (copy[i] == INITIAL)
			continue;
		pr_err("FAIL: cpu %d: initial value of word %u is %#x\n",
		       cpu, i, copy[i]);
		return -EIO;
	}
	return 0;
}

static void fill(int cpu)
{
	u32 *copy = per_cpu_ptr(words, cpu);
	unsigned int i;

	for (i = 0; i < NR_WORDS; i++)
		copy[i] = expected(cpu, i);
}

static int check_copy(int cpu)
{
	const u32 *copy = per_cpu_ptr(words, cpu);
	unsigned int i;

	for (i = 0; i < NR_WORDS; i++) {
		if (copy[i] == expected(cpu, i))
			continue;
		pr_err("FAIL: cpu %d: word %u is %#x, not %#x\n", cpu, i,
		       copy[i], expected(cpu, i));
		return -EIO;
	}
	return 0;
}

/* Runs on each CPU in an IPI. */
static void check_this_cpu(void *unused)
{
	int cpu = smp_processor_id();

	if (this_cpu_read(words[0]) != expected(cpu, 0) ||
	    this_cpu_read(words[NR_WORDS - 1]) != expected(cpu, NR_WORDS - 1))
		atomic_inc(&nr_wrong);
}

static int check_all(void)
{
	int cpu, err;

	for_each_possible_cpu(cpu) {
		err = check_copy(cpu);
		if (err)
			return err;
		cond_resched();
	}
	atomic_set(&nr_wrong, 0);
	on_each_cpu(check_this_cpu, NULL, 1);
	if (!atomic_read(&nr_wrong))
		return 0;
	pr_err("FAIL: %d CPUs do not read their own copies\n",
	       atomic_read(&nr_wrong));
	return -EIO;
}

static int check_set(const char *val, const struct kernel_param *kp)
{
	return check_all();
}

static const struct kernel_param_ops check_ops = { .set = check_set };
module_param_cb(check, &check_ops, NULL, 0200);

static int __init gen_init(void)
{
	const char *name = THIS_MODULE->name;
	int cpu, err;

	while (*name)
		seed = seed * 31 + *name++;
	for_each_possible_cpu(cpu) {
		if (!IS_ALIGNED((unsigned long)per_cpu_ptr(words, cpu),
				PERCPU_ALIGN)) {
			pr_err("FAIL: cpu %d: not aligned\n", cpu);
			return -EINVAL;
		}
		err = check_initial(cpu);
		if (err)
			return err;
		fill(cpu);
		cond_resched();
	}
	return 0;
}

static void __exit gen_exit(void)
{
	check_all();
}

module_init(gen_init);
module_exit(gen_exit);
MODULE_DESCRIPTION("Percpu selftest: a generated module");
MODULE_LICENSE("GPL");
