// SPDX-License-Identifier: GPL-2.0-only
/*
 * Offsets, pointers, addresses and units.
 */
#include <kunit/test.h>

#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "../chunk.h"
#include "../layout.h"

/* Offset, pointer, address and unit translate into each other in each chunk. */
static void arithmetic(struct kunit *test)
{
	void __percpu *first = pcpu_area_off_to_ptr(0);
	unsigned long off, back;
	unsigned int copy, unit, nr;

	for (nr = 0; nr < pcpu_area_nr_chunks(); nr++) {
		for (unit = 0; unit < 2; unit++) {
			off = ((unsigned long)nr << PCPU_CHUNK_SHIFT) +
			      unit * (PCPU_CHUNK_SIZE - 1);
			KUNIT_ASSERT_EQ(test, off,
					pcpu_area_ptr_to_off(pcpu_area_off_to_ptr(off)));
		}
		for_each_pcpu_unit(copy) {
			KUNIT_ASSERT_TRUE(test,
					  pcpu_area_addr_to_off(pcpu_area_unit_addr(copy, off),
								&back, &unit));
			KUNIT_ASSERT_EQ(test, back, off);
			KUNIT_ASSERT_EQ(test, unit, copy);
		}
	}
	KUNIT_EXPECT_EQ(test, PCPU_NO_OFF,
			pcpu_area_ptr_to_off((u8 __percpu *)first - 1));
	KUNIT_EXPECT_FALSE(test, pcpu_area_addr_to_off((unsigned long)&off, &back,
						       &unit));
}

/* Units are numbered by rank among possible CPUs, so that holes have none. */
static void ranks(struct kunit *test)
{
	void __percpu *first = pcpu_area_off_to_ptr(0);
	unsigned int cpu, unit = 0;

	for_each_possible_cpu(cpu) {
		KUNIT_EXPECT_EQ(test, pcpu_cpu_unit(cpu), unit);
		KUNIT_EXPECT_EQ(test, pcpu_unit_cpu(unit), cpu);
		KUNIT_EXPECT_EQ(test, (unsigned long)per_cpu_ptr(first, cpu),
				pcpu_area_unit_addr(unit, 0));
		unit++;
	}
	KUNIT_EXPECT_EQ(test, pcpu_area.nr_units, unit);
	KUNIT_EXPECT_EQ(test, pcpu_area.span, unit * pcpu_area.stride);
}

/* The units with the first page on another node than their CPU. */
static unsigned int units_elsewhere(struct kunit *test)
{
	void __percpu *first = pcpu_area_off_to_ptr(0);
	unsigned int unit, cpu, n = 0;

	for_each_pcpu_unit(unit) {
		phys_addr_t phys;
		int node;

		cpu = pcpu_unit_cpu(unit);
		phys = per_cpu_ptr_to_phys(per_cpu_ptr(first, cpu));
		node = page_to_nid(pfn_to_page(PHYS_PFN(phys)));
		kunit_info(test, "CPU %u of node %d: unit at %pa, node %d",
			   cpu, cpu_to_node(cpu), &phys, node);
		n += node != cpu_to_node(cpu);
	}
	return n;
}

/* Each unit begins on the node of its CPU, or all of them are one block. */
static void nodes(struct kunit *test)
{
	if (num_online_nodes() == 1)
		kunit_skip(test, "there is one node");
	if (units_elsewhere(test))
		KUNIT_EXPECT_TRUE(test, pcpu_area.linear_size &&
				  !pcpu_area.on_nodes);
}

/* The distance of the memory of a unit at @off from its address. */
static unsigned long to_phys(unsigned int unit, unsigned long off)
{
	unsigned long addr = pcpu_area_unit_addr(unit, off);

	return per_cpu_ptr_to_phys((void *)addr) - addr;
}

/*
 * A TLB can join pages of a unit that boot maps: they are contiguous, and their places in
 * 64 KB are those of the addresses.
 */
static void joined(struct kunit *test)
{
	unsigned long first = pcpu_area.first, end = first + PCPU_CHUNK_SIZE, off;
	unsigned int unit;

	if (pcpu_area.linear_size || pcpu_area.huge)
		kunit_skip(test, "units are not mapped by pages");
	/* Pages with static data only are mapped at offset 0. */
	if (first)
		first += ALIGN_DOWN(pcpu_area.static_size, PAGE_SIZE);
	for_each_pcpu_unit(unit) {
		KUNIT_EXPECT_EQ_MSG(test, 0, to_phys(unit, first) % max(SZ_64K, PAGE_SIZE),
				    "unit %u", unit);
		KUNIT_EXPECT_EQ(test, 0, to_phys(unit, 0) % max(SZ_64K, PAGE_SIZE));
		for (off = first; off < end; off += PAGE_SIZE)
			if (pcpu_chunk_of(off)->pinned & BIT_ULL(pcpu_off_to_page(off)))
				KUNIT_EXPECT_EQ(test, to_phys(unit, first),
						to_phys(unit, off));
	}
}

