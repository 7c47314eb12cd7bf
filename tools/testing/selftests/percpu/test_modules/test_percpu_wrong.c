// SPDX-License-Identifier: GPL-2.0
/*
 * Percpu selftest: one invalid free or request, which do= names, then a check that
 * the allocator still works.  A kernel that does not detect the invalid call may
 * crash.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kernel_stat.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static char *do_what = "none";
module_param_named(do, do_what, charp, 0444);
MODULE_PARM_DESC(do, "name of the invalid call");

static DEFINE_PER_CPU(u64, own[4]);

#define NR_OBJECTS	64
#define OBJECT		48

static u8 __percpu *left, *middle, *right;

static void __percpu *at(void __percpu *ptr, long in)
{
	return (u8 __percpu *)ptr + in;
}

static void tag(u8 __percpu *ptr, u8 value)
{
	int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(ptr, cpu), value, OBJECT);
}

static bool tagged(u8 __percpu *ptr, u8 value)
{
	int cpu;

	for_each_possible_cpu(cpu)
		if (memchr_inv(per_cpu_ptr(ptr, cpu), value, OBJECT))
			return false;
	return true;
}

/* No other CPU can allocate the object between the two frees. */
static int free_twice_alone(void *unused)
{
	free_percpu(middle);
	free_percpu(middle);
	return 0;
}

static void free_twice(void)
{
	stop_machine(free_twice_alone, NULL, NULL);
	middle = NULL;
}

static void free_interior(void)
{
	free_percpu(at(middle, 16));
}

/* Many invalid frees by one caller: only the first is reported. */
static void free_often(void)
{
	int i;

	for (i = 0; i < 100; i++)
		free_percpu(at(middle, 16));
}

static void free_never(void)
{
	free_percpu(at(middle, SZ_64M));
}

static void free_static(void)
{
	free_percpu(&kstat);
}

static void free_module(void)
{
	free_percpu(own);
}

static void free_module_inside(void)
{
	free_percpu(&own[2]);
}

static void free_copy(void)
{
	free_percpu((__force void __percpu *)raw_cpu_ptr(middle));
}

static void free_kmalloc(void)
{
	void *object = kmalloc(64, GFP_KERNEL);

	free_percpu((__force void __percpu *)object);
	kfree(object);
}

static void free_vmalloc(void)
{
	void *object = vmalloc(PAGE_SIZE);

	free_percpu((__force void __percpu *)object);
	vfree(object);
}

static void free_garbage(void)
{
	free_percpu((__force void __percpu *)0x6b6b6b6b6b6b6b6bUL);
}

/* Fill some chunks, free all objects, and free one of a released chunk again. */
static void free_gone(void)
{
	static void __percpu *many[128];
	void __percpu *last = NULL;
	int i;

	for (i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = __alloc_percpu_gfp(SZ_32K, 8,
					     GFP_KERNEL | __GFP_NOWARN);
		if (many[i])
			last = many[i];
	}
	for (i = 0; i < ARRAY_SIZE(many); i++)
		free_percpu(many[i]);
	msleep(2000);
	free_percpu(last);
}

static u8 *last_copy(void __percpu *ptr)
{
	return per_cpu_ptr((u8 __percpu *)ptr, cpumask_last(cpu_possible_mask));
}

/* These corrupt memory: only for kernels that detect them. */
static void write_behind(void)
{
	last_copy(middle)[OBJECT] ^= 0xff;
	free_percpu(middle);
	middle = NULL;
}

/* Free so many objects that the quarantine evicts the first one. */
static void write_after_free(void)
{
	u8 *copy = last_copy(middle);
	int i;

	free_percpu(middle);
	middle = NULL;
	copy[OBJECT - 1] = 0x5a;
	for (i = 0; i < 10000; i++)
		free_percpu(__alloc_percpu(OBJECT, 16));
}

/* Only KASAN detects these reads; they do no harm. */
static void read_behind(void)
{
	READ_ONCE(last_copy(middle)[OBJECT]);
}

