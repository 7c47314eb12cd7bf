// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the interface, as its callers use it.  After each test all chunks
 * are validated.
 */
#include <kunit/test.h>

#include <linux/cpumask.h>
#include <linux/irqflags.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <asm/sections.h>

#include "../chunk.h"
#include "../layout.h"
#include "../pages.h"
#include "builtin.h"
#include "validate.h"

#define NR_OBJECTS	512

static void area_is_valid(struct kunit *test)
{
	const char *bad = pcpu_validate_area();

	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

/* Each copy is filled with @want, plus the number of its CPU if @by_cpu. */
static void expect_filled(struct kunit *test, void __percpu *ptr, size_t size,
			  u8 want, bool by_cpu)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		u8 *p = per_cpu_ptr((u8 __percpu *)ptr, cpu);
		u8 tag = by_cpu ? want + cpu : want;

		KUNIT_ASSERT_NULL(test, memchr_inv(p, tag, size));
	}
}

static void fill(void __percpu *ptr, size_t size, u8 tag)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(ptr, cpu), tag + cpu, size);
}

static bool aligned(void __percpu *ptr, size_t align)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (!IS_ALIGNED((unsigned long)per_cpu_ptr(ptr, cpu), align))
			return false;
	return true;
}

/* Each object is aligned, zero, and overlaps no other; also in reused memory. */
static void sizes_and_aligns(struct kunit *test)
{
	static const size_t sizes[] = { 1, 3, 4, 5, 8, 9, 16, 17, 33, 64, 65,
					100, 255, 1000, 1024, 4095, 4096, 5000,
					8192 };
	void __percpu **ptrs;
	size_t align;
	unsigned int i, n = 0, round;

	ptrs = kunit_kcalloc(test, NR_OBJECTS, sizeof(*ptrs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptrs);
	for (round = 0; round < 2; round++) {
		n = 0;
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			for (align = 1; align <= PAGE_SIZE; align *= 2) {
				ptrs[n] = __alloc_percpu(sizes[i], align);
				KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptrs[n]);
				KUNIT_ASSERT_TRUE(test, aligned(ptrs[n], align));
				expect_filled(test, ptrs[n], sizes[i], 0, false);
				fill(ptrs[n], sizes[i], n);
				n++;
			}
		}
		while (n--) {
			expect_filled(test, ptrs[n],
				      sizes[n / (PAGE_SHIFT + 1)], n, true);
			free_percpu(ptrs[n]);
		}
	}
}

/* An alignment of 0 is one that any address has. */
static void align_0(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 64, 1024, 4096, 8192 };
	void __percpu *ptr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = __alloc_percpu(sizes[i], 0);
		KUNIT_EXPECT_NOT_NULL(test, (__force void *)ptr);
		free_percpu(ptr);
	}
}

/* Objects larger than a chunk, as far as the machine has memory for them. */
static void large_objects(struct kunit *test)
{
	static const size_t sizes[] = { 32792, SZ_128K, SZ_256K, SZ_256K + 16,
					SZ_512K + 40, SZ_1M };
	unsigned long budget = totalram_pages() / 8 / num_possible_cpus();
	unsigned long before;
	void __percpu *ptr;
	unsigned int i;

	pcpu_balance_now();
	before = pcpu_nr_pages();
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (PFN_UP(sizes[i]) > budget ||
		    sizes[i] > pcpu_area.max_object)
			continue;
		ptr = __alloc_percpu(sizes[i], 8);
		KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr);
		expect_filled(test, ptr, sizes[i], 0, false);
		fill(ptr, sizes[i], i);
		expect_filled(test, ptr, sizes[i], i, true);
		free_percpu(ptr);
	}
	pcpu_balance_now();
	KUNIT_EXPECT_LE(test, pcpu_nr_pages(),
			before + 8 * num_possible_cpus());
}