/* Addresses between and outside of the units have no offset. */
static void gaps(struct kunit *test)
{
	unsigned long window = pcpu_area.max_object, off;
	unsigned long gap = pcpu_area.stride - window;
	unsigned int unit;

	KUNIT_EXPECT_FALSE(test, pcpu_area_addr_to_off(pcpu_area.base - 1, &off,
						       &unit));
	if (gap && pcpu_area.stride > window)
		KUNIT_EXPECT_FALSE(test,
				   pcpu_area_addr_to_off(pcpu_area.base + window,
							 &off, &unit));
	KUNIT_EXPECT_EQ(test, PCPU_NO_OFF,
			pcpu_area_ptr_to_off((void __percpu __force *)
					     ((unsigned long)pcpu_area_off_to_ptr(0) - 1)));
}

/* A window is one range of addresses in every unit. */
static void windows(struct kunit *test)
{
	unsigned long window = pcpu_area_window_size(), off;

	for (off = 0; off < pcpu_area.size; off += window) {
		unsigned long first = pcpu_area_off_to_addr(off);
		unsigned long last = off + min(window, pcpu_area.size - off) - 1;

		KUNIT_EXPECT_EQ(test, first + (last - off),
				pcpu_area_off_to_addr(last));
	}
	KUNIT_EXPECT_TRUE(test, is_power_of_2(window));
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(pcpu_area.size, PCPU_CHUNK_SIZE));
}

/* Slots of the TSB for kernel addresses that all CPUs of a sparc64 share. */
#define NR_SLOTS	2048

/* The most units with copies of one object in one slot, indexed by page. */
static unsigned int worst_slot(u16 *units, unsigned long stride,
			       unsigned int shift, unsigned int nr_units)
{
	unsigned int unit, worst = 0;
	unsigned long slot;

	memset(units, 0, NR_SLOTS * sizeof(*units));
	for (unit = 0; unit < nr_units; unit++) {
		slot = (unit * stride >> shift) % NR_SLOTS;
		units[slot]++;
		worst = max_t(unsigned int, worst, units[slot]);
	}
	return worst;
}

/* Copies of an object spread over a table indexed by page, on any machine. */
static void spread(struct kunit *test)
{
	/* The stride is skewed by one page of the size that maps a unit. */
	unsigned int shift = pcpu_area.huge ? __ffs(pcpu_area.stride) :
					      PAGE_SHIFT;
	unsigned int n, worst;
	u16 *units;

	if (!IS_ENABLED(CONFIG_SMP) || !IS_ENABLED(CONFIG_MMU) ||
	    IS_ENABLED(CONFIG_KASAN_VMALLOC))
		kunit_skip(test, "the stride need not be skewed");
	KUNIT_EXPECT_LT(test, shift, pcpu_area.window_shift);
	units = kunit_kmalloc_array(test, NR_SLOTS, sizeof(*units), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, units);
	for (n = 64; n <= 4096; n *= 8) {
		worst = worst_slot(units, pcpu_area.stride, shift, n);
		kunit_info(test, "stride %lu KB: at most %u of %u units share one of %u slots",
			   pcpu_area.stride >> 10, worst, n, NR_SLOTS);
		KUNIT_EXPECT_EQ(test, worst, DIV_ROUND_UP(n, NR_SLOTS));
	}
}

static struct kunit_case pcpu_area_cases[] = {
	KUNIT_CASE(arithmetic),
	KUNIT_CASE(ranks),
	KUNIT_CASE(nodes),
	KUNIT_CASE(joined),
	KUNIT_CASE(gaps),
	KUNIT_CASE(windows),
	KUNIT_CASE(spread),
	{ }
};

static struct kunit_suite pcpu_area_suite = {
	.name = "percpu_layout",
	.test_cases = pcpu_area_cases,
};

kunit_test_suite(pcpu_area_suite);

MODULE_DESCRIPTION("KUnit tests of the layout of the percpu area");
MODULE_LICENSE("GPL");