static void read_after_free(void)
{
	u8 *copy = last_copy(middle);

	free_percpu(middle);
	middle = NULL;
	READ_ONCE(*copy);
}

static void ask(size_t size, size_t align)
{
	void __percpu *ptr = __alloc_percpu(size, align);

	pr_info("__alloc_percpu(%zu, %zu): %s\n", size, align,
		ptr ? "succeeded" : "failed");
	free_percpu(ptr);
}

static void ask_size_0(void)
{
	ask(0, 8);
}

static void ask_align_0(void)
{
	ask(8, 0);
}

static void ask_align_3(void)
{
	ask(8, 3);
}

static void ask_align_12(void)
{
	ask(8, 12);
}

static void ask_align_2_pages(void)
{
	ask(8, 2 * PAGE_SIZE);
}

static void ask_1m(void)
{
	ask(SZ_1M, 8);
}

static void ask_4g(void)
{
	ask(SZ_4G - 1, 8);
}

static void ask_max(void)
{
	ask(SIZE_MAX, 8);
}

static const struct {
	const char *name;
	void (*fn)(void);
} calls[] = {
	{ "free_twice", free_twice },
	{ "free_interior", free_interior },
	{ "free_often", free_often },
	{ "free_never", free_never },
	{ "free_static", free_static },
	{ "free_module", free_module },
	{ "free_module_inside", free_module_inside },
	{ "free_copy", free_copy },
	{ "free_gone", free_gone },
	{ "free_kmalloc", free_kmalloc },
	{ "free_vmalloc", free_vmalloc },
	{ "free_garbage", free_garbage },
	{ "write_behind", write_behind },
	{ "write_after_free", write_after_free },
	{ "read_behind", read_behind },
	{ "read_after_free", read_after_free },
	{ "ask_size_0", ask_size_0 },
	{ "ask_align_0", ask_align_0 },
	{ "ask_align_3", ask_align_3 },
	{ "ask_align_12", ask_align_12 },
	{ "ask_align_2_pages", ask_align_2_pages },
	{ "ask_1m", ask_1m },
	{ "ask_4g", ask_4g },
	{ "ask_max", ask_max },
};

/* Return true if new objects do not overlap live ones. */
static bool all_is_well(void)
{
	u8 __percpu *more[NR_OBJECTS];
	bool well = true;
	int i;

	for (i = 0; i < NR_OBJECTS; i++) {
		more[i] = __alloc_percpu(OBJECT, 16);
		if (more[i])
			tag(more[i], 0x80 + i);
	}
	well = tagged(left, 1) && tagged(right, 3) &&
	       (!middle || tagged(middle, 2));
	for (i = 0; i < NR_OBJECTS; i++) {
		well = well && more[i] && tagged(more[i], 0x80 + i);
		free_percpu(more[i]);
	}
	return well && !raw_cpu_read(own[0]) && !raw_cpu_read(own[2]);
}

static int __init test_percpu_wrong_init(void)
{
	int i, err = -EINVAL;

	left = __alloc_percpu(OBJECT, 16);
	middle = __alloc_percpu(OBJECT, 16);
	right = __alloc_percpu(OBJECT, 16);
	if (!left || !middle || !right)
		return -ENOMEM;
	tag(left, 1);
	tag(middle, 2);
	tag(right, 3);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (strcmp(calls[i].name, do_what))
			continue;
		pr_info("%s\n", do_what);
		calls[i].fn();
		pr_info("%s\n", all_is_well() ? "all is well" :
			"objects overlap, or allocations fail");
		err = 0;
	}
	free_percpu(left);
	free_percpu(middle);
	free_percpu(right);
	return err;
}

static void __exit test_percpu_wrong_exit(void)
{
}

module_init(test_percpu_wrong_init);
module_exit(test_percpu_wrong_exit);
MODULE_DESCRIPTION("Percpu selftest: invalid frees and requests");
MODULE_LICENSE("GPL");
