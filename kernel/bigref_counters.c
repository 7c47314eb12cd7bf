// SPDX-License-Identifier: GPL-2.0-only
/*
 * Percpu counters of bigrefs, and a record for each, which its disown needs:
 * that must not need memory.  SMP only.
 *
 * A group of seven counters is one percpu object and one slab object:
 *
 *	percpu, of the first possible CPU     of any other CPU
 *	| group | 0 | 1 | ... | 6 |           | unused | 0 | 1 | ... | 6 |
 *	    |
 *	    '-> free mask, records: 0 1 ... 6
 *
 * Both are aligned to their size, so that each leads to the other.  Counters
 * that are handed out are zero on every CPU.
 *
 * Every CPU keeps one free counter, with its record, at hand, and takes no lock
 * for that.  As such a counter keeps its group, and that perhaps a page on every
 * CPU, all go back a second after one came to hand.
 */
#include <linux/align.h>
#include <linux/bits.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>
#include <linux/workqueue.h>

#include "bigref_internal.h"

/* Words of 8 bytes, on 32-bit too: a mode has a state in the lower three bits. */
#define GROUP_WORDS	8
#define GROUP_COUNTERS	(GROUP_WORDS - 1)
#define GROUP_BYTES	(GROUP_WORDS * sizeof(u64))
#define GROUP_ALL	GENMASK(GROUP_COUNTERS - 1, 0)

/**
 * struct bigref_group - counters that were allocated at once
 * @list: on bigref_groups while some are free
 * @base: the percpu object
 * @free: which counters are free; those that a CPU has at hand are not
 * @records: one for each counter; if all are free, the first frees the group
 */
struct bigref_group {
	struct list_head list;
	u64 __percpu *base;
	unsigned long free;
	struct bigref_record records[GROUP_COUNTERS];
};

/* kmalloc() aligns what is a power of two to its size. */
#define GROUP_SIZE	sizeof(struct bigref_group)
static_assert(!(GROUP_SIZE & (GROUP_SIZE - 1)));

/* Protects what follows, and the groups' @list and @free. */
static DEFINE_RAW_SPINLOCK(bigref_groups_lock);
static LIST_HEAD(bigref_groups);
static unsigned int bigref_nr_taken;
static bool bigref_has_empty;		/* one group may stay, all free */

static DEFINE_PER_CPU(unsigned long, bigref_at_hand);

static void bigref_trim_run(struct work_struct *work);
static DECLARE_DELAYED_WORK(bigref_trim_work, bigref_trim_run);
static bool bigref_trims __read_mostly;		/* there are workqueues */

/* It is one thing to its users. */
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "bigref."

bool bigref_no_percpu;
module_param_named(no_percpu, bigref_no_percpu, bool, 0644);
MODULE_PARM_DESC(no_percpu, "Let every allocation of percpu memory fail");

unsigned int bigref_nr_at_hand(void)
{
	unsigned int cpu, nr = 0;

	for_each_possible_cpu(cpu)
		nr += !!READ_ONCE(per_cpu(bigref_at_hand, cpu));
	return nr;
}

unsigned int bigref_nr_in_use(void)
{
	unsigned long flags;
	unsigned int nr;

	raw_spin_lock_irqsave(&bigref_groups_lock, flags);
	nr = bigref_nr_taken - bigref_nr_at_hand();
	raw_spin_unlock_irqrestore(&bigref_groups_lock, flags);
	return nr;
}

static int bigref_nr_percpu_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%u\n", bigref_nr_in_use());
}

static const struct kernel_param_ops bigref_nr_percpu_ops = {
	.get = bigref_nr_percpu_get,
};
module_param_cb(nr_percpu, &bigref_nr_percpu_ops, NULL, 0444);
MODULE_PARM_DESC(nr_percpu, "Counts that have percpu memory");

/*
 * From a counter to its group, and back
 */
static struct bigref_group **group_word(u64 __percpu *base)
{
	return (struct bigref_group **)
		per_cpu_ptr(base, cpumask_first(cpu_possible_mask));
}

