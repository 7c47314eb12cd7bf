// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accounting: what is recorded as the owner of an object, and for how long.
 */
#include <kunit/test.h>

#include <linux/gfp.h>
#include <linux/percpu.h>

#include "../account.h"

/* An owned object is charged for all CPUs, plus a constant for its entry. */
static void bytes_grow(struct kunit *test)
{
	size_t size;

	for (size = 8; size <= 4096; size *= 2) {
		KUNIT_EXPECT_GE(test, pcpu_account_bytes(size),
				size * num_possible_cpus());
		KUNIT_EXPECT_EQ(test, pcpu_account_bytes(2 * size) -
				pcpu_account_bytes(size),
				size * num_possible_cpus());
	}
}

static struct pcpu_owner *owner_of(void __percpu *ptr)
{
	unsigned long off = pcpu_area_ptr_to_off(ptr);

	return pcpu_owner_at(pcpu_chunk_of(off), off);
}

static bool is_none(const struct pcpu_owner *owner)
{
	static const struct pcpu_owner none;

	return !owner || !memcmp(owner, &none, sizeof(none));
}

/*
 * The tests run in the root cgroup, which is never charged. A free leaves no
 * owner entry for the next object at the address.
 */
static void entries_are_cleared(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 64; i++) {
		void __percpu *ptr = __alloc_percpu_gfp(8 << i % 7, 8,
							GFP_KERNEL_ACCOUNT);
		struct pcpu_owner *owner;

		KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr);
		owner = owner_of(ptr);
		if (!mem_alloc_profiling_enabled())
			KUNIT_EXPECT_TRUE(test, is_none(owner));
		free_percpu(ptr);
		if (owner)
			KUNIT_EXPECT_TRUE(test, is_none(owner));
	}
}

/* Detaching an owner clears its entry. */
static void detach(struct kunit *test)
{
	void __percpu *ptr = __alloc_percpu_gfp(64, 8, GFP_KERNEL_ACCOUNT);
	unsigned long off = pcpu_area_ptr_to_off(ptr);
	struct pcpu_owner owner;

	KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr);
	pcpu_account_record(off, 64, GFP_KERNEL, NULL);
	owner = pcpu_owner_detach(pcpu_chunk_of(off), off);
	KUNIT_EXPECT_TRUE(test, is_none(owner_of(ptr)));
	pcpu_account_drop(64, &owner);
	free_percpu(ptr);
}

static struct kunit_case pcpu_account_cases[] = {
	KUNIT_CASE(bytes_grow),
	KUNIT_CASE(entries_are_cleared),
	KUNIT_CASE(detach),
	{ }
};

static struct kunit_suite pcpu_account_suite = {
	.name = "percpu_account",
	.test_cases = pcpu_account_cases,
};

kunit_test_suite(pcpu_account_suite);

MODULE_DESCRIPTION("KUnit tests of percpu accounting");
MODULE_LICENSE("GPL");