/* With IRQs off the allocator does not sleep, and serves at least the reserve. */
static void atomic_context(struct kunit *test)
{
	void __percpu *ptrs[16];
	unsigned long flags;
	unsigned int i;

	pcpu_balance_now();
	local_irq_save(flags);
	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		ptrs[i] = __alloc_percpu_gfp(8 << (i % 6), 8, GFP_ATOMIC);
	local_irq_restore(flags);
	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		KUNIT_EXPECT_NOT_NULL(test, (__force void *)ptrs[i]);
	local_irq_save(flags);
	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		free_percpu(ptrs[i]);
	local_irq_restore(flags);
}

static void refused_requests(struct kunit *test)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;

	KUNIT_EXPECT_NULL(test, (__force void *)__alloc_percpu_gfp(0, 8, gfp));
	KUNIT_EXPECT_NULL(test, (__force void *)__alloc_percpu_gfp(8, 12, gfp));
	KUNIT_EXPECT_NULL(test, (__force void *)__alloc_percpu_gfp(8, 2 * PAGE_SIZE, gfp));
	KUNIT_EXPECT_NULL(test, (__force void *)
			  __alloc_percpu_gfp(pcpu_area.max_object + 1, 8, gfp));
	KUNIT_EXPECT_NULL(test, (__force void *)__alloc_percpu_gfp(SIZE_MAX, 8, gfp));
}

/*
 * A free within an object is refused, also where a smaller object could begin: at
 * offset 4 of 8 bytes, and at the second granule.  bad_free_kunit.c has all other
 * invalid frees.
 */
static void invalid_frees(struct kunit *test)
{
	u64 __percpu *small = alloc_percpu(u64);
	u8 __percpu *large = __alloc_percpu(200, 16);
	u8 __percpu *next = __alloc_percpu(200, 16);

	KUNIT_ASSERT_NOT_NULL(test, (__force void *)small);
	KUNIT_ASSERT_NOT_NULL(test, (__force void *)large);
	KUNIT_ASSERT_NOT_NULL(test, (__force void *)next);
	fill(large, 200, 1);
	fill(next, 200, 2);

	free_percpu((u8 __percpu *)small + 4);
	free_percpu(large + 16);
	KUNIT_EXPECT_NULL(test, pcpu_validate_area());
	expect_filled(test, large, 200, 1, true);
	expect_filled(test, next, 200, 2, true);

	free_percpu(large);
	free_percpu(next);
	free_percpu(small);
}

/* The pages of freed objects are depopulated. */
static void memory_is_returned(struct kunit *test)
{
	static const size_t sizes[] = { 4, 8, 64, 200, 1024 };
	unsigned long before, peak, slack = 8 * num_possible_cpus();
	void __percpu **ptrs;
	unsigned int i;

	ptrs = kvcalloc(4096, sizeof(*ptrs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptrs);
	pcpu_balance_now();
	before = pcpu_nr_pages();
	for (i = 0; i < 4096; i++)
		ptrs[i] = __alloc_percpu(sizes[i % ARRAY_SIZE(sizes)], 4);
	peak = pcpu_nr_pages();
	for (i = 0; i < 4096; i++)
		free_percpu(ptrs[(i * 7) % 4096]);
	pcpu_balance_now();
	KUNIT_EXPECT_LE(test, pcpu_nr_pages(), before + slack);
	KUNIT_EXPECT_GE(test, peak, before);
	kvfree(ptrs);
}

/* The worker keeps the reserve within its bounds. */
static void reserve_is_kept(struct kunit *test)
{
	pcpu_balance_now();
	KUNIT_EXPECT_GE(test, READ_ONCE(pcpu_counts.empty), PCPU_RESERVE_LOW);
	KUNIT_EXPECT_LE(test, pcpu_counts_excess(PCPU_RESERVE_KEEP),
			PCPU_RESERVE_HIGH);
}

static void physical_addresses(struct kunit *test)
{
	u8 __percpu *ptr = __alloc_percpu(3 * PAGE_SIZE, PAGE_SIZE);
	unsigned int cpu, i;

	KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr);
	for_each_possible_cpu(cpu) {
		for (i = 0; i < 3 * PAGE_SIZE; i += 1000) {
			u8 *p = per_cpu_ptr(ptr, cpu) + i;
			phys_addr_t phys = is_vmalloc_addr(p) ?
				page_to_phys(vmalloc_to_page(p)) + offset_in_page(p) :
				__pa(p);

			KUNIT_EXPECT_EQ(test, per_cpu_ptr_to_phys(p), phys);
		}
	}
	free_percpu(ptr);
}

