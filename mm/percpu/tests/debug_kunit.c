// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of percpu_debug=: invalid writes are found, and the report has the
 * callers that allocated and freed the object.  Reports are redirected to
 * note_damage(), so that none of these tests shows in the log.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>

#include <linux/cpumask.h>
#include <linux/kallsyms.h>
#include <linux/kasan.h>
#include <linux/percpu.h>
#include <linux/percpu-module.h>
#include <linux/poison.h>
#include <linux/sizes.h>
#include <linux/sprintf.h>
#include <linux/string.h>

#include "../chunk.h"
#include "../debug/bad_free.h"
#include "../debug/hooks.h"
#include "../debug/redzone.h"
#include "../layout.h"
#include "../objmap.h"
#include "validate.h"

/* The last report, and the number of reports */
static struct pcpu_damage seen;
static unsigned int nr_seen;

static void note_damage(const struct pcpu_damage *damage)
{
	seen = *damage;
	nr_seen++;
}

/* Write to a copy without a KASAN report. */
static void spoil(u8 *at, u8 value, size_t size)
{
	kasan_disable_current();
	memset(at, value, size);
	kasan_enable_current();
}

static bool was_enabled;

static int pcpu_debug_suite_init(struct kunit_suite *suite)
{
	if (!pcpu_debug_enabled() && pcpu_quarantine_init(64 << 10))
		return -ENOMEM;
	was_enabled = pcpu_debug_switch(true);
	return 0;
}

static void pcpu_debug_suite_exit(struct kunit_suite *suite)
{
	pcpu_debug_switch(was_enabled);
	pcpu_debug_drain();
}

static int pcpu_debug_test_init(struct kunit *test)
{
	nr_seen = 0;
	kunit_activate_static_stub(test, pcpu_debug_report, note_damage);
	return 0;
}

static void pcpu_debug_test_exit(struct kunit *test)
{
	const char *bad = pcpu_validate_area();

	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

static noinline void __percpu *allocator(size_t size, size_t align)
{
	void __percpu *ptr = __alloc_percpu(size, align);

	/* No tail call: the caller must be this function. */
	barrier();
	return ptr;
}

static noinline void liberator(void __percpu *ptr)
{
	free_percpu(ptr);
	barrier();
}

static bool is_in(unsigned long ip, const char *name)
{
	char text[KSYM_SYMBOL_LEN];

	if (!IS_ENABLED(CONFIG_KALLSYMS))
		return ip;
	scnprintf(text, sizeof(text), "%ps", (void *)ip);
	/* The name of a module may follow. */
	text[strcspn(text, " ")] = '\0';
	return !strcmp(text, name);
}

static u8 *last_copy(void __percpu *ptr)
{
	return per_cpu_ptr((u8 __percpu *)ptr, cpumask_last(cpu_possible_mask));
}

/* One report, of a write at byte @byte of the last CPU's copy */
static void expect_seen(struct kunit *test, const char *what, void __percpu *ptr,
			ssize_t byte)
{
	KUNIT_ASSERT_EQ(test, nr_seen, 1);
	KUNIT_EXPECT_STREQ(test, seen.what, what);
	KUNIT_EXPECT_EQ(test, seen.off, pcpu_area_ptr_to_off(ptr));
	KUNIT_EXPECT_EQ(test, seen.unit, pcpu_area.nr_units - 1);
	KUNIT_EXPECT_EQ(test, seen.byte, byte);
	KUNIT_ASSERT_TRUE(test, seen.known);
	KUNIT_EXPECT_TRUE(test, is_in(seen.record.alloc.ip, "allocator"));
}

static const size_t sizes[] = { 1, 4, 8, 13, 48, 200, 1024, 3 * PAGE_SIZE + 5 };

/* Checked objects are aligned and zero, and all their bytes may be written. */
static void nothing_to_report(struct kunit *test)
{
	unsigned int i, cpu;
	void __percpu *ptr;
	size_t align;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (align = 1; align <= PAGE_SIZE; align *= 4) {
			ptr = allocator(sizes[i], align);
			KUNIT_ASSERT_TRUE(test, ptr);
			for_each_possible_cpu(cpu) {
				u8 *copy = per_cpu_ptr(ptr, cpu);

				KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)copy, align));
				KUNIT_EXPECT_NULL(test, memchr_inv(copy, 0, sizes[i]));
				memset(copy, 0xff, sizes[i]);
			}
			liberator(ptr);
		}
	}
	pcpu_debug_drain();
	KUNIT_EXPECT_EQ(test, nr_seen, 0);
}

