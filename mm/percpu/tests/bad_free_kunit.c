// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of invalid frees: each is classified and counted, and changes nothing.
 */
#include <kunit/test.h>

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/percpu.h>
#include <linux/percpu-module.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "../chunk.h"
#include "../debug/bad_free.h"
#include "../layout.h"
#include "../objmap.h"
#include "builtin.h"
#include "validate.h"

static void pcpu_bad_free_exit(struct kunit *test)
{
	const char *bad = pcpu_validate_area();

	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

static void __percpu *at(void __percpu *ptr, size_t in)
{
	return (u8 __percpu *)ptr + in;
}

/* A free of @ptr is refused, as invalid for the reason @why. */
static void expect_invalid(struct kunit *test, void __percpu *ptr,
			   enum pcpu_bad_free_kind why)
{
	unsigned long before = pcpu_bad_free_count();
	struct pcpu_bad_free w;

	pcpu_bad_free_diagnose(ptr, &w);
	KUNIT_EXPECT_EQ_MSG(test, (int)w.why, (int)why, "offset %#lx",
			    w.off);
	free_percpu(ptr);
	KUNIT_EXPECT_EQ(test, pcpu_bad_free_count(), before + 1);
}

/*
 * Free an object that is free already. All other CPUs are stopped, so that none
 * reallocates it; printing is deferred, so that no console keeps them stopped.
 */
static int free_again(void *data)
{
	void __percpu *ptr = (__force void __percpu *)data;
	unsigned long before = pcpu_bad_free_count();
	struct pcpu_bad_free w;

	pcpu_bad_free_diagnose(ptr, &w);
	/* Another task has reallocated it: do not free it. */
	if (w.why == PCPU_BAD_FREE_REALLOCATED)
		return 0;
	printk_deferred_enter();
	free_percpu(ptr);
	printk_deferred_exit();
	if (w.why == PCPU_BAD_FREE_DOUBLE || w.why == PCPU_BAD_FREE_UNUSED ||
	    w.why == PCPU_BAD_FREE_NO_MEMORY || w.why == PCPU_BAD_FREE_INTERIOR)
		return pcpu_bad_free_count() == before + 1 ? 0 : -EIO;
	return -EINVAL;
}

/* A second free has the same words for each size, and wherever the object went. */
static void expect_free_already(struct kunit *test, void __percpu *ptr)
{
	struct pcpu_bad_free w;

	pcpu_bad_free_diagnose(ptr, &w);
	/* Another task may have allocated there. */
	if (w.why != PCPU_BAD_FREE_REALLOCATED && w.why != PCPU_BAD_FREE_INTERIOR)
		KUNIT_EXPECT_STREQ(test, pcpu_bad_free_name(&w),
				   "already free, or never allocated");
	KUNIT_EXPECT_EQ(test, stop_machine(free_again, (__force void *)ptr,
					   NULL), 0);
}

/* A free within an object is refused, and the object is found. */
static void expect_inside(struct kunit *test, void __percpu *ptr, size_t in,
			  size_t size)
{
	struct pcpu_bad_free w;

	pcpu_bad_free_diagnose(at(ptr, in), &w);
	KUNIT_EXPECT_EQ(test, (int)w.why, (int)PCPU_BAD_FREE_INTERIOR);
	KUNIT_EXPECT_EQ(test, w.begin, pcpu_area_ptr_to_off(ptr));
	KUNIT_EXPECT_GE(test, w.size, size);
	expect_invalid(test, at(ptr, in), PCPU_BAD_FREE_INTERIOR);
}

static void fill(void __percpu *ptr, size_t size, u8 tag)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(ptr, cpu), tag + cpu, size);
}

static void expect_filled(struct kunit *test, void __percpu *ptr, size_t size,
			  u8 tag)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_NULL(test, memchr_inv(per_cpu_ptr(ptr, cpu),
						   tag + cpu, size));
}

static const size_t sizes[] = { 4, 8, 48, 200, 1024, 1040, 3 * PAGE_SIZE };

static void null_is_fine(struct kunit *test)
{
	unsigned long before = pcpu_bad_free_count();

	free_percpu(NULL);
	pcpu_free_module(NULL);
	KUNIT_EXPECT_EQ(test, pcpu_bad_free_count(), before);
}

/* Free again at once, and after the worker has returned the memory. */
static void freed_twice(struct kunit *test)
{
	void __percpu *ptr, *left, *right;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		left = __alloc_percpu(sizes[i], 4);
		ptr = __alloc_percpu(sizes[i], 4);
		right = __alloc_percpu(sizes[i], 4);
		KUNIT_ASSERT_TRUE(test, left && ptr && right);
		fill(left, sizes[i], 1);
		fill(right, sizes[i], 2);
		free_percpu(ptr);
		expect_free_already(test, ptr);
		pcpu_balance_now();
		expect_free_already(test, ptr);
		KUNIT_EXPECT_NULL(test, pcpu_validate_area());
		expect_filled(test, left, sizes[i], 1);
		expect_filled(test, right, sizes[i], 2);
		free_percpu(left);
		free_percpu(right);
	}
}

