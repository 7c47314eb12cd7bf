// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine addresses of percpu memory, as x86 registers them with Xen: that of
 * each CPU's vcpu_info must not depend on how the first chunk is mapped.
 *
 * Needs CONFIG_XEN.
 */
#include <kunit/test.h>

#include <linux/cpumask.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu.h>

#include <asm/sections.h>
#include <asm/xen/page.h>

#include "../layout.h"
#include "validate.h"

/* Compare the translations of @addr. Only a PV domain has a p2m table. */
static bool expect_translated(struct kunit *test, void *addr)
{
	phys_addr_t phys = per_cpu_ptr_to_phys(addr);
	phys_addr_t expected = phys_to_machine(XPADDR(phys)).maddr;
	phys_addr_t machine = arbitrary_virt_to_machine(addr).maddr;

	KUNIT_EXPECT_EQ(test, machine, expected);
	return machine == expected;
}

/* The same at both ends of a page, up to the first mismatch. */
static bool expect_page_translated(struct kunit *test, void *addr,
				   unsigned long size)
{
	return expect_translated(test, addr) &&
	       expect_translated(test, addr + size - 1);
}

/* The same for each page of @size bytes at @ptr, on each possible CPU. */
static void expect_all_translated(struct kunit *test, void __percpu *ptr,
				  unsigned long size)
{
	unsigned long off;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		for (off = 0; off < size; off += PAGE_SIZE) {
			if (!expect_page_translated(test, per_cpu_ptr(ptr, cpu) + off,
						    min(size - off, PAGE_SIZE)))
				return;
		}
	}
}

static void static_data(struct kunit *test)
{
	unsigned long size = __per_cpu_end - __per_cpu_start;

	kunit_info(test, "%lu pages, large entries: %d\n", PFN_UP(size),
		   pcpu_area.huge);
	KUNIT_EXPECT_GT(test, size, PAGE_SIZE);
	expect_all_translated(test, (void __percpu __force *)(uintptr_t)__per_cpu_start,
			      size);
}

/* Large objects may lie in chunks that are mapped by pages. */
static void dynamic_data(struct kunit *test)
{
	unsigned long sizes[] = { sizeof(u64), 3 * PAGE_SIZE, PCPU_CHUNK_SIZE };
	void __percpu *ptr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = __alloc_percpu(sizes[i], sizeof(u64));
		KUNIT_ASSERT_NOT_NULL(test, (void __force *)ptr);
		expect_all_translated(test, ptr, sizes[i]);
		free_percpu(ptr);
	}
}

static void books_exit(struct kunit *test)
{
	const char *bad = pcpu_validate_area();

	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

static struct kunit_case pcpu_xen_cases[] = {
	KUNIT_CASE(static_data),
	KUNIT_CASE(dynamic_data),
	{ }
};

static struct kunit_suite pcpu_xen_suite = {
	.name = "percpu_xen",
	.exit = books_exit,
	.test_cases = pcpu_xen_cases,
};

kunit_test_suite(pcpu_xen_suite);

MODULE_DESCRIPTION("KUnit tests of machine addresses of percpu memory");
MODULE_LICENSE("GPL");