/* A write behind an object, in one copy only, is found by its free. */
static void overrun(struct kunit *test)
{
	void __percpu *ptr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = allocator(sizes[i], 4);
		KUNIT_ASSERT_TRUE(test, ptr);
		nr_seen = 0;
		spoil(last_copy(ptr) + sizes[i], 0, 1);
		liberator(ptr);
		expect_seen(test, "overrun", ptr, sizes[i]);
		/* The free has repaired it: it is not reported again. */
		pcpu_debug_drain();
		KUNIT_EXPECT_EQ(test, nr_seen, 1);
	}
}

/* An overrun destroys the record of one copy; other copies have it. */
static void overrun_of_the_record(struct kunit *test)
{
	void __percpu *ptr = allocator(48, 8);
	size_t alloc_size = pcpu_debug_alloc_size(48);

	KUNIT_ASSERT_TRUE(test, ptr);
	if (num_possible_cpus() == 1) {
		liberator(ptr);
		kunit_skip(test, "there is only one copy");
	}
	spoil(last_copy(ptr) + 80, 0,
	      alloc_size - 80);
	liberator(ptr);
	KUNIT_ASSERT_EQ(test, nr_seen, 1);
	KUNIT_EXPECT_STREQ(test, seen.what, "overrun");
	KUNIT_EXPECT_TRUE(test, seen.known);
	KUNIT_EXPECT_TRUE(test, is_in(seen.record.alloc.ip, "allocator"));
	pcpu_debug_drain();
}

/* If the record is destroyed in all copies, the report says so. */
static void nothing_left(struct kunit *test)
{
	void __percpu *ptr = allocator(48, 8);
	size_t alloc_size = pcpu_debug_alloc_size(48);
	unsigned int cpu;

	KUNIT_ASSERT_TRUE(test, ptr);
	for_each_possible_cpu(cpu)
		spoil(per_cpu_ptr(ptr, cpu), 0x55, alloc_size);
	liberator(ptr);
	KUNIT_EXPECT_EQ(test, nr_seen, 1);
	KUNIT_EXPECT_FALSE(test, seen.known);
	pcpu_debug_drain();
	KUNIT_EXPECT_EQ(test, nr_seen, 1);
}

/* The bytes before an object are a red zone of its own. */
static void underrun(struct kunit *test)
{
	static const size_t aligns[] = { 4, 16, 64, PAGE_SIZE };
	size_t alloc_size = pcpu_debug_alloc_size(48);
	void __percpu *ptr;
	unsigned int i;
	ssize_t byte;

	for (i = 0; i < ARRAY_SIZE(aligns); i++) {
		for (byte = -16; byte < 0; byte += 5) {
			ptr = allocator(48, aligns[i]);
			KUNIT_ASSERT_TRUE(test, ptr);
			nr_seen = 0;
			spoil(last_copy(ptr) + byte, 0, 1);
			liberator(ptr);
			expect_seen(test, "underrun", ptr, byte);
		}
		pcpu_debug_drain();
	}
	/* Of the next object, or of this one if it is damaged far behind its end */
	ptr = allocator(48, 8);
	KUNIT_ASSERT_TRUE(test, ptr);
	nr_seen = 0;
	spoil(last_copy(ptr) + alloc_size - 1, 0, 1);
	liberator(ptr);
	expect_seen(test, "underrun or overrun", ptr, alloc_size - 1);
	pcpu_debug_drain();
}