static void static_addresses(struct kunit *test)
{
	u64 __percpu *ptr = alloc_percpu(u64);
	unsigned int cpu;

	KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr);
	for_each_possible_cpu(cpu) {
		unsigned long addr = (unsigned long)per_cpu_ptr(&pcpu_test_static, cpu);
		unsigned long can = 0;

		KUNIT_EXPECT_EQ(test, is_kernel_percpu_address(addr),
				IS_ENABLED(CONFIG_SMP));
		KUNIT_EXPECT_FALSE(test, is_kernel_percpu_address((unsigned long)
								 per_cpu_ptr(ptr, cpu)));
		if (__is_kernel_percpu_address(addr, &can))
			KUNIT_EXPECT_EQ(test, can,
					(unsigned long)per_cpu_ptr(&pcpu_test_static,
								   get_boot_cpu_id()));
	}
	free_percpu(ptr);
}

/* Small objects are freed in another order than they are allocated in. */
static void small_in_any_order(struct kunit *test)
{
	void __percpu **ptrs;
	unsigned int i, stride;

	ptrs = kunit_kcalloc(test, 1024, sizeof(*ptrs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptrs);
	for (stride = 1; stride < 64; stride += 14) {
		for (i = 0; i < 1024; i++) {
			ptrs[i] = __alloc_percpu(i % 3 ? 8 : 4, 4);
			KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptrs[i]);
		}
		for (i = 0; i < 1024; i++)
			free_percpu(ptrs[i * stride % 1024]);
	}
}

/* An access by the percpu pointer itself, without per_cpu_ptr(), faults. */
static void pointer_is_no_address(struct kunit *test)
{
	u64 __percpu *ptr;
	unsigned long addr;
	u64 value;

	if (!pcpu_area.first)
		kunit_skip(test, "pointers are not beyond the kernel image");
	ptr = alloc_percpu(u64);
	KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr);
	addr = (__force unsigned long)ptr;
	KUNIT_EXPECT_GE(test, addr, (unsigned long)_end);
	/* Modules, and other memory on arm64, may lie behind the image. */
	if (!is_vmalloc_or_module_addr((void *)addr))
		KUNIT_EXPECT_NE(test, 0,
				copy_from_kernel_nofault(&value, (void *)addr,
							 sizeof(value)));
	free_percpu(ptr);
}

static struct kunit_case pcpu_interface_cases[] = {
	KUNIT_CASE(small_in_any_order),
	KUNIT_CASE(sizes_and_aligns),
	KUNIT_CASE(align_0),
	KUNIT_CASE_SLOW(large_objects),
	KUNIT_CASE(atomic_context),
	KUNIT_CASE(refused_requests),
	KUNIT_CASE(invalid_frees),
	KUNIT_CASE(memory_is_returned),
	KUNIT_CASE(reserve_is_kept),
	KUNIT_CASE(physical_addresses),
	KUNIT_CASE(static_addresses),
	KUNIT_CASE(pointer_is_no_address),
	{ }
};

static struct kunit_suite pcpu_interface_suite = {
	.name = "percpu_interface",
	.exit = area_is_valid,
	.test_cases = pcpu_interface_cases,
};

kunit_test_suite(pcpu_interface_suite);

MODULE_DESCRIPTION("KUnit tests of the percpu allocator's interface");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
