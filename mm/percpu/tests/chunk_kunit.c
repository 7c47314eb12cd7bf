// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chunks: their granules, pages and lives.
 */
#include <kunit/test.h>

#include <linux/slab.h>

#include "../balance.h"
#include "../check.h"
#include "../chunk.h"

/* Random granules taken from and given to a chunk, against its own books. */
static void chunk_hints(struct kunit *test)
{
	struct pcpu_chunk *chunk = kunit_kzalloc(test, sizeof(*chunk), GFP_KERNEL);
	void *marks = kunit_kzalloc(test, PCPU_MARKS_SIZE, GFP_KERNEL);
	struct pcpu_counts saved;
	unsigned long flags;
	const char *bad = NULL;
	unsigned int i, start, end, seed = 12345;

	KUNIT_ASSERT_NOT_NULL(test, chunk);
	KUNIT_ASSERT_NOT_NULL(test, marks);
	pcpu_chunk_init(chunk, 0, marks);
	for (i = 0; i < 2000 && !bad; i++) {
		seed = seed * 1103515245 + 12345;
		start = (seed >> 8) % PCPU_CHUNK_GRANULES;
		/* A private chunk must not show in the global counts. */
		raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
		saved = pcpu_counts;
		if (test_bit(start, chunk->used)) {
			end = find_next_zero_bit(chunk->used, PCPU_CHUNK_GRANULES, start);
			end = min(end, start + (seed >> 3) % 700 + 1);
			pcpu_chunk_give(chunk, start, end - start);
		} else {
			end = find_next_bit(chunk->used, PCPU_CHUNK_GRANULES, start);
			end = min(end, start + (seed >> 3) % 700 + 1);
			pcpu_chunk_take(chunk, start, end - start);
		}
		list_del_init(&chunk->list);
		bad = pcpu_check_chunk(chunk);
		pcpu_counts = saved;
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	}
	KUNIT_EXPECT_NULL_MSG(test, bad, "step %u: %s", i, bad ?: "");
}

/* Withheld pages are out of reach, and come back as they were. */
static void withheld_pages(struct kunit *test)
{
	const char *why = NULL, *bad = NULL;
	unsigned int before, during;
	struct pcpu_chunk *chunk;
	unsigned long flags;
	u64 pages;

	if (!IS_ENABLED(CONFIG_MMU))
		kunit_skip(test, "all chunks are there from boot on");
	chunk = pcpu_chunk_create(GFP_KERNEL, &why);
	KUNIT_ASSERT_NOT_NULL_MSG(test, chunk, "%s", why ?: "");
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pages = chunk->empty & 0xf0f0f0f0f0f0f0f0ULL;
	before = chunk->nr_free;
	pcpu_chunk_withhold(chunk, pages);
	during = chunk->nr_free;
	bad = pcpu_check_chunk(chunk);
	pcpu_chunk_release(chunk, pages);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
	KUNIT_EXPECT_EQ(test, before - during,
			hweight64(pages) * PCPU_PAGE_GRANULES);
	KUNIT_EXPECT_EQ(test, READ_ONCE(chunk->withheld) & pages, 0);
	pcpu_balance_now();
}

/* Chunks come with the lowest number, and go when they are empty. */
static void chunk_life(struct kunit *test)
{
	unsigned int before = pcpu_counts.chunks, top = pcpu_chunk_top();
	struct pcpu_chunk *chunk;
	const char *why = NULL;

	if (!IS_ENABLED(CONFIG_MMU))
		kunit_skip(test, "all chunks are there from boot on");
	chunk = pcpu_chunk_create(GFP_KERNEL, &why);
	KUNIT_ASSERT_NOT_NULL_MSG(test, chunk, "%s", why ?: "");
	KUNIT_EXPECT_LE(test, chunk->nr, top);
	KUNIT_EXPECT_GT(test, pcpu_counts.chunks, before);
	KUNIT_EXPECT_PTR_EQ(test, pcpu_chunk_of(pcpu_chunk_off(chunk)), chunk);
	pcpu_balance_now();
	KUNIT_EXPECT_LE(test, pcpu_counts.empty_chunks, 1 + PCPU_EMPTY_CHUNKS_KEEP);
}

static void books_exit(struct kunit *test)
{
	const char *bad = pcpu_check_area();

	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

static struct kunit_case pcpu_chunk_cases[] = {
	KUNIT_CASE(chunk_hints),
	KUNIT_CASE(withheld_pages),
	KUNIT_CASE(chunk_life),
	{ }
};

static struct kunit_suite pcpu_chunk_suite = {
	.name = "percpu_chunk",
	.exit = books_exit,
	.test_cases = pcpu_chunk_cases,
};

kunit_test_suite(pcpu_chunk_suite);

MODULE_DESCRIPTION("KUnit tests of percpu chunks");
MODULE_LICENSE("GPL");
