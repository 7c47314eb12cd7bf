// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages behind offsets: populated by several CPUs at once, and depopulated.
 *
 * Needs CONFIG_MMU.
 */
#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/vmalloc.h>

#include "../chunk.h"
#include "../debug/hooks.h"
#include "../layout.h"
#include "../pages.h"
#include "validate.h"

#define NR_ROUNDS	32
#define MAX_THREADS	8

/**
 * struct race - threads that populate one page
 * @off: offset of the page
 * @start: starts all threads
 * @done: completed by each thread
 * @failed: number of threads that failed
 */
struct race {
	unsigned long off;
	struct completion start;
	struct completion done;
	atomic_t failed;
};

static int race_thread(void *data)
{
	struct race *race = data;

	wait_for_completion(&race->start);
	if (pcpu_populate_page(race->off, GFP_KERNEL, false))
		atomic_inc(&race->failed);
	complete(&race->done);
	return 0;
}

/* Withhold a page that has no memory, in a new chunk if no chunk has one. */
static struct pcpu_chunk *claim_bare(unsigned int *page)
{
	struct pcpu_chunk *chunk = pcpu_chunks_claim_bare(page);

	if (chunk || IS_ERR(pcpu_chunk_create(GFP_KERNEL, false)))
		return chunk;
	return pcpu_chunks_claim_bare(page);
}

static void depopulate(unsigned long off)
{
	LIST_HEAD(pages);

	pcpu_depopulate_page(off, &pages);
	pcpu_flush_units(0, pcpu_area.nr_units - 1, off, off + PAGE_SIZE, &pages);
}

/* Every unit has a page of its own, which keeps what is written to it. */
static void expect_own_pages(struct kunit *test, unsigned long off)
{
	unsigned int cpu, *copy;

	pcpu_shadow_unpoison(off, sizeof(*copy));
	for_each_pcpu_unit(cpu) {
		copy = (unsigned int *)pcpu_area_unit_addr(cpu, off);
		*copy = cpu + 1;
	}
	for_each_pcpu_unit(cpu) {
		copy = (unsigned int *)pcpu_area_unit_addr(cpu, off);
		KUNIT_EXPECT_EQ(test, cpu + 1, *copy);
	}
	pcpu_shadow_poison(off, sizeof(*copy));
}

static void run_race(struct kunit *test, unsigned long off)
{
	unsigned int i, n = min(num_online_cpus() * 2, MAX_THREADS);
	struct race race = { .off = off };

	init_completion(&race.start);
	init_completion(&race.done);
	atomic_set(&race.failed, 0);
	for (i = 0; i < n; i++) {
		struct task_struct *t = kthread_run(race_thread, &race,
						    "percpu_race/%u", i);

		if (IS_ERR(t))
			break;
	}
	complete_all(&race.start);
	for (n = i; n; n--)
		wait_for_completion(&race.done);
	KUNIT_EXPECT_EQ(test, atomic_read(&race.failed), 0);
	KUNIT_EXPECT_GT(test, i, 0);
}

/* One thread wins each entry, the others free their pages, none fails. */
static void contention(struct kunit *test)
{
	struct pcpu_chunk *chunk;
	unsigned int page, round;
	unsigned long off;

	pcpu_balance_now();
	chunk = claim_bare(&page);
	if (!chunk)
		kunit_skip(test, "all pages have memory");
	off = pcpu_chunk_off(chunk) + (page << PAGE_SHIFT);
	for (round = 0; round < NR_ROUNDS; round++) {
		run_race(test, off);
		expect_own_pages(test, off);
		depopulate(off);
	}
	pcpu_chunk_unclaim(chunk, BIT_ULL(page));
}

/* A depopulated page has no entries, and can be populated again. */
static void depopulate_and_populate(struct kunit *test)
{
	struct pcpu_chunk *chunk;
	unsigned int page, cpu;
	unsigned long off;

	chunk = claim_bare(&page);
	if (!chunk)
		kunit_skip(test, "all pages have memory");
	off = pcpu_chunk_off(chunk) + (page << PAGE_SHIFT);
	KUNIT_ASSERT_EQ(test, pcpu_populate_page(off, GFP_KERNEL, false), 0);
	expect_own_pages(test, off);
	depopulate(off);
	for_each_pcpu_unit(cpu) {
		pte_t *pte = virt_to_kpte(pcpu_area_unit_addr(cpu, off));

		KUNIT_ASSERT_NOT_NULL(test, pte);
		KUNIT_EXPECT_TRUE(test, pte_none(ptep_get(pte)));
	}
	KUNIT_ASSERT_EQ(test, pcpu_populate_page(off, GFP_KERNEL, false), 0);
	expect_own_pages(test, off);
	depopulate(off);
	pcpu_chunk_unclaim(chunk, BIT_ULL(page));
}

/* Try to place a run as long as the area, in which static data lies. */
static long place_too_long(void)
{
	unsigned int nr = pcpu_area_nr_chunks();

	return pcpu_chunks_create_run(nr, nr, GFP_KERNEL);
}

/*
 * While pages are claimed, a search in vain says that there may be space soon: a
 * large object or a module waits then.
 */
static void busy_while_claimed(struct kunit *test)
{
	struct pcpu_chunk *chunk;
	unsigned int page, i;
	long err;

	chunk = claim_bare(&page);
	if (!chunk)
		kunit_skip(test, "all pages have memory");
	KUNIT_EXPECT_EQ(test, place_too_long(), -EBUSY);
	KUNIT_EXPECT_EQ(test, pcpu_chunk_creatable(0), -EBUSY);
	pcpu_chunk_unclaim(chunk, BIT_ULL(page));
	/* The worker may have claims of its own. */
	for (i = 0; (err = place_too_long()) == -EBUSY && i < 1500; i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, err, -ENOSPC);
}

/* The pages of a unit at offsets from @off up to @end that have no page table. */
static unsigned int pages_without_table(unsigned int unit, unsigned long off,
					unsigned long end)
{
	unsigned int n = 0;

	for (; off < end; off += PAGE_SIZE)
		n += !virt_to_kpte(pcpu_area_unit_addr(unit, off));
	return n;
}

/* Each page of a chunk has a page table in each unit, unless it is linear memory. */
static void tables(struct kunit *test)
{
	unsigned long linear = pcpu_area.linear_size ? pcpu_area_window_size() : 0;
	unsigned int unit;
	unsigned long off;

	for (off = max(linear, pcpu_area.first); off < pcpu_area.size; off += PCPU_CHUNK_SIZE) {
		if (!pcpu_chunk_of(off))
			continue;
		for_each_pcpu_unit(unit)
			KUNIT_EXPECT_EQ_MSG(test, 0,
					    pages_without_table(unit, off,
								off + PCPU_CHUNK_SIZE),
					    "unit %u, chunk at %lu KB", unit, off >> 10);
	}
}

static void pages_exit(struct kunit *test)
{
	const char *bad = pcpu_validate_area();

	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

static struct kunit_case pcpu_populate_cases[] = {
	KUNIT_CASE(tables),
	KUNIT_CASE_SLOW(contention),
	KUNIT_CASE(depopulate_and_populate),
	KUNIT_CASE(busy_while_claimed),
	{ }
};

static struct kunit_suite pcpu_populate_suite = {
	.name = "percpu_pages",
	.exit = pages_exit,
	.test_cases = pcpu_populate_cases,
};

kunit_test_suite(pcpu_populate_suite);

MODULE_DESCRIPTION("KUnit tests of populating percpu memory");
MODULE_LICENSE("GPL");
