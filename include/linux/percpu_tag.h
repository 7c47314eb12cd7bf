/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * percpu_tag: a pool of small integers, allocated from a list on each CPU.
 *
 * See Documentation/core-api/percpu_tag.rst.
 */
#ifndef _LINUX_PERCPU_TAG_H
#define _LINUX_PERCPU_TAG_H

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/numa.h>
#include <linux/percpu-defs.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

/* Limit of a pool's size */
#define PERCPU_TAG_MAX		65536

/* Account waits for a tag as waits for I/O. */
#define PERCPU_TAG_IOWAIT	0x1

/* Assign each freed tag to the first waiter, if there is one. */
#define PERCPU_TAG_FIFO		0x2

struct percpu_tag_cpu;
struct percpu_tag_waiter;
struct seq_file;

/**
 * struct percpu_tag_pool - a pool of tags
 * @next: for each tag that is on a list, the tag below it; for others, a
 *	special value. Written under the lock of the list; a free replaces the
 *	value of an allocated tag by cmpxchg
 * @cpus: the lists of free tags; each has a lock
 * @nr_usable: tags below it can be allocated; written under @resize and @lock,
 *	read without them
 * @nr_tags: size of the pool; constant
 * @flags: PERCPU_TAG_IOWAIT, PERCPU_TAG_FIFO, both or 0; constant
 * @reported: kinds of misuse that were reported, one bit each; atomic
 * @marked: CPUs with lists that may have tags; a bit is written under the lock
 *	of the list, and set under @lock, too; read without them
 * @nr_marked: number of bits in @marked, written like it; read without a lock
 * @lock: guards the fields up to @stopped, and the writes of @nr_usable; nests
 *	inside the lock of a list
 * @waiters: queue of waiters that sleep, in the order of arrival; with
 *	PERCPU_TAG_FIFO, of all waiters
 * @searchers: queue of allocations that do not sleep, while they search for a tag
 * @shallow: queue of waiters until @nr_shallow is smaller
 * @drainer: the waiter that was woken to drain the lists and has not begun; its
 *	wait does not end before. Compared without @lock
 * @barged: how often the first of @waiters was woken to drain the lists
 * @nr_waits: waits that have begun and not ended
 * @nr_shallow: allocated tags of percpu_tag_alloc_shallow(), and those about to be
 * @stopped: allocations must not wait
 * @resize: serializes resizes; nests outside of all other locks here
 * @node: entry in the list of pools of the CPU hotplug callback
 *
 * All fields are private.
 */
struct percpu_tag_pool {
	unsigned int *next;
	struct percpu_tag_cpu __percpu *cpus;
	unsigned int nr_usable;
	unsigned int nr_tags;
	unsigned int flags;
	unsigned long reported;

	/* Written only when a list becomes empty or there are waiters. */
	cpumask_var_t marked ____cacheline_aligned_in_smp;
	atomic_t nr_marked;
	raw_spinlock_t lock;
	struct list_head waiters;
	struct list_head searchers;
	struct list_head shallow;
	struct percpu_tag_waiter *drainer;
	unsigned int barged;
	unsigned int nr_waits;
	unsigned int nr_shallow;
	bool stopped;

	struct mutex resize;	/* outermost lock here */
	struct hlist_node node;
};

int percpu_tag_pool_init_node(struct percpu_tag_pool *pool, unsigned int nr_tags,
			      unsigned int flags, gfp_t gfp, int node);
int percpu_tag_pool_destroy(struct percpu_tag_pool *pool);
int percpu_tag_pool_resize(struct percpu_tag_pool *pool, unsigned int nr);

int percpu_tag_alloc_nowait(struct percpu_tag_pool *pool);
int percpu_tag_alloc_sleep(struct percpu_tag_pool *pool);
int percpu_tag_alloc_wait(struct percpu_tag_pool *pool, unsigned int state,
			  long timeout);
int percpu_tag_alloc_shallow_nowait(struct percpu_tag_pool *pool, unsigned int depth);
int percpu_tag_alloc_shallow_wait(struct percpu_tag_pool *pool, unsigned int depth,
				  unsigned int state, long timeout);
void percpu_tag_free(struct percpu_tag_pool *pool, int tag);
unsigned int percpu_tag_alloc_batch(struct percpu_tag_pool *pool, int *tags,
				    unsigned int nr);
void percpu_tag_free_batch(struct percpu_tag_pool *pool, const int *tags,
			   unsigned int nr);
void percpu_tag_stop_waits(struct percpu_tag_pool *pool);
void percpu_tag_resume_waits(struct percpu_tag_pool *pool);

unsigned int percpu_tag_pool_nr_free(struct percpu_tag_pool *pool);
unsigned int percpu_tag_pool_nr_in_use(struct percpu_tag_pool *pool);
unsigned int percpu_tag_pool_nr_in_use_below(struct percpu_tag_pool *pool,
					     unsigned int end);
bool percpu_tag_is_in_use(struct percpu_tag_pool *pool, int tag);
int percpu_tag_next_in_use(struct percpu_tag_pool *pool, int tag);
void percpu_tag_pool_show(struct percpu_tag_pool *pool, struct seq_file *m);

/**
 * percpu_tag_pool_init - initialize a pool
 * @pool: the pool
 * @nr_tags: size of the pool, from 1 to PERCPU_TAG_MAX; all tags are usable
 * @flags: PERCPU_TAG_IOWAIT if a wait for a tag counts as a wait for I/O;
 *	PERCPU_TAG_FIFO if each freed tag is assigned to the first waiter; both or 0
 *
 * See percpu_tag_pool_init_node().
 *
 * Context: process context, may sleep.
 * Return: 0; -EINVAL if @nr_tags or @flags is invalid; -ENOMEM.
 */
