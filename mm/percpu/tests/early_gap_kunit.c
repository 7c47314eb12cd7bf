// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gap between early vmalloc areas.
 *
 * Needs CONFIG_MMU.
 */
#include <kunit/test.h>

#include <linux/sizes.h>
#include <linux/vmalloc.h>

#include "../first_window.h"

#define MAX_AREAS	4

/* Addresses in megabytes; an area of no size ends the list. */
struct gap_case {
	const char *name;
	struct {
		unsigned long at;
		unsigned long size;
	} areas[MAX_AREAS];
	unsigned long start;
	unsigned long end;
	unsigned long size;
	unsigned long align;
	unsigned long lowest;
	unsigned long highest;
};

static const struct gap_case gap_cases[] = {
	{ "no area", { }, 100, 200, 10, 1, 100, 190 },
	{ "no area, aligned", { }, 100, 200, 10, 16, 112, 176 },
	{ "the range is full", { { 100, 100 } }, 100, 200, 1, 1, 0, 0 },
	{ "larger than the range", { }, 100, 200, 101, 1, 0, 0 },
	{ "all of the range", { }, 100, 200, 100, 1, 100, 100 },
	{ "an area at the end", { { 190, 10 } }, 100, 200, 10, 1, 100, 180 },
	{ "an area at the start", { { 100, 10 } }, 100, 200, 10, 1, 110, 190 },
	{ "the highest gap is too small", { { 150, 45 } }, 100, 200, 10, 1,
	  100, 140 },
	{ "the lowest gap is too small", { { 105, 45 } }, 100, 200, 10, 1,
	  150, 190 },
	{ "only the middle", { { 105, 5 }, { 125, 70 } }, 100, 200, 10, 1,
	  110, 115 },
	{ "only the middle, exactly", { { 105, 5 }, { 120, 80 } }, 100, 200,
	  10, 1, 110, 110 },
	{ "alignment makes the middle too small",
	  { { 105, 6 }, { 119, 76 } }, 100, 200, 8, 8, 0, 0 },
	{ "areas that touch", { { 100, 10 }, { 110, 10 }, { 120, 10 } },
	  100, 200, 10, 1, 130, 190 },
	{ "areas outside", { { 10, 10 }, { 300, 10 } }, 100, 200, 10, 1,
	  100, 190 },
	{ "areas across the ends", { { 90, 20 }, { 190, 20 } }, 100, 200,
	  10, 1, 110, 180 },
	/* 32-bit ARM: PCI I/O, and vectors above the range. */
	{ "PCI I/O of ARM", { { 0xfee, 2 }, { 0xfff, 1 } }, 0xf08, 0xff8,
	  28, 1, 0xf08, 0xfd2 },
	{ "above PCI I/O of ARM", { { 0xfee, 2 } }, 0xf08, 0xff8, 7, 1,
	  0xf08, 0xff1 },
	{ "an area to the last address of 32 bit", { { 0xff0, 0x10 } }, 0xf00,
	  0xff8, 8, 1, 0xf00, 0xfe8 },
	/* ALIGN() wraps in 32 bit. */
	{ "beyond the last multiple", { { 0xe00, 0x1e0 } }, 0xe00, 0xff0, 8,
	  256, 0, 0 },
};

static unsigned long found_gap(const struct gap_case *c, bool lowest)
{
	struct vm_struct areas[MAX_AREAS] = { };
	unsigned int i;

	for (i = 0; i < MAX_AREAS && c->areas[i].size; i++) {
		areas[i].addr = (void *)(c->areas[i].at * SZ_1M);
		areas[i].size = c->areas[i].size * SZ_1M;
		if (i)
			areas[i - 1].next = &areas[i];
	}
	return pcpu_early_gap(i ? areas : NULL, c->start * SZ_1M,
			      c->end * SZ_1M, c->size * SZ_1M,
			      c->align * SZ_1M, lowest) / SZ_1M;
}

static void gaps_found(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gap_cases); i++) {
		const struct gap_case *c = &gap_cases[i];

		KUNIT_EXPECT_EQ_MSG(test, found_gap(c, true), c->lowest, "%s",
				    c->name);
		KUNIT_EXPECT_EQ_MSG(test, found_gap(c, false), c->highest,
				    "%s", c->name);
	}
}

static struct kunit_case pcpu_early_gap_cases[] = {
	KUNIT_CASE(gaps_found),
	{ }
};

static struct kunit_suite pcpu_early_gap_suite = {
	.name = "percpu_early_gap",
	.test_cases = pcpu_early_gap_cases,
};

kunit_test_suite(pcpu_early_gap_suite);

MODULE_DESCRIPTION("KUnit tests of gaps between early vmalloc areas");
MODULE_LICENSE("GPL");
