// SPDX-License-Identifier: GPL-2.0
/*
 * bad_requests, bad_frees: invalid calls are refused and change nothing.
 */
#include <linux/gfp.h>
#include <linux/kernel_stat.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "test.h"

static bool strict = true;
module_param(strict, bool, 0444);
MODULE_PARM_DESC(strict, "bad_requests also without __GFP_NOWARN");

/* bad_requests: each returns NULL, and changes nothing */
struct bad_request {
	size_t size;
	size_t align;
};

static int bad_request(const struct bad_request *req, gfp_t gfp)
{
	void __percpu *ptr = __alloc_percpu_gfp(req->size, req->align, gfp);

	if (!ptr)
		return 0;
	complain("size %zu, align %zu did not fail", req->size, req->align);
	free_percpu(ptr);
	return -EINVAL;
}

int test_bad_requests(void)
{
	static const struct bad_request bad[] = {
		{ 0, 8 },
		{ 8, 6 },
		{ 8, 24 },
		{ 8, 2 * PAGE_SIZE },
		{ SZ_1G, 8 },
		{ SIZE_MAX, 8 },
		{ SIZE_MAX - PAGE_SIZE, PAGE_SIZE },
	};
	unsigned int i, nr = ARRAY_SIZE(bad);
	void __percpu *before, *after;
	int err;

	err = alloc_fresh(&before, 64, 8, 0x11);
	for (i = 0; i < nr && !err; i++) {
		err = bad_request(&bad[i], GFP_KERNEL | __GFP_NOWARN);
		if (!err)
			err = bad_request(&bad[i], GFP_ATOMIC | __GFP_NOWARN);
		if (!err && strict)
			err = bad_request(&bad[i], GFP_KERNEL);
		if (!err && strict)
			err = bad_request(&bad[i], GFP_ATOMIC);
	}
	if (!err)
		err = alloc_fresh(&after, 64, 8, 0x22);
	if (!err) {
		err = check_tag(before, 64, 0x11);
		free_percpu(after);
	}
	free_percpu(before);
	say("%u kinds of invalid requests", nr);
	return err;
}

/* bad_frees: each is refused, and live objects keep their contents */
#define BAD_FREE_SIZES	3

struct bad_free_case {
	void __percpu *left, *middle, *right;
	size_t size;
};

static int free_twice(void *ptr)
{
	free_percpu((__force void __percpu *)ptr);
	free_percpu((__force void __percpu *)ptr);
	return 0;
}

static void __percpu *inside(void __percpu *ptr, size_t offset)
{
	return (__force void __percpu *)((__force unsigned long)ptr + offset);
}

static void bad_frees_of_size(struct bad_free_case *c)
{
	static const size_t offsets[] = { 1, 4, 8, 16 };
	unsigned int i;

	/* No other CPU can allocate the object between the two frees. */
	stop_machine(free_twice, (__force void *)c->middle, NULL);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		free_percpu(inside(c->left, offsets[i]));
	free_percpu(inside(c->right, c->size - 1));
	if (c->size > PAGE_SIZE)
		free_percpu(inside(c->right, PAGE_SIZE));
}

/* Pointers that the allocator did not return */
static int bad_frees_foreign(void)
{
	void *slab = kmalloc(64, GFP_KERNEL);
	void *virt = vmalloc(PAGE_SIZE);
	int err = 0;

	if (slab && virt) {
		free_percpu((__force void __percpu *)slab);
		free_percpu((__force void __percpu *)virt);
		memset(slab, 0, 64);
		memset(virt, 0, PAGE_SIZE);
	} else {
		err = -ENOMEM;
	}
	vfree(virt);
	kfree(slab);

	/* A static variable of the kernel, and a part of this module's section. */
	free_percpu(&kstat);
#ifdef CONFIG_SMP
	if (THIS_MODULE->percpu_size > 16)
		free_percpu(inside(THIS_MODULE->percpu, 16));
#endif
	return err;
}

static int bad_frees_prepare(struct bad_free_case *c)
{
	int err;

	err = alloc_fresh(&c->left, c->size, 16, 0x31);
	if (!err)
		err = alloc_fresh(&c->middle, c->size, 16, 0x32);
	if (!err)
		err = alloc_fresh(&c->right, c->size, 16, 0x33);
	return err;
}

static int bad_frees_verify(struct bad_free_case *c)
{
	void __percpu *again[4] = {};
	unsigned int i;
	int err;

	err = check_tag(c->left, c->size, 0x31);
	if (!err)
		err = check_tag(c->right, c->size, 0x33);
	/* If a live object was freed, one of these overlaps it. */
	for (i = 0; i < ARRAY_SIZE(again) && !err; i++)
		err = alloc_fresh(&again[i], c->size, 16, 0x34 + i);
	for (i = 0; i < ARRAY_SIZE(again) && !err; i++)
		err = check_tag(again[i], c->size, 0x34 + i);
	if (!err)
		err = check_tag(c->left, c->size, 0x31);
	if (!err)
		err = check_tag(c->right, c->size, 0x33);
	for (i = 0; i < ARRAY_SIZE(again); i++)
		free_percpu(again[i]);
	free_percpu(c->left);
	free_percpu(c->right);
	return err;
}

int test_bad_frees(void)
{
	struct bad_free_case cases[BAD_FREE_SIZES] = {
		{ .size = 32 }, { .size = 240 }, { .size = 3 * PAGE_SIZE },
	};
	unsigned int i;
	int err = 0;

	free_percpu(NULL);
	for (i = 0; i < BAD_FREE_SIZES && !err; i++)
		err = bad_frees_prepare(&cases[i]);
	if (err)
		return err;
	for (i = 0; i < BAD_FREE_SIZES; i++)
		bad_frees_of_size(&cases[i]);
	err = bad_frees_foreign();
	for (i = 0; i < BAD_FREE_SIZES; i++)
		err = bad_frees_verify(&cases[i]) ?: err;
	return err;
}
