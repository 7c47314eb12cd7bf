// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of extents, the object map, small objects and size classes.
 */
#include <kunit/test.h>

#include <linux/mm.h>
#include <linux/sizes.h>

#include "../chunk.h"
#include "../objmap.h"
#include "validate.h"

static unsigned long place(struct kunit *test, size_t size, size_t align)
{
	unsigned long off = pcpu_extent_alloc(DIV_ROUND_UP(size, PCPU_GRANULE), align,
					      PCPU_KIND_OBJECT, GFP_KERNEL);

	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR_VALUE(off), "%ld", (long)off);
	return off;
}

/*
 * Extents are aligned, do not overlap, and have memory on all their pages:
 *
 *	offs[0]   offs[1]    offs[2]
 *	+====+----+=======+--+==========+----
 *	| 16 |    |  288  |  |   560    | ...
 *	+====+----+=======+--+==========+----
 *	     <---> gap for the alignment of the next one, if need be
 */
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
		pcpu_chunks_free(offs[i], (16 + i * 272) / PCPU_GRANULE);
}

/*
 * A run has between @nr and max(@nr, @most) granules, and is aligned:
 *
 *	    run.off, a multiple of 64
 *	----+==============+..........+----
 *	... |     @nr      |          | ...
 *	----+==============+..........+----
 *	    |<------- run.nr ---->|
 *	    |<-- max(@nr, @most) ---->|
 */
static void runs(struct kunit *test)
{
	unsigned int nr, most;
	struct pcpu_run run;

	pcpu_balance_now();
	for (nr = 1; nr < 200; nr += 33) {
		for (most = 1; most < 600; most += 199) {
			run.nr = 0;
			KUNIT_ASSERT_EQ(test, 0, pcpu_extent_alloc_run(nr, SZ_64, most,
								       GFP_KERNEL, &run));
			KUNIT_ASSERT_GE(test, run.nr, nr);
			KUNIT_EXPECT_LE(test, run.nr, max(nr, most));
			KUNIT_EXPECT_LE(test, ALIGN(run.off, SZ_64) + nr * PCPU_GRANULE,
					run.off + run.nr * PCPU_GRANULE);
			pcpu_chunks_free(run.off, run.nr);
		}
	}
}

/*
 * Only the beginning of a live object can be cleared, and only once:
 *
 *	      off
 *	------+=====+-----+-----+-----+-----+----
 *	      |class|  0  |  0  |  0  |  0  | ...	entries, one per granule
 *	------+=====+-----+-----+-----+-----+----
 */
static void objmap(struct kunit *test)
{
	unsigned long off = place(test, 5 * PCPU_GRANULE, PCPU_GRANULE), i;
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int class = pcpu_class_of(5 * PCPU_GRANULE, 8), got;

	KUNIT_EXPECT_FALSE(test, pcpu_objmap_clear(off, &got));
	pcpu_objmap_set_granules(off, 5);
	for (i = 1; i < 5 * PCPU_GRANULE; i++)
		KUNIT_EXPECT_FALSE(test, pcpu_objmap_clear(off + i, &got));
	KUNIT_EXPECT_TRUE(test, pcpu_objmap_is_live(chunk, off));
	KUNIT_EXPECT_EQ(test, pcpu_objmap_clear(off, &got), 5);
	KUNIT_EXPECT_EQ(test, got, class);
	KUNIT_EXPECT_FALSE(test, pcpu_objmap_clear(off, &got));
	pcpu_chunks_free(off, 5);
}

/*
 * The entries behind that of a long object hold its length, one digit if it is wide.
 * They do not begin an object, and are 0 again after the free:
 *
 *	      off
 *	------+======+--------+--------+----
 *	      | LONG | digit  | digit  | ...	entries, one per granule
 *	------+======+--------+--------+----
 */
