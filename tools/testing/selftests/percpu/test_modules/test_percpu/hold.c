// SPDX-License-Identifier: GPL-2.0
/*
 * hold, accounting: objects that live until rmmod.  pulse: objects that come and go.
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "test.h"

static bool atomic;
module_param(atomic, bool, 0444);
MODULE_PARM_DESC(atomic, "hold allocates with GFP_ATOMIC");

static bool loud;
module_param(loud, bool, 0444);
MODULE_PARM_DESC(loud, "hold allocates without __GFP_NOWARN");

#define MAX_KINDS	8

static unsigned long hold_size[MAX_KINDS] = { 64 };
static unsigned int nr_hold_sizes = 1;
module_param_array_named(size, hold_size, ulong, &nr_hold_sizes, 0444);
MODULE_PARM_DESC(size, "sizes of the objects of hold and accounting, a list");

static unsigned int hold_count[MAX_KINDS] = { 100 };
static unsigned int nr_hold_counts = 1;
module_param_array_named(count, hold_count, uint, &nr_hold_counts, 0444);
MODULE_PARM_DESC(count, "number of objects of each size, a list");

static unsigned int rounds = 10;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "how often the objects of pulse come and go");

static struct live_object *held;
static unsigned int nr_held;

int free_held(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < nr_held; i++)
		err = free_live(&held[i]) ?: err;
	kvfree(held);
	held = NULL;
	nr_held = 0;
	return err;
}

static int hold_one(size_t size, gfp_t gfp)
{
	struct live_object *obj = &held[nr_held];

	obj->ptr = __alloc_percpu_gfp(size, size < 8 ? 1 : 8,
				      loud ? gfp : gfp | __GFP_NOWARN);
	if (!obj->ptr) {
		complain("no memory (-ENOMEM) for object %u, size %zu", nr_held,
			 size);
		return -ENOMEM;
	}
	obj->size = size;
	obj->tag = nr_held++;
	return check_fresh(obj->ptr, size, 1, obj->tag);
}

static int hold(gfp_t gfp)
{
	unsigned int kind, i, total = 0;
	int err = 0;

	if (nr_hold_sizes != nr_hold_counts) {
		complain("%u sizes, but %u counts", nr_hold_sizes,
			 nr_hold_counts);
		return -EINVAL;
	}
	for (kind = 0; kind < nr_hold_sizes; kind++)
		total += hold_count[kind];
	held = kvcalloc(total, sizeof(*held), GFP_KERNEL);
	if (!held)
		return -ENOMEM;
	for (kind = 0; kind < nr_hold_sizes; kind++) {
		for (i = 0; i < hold_count[kind] && !err; i++) {
			err = hold_one(hold_size[kind], gfp);
			cond_resched();
		}
	}
	if (err)
		free_held();
	return err;
}

static int hold_and_say(gfp_t gfp)
{
	int err = hold(gfp);

	if (!err)
		say("%u objects held until rmmod", nr_held);
	return err;
}

int test_hold(void)
{
	return hold_and_say(atomic ? GFP_ATOMIC : GFP_KERNEL);
}

int test_accounting(void)
{
	return hold_and_say(GFP_KERNEL_ACCOUNT);
}

/*
 * Between "begin" and "end" nothing but the objects comes and goes: loading the module
 * is over, and its memory for initialization is not freed yet.
 */
int test_pulse(void)
{
	unsigned int i;
	int err = 0;

	ssleep(2);
	say("begin");
	ssleep(6);
	for (i = 0; i < rounds && !err; i++) {
		err = hold(GFP_KERNEL) ?: free_held();
		/* The worker gives the pages back. */
		ssleep(2);
	}
	say("end");
	ssleep(10);
	return err;
}