static unsigned long __percpu *counters_at(struct bigref_group *group,
					   unsigned int index)
{
	return (unsigned long __percpu *)(group->base + 1 + index);
}

static struct bigref_group *group_of(unsigned long __percpu *counters,
				     unsigned int *index)
{
	unsigned long word = (unsigned long)counters;
	unsigned long base = ALIGN_DOWN(word, GROUP_BYTES);

	*index = (word - base) / sizeof(u64) - 1;
	return *group_word((u64 __percpu *)base);
}

struct bigref_record *bigref_record_of(unsigned long __percpu *counters)
{
	unsigned int index;
	struct bigref_group *group = group_of(counters, &index);

	return &group->records[index];
}

unsigned long __percpu *bigref_counters_of(struct bigref_record *record)
{
	struct bigref_group *group = PTR_ALIGN_DOWN((void *)record, GROUP_SIZE);

	return counters_at(group, record - group->records);
}

/*
 * Take and give back
 */
static unsigned long __percpu *group_take(struct bigref_group *group)
{
	unsigned int index = __ffs(group->free);

	lockdep_assert_held(&bigref_groups_lock);
	if (group->free == GROUP_ALL)
		bigref_has_empty = false;
	__clear_bit(index, &group->free);
	if (!group->free)
		list_del(&group->list);
	bigref_nr_taken++;
	return counters_at(group, index);
}

static unsigned long __percpu *counters_taken(void)
{
	unsigned long __percpu *counters = NULL;
	struct bigref_group *group;
	unsigned long flags;

	raw_spin_lock_irqsave(&bigref_groups_lock, flags);
	group = list_first_entry_or_null(&bigref_groups, struct bigref_group,
					 list);
	if (group)
		counters = group_take(group);
	raw_spin_unlock_irqrestore(&bigref_groups_lock, flags);
	return counters;
}

/* What others use later is no cgroup's. */
static struct bigref_group *group_new(gfp_t gfp)
{
	struct bigref_group *group;

	gfp = (gfp & ~__GFP_ACCOUNT) | __GFP_NOWARN;
	group = kmalloc(GROUP_SIZE, gfp & ~__GFP_ZERO);
	if (!group)
		return NULL;
	group->base = NULL;
	if (likely(!READ_ONCE(bigref_no_percpu)))
		group->base = __alloc_percpu_gfp(GROUP_BYTES, GROUP_BYTES, gfp);
	if (!group->base) {
		kfree(group);
		return NULL;
	}
	*group_word(group->base) = group;
	group->free = GROUP_ALL;
	return group;
}

static unsigned long __percpu *counters_of_new_group(gfp_t gfp)
{
	struct bigref_group *group = group_new(gfp);
	unsigned long __percpu *counters;
	unsigned long flags;

	if (!group)
		return NULL;
	raw_spin_lock_irqsave(&bigref_groups_lock, flags);
	list_add(&group->list, &bigref_groups);
	counters = group_take(group);
	raw_spin_unlock_irqrestore(&bigref_groups_lock, flags);
	return counters;
}

static noinline unsigned long __percpu *counters_from_group(gfp_t gfp)
{
	unsigned long __percpu *counters = NULL;

	if (likely(!READ_ONCE(bigref_no_percpu)))
		counters = counters_taken();
	return counters ?: counters_of_new_group(gfp);
}

/* NULL if there is no memory to be had with @gfp. */
unsigned long __percpu *bigref_counters_get(gfp_t gfp)
{
	unsigned long at_hand = 0;

	if (likely(!READ_ONCE(bigref_no_percpu)))
		at_hand = this_cpu_xchg(bigref_at_hand, 0);
	if (likely(at_hand))
		return (unsigned long __percpu *)at_hand;
	return counters_from_group(gfp);
}

static void group_free_rcu(struct rcu_head *rcu)
{
	struct bigref_group *group =
		container_of(rcu, struct bigref_group, records[0].rcu);

	free_percpu(group->base);
	kfree(group);
}

/* Return a group that is surplus then, off the list. */
static struct bigref_group *group_put(unsigned long __percpu *counters)
{
	unsigned int index;
	struct bigref_group *group = group_of(counters, &index);