static void long_objects(struct kunit *test)
{
	static const unsigned int lengths[] = { 65, 66, 255, 256, 257, 4096, 5000 };
	unsigned int i, got, nr;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		unsigned long off = place(test, lengths[i] * PCPU_GRANULE,
					  PCPU_GRANULE);
		struct pcpu_chunk *chunk = pcpu_chunk_of(off);

		pcpu_objmap_set_long(off, lengths[i]);
		for (nr = 1; nr < 10; nr++)
			KUNIT_EXPECT_FALSE(test,
					   pcpu_objmap_clear(off + nr * PCPU_GRANULE,
							     &got));
		KUNIT_EXPECT_TRUE(test, pcpu_objmap_is_live(chunk, off));
		KUNIT_EXPECT_EQ(test, lengths[i],
				pcpu_objmap_copy_length(chunk->objmap,
							pcpu_off_to_granule(off)));
		KUNIT_EXPECT_EQ(test, pcpu_objmap_clear(off, &got), lengths[i]);
		KUNIT_EXPECT_EQ(test, got, PCPU_CLASS_LONG);
		KUNIT_EXPECT_EQ(test, pcpu_objmap_clear(off, &got), 0);
		for (nr = 0; nr < 10; nr++)
			KUNIT_EXPECT_EQ(test, 0,
					pcpu_objmap_read(chunk, pcpu_off_to_granule(off) + nr));
		pcpu_chunks_free(off, lengths[i]);
	}
}

/*
 * A granule is split into objects of one class.  A freed object can be allocated
 * again, and the granule is no longer split after its last object is freed:
 *
 *	off    off + 4  off + 8  off + 12
 *	+--------+--------+--------+--------+
 *	|   4    |   4    |   4    |   4    |	or two objects of 8
 *	+--------+--------+--------+--------+
 */
static void shared_granules(struct kunit *test)
{
	unsigned int class, i, nr, free, freed, entry;
	unsigned long off, flags;
	u32 offs[4], got[4];

	for (class = 0; class < PCPU_NR_SMALL; class++) {
		off = place(test, PCPU_GRANULE, PCPU_GRANULE);
		pcpu_small_prepare(off, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pcpu_chunk_of(off)->free_masks[pcpu_off_to_page(off)]);
		nr = pcpu_small_split(off, class);
		KUNIT_ASSERT_EQ(test, nr, PCPU_GRANULE / pcpu_class_size(class));
		for (i = 0; i < nr; i++)
			offs[i] = off + i * pcpu_class_size(class);

		raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
		freed = pcpu_small_free(offs, 1, class);
		free = pcpu_small_alloc(class, got, 1);
		if (free)
			pcpu_small_free(got, 1, class);
		freed += pcpu_small_free(offs + 1, nr - 1, class);
		entry = pcpu_objmap_read(pcpu_chunk_of(off), pcpu_off_to_granule(off));
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
		KUNIT_EXPECT_EQ(test, free, 1);
		KUNIT_EXPECT_EQ(test, freed, nr);
		/* All objects are free: the granule is not split any more. */
		KUNIT_EXPECT_EQ(test, entry & PCPU_OBJMAP_SPLIT, 0);
	}
}

/* The size of a class exceeds that of its requests by less than a granule. */
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

static void area_is_valid(struct kunit *test)
{
	const char *bad = pcpu_validate_area();

	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

static struct kunit_case pcpu_extent_cases[] = {
	KUNIT_CASE(placement),
	KUNIT_CASE(runs),
	KUNIT_CASE(objmap),
	KUNIT_CASE(long_objects),
	KUNIT_CASE(shared_granules),
	KUNIT_CASE(classes),
	{ }
};

static struct kunit_suite pcpu_extent_suite = {
	.name = "percpu_extent",
	.exit = area_is_valid,
	.test_cases = pcpu_extent_cases,
};

kunit_test_suite(pcpu_extent_suite);

MODULE_DESCRIPTION("KUnit tests of percpu extents and objmap");
MODULE_LICENSE("GPL");
