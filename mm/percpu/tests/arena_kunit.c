// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arenas: what is at hand, how much of it, and that it goes back.
 */
#include <kunit/test.h>

#include <linux/cpu.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include "../age.h"
#include "../arena.h"
#include "../balance.h"
#include "../check.h"
#include "../debug.h"
#include "../depot.h"

static unsigned int held_in_all(void)
{
	unsigned int i, sum = 0;
	unsigned long bytes = 0;

	for (i = 0; i < pcpu_nr_arenas; i++)
		sum += pcpu_arena_held(&pcpu_arenas[i], &bytes);
	return sum;
}

/* What was freed last on a CPU is given out first there. */
static void latest_first(struct kunit *test)
{
	static const size_t sizes[] = { 4, 8, 16, 48, 64, 1000, 1024 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void __percpu *a, *b;

		preempt_disable();
		a = __alloc_percpu_gfp(sizes[i], 4, GFP_NOWAIT);
		free_percpu(a);
		b = __alloc_percpu_gfp(sizes[i], 4, GFP_NOWAIT);
		preempt_enable();
		KUNIT_ASSERT_NOT_NULL(test, (__force void *)a);
		KUNIT_EXPECT_PTR_EQ(test, (__force void *)a, (__force void *)b);
		free_percpu(b);
	}
}

/* Arenas and the depot keep within their bounds, whatever is freed. */
static void bounds(struct kunit *test)
{
	static const size_t sizes[] = { 4, 16, 64, 1024 };
	unsigned int i, k, n = 20 * PCPU_STOCK_MAX;
	unsigned long bytes, depot_bytes, populated;
	void __percpu **ptrs;

	ptrs = kvcalloc(n, sizeof(*ptrs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptrs);
	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		for (i = 0; i < n; i++)
			ptrs[i] = __alloc_percpu(sizes[k], 4);
		/*
		 * The bound rises with the reserve, which the worker may be
		 * refilling, and falls with pages that go; what is held stays.
		 */
		populated = READ_ONCE(pcpu_counts.populated) +
			    PCPU_RESERVE_HIGH;
		for (i = 0; i < n; i++)
			free_percpu(ptrs[i]);
		for (i = 0; i < pcpu_nr_arenas; i++) {
			bytes = 0;
			pcpu_arena_held(&pcpu_arenas[i], &bytes);
			KUNIT_EXPECT_LE(test, bytes, PCPU_ARENA_BYTES + 1024);
		}
		depot_bytes = READ_ONCE(pcpu_depot->bytes);
		KUNIT_EXPECT_LE(test, depot_bytes,
				PCPU_DEPOT_BYTES + populated * PAGE_SIZE / 8);
	}
	kvfree(ptrs);
}

/* A free object of 16 bytes that nobody has at hand. */
static u32 fresh_object(struct kunit *test)
{
	struct pcpu_place place = { .size = 16, .align = 16 };
	unsigned long off;
	const char *why;

	off = pcpu_extent_alloc(&place, GFP_KERNEL, &why);
	KUNIT_ASSERT_NE(test, off, PCPU_NO_OFF);
	return off;
}

/* What one CPU frees by the batch another one gets, without the chunks. */
static void depot_hands_on(struct kunit *test)
{
	u32 offs[PCPU_BATCH_MAX], got[PCPU_BATCH_MAX];
	unsigned int i, class = pcpu_class_of(16, 16), nr = 3;

	for (i = 0; i < nr; i++)
		offs[i] = fresh_object(test);
	pcpu_balance_now();
	KUNIT_ASSERT_EQ(test, pcpu_depot_put(&class, offs, nr), 0);
	KUNIT_EXPECT_TRUE(test, pcpu_depot_has(class));
	KUNIT_EXPECT_EQ(test, pcpu_depot_take(class, got), nr);
	KUNIT_EXPECT_MEMEQ(test, offs, got, nr * sizeof(*offs));
	KUNIT_ASSERT_EQ(test, pcpu_depot_put(&class, offs, nr), 0);
	pcpu_balance_now();
	KUNIT_EXPECT_FALSE(test, pcpu_depot_has(class));
}

/* For what is too much the depot gives something back. */
static void depot_keeps_bounds(struct kunit *test)
{
	unsigned int i, n, back, class = pcpu_class_of(16, 16);
	u32 offs[PCPU_BATCH_MAX];

	pcpu_balance_now();
	for (n = 0, back = 0; n <= PCPU_DEPOT_BATCHES && !back; n++) {
		offs[0] = fresh_object(test);
		back = pcpu_depot_put(&class, offs, 1);
	}
	KUNIT_EXPECT_GT(test, back, 0);
	for (i = 0; i < back && class >= PCPU_NR_SMALL; i++)
		pcpu_extent_free(offs[i], pcpu_class_granules(class));
	class = pcpu_class_of(16, 16);
	for (i = 0; pcpu_depot_take(class, offs); i++)
		pcpu_extent_free(offs[0], 1);
	/* Others may have taken some meanwhile. */
	KUNIT_EXPECT_GE(test, i, n / 2);
}

