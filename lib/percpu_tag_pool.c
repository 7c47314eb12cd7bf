// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_tag: init, destroy and resize of a pool, CPU hotplug, validator.
 */
#define pr_fmt(fmt) "percpu_tag: " fmt

#include <linux/cleanup.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/instruction_pointer.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/topology.h>

#include "percpu_tag_internal.h"

#define RUN_ALIGN	16		/* entries of next[] in a cache line */

/*
 * All pools. CPU hotplug walks them with the mutex held, and waits for nothing meanwhile:
 * a pool may be initialized or destroyed by a task that CPU hotplug waits for, which must
 * not wait for CPU hotplug.
 */
static HLIST_HEAD(percpu_tag_pools);
static DEFINE_MUTEX(percpu_tag_pools_mutex);

/*
 * Move the parked tags of a range to the list of @cpu, the lowest to the top.
 */
static void distribute_run(struct percpu_tag_pool *pool, unsigned int cpu,
			   unsigned int from, unsigned int to)
{
	struct percpu_tag_cpu *list = cpu_list(pool, cpu);

	while (to > from) {
		struct percpu_tag_wakes wakes = { };
		unsigned int n;

		guard(preempt)();
		scoped_guard(raw_spinlock_irqsave, &list->lock) {
			for (n = 0; n < STEAL_MAX && to > from; n++) {
				if (READ_ONCE(pool->next[--to]) == TAG_PARKED)
					percpu_tag_add(list, to, &wakes);
			}
		}
		percpu_tag_wake(&wakes);
	}
}

/*
 * Distribute the parked tags of a range to the online CPUs, node by node, in
 * runs of adjacent tags. The tags of one cache line of next[] go to one CPU.
 *
 * CPU hotplug is not locked: it can wait for requests that need tags. The tags of a CPU
 * that goes offline meanwhile are allocated by others, see migrate_list().
 */
static void distribute(struct percpu_tag_pool *pool, unsigned int from,
		       unsigned int to)
{
	unsigned int node, cpu, end, share;

	share = round_up(DIV_ROUND_UP(to - from, num_online_cpus()), RUN_ALIGN);
	for_each_online_node(node) {
		for_each_cpu_and(cpu, cpumask_of_node(node), cpu_online_mask) {
			end = min(to, round_down(from, RUN_ALIGN) + share);
			distribute_run(pool, cpu, from, end);
			from = end;
		}
	}
	/* Tags are left if an online CPU is on no online node, or has gone offline. */
	if (from < to)
		distribute_run(pool, cpumask_first(cpu_online_mask), from, to);
}

/* Update the limit of a list, and park its tags that are not usable. */
static void list_set_usable(struct percpu_tag_pool *pool, unsigned int cpu)
{
	struct percpu_tag_cpu *list = cpu_list(pool, cpu);
	bool more;

	scoped_guard(raw_spinlock_irqsave, &list->lock) {
		swap(list->head, list->aside);
		if (list->marked)
			list->limit = pool->nr_usable;
	}
	do {
		guard(raw_spinlock_irqsave)(&list->lock);
		more = list_sieve(list);
		list_unmark_empty(list);
	} while (more);
}

/* Return the number of allocated tags from @tag on and below @end. */
static unsigned int nr_in_use_range(struct percpu_tag_pool *pool, unsigned int tag,
				    unsigned int end)
{
	const unsigned int *next = pool->next;
	unsigned int nr = 0;

	for (; tag < end; tag++)
		nr += next_in_use(READ_ONCE(next[tag]));
	return nr;
}

/* Return the number of allocated tags from @tag on. */
static unsigned int nr_in_use(struct percpu_tag_pool *pool, unsigned int tag)
{
	return nr_in_use_range(pool, tag, pool->nr_tags);
}

