// SPDX-License-Identifier: GPL-2.0
/*
 * basic, sizes_large: objects of all sizes, aligned and zero.
 */
#include <linux/gfp.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "test.h"

static unsigned long max_size = SZ_1M;
module_param(max_size, ulong, 0444);
MODULE_PARM_DESC(max_size, "largest object of sizes_large");

/* basic: each size with each alignment, while older objects are live */
static const size_t basic_sizes[] = {
	1, 2, 3, 4, 5, 8, 12, 15, 16, 17, 24, 31, 32, 40, 48, 63, 64, 65, 80,
	96, 127, 128, 129, 192, 256, 320, 511, 512, 768, 1000, 1024, 1025,
	1536, 2048, 2049, 3000, 4000, 4095, 4096,
};

#define BASIC_LIVE	32

int test_basic(void)
{
	static struct live_object live[BASIC_LIVE];
	unsigned int i, nr = 0;
	size_t align;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(basic_sizes) && !err; i++) {
		for (align = 1; align <= PAGE_SIZE && !err; align *= 2) {
			struct live_object *obj = &live[nr % BASIC_LIVE];

			err = free_live(obj);
			if (err)
				break;
			obj->size = basic_sizes[i];
			obj->tag = nr++ * 7 + 1;
			err = alloc_fresh(&obj->ptr, obj->size, align, obj->tag);
		}
		cond_resched();
	}
	for (i = 0; i < BASIC_LIVE; i++)
		err = free_live(&live[i]) ?: err;
	say("%u objects of %zu sizes, alignments 1 to %lu", nr,
	    ARRAY_SIZE(basic_sizes), PAGE_SIZE);
	return err;
}

/* sizes_large: objects larger than a chunk of the previous allocator */
static int large_object(size_t size, size_t align)
{
	void __percpu *ptr, *next;
	int err, end;

	ptr = __alloc_percpu_gfp(size, align, GFP_KERNEL | __GFP_NOWARN);
	if (!ptr) {
		complain("no memory (-ENOMEM) for size %zu, align %zu", size,
			 align);
		return -ENOMEM;
	}
	/* A write to the large object must not change a small one. */
	err = alloc_fresh(&next, 8, 8, 0x81);
	end = check_fresh(ptr, size, align, 0x41);
	if (!end)
		end = check_tag(ptr, size, 0x41);
	if (!end && next)
		end = check_tag(next, 8, 0x81);
	free_percpu(next);
	free_percpu(ptr);
	return err ?: end;
}

int test_sizes_large(void)
{
	static const size_t sizes[] = {
		SZ_32K, 32792, SZ_64K, SZ_256K, SZ_1M,
	};
	static const size_t aligns[] = { 8, 64, PAGE_SIZE };
	unsigned int i, j;
	int err;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i] > max_size) {
			say("size %zu: skipped (max_size=%lu)",
			    sizes[i], max_size);
			continue;
		}
		for (j = 0; j < ARRAY_SIZE(aligns); j++) {
			err = large_object(sizes[i], aligns[j]);
			if (err)
				return err;
			cond_resched();
		}
		say("size %zu: written and checked on %u CPUs", sizes[i],
		    num_possible_cpus());
	}
	return 0;
}