/* Once nobody needs them, objects at hand go back to the chunks. */
static void ageing(struct kunit *test)
{
	void __percpu *ptrs[128];
	unsigned int i, before, after;

	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		ptrs[i] = __alloc_percpu(64, 16);
	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		free_percpu(ptrs[i]);
	before = held_in_all();
	pcpu_age(false, true);
	pcpu_age(false, true);
	after = held_in_all();
	/* Others may have freed something meanwhile, but not as much. */
	KUNIT_EXPECT_GE(test, before, 32);
	KUNIT_EXPECT_LT(test, after, before);
	KUNIT_EXPECT_FALSE(test, pcpu_depot_has(pcpu_class_of(64, 16)));

	ptrs[0] = __alloc_percpu(64, 16);
	free_percpu(ptrs[0]);
	pcpu_balance_now();
	KUNIT_EXPECT_LT(test, held_in_all(), 32);
}

/* On a CPU: have some objects at hand there. */
static long have_some(void *unused)
{
	void __percpu *ptrs[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		ptrs[i] = __alloc_percpu(48, 16);
	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		free_percpu(ptrs[i]);
	return 0;
}

static unsigned int held_by(unsigned int cpu)
{
	unsigned long bytes = 0;

	return pcpu_arena_held(&pcpu_arenas[cpu], &bytes);
}

/* What another CPU has to itself goes back too, also when the CPU goes. */
static void other_cpu(struct kunit *test)
{
	unsigned int cpu = cpumask_last(cpu_online_mask);

	if (cpu == cpumask_first(cpu_online_mask) || cpu >= pcpu_nr_arenas)
		kunit_skip(test, "no other CPU with an arena");
	work_on_cpu(cpu, have_some, NULL);
	KUNIT_EXPECT_GE(test, held_by(cpu), 32);
	pcpu_balance_now();
	KUNIT_EXPECT_LT(test, held_by(cpu), 32);
	if (!IS_ENABLED(CONFIG_HOTPLUG_CPU) || pcpu_arenas[cpu].shared)
		return;
	work_on_cpu(cpu, have_some, NULL);
	KUNIT_EXPECT_GE(test, held_by(cpu), 32);
	if (remove_cpu(cpu))
		kunit_skip(test, "the CPU does not go offline");
	KUNIT_EXPECT_EQ(test, held_by(cpu), 0);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
}

/* Aligned and other objects of one class take turns. */
static void mixed_alignment(struct kunit *test)
{
	void __percpu *ptrs[96];
	unsigned int i, round;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < ARRAY_SIZE(ptrs); i++) {
			size_t align = i % 3 == round % 3 ? 256 : 16;

			ptrs[i] = __alloc_percpu(48, align);
			KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptrs[i]);
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)
							   raw_cpu_ptr(ptrs[i]), align));
		}
		for (i = 0; i < ARRAY_SIZE(ptrs); i++)
			free_percpu(ptrs[i * 29 % ARRAY_SIZE(ptrs)]);
	}
}

/* What is checked passes arenas by. */
static bool was_checked;

static int plain_init(struct kunit_suite *suite)
{
	was_checked = pcpu_debug_switch(false);
	return 0;
}

static void plain_exit(struct kunit_suite *suite)
{
	pcpu_debug_switch(was_checked);
}

static void books_exit(struct kunit *test)
{
	const char *bad = pcpu_check_area();

	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

static struct kunit_case pcpu_arena_cases[] = {
	KUNIT_CASE(latest_first),
	KUNIT_CASE(bounds),
	KUNIT_CASE(depot_hands_on),
	KUNIT_CASE(depot_keeps_bounds),
	KUNIT_CASE(ageing),
	KUNIT_CASE(other_cpu),
	KUNIT_CASE(mixed_alignment),
	{ }
};

static struct kunit_suite pcpu_arena_suite = {
	.name = "percpu_arena",
	.suite_init = plain_init,
	.suite_exit = plain_exit,
	.exit = books_exit,
	.test_cases = pcpu_arena_cases,
};

kunit_test_suite(pcpu_arena_suite);

MODULE_DESCRIPTION("KUnit tests of percpu arenas");
MODULE_LICENSE("GPL");
