// SPDX-License-Identifier: GPL-2.0-only
/*
 * KASAN shadow is exact to the byte, on every CPU. Reports are tested by
 * kasan_reports.sh, as a report disables lockdep.
 */
#include <kunit/test.h>

#include <linux/cpumask.h>
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <linux/percpu-module.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "../chunk.h"
#include "../debug/hooks.h"
#include "../layout.h"
#include "validate.h"

#if defined(CONFIG_KASAN_GENERIC) && defined(CONFIG_KASAN_VMALLOC)

/* Return true if KASAN allows access to the byte at @addr. */
static bool pcpu_shadow_allows(const void *addr)
{
	s8 shadow = *(s8 *)kasan_mem_to_shadow(addr);
	unsigned long in = (unsigned long)addr & (PCPU_SHADOW_GAP - 1);

	return !shadow || (shadow > 0 && in < shadow);
}

#else

static bool pcpu_shadow_allows(const void *addr)
{
	return true;
}

#endif

/* More objects than fit in a linear first window */
#define NR_FILLERS	1024

static const size_t sizes[] = { 1, 4, 7, 8, 13, 16, 40, 48, 200, 1024, 1040,
				3 * PAGE_SIZE + 5 };

static bool covered(const void *addr)
{
	return PCPU_SHADOW && is_vmalloc_or_module_addr(addr);
}

/* Objects without shadow, kept so that later ones are placed elsewhere */
static void __percpu *fillers[NR_FILLERS];

/* Allocate an object with shadow: linear memory has none. */
static void __percpu *allocate(struct kunit *test, size_t size)
{
	void __percpu *ptr = NULL;
	unsigned int i;

	if (!PCPU_SHADOW)
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
	const char *bad = pcpu_validate_area();
	unsigned int i;

	for (i = 0; i < NR_FILLERS; i++) {
		free_percpu(fillers[i]);
		fillers[i] = NULL;
	}
	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

/* The number of accessible bytes from @ptr on, equal on all CPUs */
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
 * The byte before an object is free, or in the gap of another one. It may be
 * accessible before the first object of a window: use the second one.
 */
static void nothing_before(struct kunit *test)
{
	u8 __percpu *ptr = allocate(test, 48);
	u8 __percpu *other = allocate(test, 48);
	unsigned long copy = max_t(unsigned long, (unsigned long)per_cpu_ptr(ptr, 0),
				   (unsigned long)per_cpu_ptr(other, 0));

	KUNIT_EXPECT_FALSE(test, pcpu_shadow_allows((void *)(copy - 1)));
	free_percpu(other);
	free_percpu(ptr);
}

static void nothing_when_freed(struct kunit *test)
{
	unsigned long flags;
	void __percpu *ptr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = allocate(test, sizes[i]);
		/*
		 * In the cache of this CPU, where no other CPU allocates, and
		 * which the worker does not trim while interrupts are off.
		 */
		local_irq_save(flags);
		free_percpu(ptr);
		KUNIT_EXPECT_EQ(test, reach(test, ptr), 0);
		local_irq_restore(flags);
	}
}

/* A reused object is zero to the byte, and its gap is not written to. */
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
		kunit_skip(test, "linear memory has no shadow of percpu objects");
	}
}

/* Free memory that is populated */
static void free_memory(struct kunit *test)
{
	unsigned long off = pcpu_extent_alloc(PCPU_PAGE_GRANULES, PAGE_SIZE,
					      PCPU_KIND_OBJECT, GFP_KERNEL);

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(off));
	if (covered((void *)pcpu_area_unit_addr(0, off)))
		KUNIT_EXPECT_EQ(test, reach(test, pcpu_area_off_to_ptr(off)), 0);
	pcpu_chunks_free(off, PCPU_PAGE_GRANULES);
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

MODULE_DESCRIPTION("KUnit tests of the KASAN shadow of percpu objects");
MODULE_LICENSE("GPL");