/**
 * percpu_tag_pool_resize - change the number of usable tags
 * @pool: the pool
 * @nr: tags below it are usable; from 0 to the size of the pool
 *
 * An allocation that begins after the return gets a tag below @nr. An
 * allocated tag from @nr on stays valid until it is freed; it is allocated
 * again only after a resize has made it usable. Waiters are assigned tags that
 * become usable.
 *
 * With @nr 0 every GFP_ATOMIC allocation fails, which tests the error handling
 * of a driver.
 *
 * Context: process context, may sleep. CPU hotplug may wait for it. Holds the lock of a
 * list for at most SIEVE_MAX of its tags at a time.
 * Return: the number of allocated tags from @nr on, or -EINVAL if @nr is
 * larger than the pool.
 */
int percpu_tag_pool_resize(struct percpu_tag_pool *pool, unsigned int nr)
{
	unsigned int old, cpu;

	if (nr > pool->nr_tags)
		return -EINVAL;
	guard(mutex)(&pool->resize);
	scoped_guard(raw_spinlock_irqsave, &pool->lock) {
		old = pool->nr_usable;
		WRITE_ONCE(pool->nr_usable, nr);
	}
	for_each_possible_cpu(cpu)
		list_set_usable(pool, cpu);
	if (nr > old)
		distribute(pool, old, nr);
	return nr_in_use(pool, nr);
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_resize);

/**
 * percpu_tag_pool_nr_free - number of free tags
 * @pool: the pool
 *
 * The tags are read one after the other without a lock, so the result is exact
 * only while there are no allocations and frees.
 *
 * Context: any context.
 * Return: the number of usable tags that are not allocated.
 */
unsigned int percpu_tag_pool_nr_free(struct percpu_tag_pool *pool)
{
	unsigned int nr_usable = READ_ONCE(pool->nr_usable), tag, nr = 0;

	for (tag = 0; tag < nr_usable; tag++)
		nr += !next_in_use(READ_ONCE(pool->next[tag]));
	return nr;
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_nr_free);

/**
 * percpu_tag_pool_nr_in_use - number of allocated tags
 * @pool: the pool
 *
 * Exact under the same condition as percpu_tag_pool_nr_free(). Tags that a resize
 * has made unusable count, too.
 *
 * Context: any context.
 * Return: the number of allocated tags.
 */
unsigned int percpu_tag_pool_nr_in_use(struct percpu_tag_pool *pool)
{
	return nr_in_use(pool, 0);
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_nr_in_use);

/**
 * percpu_tag_pool_nr_in_use_below - number of allocated tags below a limit
 * @pool: the pool
 * @end: tags below it are counted; may be larger than the pool
 *
 * As percpu_tag_pool_nr_in_use(), for callers that often need the number of a part of
 * the pool: reads four bytes for each tag below @end.
 *
 * Context: any context.
 * Return: the number of allocated tags below @end.
 */
unsigned int percpu_tag_pool_nr_in_use_below(struct percpu_tag_pool *pool,
					     unsigned int end)
{
	return nr_in_use_range(pool, 0, min(end, pool->nr_tags));
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_nr_in_use_below);

/**
 * percpu_tag_is_in_use - test whether a tag is allocated
 * @pool: the pool
 * @tag: the tag; may be out of range
 *
 * Context: any context.
 * Return: true if @tag is allocated.
 */
bool percpu_tag_is_in_use(struct percpu_tag_pool *pool, int tag)
{
	return (unsigned int)tag < pool->nr_tags &&
	       next_in_use(READ_ONCE(pool->next[tag]));
}
EXPORT_SYMBOL_GPL(percpu_tag_is_in_use);

/**
 * percpu_tag_next_in_use - next allocated tag
 * @pool: the pool
 * @tag: the search begins above it; -1 for the first tag
 *
 * See percpu_tag_for_each_in_use().
 *
 * Context: any context.
 * Return: an allocated tag, or -1 if there is none above @tag.
 */