/* A write before a freed object is found when it leaves the quarantine. */
static void underrun_after_free(struct kunit *test)
{
	void __percpu *ptr = allocator(48, 8);

	KUNIT_ASSERT_TRUE(test, ptr);
	liberator(ptr);
	KUNIT_EXPECT_EQ(test, nr_seen, 0);
	spoil(last_copy(ptr) - 1, 0, 1);
	pcpu_debug_drain();
	expect_seen(test, "underrun", ptr, -1);
}

/* A write to a freed object is found when it leaves the quarantine. */
static void use_after_free(struct kunit *test)
{
	void __percpu *ptr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* Three pages of 64 KB are too large for the quarantine. */
		if (sizes[i] > SZ_32K)
			continue;
		ptr = allocator(sizes[i], 4);
		KUNIT_ASSERT_TRUE(test, ptr);
		liberator(ptr);
		nr_seen = 0;
		spoil(last_copy(ptr) + sizes[i] - 1, 0, 1);
		pcpu_debug_drain();
		expect_seen(test, "use after free", ptr, sizes[i] - 1);
		KUNIT_EXPECT_TRUE(test, is_in(seen.record.freed.ip, "liberator"));
	}
}

/* Freed objects read as poison, on every CPU. */
static void poison(struct kunit *test)
{
	void __percpu *ptr = allocator(200, 8);
	unsigned int cpu;

	KUNIT_ASSERT_TRUE(test, ptr);
	liberator(ptr);
	kasan_disable_current();
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_NULL(test, memchr_inv(per_cpu_ptr(ptr, cpu),
						   POISON_FREE, 200));
	kasan_enable_current();
	pcpu_debug_drain();
	KUNIT_EXPECT_EQ(test, nr_seen, 0);
}

/* An object in quarantine is not reused, and the quarantine is limited. */
static void quarantine(struct kunit *test)
{
	void __percpu *ptr = allocator(48, 8), *other;
	unsigned long bytes;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, ptr);
	pcpu_debug_drain();
	liberator(ptr);
	for (i = 0; i < 100; i++) {
		other = allocator(48, 8);
		KUNIT_ASSERT_TRUE(test, other);
		KUNIT_EXPECT_TRUE(test, ptr != other);
		liberator(other);
	}
	for (i = 0; i < 3000; i++)
		liberator(allocator(100, 8));
	pcpu_quarantine_count(&bytes);
	KUNIT_EXPECT_LE(test, bytes, 1UL << 20);
	pcpu_debug_drain();
	/* Other tasks may have freed objects meanwhile. */
	KUNIT_EXPECT_LE(test, pcpu_quarantine_count(&bytes), 100);
	KUNIT_EXPECT_LE(test, bytes, 32UL << 10);
	KUNIT_EXPECT_EQ(test, nr_seen, 0);
}

/* Invalid frees of checked objects are refused. */
static void invalid_frees(struct kunit *test)
{
	unsigned long before = pcpu_bad_free_count();
	void __percpu *ptr = allocator(48, 8);
	struct pcpu_bad_free w;

	KUNIT_ASSERT_TRUE(test, ptr);
	liberator((u8 __percpu *)ptr + 16);
	KUNIT_EXPECT_EQ(test, pcpu_bad_free_count(), before + 1);
	liberator(ptr);
	liberator(ptr);
	KUNIT_EXPECT_EQ(test, pcpu_bad_free_count(), before + 2);
	pcpu_bad_free_diagnose(ptr, &w);
	KUNIT_EXPECT_EQ(test, (int)w.why, (int)PCPU_BAD_FREE_DOUBLE);
	KUNIT_EXPECT_EQ(test, w.begin, pcpu_area_ptr_to_off(ptr));
	pcpu_debug_drain();
	KUNIT_EXPECT_EQ(test, nr_seen, 0);
}

