// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the code of modules reaches.
 */
#include <kunit/test.h>

#include <linux/mm.h>
#include <linux/sizes.h>

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

static struct kunit_case pcpu_reach_cases[] = {
	KUNIT_CASE(extremes),
	KUNIT_CASE(this_kernel),
	{ }
};

static struct kunit_suite pcpu_reach_suite = {
	.name = "percpu_reach",
	.test_cases = pcpu_reach_cases,
};
kunit_test_suite(pcpu_reach_suite);

MODULE_DESCRIPTION("KUnit tests of what modules' code reaches");
MODULE_LICENSE("GPL");
