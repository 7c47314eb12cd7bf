// SPDX-License-Identifier: GPL-2.0-only
/*
 * bigref: memory of the percpu counters, and of the requests that disowns
 * and switches need.  SMP only.
 *
 * Seven counters are a group, which has one percpu object and one slab object:
 *
 *	percpu, of the first possible CPU     of any other CPU
 *	| group | 0 | 1 | ... | 6 |           | unused | 0 | 1 | ... | 6 |
 *	    |
 *	    '-> free mask, requests: 0 1 ... 6
 *
 * Both are aligned to their size, so that a counter leads to its request and a
 * request to its counter.  A counter is zero on every CPU while it is free.
 *
 * Each CPU caches a run of free counters, which are adjacent in one group, and
 * uses the cache without a lock.  The cached word is the address of the first
 * counter plus, in the low three bits, the number of counters that follow:
 *
 *	alloc	take the first counter, and put the rest of the run back
 *	free	join the run if the counter is adjacent to it, else replace the
 *		run and return it to its group
 *
 * Counters that are allocated or freed in the order of their addresses need
 * bigref_groups_lock once for each group.  A cached counter pins its group,
 * possibly with a page on every CPU, so all cached counters are returned to
 * their groups one second after the first was cached.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include <linux/align.h>
#include <linux/bits.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>
#include <linux/workqueue.h>

#include "bigref_internal.h"

/*
 * A counter occupies 8 bytes on 32-bit, too: the low three bits of its address
 * hold the state in ->mode.
 */
#define GROUP_WORDS	8
#define GROUP_COUNTERS	(GROUP_WORDS - 1)
#define GROUP_BYTES	(GROUP_WORDS * sizeof(u64))
#define GROUP_ALL	GENMASK(GROUP_COUNTERS - 1, 0)

/* The number of counters that follow the first in a cached run */
#define RUN_MORE	(sizeof(u64) - 1)

/**
 * struct bigref_group - counters that share one percpu object
 * @list: entry in bigref_groups while @free is not zero; under
 *	  bigref_groups_lock
 * @base: the percpu object; constant
 * @free: mask of free counters; a cached counter is not free; under
 *	  bigref_groups_lock
 * @reqs: one request for each counter, used by its owner without a lock; the
 *	  RCU head of the first frees the group when all counters are free
 */
struct bigref_group {
	struct list_head list;
	u64 __percpu *base;
	unsigned long free;
	struct bigref_req reqs[GROUP_COUNTERS];
};

/* kmalloc() aligns an object to its size if that is a power of two. */
#define GROUP_SIZE	sizeof(struct bigref_group)
static_assert(!(GROUP_SIZE & (GROUP_SIZE - 1)));

/*
 * Guards the three variables below, and @list and @free of each group; the number of
 * counters is also read without it.  Innermost lock; taken with interrupts off, for one
 * run of a group.
 */
static DEFINE_RAW_SPINLOCK(bigref_groups_lock);
/* Groups with free counters */
static LIST_HEAD(bigref_groups);
/* Number of counters that are not free, with those that are cached */
static unsigned int bigref_nr_allocated;
/* True while one group without allocated counters is kept; others are freed. */
static bool bigref_has_empty;

/* The cached run or 0; its CPU and a drain change it by xchg and cmpxchg. */
static DEFINE_PER_CPU(unsigned long, bigref_cached);

static void bigref_drain_workfn(struct work_struct *work);
static DECLARE_DELAYED_WORK(bigref_drain_work, bigref_drain_workfn);
/* Set once workqueues are available */
static bool bigref_drain_enabled __read_mostly;

/* All files of bigref share the module parameters' prefix. */
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "bigref."

bool bigref_no_percpu;
EXPORT_SYMBOL_IF_KUNIT(bigref_no_percpu);
module_param_named(no_percpu, bigref_no_percpu, bool, 0644);
MODULE_PARM_DESC(no_percpu, "Fail every allocation of percpu memory");

/* Return the number of counters in a run, or 0 for 0. */
static unsigned int run_nr(unsigned long run)
{
	return run ? 1 + (run & RUN_MORE) : 0;
}