int percpu_tag_next_in_use(struct percpu_tag_pool *pool, int tag)
{
	unsigned int next;

	for (next = tag + 1; next < pool->nr_tags; next++) {
		if (next_in_use(READ_ONCE(pool->next[next])))
			return next;
	}
	return -1;
}
EXPORT_SYMBOL_GPL(percpu_tag_next_in_use);

static void pool_release(struct percpu_tag_pool *pool)
{
	free_cpumask_var(pool->marked);
	free_percpu(pool->cpus);
	kvfree(pool->next);
}

static int pool_allocate(struct percpu_tag_pool *pool, gfp_t gfp, int node)
{
	pool->next = kvmalloc_node(array_size(pool->nr_tags, sizeof(*pool->next)), gfp, node);
	pool->cpus = alloc_percpu_gfp(struct percpu_tag_cpu, gfp);
	if (!zalloc_cpumask_var_node(&pool->marked, gfp, node) || !pool->next ||
	    !pool->cpus) {
		pool_release(pool);
		return -ENOMEM;
	}
	return 0;
}

/* Let CPU hotplug know a pool. */
static void pool_link(struct percpu_tag_pool *pool)
{
	guard(mutex)(&percpu_tag_pools_mutex);
	hlist_add_head(&pool->node, &percpu_tag_pools);
}

/**
 * percpu_tag_pool_init_node - initialize a pool, with flags and a node for its memory
 * @pool: the pool
 * @nr_tags: size of the pool, from 1 to PERCPU_TAG_MAX; all tags are usable
 * @flags: PERCPU_TAG_IOWAIT, PERCPU_TAG_FIFO, both or 0
 * @gfp: flags of the allocations; they must allow blocking
 * @node: node of the memory that is not percpu, or NUMA_NO_NODE
 *
 * A pool that failed to initialize must not be destroyed.
 *
 * Context: process context, may sleep. CPU hotplug may wait for it.
 * Return: 0; -EINVAL if @nr_tags or @flags is invalid; -ENOMEM.
 */
int percpu_tag_pool_init_node(struct percpu_tag_pool *pool, unsigned int nr_tags,
			      unsigned int flags, gfp_t gfp, int node)
{
	unsigned int i;
	int err;

	if (!nr_tags || nr_tags > PERCPU_TAG_MAX ||
	    flags & ~(PERCPU_TAG_IOWAIT | PERCPU_TAG_FIFO))
		return -EINVAL;
	memset(pool, 0, sizeof(*pool));
	pool->nr_tags = nr_tags;
	pool->flags = flags;
	raw_spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->waiters);
	INIT_LIST_HEAD(&pool->searchers);
	INIT_LIST_HEAD(&pool->shallow);
	mutex_init(&pool->resize);
	err = pool_allocate(pool, gfp, node);
	if (err)
		return err;
	for_each_possible_cpu(i) {
		struct percpu_tag_cpu *list = cpu_list(pool, i);

		raw_spin_lock_init(&list->lock);
		list->head = TAG_NONE;
		list->aside = TAG_NONE;
		list->next = pool->next;
		list->pool = pool;
		list->cpu = i;
	}
	for (i = 0; i < nr_tags; i++)
		pool->next[i] = TAG_PARKED;
	pool_link(pool);
	percpu_tag_pool_resize(pool, nr_tags);
	return 0;
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_init_node);

/*
 * Wait for the last free or assignment, which may still hold a lock. Return true if there
 * are waiters. *@shallow is set to true if shallow tags are counted: they are in use, or
 * an allocation, which need not be a waiter just then, has yet to get its tag or to fail.
 */
static bool pool_settle(struct percpu_tag_pool *pool, bool *shallow)
{
	bool waited = false;
	unsigned int cpu;

	*shallow = false;
	for_each_possible_cpu(cpu) {
		guard(raw_spinlock_irqsave)(&cpu_list(pool, cpu)->lock);
		guard(raw_spinlock)(&pool->lock);
		waited |= pool->nr_waits;
		*shallow |= pool->nr_shallow;
	}
	return waited;
}

