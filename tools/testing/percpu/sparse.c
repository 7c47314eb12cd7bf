// SPDX-License-Identifier: GPL-2.0-only
/*
 * sparse: many possible CPUs with holes among their numbers, and the budget of
 * their caches.
 *
 *	sparse CPUS STEP	the possible CPUs are 0, STEP, 2 * STEP, ...
 */
#include <shim.h>

#include "bed.h"
#include "cache.h"
#include "layout.h"
#include "tests/validate.h"

#define NR	(16 * PCPU_CLASS_GRANULES)

static void *objects[NR];

static void fail(const char *what)
{
	fprintf(stderr, "sparse: %s\n", what);
	exit(1);
}

static void *alloc(size_t size)
{
	void *p = pcpu_alloc_noprof(size, 8, false, GFP_KERNEL);

	if (!p)
		fail("an allocation failed");
	return p;
}

/* An object that is used again is zero in all units. */
static void clears(size_t size)
{
	unsigned int unit, round;
	char *ptr, *copy;

	for (round = 0; round < 2; round++) {
		ptr = alloc(size);
		for_each_pcpu_unit(unit) {
			copy = (char *)pcpu_area_unit_addr(unit, pcpu_area_ptr_to_off(ptr));
			if (copy[0] || copy[size - 1])
				fail("an object is not zero");
			memset(copy, 1, size);
		}
		free_percpu(ptr);
	}
}

/* All CPUs are busy: each has a cached object, and the budget is kept. */
static void all_busy(void)
{
	unsigned int cpu, unit, i;
	unsigned long bytes = 0;
	void *ptr;

	for_each_possible_cpu(cpu) {
		shim_cpu = cpu;
		for (i = 0; i < 8; i++)
			objects[i] = alloc(16);
		for (i = 0; i < 8; i++)
			free_percpu(objects[i]);
		ptr = alloc(16);
		if (ptr != objects[7])
			fail("a CPU does not allocate the object that it freed last");
		free_percpu(ptr);
	}
	for_each_pcpu_unit(unit)
		pcpu_cache_count(pcpu_cache_of_unit(unit), &bytes);
	if (bytes > PCPU_CACHES_BYTES + 16 * shim_nr_cpus)
		fail("the caches hold more than the budget");
}

/* Free more than a cache holds on one CPU. Return its share. */
static int one_busy(unsigned int unit)
{
	unsigned int i;

	shim_cpu = pcpu_unit_cpu(unit);
	for (i = 0; i < NR; i++)
		objects[i] = alloc(PCPU_GRANULE * (1 + i % PCPU_CLASS_GRANULES));
	for (i = 0; i < NR; i++)
		free_percpu(objects[i]);
	return pcpu_cache_of_unit(unit)->share;
}

static void settle(void)
{
	const char *bad = bed_settle() ?: pcpu_validate_conservation();

	if (bad)
		fail(bad);
	if (atomic_read(&pcpu_caches_left) != PCPU_CACHES_BYTES)
		fail("empty caches keep a share of the budget");
}

/* While boot builds a layout, no address is percpu data: lockdep asks then, too. */
static void no_layout_yet(void)
{
	pcpu_area.static_size = PAGE_SIZE;
	if (is_kernel_percpu_address((unsigned long)&pcpu_area))
		fail("an address is percpu data before there is an area");
}

int main(int argc, char **argv)
{
	unsigned int cpus = argc > 1 ? atoi(argv[1]) : 64;

	no_layout_yet();
	shim_cpu_step = argc > 2 ? atoi(argv[2]) : 2;
	bed_boot(cpus, PAGE_SIZE, 28 << 10);
	clears(8);
	clears(1000);
	all_busy();
	settle();
	/* More CPUs would only take memory. */
	if (cpus <= 256 && (one_busy(cpus - 1) < PCPU_CACHE_BYTES / 2 ||
			    one_busy(cpus / 2) < PCPU_CACHE_BYTES / 2))
		fail("two busy CPUs do not get a share of what they need");
	settle();
	printf("sparse: %u CPUs, the last one is %u\n", cpus, pcpu_unit_cpu(cpus - 1));
	return 0;
}