static unsigned long __percpu *run_first(unsigned long run)
{
	return (unsigned long __percpu *)(run & ~RUN_MORE);
}

/* Return the number of cached counters.  A loop over all CPUs: not under a raw lock. */
unsigned int bigref_nr_cached(void)
{
	unsigned int cpu, nr = 0;

	KUNIT_STATIC_STUB_REDIRECT(bigref_nr_cached);
	for_each_possible_cpu(cpu)
		nr += run_nr(READ_ONCE(per_cpu(bigref_cached, cpu)));
	return nr;
}
EXPORT_SYMBOL_IF_KUNIT(bigref_nr_cached);

/*
 * Return the number of counters in use, without those that are cached.  No lock, as any
 * user may ask for it, and there may be many CPUs: the number is exact only while no run
 * is on its way between a group and a cache.
 */
unsigned int bigref_nr_in_use(void)
{
	unsigned int cached = bigref_nr_cached();
	/* The other accesses are plain: they have the lock. */
	unsigned int nr = data_race(READ_ONCE(bigref_nr_allocated));

	return nr - min(nr, cached);
}
EXPORT_SYMBOL_IF_KUNIT(bigref_nr_in_use);

/* Pages of percpu memory on all CPUs, for the tests */
unsigned long bigref_percpu_pages(void)
{
	return pcpu_nr_pages();
}
EXPORT_SYMBOL_IF_KUNIT(bigref_percpu_pages);

static int bigref_nr_percpu_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%u\n", bigref_nr_in_use());
}

static const struct kernel_param_ops bigref_nr_percpu_ops = {
	.get = bigref_nr_percpu_get,
};
module_param_cb(nr_percpu, &bigref_nr_percpu_ops, NULL, 0444);
MODULE_PARM_DESC(nr_percpu, "Number of counts with percpu memory");

/*
 * Conversion between a counter, its group and its request
 */

/*
 * Return the address of the word that points from a percpu object to its group.
 */
static struct bigref_group **group_backptr(u64 __percpu *base)
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
	return *group_backptr((u64 __percpu *)base);
}

struct bigref_req *bigref_req_of(unsigned long __percpu *counters)
{
	unsigned int index;
	struct bigref_group *group = group_of(counters, &index);

	return &group->reqs[index];
}

unsigned long __percpu *bigref_counters_of(struct bigref_req *req)
{
	struct bigref_group *group = PTR_ALIGN_DOWN((void *)req, GROUP_SIZE);

	return counters_at(group, req - group->reqs);
}

/*
 * Allocation and freeing
 */

/* Allocate the first run of free counters of @group, which has at least one. */
static unsigned long group_alloc_run(struct bigref_group *group)
{
	unsigned int index = __ffs(group->free);
	unsigned int nr = ffz(group->free >> index);

	lockdep_assert_held(&bigref_groups_lock);
	group->free &= ~(GENMASK(nr - 1, 0) << index);
	if (!group->free)
		list_del(&group->list);
	bigref_nr_allocated += nr;
	return (unsigned long)counters_at(group, index) | (nr - 1);
}

/* Allocate a run of an existing group.  Return 0 if no counter is free. */
static unsigned long run_from_list(void)
{
	struct bigref_group *group;
	unsigned long run = 0;
	unsigned long flags;

	raw_spin_lock_irqsave(&bigref_groups_lock, flags);
	group = list_first_entry_or_null(&bigref_groups, struct bigref_group,
					 list);
	if (group) {
		if (group->free == GROUP_ALL)
			bigref_has_empty = false;
		run = group_alloc_run(group);
	}
	raw_spin_unlock_irqrestore(&bigref_groups_lock, flags);
	return run;
}

/* Groups are not charged to a cgroup, because any user can reuse them. */
static struct bigref_group *group_create(gfp_t gfp)
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
	*group_backptr(group->base) = group;
	group->free = GROUP_ALL;
	return group;
}

static unsigned long run_from_new_group(gfp_t gfp)
{
	struct bigref_group *group = group_create(gfp);
	unsigned long flags, run;

	if (!group)
		return 0;
	raw_spin_lock_irqsave(&bigref_groups_lock, flags);
	list_add(&group->list, &bigref_groups);
	run = group_alloc_run(group);
	raw_spin_unlock_irqrestore(&bigref_groups_lock, flags);
	return run;
}