static inline int percpu_tag_pool_init(struct percpu_tag_pool *pool,
				       unsigned int nr_tags, unsigned int flags)
{
	return percpu_tag_pool_init_node(pool, nr_tags, flags, GFP_KERNEL,
					 NUMA_NO_NODE);
}

/**
 * percpu_tag_any_in_use - test whether a tag is allocated
 * @pool: the pool
 *
 * Context: any context.
 * Return: true if the pool has an allocated tag.
 */
static inline bool percpu_tag_any_in_use(struct percpu_tag_pool *pool)
{
	return percpu_tag_next_in_use(pool, -1) >= 0;
}

/**
 * percpu_tag_alloc - allocate a tag
 * @pool: the pool
 * @gfp: GFP_KERNEL to wait for a tag, GFP_NOWAIT or GFP_ATOMIC to fail without
 *	a wait; other flags are ignored
 *
 * If all tags are in use, the next tag that is freed, on any CPU, wakes the first
 * waiter. Until that one runs, other allocations may get the tag; after the waiter was
 * woken eight times in vain, the next tag is assigned to it. With PERCPU_TAG_FIFO the
 * first tag is, so that all waiters are served in the order of their arrival.
 *
 * An allocation that does not wait fails only if there was a moment during the
 * call at which each tag was allocated, assigned to a waiter, or being freed
 * by a percpu_tag_free() that had not returned. It does not fail because the
 * free tags are on the lists of other CPUs.
 *
 * Writes before the free of a tag are visible after its next allocation.
 *
 * Context: process context, may sleep, if @gfp allows blocking; otherwise any
 * context except NMI. May wake up a waiter: the caller must not hold a lock of
 * the scheduler.
 * Return: a tag below the number of usable tags; -ENOSPC if @gfp does not allow
 * blocking and no tag is free; -ECANCELED if the wait was ended by
 * percpu_tag_stop_waits().
 */
static inline int percpu_tag_alloc(struct percpu_tag_pool *pool, gfp_t gfp)
{
	if (gfpflags_allow_blocking(gfp))
		return percpu_tag_alloc_sleep(pool);
	return percpu_tag_alloc_nowait(pool);
}

/**
 * percpu_tag_alloc_killable - allocate a tag, wait until one is free
 * @pool: the pool
 *
 * Context: process context, may sleep.
 * Return: a tag; -ERESTARTSYS after a fatal signal; -ECANCELED after
 * percpu_tag_stop_waits().
 */
static inline int percpu_tag_alloc_killable(struct percpu_tag_pool *pool)
{
	return percpu_tag_alloc_wait(pool, TASK_KILLABLE, MAX_SCHEDULE_TIMEOUT);
}

/**
 * percpu_tag_alloc_timeout - allocate a tag, wait at most for a given time
 * @pool: the pool
 * @timeout: timeout in jiffies
 *
 * Context: process context, may sleep.
 * Return: a tag; -ETIMEDOUT if no tag was assigned within @timeout; -ECANCELED
 * after percpu_tag_stop_waits().
 */
static inline int percpu_tag_alloc_timeout(struct percpu_tag_pool *pool,
					   long timeout)
{
	return percpu_tag_alloc_wait(pool, TASK_UNINTERRUPTIBLE, timeout);
}

/**
 * percpu_tag_alloc_shallow - allocate a tag unless too many shallow ones are in use
 * @pool: the pool
 * @depth: limit of the shallow tags in use, which includes the new one; not 0
 * @gfp: as for percpu_tag_alloc()
 *
 * The tags that all calls of this function have allocated in the pool are counted
 * until they are freed by percpu_tag_free(). While there are @depth or more, the call
 * fails or waits. If no caller uses a larger @depth, that many tags less than the
 * usable ones remain for percpu_tag_alloc(). A pool may have callers with different
 * depths.
 *
 * Waits until there are fewer shallow tags end in the order of their arrival: a waiter
 * with a small depth holds up later ones with a larger depth, so that none starves.
 *
 * Context: as for percpu_tag_alloc().
 * Return: a tag; -EINVAL if @depth is 0; -ENOSPC if @gfp does not allow blocking and
 * no tag is free, @depth shallow tags are in use, or there are waiters for fewer of
 * them; -ECANCELED if the wait was ended by percpu_tag_stop_waits().
 */
static inline int percpu_tag_alloc_shallow(struct percpu_tag_pool *pool,
					   unsigned int depth, gfp_t gfp)
{
	if (gfpflags_allow_blocking(gfp))
		return percpu_tag_alloc_shallow_wait(pool, depth, TASK_UNINTERRUPTIBLE,
						     MAX_SCHEDULE_TIMEOUT);
	return percpu_tag_alloc_shallow_nowait(pool, depth);
}

/**
 * percpu_tag_for_each_in_use - iterate over the allocated tags
 * @pool: the pool
 * @tag: variable of type int, set to each allocated tag in ascending order
 *
 * A tag that stays allocated is visited, a tag that stays free is not. A tag
 * that is allocated or freed meanwhile may or may not be visited. Allocated
 * tags that a resize has made unusable are visited, too.
 *
 * Context: any context.
 */
#define percpu_tag_for_each_in_use(pool, tag)				\
	for ((tag) = percpu_tag_next_in_use((pool), -1); (tag) >= 0;	\
	     (tag) = percpu_tag_next_in_use((pool), (tag)))

#ifdef CONFIG_PERCPU_TAG_CHECK
const char *percpu_tag_pool_check(struct percpu_tag_pool *pool, bool quiet);
void percpu_tag_pool_drain_cpu(struct percpu_tag_pool *pool, unsigned int cpu);
#endif

#endif /* _LINUX_PERCPU_TAG_H */
