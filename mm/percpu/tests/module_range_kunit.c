// SPDX-License-Identifier: GPL-2.0-only
/*
 * Offsets that relocations of modules reach, and the data of modules.
 */
#include <kunit/test.h>

#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/percpu-module.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../chunk.h"
#include "../first_window.h"
#include "validate.h"

/* Addresses of x86-64, so that every machine runs the test. */
#define MAP_START	0xffffffff80000000ULL
#define MAP_KASLR_END	0xffffffffc0000000ULL
#define MAP_FIXED_END	0xffffffffa0000000ULL
#define CODE_END	0xffffffffff000000ULL

/* Addresses of percpu data and modules, and the least limit expected. */
static const struct reach_case {
	const char *name;
	struct pcpu_module_range range;
	u64 least;
} reach_cases[] = {
	{ "no KASLR", { MAP_START + SZ_16M, MAP_FIXED_END, CODE_END },
	  PCPU_AREA_MAX_SIZE },
	{ "KASLR, lowest", { MAP_START + SZ_1M, MAP_KASLR_END, CODE_END },
	  PCPU_AREA_MAX_SIZE },
	{ "KASLR, highest", { MAP_KASLR_END, MAP_KASLR_END, CODE_END },
	  PCPU_AREA_MAX_SIZE },
	{ "from 0, KASLR", { 0, MAP_KASLR_END, CODE_END }, PCPU_AREA_MAX_SIZE },
	{ "from 0, no KASLR", { 0, MAP_FIXED_END, CODE_END },
	  PCPU_AREA_MAX_SIZE },
	{ "too high", { SZ_2G - SZ_1M, MAP_KASLR_END, CODE_END }, 0 },
	{ "in vmalloc space", { 0xffffc90000000000ULL, MAP_KASLR_END, CODE_END },
	  0 },
};

/* The value that the CPU decodes from the 32 bits that the loader stores. */
static u64 through_32s(u64 value)
{
	return (u64)(s64)(s32)(u32)value;
}

static u64 through_pc32(u64 value, u64 place)
{
	return (u64)(s64)(s32)(u32)(value - place) + place;
}

/* Return true if all code reaches the byte at @off by each relocation. */
static bool reached(const struct pcpu_module_range *range, u64 off)
{
	u64 value = range->start + off;

	return through_32s(value) == value &&
	       through_pc32(value, range->low) == value &&
	       through_pc32(value, range->end - 1) == value;
}

/* The limit is exact at both ends, and at least as large as it must be. */
static void extremes(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reach_cases); i++) {
		const struct reach_case *c = &reach_cases[i];
		u64 limit = pcpu_module_range_limit(&c->range);

		KUNIT_EXPECT_GE_MSG(test, limit, c->least, "%s", c->name);
		if (!c->least)
			KUNIT_EXPECT_EQ_MSG(test, limit, 0, "%s", c->name);
		if (!limit)
			continue;
		KUNIT_EXPECT_TRUE_MSG(test, reached(&c->range, 0), "%s", c->name);
		KUNIT_EXPECT_TRUE_MSG(test, reached(&c->range, -PCPU_MODULE_RANGE_SLACK),
				      "%s", c->name);
		KUNIT_EXPECT_TRUE_MSG(test,
				      reached(&c->range, limit - 1 + PCPU_MODULE_RANGE_SLACK),
				      "%s", c->name);
		KUNIT_EXPECT_FALSE_MSG(test,
				       reached(&c->range, limit + PCPU_MODULE_RANGE_SLACK),
				       "%s", c->name);
	}
}

/* The limit of this kernel, at the address it was loaded to. */
static void this_kernel(struct kunit *test)
{
#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
	const struct pcpu_module_range range = {
		.start = (unsigned long)__per_cpu_start,
		.low = MODULES_VADDR,
		.end = MODULES_END,
	};

	kunit_info(test, "percpu symbols from %llu MB on, code of modules %lu-%lu MB, limit %lu MB\n",
		   (range.start - __START_KERNEL_map) >> 20,
		   (MODULES_VADDR - __START_KERNEL_map) >> 20,
		   (MODULES_END - __START_KERNEL_map) >> 20,
		   pcpu_area.module_limit >> 20);
	KUNIT_ASSERT_GT(test, pcpu_area.module_limit, 0);
	KUNIT_EXPECT_TRUE(test, reached(&range, 0));
	KUNIT_EXPECT_TRUE(test, reached(&range, pcpu_area.module_limit - 1));
	if (!pcpu_area.linear_size)
		KUNIT_EXPECT_EQ(test, pcpu_area.module_limit, pcpu_area.size);
#else
	kunit_skip(test, "only x86-64 bounds what modules are given");
#endif
}

