// SPDX-License-Identifier: GPL-2.0
/*
 * phys: per_cpu_ptr_to_phys() returns the address of the page that is mapped.
 * watch: print the address of static data that each tick may write, for perf_phys.
 */
#include <linux/highmem.h>
#include <linux/kernel_stat.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/pfn.h>
#include <linux/sizes.h>

#include "test.h"

static unsigned long phys_fn;
module_param(phys_fn, ulong, 0400);
MODULE_PARM_DESC(phys_fn, "address of per_cpu_ptr_to_phys()");

static DEFINE_PER_CPU(u32, phys_value);

typedef phys_addr_t (*to_phys_fn)(void *addr);

static __nocfi phys_addr_t to_phys(void *addr)
{
	return ((to_phys_fn)phys_fn)(addr);
}

/* Write a word through its page, and read it through its percpu address. */
static int phys_word(u32 *word, u32 value)
{
	phys_addr_t phys = to_phys(word);
	u32 *page;

	if (offset_in_page(phys) != offset_in_page(word) ||
	    !pfn_valid(PHYS_PFN(phys))) {
		complain("%#lx: invalid physical address %pa", (unsigned long)word,
			 &phys);
		return -EFAULT;
	}
	page = kmap_local_page(pfn_to_page(PHYS_PFN(phys)));
	WRITE_ONCE(*(u32 *)((void *)page + offset_in_page(phys)), value);
	kunmap_local(page);
	if (READ_ONCE(*word) == value)
		return 0;
	complain("%#lx: physical address %pa is another page", (unsigned long)word, &phys);
	return -EIO;
}

static int phys_object(void __percpu *ptr, size_t size)
{
	size_t offset, last = round_down(size - sizeof(u32), sizeof(u32));
	int cpu, err;

	for_each_possible_cpu(cpu) {
		void *copy = per_cpu_ptr(ptr, cpu);

		err = phys_word(copy + last, ~(u32)cpu);
		if (err)
			return err;
		for (offset = 0; offset < last; offset += SZ_1K) {
			err = phys_word(copy + offset, offset + cpu);
			if (err)
				return err;
		}
	}
	return 0;
}

int test_phys(void)
{
	static const size_t sizes[] = {
		4, 64, 100, 1024, 4096, 6000, SZ_16K, SZ_32K,
	};
	void __percpu *ptr[ARRAY_SIZE(sizes)] = {};
	unsigned int i;
	int err = 0;

	if (!phys_fn) {
		say("SKIP no address of per_cpu_ptr_to_phys()");
		return -EOPNOTSUPP;
	}
	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++)
		err = alloc_fresh(&ptr[i], sizes[i], 4, i);
	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++)
		err = phys_object(ptr[i], sizes[i]);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		free_percpu(ptr[i]);
	/* Static percpu data has pages, too. */
	for_each_possible_cpu(i) {
		if (!err)
			err = phys_word(per_cpu_ptr(&phys_value, i), i);
	}
	return err;
}

int test_watch(void)
{
	u64 *word = &kcpustat_cpu(0).cpustat[CPUTIME_USER];
	phys_addr_t phys;

	if (!phys_fn) {
		say("SKIP no address of per_cpu_ptr_to_phys()");
		return -EOPNOTSUPP;
	}
	phys = to_phys(word);
	say("watch %#lx at %pa", (unsigned long)word, &phys);
	return 0;
}
