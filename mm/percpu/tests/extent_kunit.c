// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extents, the marks of live objects, and granules that objects share.
 */
#include <kunit/test.h>

#include <linux/mm.h>
#include <linux/sizes.h>

#include "../balance.h"
#include "../check.h"
#include "../extent.h"
#include "../mark.h"
#include "../small.h"

static unsigned long place(struct kunit *test, size_t size, size_t align)
{
	struct pcpu_place where = { .size = size, .align = align };
	const char *why = "";
	unsigned long off = pcpu_extent_alloc(&where, GFP_KERNEL, &why);

	KUNIT_ASSERT_NE_MSG(test, off, PCPU_NO_OFF, "%s", why);
	return off;
}

/* Extents are aligned, apart from each other, and have memory. */
static void placement(struct kunit *test)
{
	unsigned long offs[32], off;
	size_t size, align;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		size = 16 + i * 272;
		align = 16 << i % 9;
		offs[i] = place(test, size, align);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(offs[i], align));
		for (off = offs[i]; off < offs[i] + size; off += PCPU_GRANULE)
			KUNIT_ASSERT_TRUE(test,
					  pcpu_chunk_of(off)->populated &
					  BIT_ULL(pcpu_off_to_page(off)));
		for (k = 0; k < i; k++)
			KUNIT_ASSERT_TRUE(test,
					  offs[k] + 16 + k * 272 <= offs[i] ||
					  offs[i] + size <= offs[k]);
	}
	for (i = 0; i < ARRAY_SIZE(offs); i++)
		pcpu_extent_free(offs[i], (16 + i * 272) / PCPU_GRANULE);
}

/* A run is free, has memory, and holds what was asked for. */
static void runs(struct kunit *test)
{
	unsigned int nr, most;
	struct pcpu_run run;
	unsigned long flags;

	pcpu_balance_now();
	for (nr = 1; nr < 200; nr += 33) {
		for (most = 1; most < 600; most += 199) {
			raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
			pcpu_extent_take_run(nr, SZ_64, nr, most, &run);
			raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
			KUNIT_ASSERT_GE(test, run.nr, nr);
			KUNIT_EXPECT_LE(test, run.nr, max(nr, most));
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED(run.off, SZ_64));
			pcpu_extent_free(run.off, run.nr);
		}
	}
}

/* Only the beginning of a live object can be taken, and once. */
static void marks(struct kunit *test)
{
	unsigned long off = place(test, 5 * PCPU_GRANULE, PCPU_GRANULE), i;
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int class = pcpu_class_of(5 * PCPU_GRANULE, 8), got;

	KUNIT_EXPECT_FALSE(test, pcpu_mark_take(chunk, off, &got));
	pcpu_mark_give(off, class);
	for (i = 1; i < 5 * PCPU_GRANULE; i++)
		KUNIT_EXPECT_FALSE(test, pcpu_mark_take(chunk, off + i, &got));
	KUNIT_EXPECT_TRUE(test, pcpu_mark_live(chunk, off));
	KUNIT_EXPECT_TRUE(test, pcpu_mark_take(chunk, off, &got));
	KUNIT_EXPECT_EQ(test, got, class);
	KUNIT_EXPECT_FALSE(test, pcpu_mark_take(chunk, off, &got));
	pcpu_extent_free(off, 5);
}

/* The length of a long object is kept beside its mark. */
static void long_marks(struct kunit *test)
{
	static const unsigned int lengths[] = { 65, 66, 255, 256, 257, 4096, 5000 };
	unsigned int i, got, nr;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		unsigned long off = place(test, lengths[i] * PCPU_GRANULE,
					  PCPU_GRANULE);
		struct pcpu_chunk *chunk = pcpu_chunk_of(off);

		pcpu_mark_give_long(off, lengths[i]);
		for (nr = 1; nr < 10; nr++)
			KUNIT_EXPECT_FALSE(test,
					   pcpu_mark_take(chunk, off + nr * PCPU_GRANULE,
							  &got));
		KUNIT_EXPECT_TRUE(test, pcpu_mark_take(chunk, off, &got));
		KUNIT_EXPECT_EQ(test, got, PCPU_CLASS_LONG);
		KUNIT_EXPECT_EQ(test, pcpu_mark_take_long(off), lengths[i]);
		for (nr = 0; nr < 10; nr++)
			KUNIT_EXPECT_EQ(test, 0,
					pcpu_mark_get(chunk, pcpu_off_to_granule(off) + nr));
		pcpu_extent_free(off, lengths[i]);
	}
}

/* The objects of a shared granule are apart, and the granule outlives each. */
static void shared_granules(struct kunit *test)
{
	unsigned int class, i, nr, free;
	unsigned long off, flags;
	u32 taken[4];

	for (class = 0; class < PCPU_NR_SMALL; class++) {
		off = place(test, PCPU_GRANULE, PCPU_GRANULE);
		pcpu_small_prepare(off, GFP_KERNEL);
		KUNIT_ASSERT_TRUE(test, pcpu_small_prepared(off));
		nr = pcpu_small_split(off, class);
		KUNIT_EXPECT_EQ(test, nr, PCPU_GRANULE / pcpu_class_size(class));

		raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
		pcpu_small_give(off, class);
		free = pcpu_small_take(class, taken, 1);
		if (free)
			pcpu_small_give(taken[0], class);
		for (i = 1; i < nr; i++)
			pcpu_small_give(off + i * pcpu_class_size(class), class);
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
		KUNIT_EXPECT_EQ(test, free, 1);
		/* It is nobody's now. */
		KUNIT_EXPECT_EQ(test, 0,
				pcpu_mark_get(pcpu_chunk_of(off), pcpu_off_to_granule(off)) &
				PCPU_MARK_SPLIT);
	}
}

/* Any class holds what it is for, and no more than a granule too much. */
static void classes(struct kunit *test)
{
	unsigned int class;
	size_t size, align;

	for (size = 1; size <= 2048; size++) {
		for (align = 1; align <= 64; align *= 2) {
			class = pcpu_class_of(size, align);
			if (size > PCPU_CLASS_GRANULES * PCPU_GRANULE) {
				KUNIT_ASSERT_EQ(test, class, PCPU_CLASS_LONG);
				continue;
			}
			KUNIT_ASSERT_LT(test, class, PCPU_NR_CLASSES);
			KUNIT_ASSERT_GE(test, pcpu_class_size(class), size);
			KUNIT_ASSERT_LT(test, pcpu_class_size(class) - size,
					PCPU_GRANULE);
			if (class < PCPU_NR_SMALL)
				KUNIT_ASSERT_GE(test, pcpu_class_size(class), align);
		}
	}
}

static void books_exit(struct kunit *test)
{
	const char *bad = pcpu_check_area();

	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

static struct kunit_case pcpu_extent_cases[] = {
	KUNIT_CASE(placement),
	KUNIT_CASE(runs),
	KUNIT_CASE(marks),
	KUNIT_CASE(long_marks),
	KUNIT_CASE(shared_granules),
	KUNIT_CASE(classes),
	{ }
};

static struct kunit_suite pcpu_extent_suite = {
	.name = "percpu_extent",
	.exit = books_exit,
	.test_cases = pcpu_extent_cases,
};

kunit_test_suite(pcpu_extent_suite);

MODULE_DESCRIPTION("KUnit tests of percpu extents and marks");
MODULE_LICENSE("GPL");