/**
 * percpu_tag_pool_destroy - free the memory of a pool
 * @pool: the pool, which must have no users
 *
 * If there are allocated tags or waiters, the caller is reported the first time,
 * and the memory stays until a later call. The pool is off the list of CPU hotplug
 * in any case, so that its owner may free @pool if no more than tags have leaked.
 *
 * Context: process context, may sleep. CPU hotplug may wait for it.
 * Return: 0, or -EBUSY if there are allocated tags or waiters.
 */
int percpu_tag_pool_destroy(struct percpu_tag_pool *pool)
{
	unsigned int out = nr_in_use(pool, 0);
	bool waited, shallow;

	if (!hlist_unhashed(&pool->node)) {
		guard(mutex)(&percpu_tag_pools_mutex);
		hlist_del_init(&pool->node);
	}
	/* The first time, the last free of a shallow tag may have yet to change the count. */
	pool_settle(pool, &shallow);
	waited = pool_settle(pool, &shallow);
	/* A tag that was free before may be assigned to a waiter now. */
	out = max(out, nr_in_use(pool, 0));
	if (out || waited || shallow) {
		/* Without a tag in use, it is an allocation that has yet to get one. */
		waited |= !out;
		if (report_once(pool, REPORT_DESTROY))
			pr_err("pool %p: destroyed by %pS with %u allocated tags%s\n", pool,
			       (void *)_RET_IP_, out, waited ? " and waiters" : "");
		return -EBUSY;
	}
	pool_release(pool);
	return 0;
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_destroy);

/**
 * percpu_tag_pool_show - print the state of a pool
 * @pool: the pool
 * @m: file to print to, for example one of debugfs
 *
 * The values are read one after the other, and do not match while the pool is used.
 *
 * Context: process context.
 */
void percpu_tag_pool_show(struct percpu_tag_pool *pool, struct seq_file *m)
{
	seq_printf(m, "tags=%u\n", pool->nr_tags);
	seq_printf(m, "usable=%u\n", READ_ONCE(pool->nr_usable));
	seq_printf(m, "in_use=%u\n", nr_in_use(pool, 0));
	seq_printf(m, "in_use_shallow=%u\n", READ_ONCE(pool->nr_shallow));
	seq_printf(m, "lists_marked=%d\n", atomic_read(&pool->nr_marked));
	seq_printf(m, "waits=%u\n", READ_ONCE(pool->nr_waits));
	seq_printf(m, "stopped=%d\n", READ_ONCE(pool->stopped));
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_show);

/*
 * CPU hotplug
 */

/*
 * Move all tags of @cpu, which is offline, to an online CPU. Correctness does
 * not depend on it: tags on the list of an offline CPU can be stolen, and a
 * task that migrates between raw_cpu_ptr() and the lock can still free one to
 * it. The move saves other CPUs the search.
 */
static void migrate_list(struct percpu_tag_pool *pool, unsigned int cpu)
{
	unsigned int other = cpumask_any_but(cpu_online_mask, cpu);
	struct percpu_tag_cpu *from = cpu_list(pool, cpu), *to;
	bool more = other < nr_cpu_ids;

	while (more) {
		struct percpu_tag_wakes wakes = { };

		guard(preempt)();
		to = cpu_list(pool, other);
		local_irq_disable();
		lock_two(from, to);
		if (from->head == TAG_NONE)
			list_sieve(from);
		percpu_tag_move(from, to, STEAL_MAX, &wakes);
		more = !list_is_empty(from);
		list_unmark_empty(from);
		unlock_two(from, to);
		local_irq_enable();
		percpu_tag_wake(&wakes);
	}
}

static int percpu_tag_cpu_dead(unsigned int cpu)
{
	struct percpu_tag_pool *pool;

	guard(mutex)(&percpu_tag_pools_mutex);
	hlist_for_each_entry(pool, &percpu_tag_pools, node)
		migrate_list(pool, cpu);
	return 0;
}