static void group_destroy_rcu(struct rcu_head *rcu)
{
	struct bigref_group *group =
		container_of(rcu, struct bigref_group, reqs[0].rcu);

	free_percpu(group->base);
	kfree(group);
}

/*
 * Free a run.  Return its group, off the list, if no counter of it is allocated
 * and another such group is kept; otherwise NULL.
 */
static struct bigref_group *group_free_run(unsigned long run)
{
	unsigned int index, nr = run_nr(run);
	struct bigref_group *group = group_of(run_first(run), &index);

	lockdep_assert_held(&bigref_groups_lock);
	bigref_nr_allocated -= nr;
	if (!group->free)
		list_add(&group->list, &bigref_groups);
	group->free |= GENMASK(nr - 1, 0) << index;
	if (group->free != GROUP_ALL)
		return NULL;
	if (!bigref_has_empty) {
		bigref_has_empty = true;
		return NULL;
	}
	list_del(&group->list);
	return group;
}

/*
 * Counters may be freed where kfree() is not allowed, for example under a raw
 * spinlock with PREEMPT_RT: free the group in an RCU callback.
 */
static void group_destroy(struct bigref_group *group)
{
	if (group)
		call_rcu(&group->reqs[0].rcu, group_destroy_rcu);
}

static void run_free(unsigned long run)
{
	struct bigref_group *surplus;
	unsigned long flags;

	raw_spin_lock_irqsave(&bigref_groups_lock, flags);
	surplus = group_free_run(run);
	raw_spin_unlock_irqrestore(&bigref_groups_lock, flags);
	group_destroy(surplus);
}

static noinline void bigref_drain_schedule(void)
{
	if (READ_ONCE(bigref_drain_enabled))
		queue_delayed_work(system_long_wq, &bigref_drain_work, HZ);
}

/* Schedule a drain after a run was cached in an empty cache. */
static __always_inline void bigref_drain_kick(void)
{
	/*
	 * Pairs with the full barrier of the work core, which clears the
	 * pending bit before the work reads the cached runs.
	 */
	smp_mb();
	if (unlikely(!delayed_work_pending(&bigref_drain_work)))
		bigref_drain_schedule();
}

static noinline unsigned long __percpu *counters_alloc_slow(gfp_t gfp)
{
	unsigned long run = 0, old;

	if (likely(!READ_ONCE(bigref_no_percpu)))
		run = run_from_list();
	if (!run)
		run = run_from_new_group(gfp);
	if (run & RUN_MORE) {
		/* An interrupt may have cached another run. */
		old = this_cpu_xchg(bigref_cached, run + sizeof(u64) - 1);
		if (old)
			run_free(old);
		bigref_drain_kick();
	}
	return run_first(run);
}

/* Return a counter that is zero on every CPU, or NULL if out of memory. */
unsigned long __percpu *bigref_counters_alloc(gfp_t gfp)
{
	unsigned long run = 0, rest;

	if (likely(!READ_ONCE(bigref_no_percpu)))
		run = this_cpu_read(bigref_cached);
	do {
		if (unlikely(!run))
			return counters_alloc_slow(gfp);
		rest = run & RUN_MORE ? run + sizeof(u64) - 1 : 0;
	} while (!this_cpu_try_cmpxchg(bigref_cached, &run, rest));
	return run_first(run);
}

/*
 * Return @run with the counter at @word if they are adjacent, else 0.  A group
 * begins with a word that is no counter, so that counters of two groups are
 * never adjacent.
 */
static unsigned long run_join(unsigned long run, unsigned long word)
{
	unsigned long first = run & ~RUN_MORE, more = run & RUN_MORE;

	if (word + sizeof(u64) == first)
		return word | (more + 1);
	if (word == first + (more + 1) * sizeof(u64))
		return run + 1;
	return 0;
}

/* @run is cached, or was: the counter at @word joins or replaces it. */
static noinline void counters_free_slow(unsigned long word, unsigned long run)
{
	unsigned long joined;

	do {
		joined = run ? run_join(run, word) : 0;
	} while (!this_cpu_try_cmpxchg(bigref_cached, &run, joined ?: word));
	if (!run)
		bigref_drain_kick();
	else if (!joined)
		run_free(run);
}

