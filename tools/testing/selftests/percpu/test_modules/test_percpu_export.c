// SPDX-License-Identifier: GPL-2.0
/*
 * A module with percpu data that other code uses: test_percpu_import.ko by an
 * exported symbol, lockdep as keys, kmemleak as memory that holds pointers.  Its
 * functions are small, so that a script can check their disassembly.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kmemleak.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

#include "test_percpu_export.h"

DEFINE_PER_CPU(u64, test_percpu_shared) = TEST_PERCPU_SHARED;
EXPORT_PER_CPU_SYMBOL_GPL(test_percpu_shared);

static DEFINE_PER_CPU(unsigned long, counter);
static int target;
static DEFINE_PER_CPU(int *, pointer) = &target;
static DEFINE_PER_CPU(spinlock_t, lock) = __SPIN_LOCK_UNLOCKED(lock);
static DEFINE_PER_CPU(void *, held);

static unsigned long is_module_fn;
module_param(is_module_fn, ulong, 0400);
MODULE_PARM_DESC(is_module_fn, "address of is_module_percpu_address()");

/* Address of the exported symbol, to compare with /proc/kallsyms */
static unsigned long symbol;
module_param(symbol, ulong, 0400);

static bool drop;

/* instructions.txt is the disassembly of the next three functions. */
noinline void test_percpu_inc_static(void);
noinline void test_percpu_inc_static(void)
{
	this_cpu_inc(counter);
}

noinline void test_percpu_inc_dynamic(unsigned long __percpu *p);
noinline void test_percpu_inc_dynamic(unsigned long __percpu *p)
{
	this_cpu_inc(*p);
}

/* On x86 the CPU number is a percpu variable of the kernel. */
noinline unsigned int test_percpu_read_core(void);
noinline unsigned int test_percpu_read_core(void)
{
	return raw_smp_processor_id();
}

/* The address of the symbol in the module that exports it */
u64 __percpu *test_percpu_shared_ptr(void)
{
	return &test_percpu_shared;
}
EXPORT_SYMBOL_GPL(test_percpu_shared_ptr);

static int __init check_values(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (per_cpu(test_percpu_shared, cpu) == TEST_PERCPU_SHARED &&
		    per_cpu(pointer, cpu) == &target)
			continue;
		pr_err("FAIL: cpu %d: wrong initial values\n", cpu);
		return -EIO;
	}
	return 0;
}

/* lockdep uses the address of a static lock as its key. */
static void __init use_locks(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		spinlock_t *l = per_cpu_ptr(&lock, cpu);

		spin_lock(l);
		spin_unlock(l);
	}
}

static void __init count_one(void *dynamic)
{
	test_percpu_inc_static();
	test_percpu_inc_dynamic((unsigned long __percpu __force *)dynamic);
	WARN_ON(test_percpu_read_core() != get_cpu());
	put_cpu();
}

/* Each CPU increments its own copy only. */
static int __init check_counters(void)
{
	unsigned long __percpu *dynamic = alloc_percpu(unsigned long);
	int cpu, err = 0;

	if (!dynamic)
		return -ENOMEM;
	on_each_cpu(count_one, (void __force *)dynamic, 1);
	for_each_possible_cpu(cpu) {
		unsigned long want = cpu_online(cpu);

		if (per_cpu(counter, cpu) == want &&
		    *per_cpu_ptr(dynamic, cpu) == want)
			continue;
		pr_err("FAIL: cpu %d: wrong value of a counter\n", cpu);
		err = -EIO;
	}
	free_percpu(dynamic);
	return err;
}

typedef bool (*is_module_t)(unsigned long addr);

static int __init check_addresses(void)
{
	is_module_t is_module = (is_module_t)is_module_fn;
	u64 __percpu *dynamic;
	int cpu, err = 0;

	if (!is_module)
		return 0;
	dynamic = alloc_percpu(u64);
	if (!dynamic)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		if (is_module((unsigned long)per_cpu_ptr(&counter, cpu)) &&
		    is_module((unsigned long)per_cpu_ptr(&held, cpu)) &&
		    !is_module((unsigned long)per_cpu_ptr(dynamic, cpu)) &&
		    !is_module((unsigned long)&target))
			continue;
		pr_err("FAIL: cpu %d: is_module_percpu_address() is wrong\n", cpu);
		err = -EIO;
	}
	free_percpu(dynamic);
	return err;
}

/*
 * An object of the page allocator: slab keeps pointers to the objects that it
 * allocated last, and kmemleak takes them for references.
 */
#define TEST_PERCPU_HELD	(32 << 10)

/* Store the only pointers to these objects in percpu data, one for each CPU. */
static int __init hold(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		void *p = kmalloc(TEST_PERCPU_HELD, GFP_KERNEL);

		if (!p)
			return -ENOMEM;
		per_cpu(held, cpu) = p;
	}
	return 0;
}

/* Change the pointers so that a scan of kmemleak does not see them, or back. */
static void hide(bool hidden)
{
	int cpu;

	if (hidden == drop)
		return;
	for_each_possible_cpu(cpu)
		per_cpu(held, cpu) = (void *)~(unsigned long)per_cpu(held, cpu);
	drop = hidden;
}

static int drop_set(const char *val, const struct kernel_param *kp)
{
	bool want;
	int err = kstrtobool(val, &want);

	if (!err)
		hide(want);
	return err;
}

static const struct kernel_param_ops drop_ops = { .set = drop_set };
module_param_cb(drop, &drop_ops, NULL, 0200);
MODULE_PARM_DESC(drop, "1: hide the pointers to the objects from kmemleak");

static void free_held(void)
{
	int cpu;

	hide(false);
	for_each_possible_cpu(cpu)
		kfree(per_cpu(held, cpu));
}

static int __init test_percpu_export_init(void)
{
	int err = check_values();

	symbol = (unsigned long)&test_percpu_shared;
	use_locks();
	err = err ?: check_counters() ?: check_addresses() ?: hold();
	if (err)
		free_held();
	return err;
}

static void __exit test_percpu_export_exit(void)
{
	free_held();
}

module_init(test_percpu_export_init);
module_exit(test_percpu_export_exit);
MODULE_DESCRIPTION("Percpu selftest: percpu data that other code uses");
MODULE_LICENSE("GPL");
