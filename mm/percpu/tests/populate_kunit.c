// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages behind offsets: populated by many at once, given back, and failing.
 */
#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/vmalloc.h>

#include "../balance.h"
#include "../check.h"
#include "../populate.h"
#include "../shadow.h"

#define NR_ROUNDS	32
#define MAX_THREADS	8

/**
 * struct race - many threads that populate one page
 * @off: the page
 * @start: lets them all go
 * @done: one for each that is through
 * @failed: how many could not
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
	if (pcpu_populate_page(race->off, GFP_KERNEL))
		atomic_inc(&race->failed);
	complete(&race->done);
	return 0;
}

/* A page without memory, withheld from everybody else. */
static struct pcpu_chunk *claim_bare_page(unsigned int *page)
{
	struct pcpu_chunk *chunk = NULL;
	unsigned long flags;
	unsigned int i;
	u64 bare = 0;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	for (i = pcpu_chunk_top(); i-- > 0 && !bare;) {
		chunk = pcpu_chunk_table[i];
		if (chunk)
			bare = chunk->empty & ~chunk->populated & ~chunk->reserved;
	}
	if (bare) {
		*page = fls64(bare) - 1;
		pcpu_chunk_withhold(chunk, BIT_ULL(*page));
	}
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return bare ? chunk : NULL;
}

/* The same, in a new chunk if need be. */
static struct pcpu_chunk *claim_bare(unsigned int *page)
{
	struct pcpu_chunk *chunk = claim_bare_page(page);
	const char *why;

	if (chunk || !pcpu_chunk_create(GFP_KERNEL, &why))
		return chunk;
	return claim_bare_page(page);
}

static void let_go(struct pcpu_chunk *chunk, unsigned int page)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_chunk_release(chunk, BIT_ULL(page));
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}

static void give_back(unsigned long off)
{
	LIST_HEAD(pages);

	pcpu_depopulate_page(off, &pages);
	pcpu_depopulate_flush(off, off + PAGE_SIZE, &pages);
}

/* Every unit has a page of its own, and keeps what is written to it. */
static void expect_own_pages(struct kunit *test, unsigned long off)
{
	unsigned int cpu, *copy;

	pcpu_shadow_give(off, sizeof(*copy));
	for_each_possible_cpu(cpu) {
		copy = (unsigned int *)pcpu_area_unit_addr(cpu, off);
		*copy = cpu + 1;
	}
	for_each_possible_cpu(cpu) {
		copy = (unsigned int *)pcpu_area_unit_addr(cpu, off);
		KUNIT_EXPECT_EQ(test, cpu + 1, *copy);
	}
	pcpu_shadow_take(off, sizeof(*copy));
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

/* One wins each entry, the others give their pages back, nobody waits. */
static void contention(struct kunit *test)
{
	struct pcpu_chunk *chunk;
	unsigned int page, round;
	unsigned long off;

	pcpu_balance_now();
	chunk = claim_bare(&page);
	if (!chunk)
		kunit_skip(test, "no page is without memory");
	off = pcpu_chunk_off(chunk) + (page << PAGE_SHIFT);
	for (round = 0; round < NR_ROUNDS; round++) {
		run_race(test, off);
		expect_own_pages(test, off);
		give_back(off);
	}
	let_go(chunk, page);
}

/* Entries are gone after giving back, and a page can come again. */
static void give_back_and_again(struct kunit *test)
{
	struct pcpu_chunk *chunk;
	unsigned int page, cpu;
	unsigned long off;

	chunk = claim_bare(&page);
	if (!chunk)
		kunit_skip(test, "no page is without memory");
	off = pcpu_chunk_off(chunk) + (page << PAGE_SHIFT);
	KUNIT_ASSERT_EQ(test, pcpu_populate_page(off, GFP_KERNEL), 0);
	expect_own_pages(test, off);
	give_back(off);
	for_each_possible_cpu(cpu) {
		pte_t *pte = virt_to_kpte(pcpu_area_unit_addr(cpu, off));

		KUNIT_ASSERT_NOT_NULL(test, pte);
		KUNIT_EXPECT_TRUE(test, pte_none(ptep_get(pte)));
	}
	KUNIT_ASSERT_EQ(test, pcpu_populate_page(off, GFP_KERNEL), 0);
	expect_own_pages(test, off);
	give_back(off);
	let_go(chunk, page);
}

static void books_exit(struct kunit *test)
{
	const char *bad = pcpu_check_area();

	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

static struct kunit_case pcpu_populate_cases[] = {
	KUNIT_CASE_SLOW(contention),
	KUNIT_CASE(give_back_and_again),
	{ }
};

static struct kunit_suite pcpu_populate_suite = {
	.name = "percpu_populate",
	.exit = books_exit,
	.test_cases = pcpu_populate_cases,
};

kunit_test_suite(pcpu_populate_suite);

MODULE_DESCRIPTION("KUnit tests of populating percpu memory");
MODULE_LICENSE("GPL");