/* Free a counter, which must be zero on every CPU and no longer used. */
void bigref_counters_free(unsigned long __percpu *counters)
{
	unsigned long word = (unsigned long)counters;
	unsigned long run = 0;

	if (likely(this_cpu_try_cmpxchg(bigref_cached, &run, word)))
		bigref_drain_kick();
	else
		counters_free_slow(word, run);
}

/*
 * Draining the per-CPU caches
 */

static bool counters_are_cached(int cpu, void *unused)
{
	return READ_ONCE(per_cpu(bigref_cached, cpu));
}

/*
 * Return the run of one cache to its group.  Runs on the CPU of the cache
 * with interrupts off, or while that CPU is kept offline.
 */
static void counters_drain(void *cached)
{
	struct bigref_group *surplus = NULL;
	unsigned long flags, old;

	raw_spin_lock_irqsave(&bigref_groups_lock, flags);
	old = xchg((unsigned long *)cached, 0);
	if (old)
		surplus = group_free_run(old);
	raw_spin_unlock_irqrestore(&bigref_groups_lock, flags);
	group_destroy(surplus);
}

static void counters_drain_local(void *unused)
{
	counters_drain(this_cpu_ptr(&bigref_cached));
}

/* Return all cached counters to their groups.  Process context, may sleep. */
void bigref_counters_drain(void)
{
	unsigned int cpu;

	cpus_read_lock();
	on_each_cpu_cond(counters_are_cached, counters_drain_local, NULL,
			 true);
	for_each_possible_cpu(cpu)
		if (!cpu_online(cpu))
			counters_drain(per_cpu_ptr(&bigref_cached, cpu));
	cpus_read_unlock();
}
EXPORT_SYMBOL_IF_KUNIT(bigref_counters_drain);

static void bigref_drain_workfn(struct work_struct *work)
{
	bigref_counters_drain();
}

static int __init bigref_drain_init(void)
{
	WRITE_ONCE(bigref_drain_enabled, true);
	bigref_drain_schedule();
	return 0;
}
subsys_initcall(bigref_drain_init);

/* Return the sum of a counter over all possible CPUs, or 0 for NULL. */
unsigned long bigref_counters_sum(unsigned long __percpu *counters)
{
	unsigned long sum = 0;
	unsigned int cpu;

	if (!counters)
		return 0;
	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(counters, cpu));
	return sum;
}

static __always_inline unsigned long
counters_take_one(unsigned long __percpu *counters, unsigned int cpu)
{
	unsigned long *here = per_cpu_ptr(counters, cpu);
	unsigned long n = READ_ONCE(*here);

	if (unlikely(n))
		WRITE_ONCE(*here, 0);
	return n;
}

/* Clear a counter that no CPU uses, and return what its sum was. */
unsigned long bigref_counters_take(unsigned long __percpu *counters)
{
	unsigned long sum = 0;
	unsigned int cpu;

	/* for_each_possible_cpu() searches the mask for each CPU. */
	if (likely(num_possible_cpus() == nr_cpu_ids)) {
		for (cpu = 0; cpu < nr_cpu_ids; cpu++)
			sum += counters_take_one(counters, cpu);
		return sum;
	}
	for_each_possible_cpu(cpu)
		sum += counters_take_one(counters, cpu);
	return sum;
}

/* Clear a counter on all possible CPUs. */
void bigref_counters_clear(unsigned long __percpu *counters)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		WRITE_ONCE(*per_cpu_ptr(counters, cpu), 0);
}

static void bigref_counters_free_rcu(struct rcu_head *rcu)
{
	struct bigref_req *req = container_of(rcu, struct bigref_req, rcu);
	unsigned long __percpu *counters = bigref_counters_of(req);

	bigref_counters_clear(counters);
	bigref_counters_free(counters);
}

/*
 * Free a counter after a grace period: until then, a CPU may add to it, and
 * bigref_val() may read it.
 */
void bigref_counters_free_deferred(unsigned long __percpu *counters)
{
	call_rcu(&bigref_req_of(counters)->rcu, bigref_counters_free_rcu);
}