static int __init percpu_tag_init(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "lib/percpu_tag:dead",
					      NULL, percpu_tag_cpu_dead);

	return min(state, 0);
}
core_initcall(percpu_tag_init);

#ifdef CONFIG_PERCPU_TAG_CHECK
/*
 * Validator and hooks for the tests
 */

/*
 * Check the invariants of one list, and add its length to @listed. Return the
 * violated invariant or NULL.
 */
static const char *check_list(struct percpu_tag_pool *pool, unsigned int cpu,
			      unsigned int *listed)
{
	struct percpu_tag_cpu *list = cpu_list(pool, cpu);
	unsigned int tag, nr = 0;
	bool here;

	guard(raw_spinlock_irqsave)(&list->lock);
	here = list->marked;
	for (tag = list->head; tag != TAG_NONE; tag = pool->next[tag]) {
		if (tag >= pool->nr_usable)
			return "list has a tag that is not usable";
		if (nr++ == pool->nr_tags)
			return "list is circular";
	}
	*listed += nr;
	if (list->aside != TAG_NONE)
		return "tags are set aside without a resize";
	if (list->limit != (here ? pool->nr_usable : 0))
		return "list limit is not the number of usable tags";
	if (here != cpumask_test_cpu(cpu, pool->marked))
		return "list is marked but not in the mask, or the reverse";
	if (nr && !here)
		return "list has tags but is not marked";
	if (here && !atomic_read(&pool->nr_marked))
		return "list is marked but not counted";
	return NULL;
}

/*
 * Check the queues and the count of shallow tags. With @quiet all waiters sleep, and
 * the count is exact.
 */
static const char *check_queues(struct percpu_tag_pool *pool, bool quiet)
{
	const struct percpu_tag_waiter *w;
	unsigned int tag, nr = 0;

	for (tag = 0; tag < pool->nr_tags; tag++)
		nr += READ_ONCE(pool->next[tag]) == TAG_SHALLOW;
	guard(raw_spinlock_irqsave)(&pool->lock);
	if (list_empty(&pool->waiters) && pool->barged)
		return "waits are counted without a waiter";
	if (!quiet)
		return NULL;
	if (pool->nr_shallow != nr)
		return "count of shallow tags is wrong";
	if (!list_empty(&pool->waiters) && !pool->drainer && atomic_read(&pool->nr_marked))
		return "waiter sleeps while a list is marked";
	w = list_first_entry_or_null(&pool->shallow, struct percpu_tag_waiter, node);
	if (w && w->depth > pool->nr_shallow)
		return "waiter sleeps while its depth is more than the shallow tags";
	return NULL;
}

/**
 * percpu_tag_pool_check - check the invariants of a pool
 * @pool: the pool
 * @quiet: the pool is not used concurrently: check for lost tags, too
 *
 * Context: process context, may sleep.
 * Return: NULL, or a description of the violated invariant.
 */
const char *percpu_tag_pool_check(struct percpu_tag_pool *pool, bool quiet)
{
	unsigned int cpu, listed = 0;
	const char *wrong;

	guard(mutex)(&pool->resize);
	for_each_possible_cpu(cpu) {
		wrong = check_list(pool, cpu, &listed);
		if (wrong)
			return wrong;
	}
	if (quiet && listed != percpu_tag_pool_nr_free(pool))
		return "free tag is on no list";
	return check_queues(pool, quiet);
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_check);

/**
 * percpu_tag_pool_drain_cpu - move the tags of a CPU as if it went offline
 * @pool: the pool
 * @cpu: the CPU, which may be online
 *
 * Context: process context, may sleep. Takes cpus_read_lock(): must not be
 * called from a CPU hotplug callback.
 */
void percpu_tag_pool_drain_cpu(struct percpu_tag_pool *pool, unsigned int cpu)
{
	guard(cpus_read_lock)();
	migrate_list(pool, cpu);
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_drain_cpu);
#endif