	lockdep_assert_held(&bigref_groups_lock);
	bigref_nr_taken--;
	if (!group->free)
		list_add(&group->list, &bigref_groups);
	__set_bit(index, &group->free);
	if (group->free != GROUP_ALL)
		return NULL;
	if (!bigref_has_empty) {
		bigref_has_empty = true;
		return NULL;
	}
	list_del(&group->list);
	return group;
}

/* Slab is not to be called from where we may be. */
static void group_free(struct bigref_group *group)
{
	if (group)
		call_rcu(&group->records[0].rcu, group_free_rcu);
}

static noinline void counters_to_group(unsigned long __percpu *counters)
{
	struct bigref_group *surplus;
	unsigned long flags;

	raw_spin_lock_irqsave(&bigref_groups_lock, flags);
	surplus = group_put(counters);
	raw_spin_unlock_irqrestore(&bigref_groups_lock, flags);
	group_free(surplus);
}

static noinline void bigref_trim_later(void)
{
	if (READ_ONCE(bigref_trims))
		queue_delayed_work(system_long_wq, &bigref_trim_work, HZ);
}

/* @counters are zero and nobody looks at them. */
void bigref_counters_put(unsigned long __percpu *counters)
{
	unsigned long old = this_cpu_xchg(bigref_at_hand,
					  (unsigned long)counters);

	if (unlikely(old)) {
		counters_to_group((unsigned long __percpu *)old);
		return;
	}
	/* Who runs the work is no more pending first, and looks then. */
	smp_mb();
	if (unlikely(!delayed_work_pending(&bigref_trim_work)))
		bigref_trim_later();
}

/*
 * Give back what CPUs have at hand
 */
static bool counters_are_at_hand(int cpu, void *unused)
{
	return READ_ONCE(per_cpu(bigref_at_hand, cpu));
}

/* On that CPU, IRQs off; or it is offline, and stays so. */
static void counters_return(void *at_hand)
{
	struct bigref_group *surplus = NULL;
	unsigned long flags, old;

	raw_spin_lock_irqsave(&bigref_groups_lock, flags);
	old = xchg((unsigned long *)at_hand, 0);
	if (old)
		surplus = group_put((unsigned long __percpu *)old);
	raw_spin_unlock_irqrestore(&bigref_groups_lock, flags);
	group_free(surplus);
}

static void counters_return_here(void *unused)
{
	counters_return(this_cpu_ptr(&bigref_at_hand));
}

/* Sleeps. */
void bigref_counters_trim(void)
{
	unsigned int cpu;

	cpus_read_lock();
	on_each_cpu_cond(counters_are_at_hand, counters_return_here, NULL,
			 true);
	for_each_possible_cpu(cpu)
		if (!cpu_online(cpu))
			counters_return(per_cpu_ptr(&bigref_at_hand, cpu));
	cpus_read_unlock();
}

static void bigref_trim_run(struct work_struct *work)
{
	bigref_counters_trim();
}

static int __init bigref_trim_init(void)
{
	WRITE_ONCE(bigref_trims, true);
	bigref_trim_later();
	return 0;
}
subsys_initcall(bigref_trim_init);

/*
 * All CPUs: the sum, and in @used what is not 0 if any counter is not
 */
unsigned long bigref_sum_used(unsigned long __percpu *counters,
			      unsigned long *used)
{
	unsigned long sum = 0, any = 0, n;
	unsigned int cpu;

	/* There are few holes: to look for the next bit would cost more. */
	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		if (!cpu_possible(cpu))
			continue;
		n = READ_ONCE(*per_cpu_ptr(counters, cpu));
		sum += n;
		any |= n;
	}
	*used = any;
	return sum;
}

unsigned long bigref_sum(unsigned long __percpu *counters)
{
	unsigned long used;

	return counters ? bigref_sum_used(counters, &used) : 0;
}

void bigref_clear(unsigned long __percpu *counters)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		WRITE_ONCE(*per_cpu_ptr(counters, cpu), 0);
}