/* Objects are checked by how they were allocated, not by the current setting. */
static void switched_on_between(struct kunit *test)
{
	void __percpu *ptrs[8];
	unsigned int i;

	pcpu_debug_switch(false);
	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		ptrs[i] = allocator(8 << i, 8);
	pcpu_debug_switch(true);
	for (i = 0; i < ARRAY_SIZE(ptrs); i++) {
		KUNIT_ASSERT_TRUE(test, ptrs[i]);
		liberator(ptrs[i]);
	}
	ptrs[0] = allocator(48, 8);
	KUNIT_ASSERT_TRUE(test, ptrs[0]);
	pcpu_debug_switch(false);
	spoil(last_copy(ptrs[0]) + 48, 0, 1);
	liberator(ptrs[0]);
	pcpu_debug_switch(true);
	expect_seen(test, "overrun", ptrs[0], 48);
	pcpu_debug_drain();
}

/* Writes behind the section of a module are found when it is freed. */
static void sections(struct kunit *test)
{
	void __percpu *ptr;
	const char *why;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < 3; k++) {
			size_t at = sizes[i] + 4 * (k > 1);

			nr_seen = 0;
			ptr = pcpu_alloc_module(sizes[i], 16, &why);
			KUNIT_ASSERT_TRUE(test, ptr);
			spoil(last_copy(ptr), 0x5a, sizes[i]);
			if (k)
				spoil(last_copy(ptr) + at, 0, 1);
			pcpu_free_module(ptr);
			KUNIT_EXPECT_EQ(test, nr_seen, !!k);
			if (!k)
				continue;
			KUNIT_EXPECT_STREQ(test, seen.what, "overrun");
			KUNIT_EXPECT_EQ(test, seen.off, pcpu_area_ptr_to_off(ptr));
			KUNIT_EXPECT_EQ(test, seen.byte, at);
			KUNIT_EXPECT_EQ(test, seen.record.size, sizes[i]);
		}
	}
	pcpu_debug_switch(false);
	ptr = pcpu_alloc_module(200, 16, &why);
	pcpu_debug_switch(true);
	KUNIT_ASSERT_TRUE(test, ptr);
	nr_seen = 0;
	pcpu_free_module(ptr);
	KUNIT_EXPECT_EQ(test, nr_seen, 0);
}

/* On each CPU all is overwritten from the end of the section to the last red zone. */
static void section_record_lost(struct kunit *test)
{
	size_t lost = pcpu_debug_alloc_size(40 + PCPU_SHADOW_GAP) - PCPU_DEBUG_LAST - 40;
	const char *why;
	void __percpu *ptr = pcpu_alloc_module(40, 16, &why);
	unsigned int cpu;

	KUNIT_ASSERT_TRUE(test, ptr);
	for_each_possible_cpu(cpu)
		spoil(per_cpu_ptr((u8 __percpu *)ptr, cpu) + 40, 0, lost);
	pcpu_free_module(ptr);
	KUNIT_EXPECT_EQ(test, nr_seen, 1);
	KUNIT_EXPECT_FALSE(test, seen.known);
}

static struct kunit_case pcpu_debug_cases[] = {
	KUNIT_CASE(nothing_to_report),
	KUNIT_CASE(overrun),
	KUNIT_CASE(overrun_of_the_record),
	KUNIT_CASE(nothing_left),
	KUNIT_CASE(underrun),
	KUNIT_CASE(underrun_after_free),
	KUNIT_CASE(use_after_free),
	KUNIT_CASE(poison),
	KUNIT_CASE(quarantine),
	KUNIT_CASE(invalid_frees),
	KUNIT_CASE(switched_on_between),
	KUNIT_CASE(sections),
	KUNIT_CASE(section_record_lost),
	{ }
};

static struct kunit_suite pcpu_debug_suite = {
	.name = "percpu_debug",
	.suite_init = pcpu_debug_suite_init,
	.suite_exit = pcpu_debug_suite_exit,
	.init = pcpu_debug_test_init,
	.exit = pcpu_debug_test_exit,
	.test_cases = pcpu_debug_cases,
};

kunit_test_suite(pcpu_debug_suite);

MODULE_DESCRIPTION("KUnit tests of the checks of percpu objects");
MODULE_LICENSE("GPL");
