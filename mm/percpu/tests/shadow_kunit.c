// SPDX-License-Identifier: GPL-2.0-only
/*
 * KASAN knows objects to the byte, on every CPU.  That it reports what it knows
 * to be wrong is left to kasan_reports.sh: lockdep takes no part after a report.
 */
#include <kunit/test.h>

#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/percpu-module.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "../balance.h"
#include "../check.h"
#include "../extent.h"
#include "../shadow.h"

/* More than fill a first window of linear memory */
#define NR_FILLERS	1024

static const size_t sizes[] = { 1, 4, 7, 8, 13, 16, 40, 48, 200, 1024, 1040,
				3 * PAGE_SIZE + 5 };

static bool covered(const void *addr)
{
	return pcpu_shadow_is_kept() && is_vmalloc_or_module_addr(addr);
}

/* What lies where KASAN does not look, kept so that others lie elsewhere */
static void __percpu *fillers[NR_FILLERS];

/* Objects in linear memory are none of KASAN's affairs: take others. */
static void __percpu *allocate(struct kunit *test, size_t size)
{
	void __percpu *ptr = NULL;
	unsigned int i;

	if (!pcpu_shadow_is_kept())
		kunit_skip(test, "a kernel without generic KASAN");
	for (i = 0; i < NR_FILLERS; i++) {
		ptr = __alloc_percpu(size, 4);
		KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr);
		if (covered(per_cpu_ptr(ptr, 0)))
			return ptr;
		if (fillers[i])
			free_percpu(ptr);
		else
			fillers[i] = ptr;
	}
	kunit_skip(test, "all objects are in linear memory");
	return NULL;
}

static void pcpu_shadow_exit(struct kunit *test)
{
	const char *bad = pcpu_check_area();
	unsigned int i;

	for (i = 0; i < NR_FILLERS; i++) {
		free_percpu(fillers[i]);
		fillers[i] = NULL;
	}
	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

/* The number of bytes from @ptr on that may be accessed, on all CPUs alike */
static size_t reach(struct kunit *test, void __percpu *ptr)
{
	unsigned int cpu, first = cpumask_first(cpu_possible_mask);
	size_t most = 0, n;

	for_each_possible_cpu(cpu) {
		u8 *copy = per_cpu_ptr((u8 __percpu *)ptr, cpu);

		for (n = 0; n < 5 * PAGE_SIZE && pcpu_shadow_allows(copy + n); n++)
			;
		if (cpu == first)
			most = n;
		KUNIT_EXPECT_EQ(test, n, most);
	}
	return most;
}

static void objects_to_the_byte(struct kunit *test)
{
	void __percpu *ptrs[ARRAY_SIZE(sizes)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		ptrs[i] = allocate(test, sizes[i]);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		KUNIT_EXPECT_EQ(test, reach(test, ptrs[i]), sizes[i]);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		free_percpu(ptrs[i]);
}

/*
 * The byte before an object is nobody's, or another one's gap; not that of the
 * first one in a window, before which there may be other things than ours.
 */
static void nothing_before(struct kunit *test)
{
	u8 __percpu *ptr = allocate(test, 48);
	u8 __percpu *other = allocate(test, 48);
	unsigned long copy = max_t(unsigned long, per_cpu_ptr(ptr, 0),
				   per_cpu_ptr(other, 0));

	KUNIT_EXPECT_FALSE(test, pcpu_shadow_allows((void *)(copy - 1)));
	free_percpu(other);
	free_percpu(ptr);
}

static void nothing_when_freed(struct kunit *test)
{
	void __percpu *ptr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = allocate(test, sizes[i]);
		/* On this CPU, so that nobody is given it meanwhile. */
		preempt_disable();
		free_percpu(ptr);
		KUNIT_EXPECT_EQ(test, reach(test, ptr), 0);
		preempt_enable();
	}
}

/* Zeroed again, to the byte, although nobody may write to its neighbours. */
static void used_again(struct kunit *test)
{
	unsigned int i, cpu, round;
	u8 __percpu *ptr;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			ptr = allocate(test, sizes[i]);
			KUNIT_EXPECT_EQ(test, reach(test, ptr), sizes[i]);
			for_each_possible_cpu(cpu) {
				u8 *copy = per_cpu_ptr(ptr, cpu);

				KUNIT_EXPECT_NULL(test, memchr_inv(copy, 0, sizes[i]));
				memset(copy, 0xff, sizes[i]);
			}
			free_percpu(ptr);
		}
		pcpu_balance_now();
	}
}

static void sections_of_modules(struct kunit *test)
{
	void __percpu *ptr;
	const char *why;

	ptr = pcpu_alloc_module(100, 8, &why);
	KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr);
	if (covered(per_cpu_ptr(ptr, 0))) {
		KUNIT_EXPECT_EQ(test, reach(test, ptr), 100);
		pcpu_free_module(ptr);
		KUNIT_EXPECT_EQ(test, reach(test, ptr), 0);
	} else {
		pcpu_free_module(ptr);
		kunit_skip(test, "the first window has no shadow of ours");
	}
}

/* What has memory, but belongs to nobody */
static void free_memory(struct kunit *test)
{
	const struct pcpu_place place = { .size = PAGE_SIZE, .align = PAGE_SIZE };
	const char *why;
	unsigned long off;

	off = pcpu_extent_alloc(&place, GFP_KERNEL, &why);
	KUNIT_ASSERT_NE(test, off, PCPU_NO_OFF);
	if (covered((void *)pcpu_area_unit_addr(0, off)))
		KUNIT_EXPECT_EQ(test, reach(test, pcpu_area_off_to_ptr(off)), 0);
	pcpu_extent_free(off, PAGE_SIZE >> PCPU_GRANULE_SHIFT);
}

static struct kunit_case pcpu_shadow_cases[] = {
	KUNIT_CASE(objects_to_the_byte),
	KUNIT_CASE(nothing_before),
	KUNIT_CASE(nothing_when_freed),
	KUNIT_CASE(used_again),
	KUNIT_CASE(sections_of_modules),
	KUNIT_CASE(free_memory),
	{ }
};

static struct kunit_suite pcpu_shadow_suite = {
	.name = "percpu_shadow",
	.exit = pcpu_shadow_exit,
	.test_cases = pcpu_shadow_cases,
};

kunit_test_suite(pcpu_shadow_suite);

MODULE_DESCRIPTION("KUnit tests of what KASAN knows of percpu objects");
MODULE_LICENSE("GPL");