static void in_the_middle(struct kunit *test)
{
	void __percpu *ptr;
	unsigned int i;
	size_t in;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = __alloc_percpu(sizes[i], 4);
		KUNIT_ASSERT_TRUE(test, ptr);
		fill(ptr, sizes[i], 3);
		for (in = 1; in < sizes[i]; in = 2 * in + 1)
			expect_inside(test, ptr, in, sizes[i]);
		expect_inside(test, ptr, sizes[i] - 1, sizes[i]);
		expect_filled(test, ptr, sizes[i], 3);
		free_percpu(ptr);
	}
}

/* An object that spans several chunks */
static void in_the_middle_of_chunks(struct kunit *test)
{
	size_t size = 2 * PCPU_CHUNK_SIZE + 3 * PAGE_SIZE;
	void __percpu *ptr;

	if (size > pcpu_area.max_object)
		kunit_skip(test, "no object is that long here");
	ptr = __alloc_percpu_gfp(size, 8, GFP_KERNEL | __GFP_NOWARN);
	if (!ptr)
		kunit_skip(test, "no memory");
	expect_inside(test, ptr, PCPU_CHUNK_SIZE, size);
	expect_inside(test, ptr, PCPU_CHUNK_SIZE + 100, size);
	expect_inside(test, ptr, size - 1, size);
	free_percpu(ptr);
}

/* Wait until the worker has destroyed the chunk at @off. */
static bool chunk_goes(unsigned long off)
{
	unsigned int tries;

	for (tries = 0; tries < 1500 && pcpu_chunk_of(off); tries++) {
		pcpu_balance_now();
		msleep(20);
	}
	return !pcpu_chunk_of(off);
}

/* The chunk of the object is destroyed; chunks from boot never are. */
static void of_a_freed_chunk(struct kunit *test)
{
	size_t size = 3 * PCPU_CHUNK_SIZE;
	struct pcpu_bad_free w;
	void __percpu *ptrs[16];
	unsigned int nr = 0;
	unsigned long off = 0;

	if (size > pcpu_area.max_object)
		kunit_skip(test, "no object is that long here");
	do {
		ptrs[nr] = __alloc_percpu_gfp(size, 8,
					      GFP_KERNEL | __GFP_NOWARN);
		if (!ptrs[nr])
			break;
		off = pcpu_area_ptr_to_off(ptrs[nr++]) + 2 * PCPU_CHUNK_SIZE;
	} while (pcpu_chunk_of(off)->pinned && nr < ARRAY_SIZE(ptrs));
	if (!nr || pcpu_chunk_of(off)->pinned) {
		while (nr)
			free_percpu(ptrs[--nr]);
		kunit_skip(test, "no memory");
	}
	free_percpu(ptrs[--nr]);
	KUNIT_EXPECT_TRUE(test, chunk_goes(off));
	pcpu_bad_free_diagnose(at(ptrs[nr], 2 * PCPU_CHUNK_SIZE), &w);
	KUNIT_EXPECT_EQ(test, (int)w.why, (int)PCPU_BAD_FREE_NO_MEMORY);
	expect_free_already(test, at(ptrs[nr], 2 * PCPU_CHUNK_SIZE));
	while (nr)
		free_percpu(ptrs[--nr]);
}

/* A populated page without objects, and an offset without a chunk */
static void never_allocated(struct kunit *test)
{
	unsigned long off = pcpu_area.size - PCPU_CHUNK_SIZE;
	void __percpu *ptr;

	if (!pcpu_chunk_of(off))
		expect_invalid(test, pcpu_area_off_to_ptr(off), PCPU_BAD_FREE_NO_MEMORY);
	ptr = __alloc_percpu(PAGE_SIZE, PAGE_SIZE);
	KUNIT_ASSERT_TRUE(test, ptr);
	free_percpu(ptr);
	expect_free_already(test, at(ptr, 256));
}

static void static_data(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_SMP))
		kunit_skip(test, "static percpu data is data like any other");
	per_cpu(pcpu_test_static, 0) = 11;
	expect_invalid(test, &pcpu_test_static, PCPU_BAD_FREE_STATIC);
	expect_invalid(test, at(&pcpu_test_static, 1), PCPU_BAD_FREE_STATIC);
	KUNIT_EXPECT_EQ(test, per_cpu(pcpu_test_static, 0), 11);
}