/* A section is reached, and zero. Return false if there is no memory for it. */
static bool section_is_reached(struct kunit *test, size_t size, size_t align)
{
	const char *why = NULL;
	void __percpu *ptr = pcpu_alloc_module(size, align, &why);
	unsigned long off = pcpu_area_ptr_to_off(ptr);
	unsigned int cpu;

	if (!ptr) {
		KUNIT_EXPECT_NOT_NULL(test, why);
		return false;
	}
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(off, align));
	KUNIT_EXPECT_LE(test, off + size, pcpu_area.module_limit);
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_NULL(test, memchr_inv(per_cpu_ptr(ptr, cpu), 0,
						   size));
	pcpu_free_module(ptr);
	return true;
}

static void sections(struct kunit *test)
{
	size_t size;

	for (size = 1; size <= SZ_4K; size *= 4)
		KUNIT_EXPECT_TRUE(test, section_is_reached(test, size, 1));
	/* A linear first chunk may be too small for these. */
	for (; size <= SZ_1M; size *= 4)
		if (!section_is_reached(test, size + 20, PAGE_SIZE))
			KUNIT_EXPECT_TRUE(test, pcpu_area.linear_size);
	KUNIT_EXPECT_NULL(test, pcpu_validate_area());
}

/* 64-bit powerpc asks for no reserve: its modules reach all of the area. */
static void no_reserve(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_PPC64) || !IS_ENABLED(CONFIG_SMP)) {
		kunit_skip(test, "only 64-bit powerpc asks for no reserve");
		return;
	}
	KUNIT_EXPECT_EQ(test, pcpu_area.module_limit, pcpu_area.size);
	KUNIT_EXPECT_EQ(test, pcpu_area.reserved_size, 0);
	KUNIT_EXPECT_TRUE(test, section_is_reached(test, SZ_1M + 20, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, pcpu_validate_area());
}

/* An invalid section is refused with a reason, and nothing changes. */
static void refused_sections(struct kunit *test)
{
	static const struct {
		size_t size;
		size_t align;
	} wrong[] = {
		{ 0, 8 }, { 8, 12 }, { 8, 2 * PAGE_SIZE }, { SZ_2G, 8 },
		{ PCPU_AREA_MAX_SIZE, PAGE_SIZE },
	};
	const char *why;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		why = NULL;
		KUNIT_EXPECT_TRUE(test, !pcpu_alloc_module(wrong[i].size,
							   wrong[i].align, &why));
		KUNIT_ASSERT_NOT_NULL(test, why);
		/* The reason names the option to raise. */
		if (pcpu_modules_in_first_window() && wrong[i].size >= SZ_2M)
			KUNIT_EXPECT_NOT_NULL(test, strstr(why, "percpu_reserve="));
	}
	KUNIT_EXPECT_NULL(test, pcpu_validate_area());
}

/* __alloc_reserved_percpu() allocates outside of the reserve. */
static void reserved_flag_is_ignored(struct kunit *test)
{
	void __percpu *ptr = __alloc_reserved_percpu(1000, 8);
	unsigned long off = pcpu_area_ptr_to_off(ptr);
	unsigned int cpu;

	KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr);
	KUNIT_EXPECT_FALSE(test, pcpu_chunk_of(off)->reserved & BIT_ULL(pcpu_off_to_page(off)));
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_NULL(test, memchr_inv(per_cpu_ptr(ptr, cpu), 0,
						   1000));
	free_percpu(ptr);
}

static struct kunit_case pcpu_module_range_cases[] = {
	KUNIT_CASE(extremes),
	KUNIT_CASE(this_kernel),
	KUNIT_CASE(sections),
	KUNIT_CASE(no_reserve),
	KUNIT_CASE(refused_sections),
	KUNIT_CASE(reserved_flag_is_ignored),
	{ }
};

static struct kunit_suite pcpu_module_range_suite = {
	.name = "percpu_module_range",
	.test_cases = pcpu_module_range_cases,
};

kunit_test_suite(pcpu_module_range_suite);

MODULE_DESCRIPTION("KUnit tests of the percpu data of modules");
MODULE_LICENSE("GPL");
