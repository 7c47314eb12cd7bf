// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of chunks: granules in use, pages, creation and release.
 */
#include <kunit/test.h>

#include <linux/err.h>
#include <linux/slab.h>

#include "../chunk.h"
#include "../pages.h"
#include "validate.h"

/*
 * The hints and counts of a chunk stay valid while random ranges of at most 700
 * granules are allocated and freed:
 *
 *	+------+===========+------+====+----
 *	| free |  in use   | free |    | ...
 *	+------+===========+------+====+----
 *	          ^ free from here, up to the end of what is in use
 *	   ^ allocate from here, up to the next granule in use
 */
static void chunk_hints(struct kunit *test)
{
	struct pcpu_chunk *chunk = kunit_kzalloc(test, sizeof(*chunk), GFP_KERNEL);
	void *objmap = kunit_kzalloc(test, PCPU_OBJMAP_SIZE, GFP_KERNEL);
	struct pcpu_counts saved;
	unsigned long flags;
	const char *bad = NULL;
	unsigned int i, start, end, seed = 12345;

	KUNIT_ASSERT_NOT_NULL(test, chunk);
	KUNIT_ASSERT_NOT_NULL(test, objmap);
	pcpu_chunk_init(chunk, 0, objmap);
	for (i = 0; i < 2000 && !bad; i++) {
		seed = seed * 1103515245 + 12345;
		start = (seed >> 8) % PCPU_CHUNK_GRANULES;
		/* The chunk is not in the area: restore the global counts. */
		raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
		saved = pcpu_counts;
		if (test_bit(start, chunk->used)) {
			end = find_next_zero_bit(chunk->used, PCPU_CHUNK_GRANULES, start);
			end = min(end, start + (seed >> 3) % 700 + 1);
			pcpu_range_free(chunk, start, end - start);
		} else {
			end = find_next_bit(chunk->used, PCPU_CHUNK_GRANULES, start);
			end = min(end, start + (seed >> 3) % 700 + 1);
			pcpu_range_alloc(chunk, start, end - start);
		}
		list_del_init(&chunk->list);
		bad = pcpu_validate_chunk(chunk);
		pcpu_counts = saved;
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	}
	KUNIT_EXPECT_NULL_MSG(test, bad, "step %u: %s", i, bad ?: "");
}

/*
 * Create a chunk, and take pcpu_chunk_lock. The worker may have removed the chunk before
 * that: then another one is created.
 */
static struct pcpu_chunk *chunk_create_locked(struct kunit *test, unsigned long *flags)
{
	struct pcpu_chunk *chunk;
	unsigned int tries;

	for (tries = 0; tries < 10; tries++) {
		pcpu_balance_now();
		/* Where atomic callers do not populate, the worker makes no page tables. */
		pcpu_populate_tables(0, (pcpu_chunk_top() + 1UL) << PCPU_CHUNK_SHIFT,
				     GFP_KERNEL);
		/* A chunk is freed by RCU. */
		rcu_read_lock();
		chunk = pcpu_chunk_create(GFP_ATOMIC, false);
		raw_spin_lock_irqsave(&pcpu_chunk_lock, *flags);
		if (!IS_ERR_OR_NULL(chunk) && pcpu_chunk_table[chunk->nr] == chunk) {
			rcu_read_unlock();
			return chunk;
		}
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, *flags);
		rcu_read_unlock();
	}
	KUNIT_FAIL_AND_ABORT(test, "no chunk can be created");
	return NULL;
}

/*
 * Withheld pages are not free, and released pages are free again.  Of each eight
 * pages of the chunk the upper four are withheld:
 *
 *	page    0     3 4     7 8    11 12   15
 *	        +-------+=======+-------+=======+----
 *	        | free  |withh. | free  |withh. | ...
 *	        +-------+=======+-------+=======+----
 */
static void withheld_pages(struct kunit *test)
{
	unsigned int before, during;
	struct pcpu_chunk *chunk;
	u64 pages, withheld;
	unsigned long flags;
	const char *bad;

	if (!IS_ENABLED(CONFIG_MMU))
		kunit_skip(test, "all chunks are created at boot");
	chunk = chunk_create_locked(test, &flags);
	pages = chunk->empty & 0xf0f0f0f0f0f0f0f0ULL;
	before = chunk->nr_free;
	pcpu_chunk_withhold(chunk, pages);
	during = chunk->nr_free;
	bad = pcpu_validate_chunk(chunk);
	pcpu_chunk_release(chunk, pages);
	withheld = chunk->withheld & pages;
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
	KUNIT_EXPECT_EQ(test, before - during,
			hweight64(pages) * PCPU_PAGE_GRANULES);
	KUNIT_EXPECT_EQ(test, withheld, 0);
	pcpu_balance_now();
}

/*
 * A new chunk gets the lowest free number, and the worker releases empty chunks.
 */
static void chunk_life(struct kunit *test)
{
	unsigned int top, before, i;
	struct pcpu_chunk *chunk;
	unsigned long flags;
	bool good = false;

	if (!IS_ENABLED(CONFIG_MMU))
		kunit_skip(test, "all chunks are created at boot");
	/* The worker may remove another chunk meanwhile. */
	for (i = 0; i < 10 && !good; i++) {
		top = pcpu_chunk_top();
		/* Other chunks may come and go. */
		before = data_race(pcpu_counts.chunks);
		chunk = chunk_create_locked(test, &flags);
		good = chunk->nr <= top && pcpu_counts.chunks > before &&
		       pcpu_chunk_of(pcpu_chunk_off(chunk)) == chunk;
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	}
	KUNIT_EXPECT_TRUE(test, good);
	pcpu_balance_now();
	KUNIT_EXPECT_LE(test, pcpu_counts.empty_chunks, 1 + PCPU_EMPTY_CHUNKS_KEEP);
}

/* The worker makes the next chunk, and a caller that creates one takes it. */
static void chunk_ready(struct kunit *test)
{
	struct pcpu_chunk *ready, *chunk = NULL;
	unsigned int tries;

	/* Another task may create a chunk meanwhile. */
	for (tries = 0; tries < 10; tries++) {
		pcpu_balance_now();
		ready = READ_ONCE(pcpu_chunk_ready);
		chunk = pcpu_chunk_create(GFP_KERNEL | __GFP_NOWARN, false);
		if (IS_ERR(chunk))
			kunit_skip(test, "no chunk is free");
		if (ready && chunk == ready)
			break;
	}
	KUNIT_EXPECT_NOT_NULL(test, ready);
	KUNIT_EXPECT_PTR_EQ(test, chunk, ready);
	pcpu_balance_now();
}

static void area_is_valid(struct kunit *test)
{
	const char *bad = pcpu_validate_area();

	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

static struct kunit_case pcpu_chunk_cases[] = {
	KUNIT_CASE(chunk_hints),
	KUNIT_CASE(withheld_pages),
	KUNIT_CASE(chunk_life),
	KUNIT_CASE(chunk_ready),
	{ }
};

static struct kunit_suite pcpu_chunk_suite = {
	.name = "percpu_chunk",
	.exit = area_is_valid,
	.test_cases = pcpu_chunk_cases,
};

kunit_test_suite(pcpu_chunk_suite);

MODULE_DESCRIPTION("KUnit tests of percpu chunks");
MODULE_LICENSE("GPL");