/* Only pcpu_free_module() frees a module's section, and it frees nothing else. */
static void module_data(struct kunit *test)
{
	static const size_t lengths[] = { 4, 16, 17, 96, 97, 112, 113, 5000 };
	void __percpu *ptr, *mine = alloc_percpu(u64);
	unsigned long before;
	const char *why;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, mine);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		ptr = pcpu_alloc_module(lengths[i], 16, &why);
		KUNIT_ASSERT_TRUE(test, ptr);
		fill(ptr, lengths[i], 5);
		expect_invalid(test, ptr, PCPU_BAD_FREE_MODULE);
		expect_invalid(test, at(ptr, 1), PCPU_BAD_FREE_MODULE);
		expect_invalid(test, at(ptr, lengths[i] - 1), PCPU_BAD_FREE_MODULE);
		expect_filled(test, ptr, lengths[i], 5);
		KUNIT_EXPECT_NULL(test, pcpu_validate_area());

		before = pcpu_bad_free_count();
		pcpu_free_module(at(ptr, 1));
		KUNIT_EXPECT_EQ(test, pcpu_bad_free_count(), before + 1);
		pcpu_free_module(ptr);
		KUNIT_EXPECT_EQ(test, pcpu_bad_free_count(), before + 1);
		pcpu_free_module(ptr);
		KUNIT_EXPECT_EQ(test, pcpu_bad_free_count(), before + 2);
	}
	before = pcpu_bad_free_count();
	pcpu_free_module(mine);
	KUNIT_EXPECT_EQ(test, pcpu_bad_free_count(), before + 1);
	free_percpu(mine);
	KUNIT_EXPECT_EQ(test, pcpu_bad_free_count(), before + 1);
}

/* this_cpu_ptr() and per_cpu_ptr() return addresses, not percpu pointers. */
static void copy_of_a_cpu(struct kunit *test)
{
	u64 __percpu *ptr = alloc_percpu(u64);
	struct pcpu_bad_free w;
	unsigned int cpu;

	KUNIT_ASSERT_TRUE(test, ptr);
	for_each_possible_cpu(cpu) {
		void __percpu *copy = (__force void __percpu *)per_cpu_ptr(ptr, cpu);

		/* Without SMP both are the same; in 32 bit they may look alike. */
		if (pcpu_area_ptr_to_off(copy) != PCPU_NO_OFF)
			continue;
		pcpu_bad_free_diagnose(copy, &w);
		KUNIT_EXPECT_EQ(test, w.cpu, cpu);
		KUNIT_EXPECT_EQ(test, w.off, pcpu_area_ptr_to_off(ptr));
		expect_invalid(test, copy, PCPU_BAD_FREE_COPY);
	}
	free_percpu(ptr);
}

/* Pointers from other allocators */
static void foreign_pointers(struct kunit *test)
{
	void *slab = kunit_kmalloc(test, 64, GFP_KERNEL);
	void *virt = vmalloc(PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, slab);
	KUNIT_ASSERT_NOT_NULL(test, virt);
	memset(slab, 7, 64);
	memset(virt, 8, PAGE_SIZE);
	expect_invalid(test, (__force void __percpu *)slab, PCPU_BAD_FREE_FOREIGN);
	expect_invalid(test, (__force void __percpu *)virt, PCPU_BAD_FREE_FOREIGN);
	expect_invalid(test, (__force void __percpu *)&slab, PCPU_BAD_FREE_FOREIGN);
	expect_invalid(test, (__force void __percpu *)foreign_pointers,
		       PCPU_BAD_FREE_FOREIGN);
	KUNIT_EXPECT_NULL(test, memchr_inv(slab, 7, 64));
	KUNIT_EXPECT_NULL(test, memchr_inv(virt, 8, PAGE_SIZE));
	vfree(virt);
}

static void garbage(struct kunit *test)
{
	static const unsigned long values[] = {
		1, 16, 4096, ~0UL, ~0UL - 15, LONG_MAX, (unsigned long)LONG_MIN,
		0x6b6b6b6b, -0x6b6b6bUL, 0xdeadbeef,
		-1UL * ENOMEM,
	};
	/* Older x86-64 links percpu data for address 0. */
	bool from_zero = !pcpu_area_ptr_to_rel(NULL);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++)
		expect_invalid(test, (__force void __percpu *)values[i],
			       from_zero && values[i] <= PAGE_SIZE ?
			       PCPU_BAD_FREE_STATIC : PCPU_BAD_FREE_FOREIGN);
}

static struct kunit_case pcpu_bad_free_cases[] = {
	KUNIT_CASE(null_is_fine),
	KUNIT_CASE(freed_twice),
	KUNIT_CASE(in_the_middle),
	KUNIT_CASE(in_the_middle_of_chunks),
	KUNIT_CASE(of_a_freed_chunk),
	KUNIT_CASE(never_allocated),
	KUNIT_CASE(static_data),
	KUNIT_CASE(module_data),
	KUNIT_CASE(copy_of_a_cpu),
	KUNIT_CASE(foreign_pointers),
	KUNIT_CASE(garbage),
	{ }
};

static struct kunit_suite pcpu_bad_free_suite = {
	.name = "percpu_bad_free",
	.exit = pcpu_bad_free_exit,
	.test_cases = pcpu_bad_free_cases,
};

kunit_test_suite(pcpu_bad_free_suite);

MODULE_DESCRIPTION("KUnit tests of invalid percpu frees");
MODULE_LICENSE("GPL");
