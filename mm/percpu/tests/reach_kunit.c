// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the code of modules reaches, and what modules are given.
 */
#include <kunit/test.h>

#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/percpu-module.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../check.h"
#include "../chunk.h"
#include "../reach.h"

/* Addresses as x86-64 has them, so that every machine runs the test. */
#define MAP_START	0xffffffff80000000ULL
#define MAP_KASLR_END	0xffffffffc0000000ULL
#define MAP_FIXED_END	0xffffffffa0000000ULL
#define CODE_END	0xffffffffff000000ULL

/* Where percpu data and modules lie in turn, and what must be in reach. */
static const struct reach_case {
	const char *name;
	struct pcpu_reach reach;
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

/* What the loader stores in 32 bits, and the processor makes of it. */
static u64 through_32s(u64 value)
{
	return (u64)(s64)(s32)(u32)value;
}

static u64 through_pc32(u64 value, u64 place)
{
	return (u64)(s64)(s32)(u32)(value - place) + place;
}

/* Whether code everywhere names the byte at @off, however it does. */
static bool named(const struct pcpu_reach *reach, u64 off)
{
	u64 value = reach->start + off;

	return through_32s(value) == value &&
	       through_pc32(value, reach->low) == value &&
	       through_pc32(value, reach->end - 1) == value;
}

/* The limit is right at both ends, and is the least that it must be. */
static void extremes(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reach_cases); i++) {
		const struct reach_case *c = &reach_cases[i];
		u64 limit = pcpu_reach_limit(&c->reach);

		KUNIT_EXPECT_GE_MSG(test, limit, c->least, "%s", c->name);
		if (!c->least)
			KUNIT_EXPECT_EQ_MSG(test, limit, 0, "%s", c->name);
		if (!limit)
			continue;
		KUNIT_EXPECT_TRUE_MSG(test, named(&c->reach, 0), "%s", c->name);
		KUNIT_EXPECT_TRUE_MSG(test, named(&c->reach, -PCPU_REACH_SLACK),
				      "%s", c->name);
		KUNIT_EXPECT_TRUE_MSG(test,
				      named(&c->reach, limit - 1 + PCPU_REACH_SLACK),
				      "%s", c->name);
		KUNIT_EXPECT_FALSE_MSG(test,
				       named(&c->reach, limit + PCPU_REACH_SLACK),
				       "%s", c->name);
	}
}

/* So for this kernel, where it was loaded. */
static void this_kernel(struct kunit *test)
{
#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
	const struct pcpu_reach reach = {
		.start = (unsigned long)__per_cpu_start,
		.low = MODULES_VADDR,
		.end = MODULES_END,
	};

	kunit_info(test, "percpu symbols from %llu MB on, code of modules %lu-%lu MB, limit %lu MB\n",
		   (reach.start - __START_KERNEL_map) >> 20,
		   (MODULES_VADDR - __START_KERNEL_map) >> 20,
		   (MODULES_END - __START_KERNEL_map) >> 20,
		   pcpu_area.module_limit >> 20);
	KUNIT_ASSERT_GT(test, pcpu_area.module_limit, 0);
	KUNIT_EXPECT_TRUE(test, named(&reach, 0));
	KUNIT_EXPECT_TRUE(test, named(&reach, pcpu_area.module_limit - 1));
	if (!pcpu_area.linear_size)
		KUNIT_EXPECT_EQ(test, pcpu_area.module_limit, pcpu_area.size);
#else
	kunit_skip(test, "only x86-64 bounds what modules are given");
#endif
}

/* A section of @size lies in reach, and is zero; false if there is no room. */
static bool section_lies_well(struct kunit *test, size_t size, size_t align)
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
		KUNIT_EXPECT_TRUE(test, section_lies_well(test, size, 1));
	/* A linear layout may have no room for these. */
	for (; size <= SZ_1M; size *= 4)
		if (!section_lies_well(test, size + 20, PAGE_SIZE))
			KUNIT_EXPECT_TRUE(test, pcpu_area.linear_size);
	KUNIT_EXPECT_NULL(test, pcpu_check_area());
}

/* What cannot be had is refused with a reason, and nothing changes. */
static void refused_sections(struct kunit *test)
{
	static const struct {
		size_t size;
		size_t align;
	} wrong[] = {
		{ 0, 8 }, { 8, 3 }, { 8, 2 * PAGE_SIZE }, { SZ_2G, 8 },
		{ PCPU_AREA_MAX_SIZE, PAGE_SIZE },
	};
	const char *why;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		why = NULL;
		KUNIT_EXPECT_TRUE(test, !pcpu_alloc_module(wrong[i].size,
							   wrong[i].align, &why));
		KUNIT_ASSERT_NOT_NULL(test, why);
		/* Who has to raise an option is told which. */
		if (pcpu_area_modules_near() && wrong[i].size >= SZ_2M)
			KUNIT_EXPECT_NOT_NULL(test, strstr(why, "percpu_reserve="));
	}
	KUNIT_EXPECT_NULL(test, pcpu_check_area());
}

/* Who asks for the reserve by the name that it had gets an object like any. */
static void old_name(struct kunit *test)
{
	void __percpu *ptr = __alloc_reserved_percpu(1000, 8);
	unsigned long off = pcpu_area_ptr_to_off(ptr);
	unsigned int cpu;

	KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr);
	KUNIT_EXPECT_FALSE(test, pcpu_chunk_is_reserved(pcpu_chunk_of(off), off));
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_NULL(test, memchr_inv(per_cpu_ptr(ptr, cpu), 0,
						   1000));
	free_percpu(ptr);
}

static struct kunit_case pcpu_reach_cases[] = {
	KUNIT_CASE(extremes),
	KUNIT_CASE(this_kernel),
	KUNIT_CASE(sections),
	KUNIT_CASE(refused_sections),
	KUNIT_CASE(old_name),
	{ }
};

static struct kunit_suite pcpu_reach_suite = {
	.name = "percpu_reach",
	.test_cases = pcpu_reach_cases,
};

kunit_test_suite(pcpu_reach_suite);

MODULE_DESCRIPTION("KUnit tests of what modules' code reaches");
MODULE_LICENSE("GPL");
