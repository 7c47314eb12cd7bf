/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * percpu_tag: a pool of small integers, handed out from a list on each CPU.
 *
 * See Documentation/core-api/percpu_tag.rst.
 */
#ifndef _LINUX_PERCPU_TAG_H
#define _LINUX_PERCPU_TAG_H

#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu-defs.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

/* As many as a pool can have; resizing holds a CPU's lock for its whole list. */
#define PERCPU_TAG_MAX		65536

/* Who waits for a tag waits for I/O, in the statistics. */
#define PERCPU_TAG_IOWAIT	0x1

struct percpu_tag_cpu;

/**
 * struct percpu_tag_pool - a pool of tags
 * @next: for each tag the one below it on its list, or what it is if it is on
 *	none; written under the lock of the list, or by who frees it
 * @cpus: the lists
 * @usable: tags below it are handed out; written under @resize and @lock
 * @nr_tags: as many as there are, usable or not
 * @flags: PERCPU_TAG_IOWAIT or 0
 * @reported: which kinds of wrong use were reported, one bit each
 * @have: CPUs whose list may have tags; a bit is written under the lock of the
 *	list, and read without
 * @lock: for @waiters, @swept and tags that are not usable; taken inside the
 *	lock of a list
 * @waiters: who waits, in the order of arrival
 * @swept: all lists are empty, and whatever is freed goes to @waiters
 * @resize: one resize at a time
 * @node: among the pools that hear of CPUs that go
 */
struct percpu_tag_pool {
	unsigned int *next;
	struct percpu_tag_cpu __percpu *cpus;
	unsigned int usable;
	unsigned int nr_tags;
	unsigned int flags;
	unsigned long reported;

	/* What follows is written when a list runs empty, not by each call. */
	cpumask_var_t have ____cacheline_aligned_in_smp;
	raw_spinlock_t lock;
	struct list_head waiters;
	bool swept;

	struct mutex resize;	/* outside of all other locks here */
	struct hlist_node node;
};

int percpu_tag_pool_init(struct percpu_tag_pool *pool, unsigned int nr_tags,
			 unsigned int flags);
int percpu_tag_pool_destroy(struct percpu_tag_pool *pool);
int percpu_tag_pool_resize(struct percpu_tag_pool *pool, unsigned int nr);

int percpu_tag_alloc_nowait(struct percpu_tag_pool *pool);
int percpu_tag_alloc_sleep(struct percpu_tag_pool *pool);
int percpu_tag_alloc_wait(struct percpu_tag_pool *pool, unsigned int state,
			  long timeout);
void percpu_tag_free(struct percpu_tag_pool *pool, unsigned int tag);

unsigned int percpu_tag_pool_nr_free(struct percpu_tag_pool *pool);
int percpu_tag_next_in_use(struct percpu_tag_pool *pool, int tag);

/**
 * percpu_tag_alloc - allocate a tag
 * @pool: the pool
 * @gfp: GFP_KERNEL to wait for one, GFP_NOWAIT or GFP_ATOMIC to fail at once;
 *	nothing else in it counts
 *
 * Waiters are served in the order they came. One sleeps only while no tag is
 * free: the next that is freed, on any CPU, is handed to the first of them.
 *
 * An allocation that does not wait fails only if at some moment during the call
 * no tag was free but those whose free had not returned, or which were promised
 * to waiters. It never fails because free tags are on another CPU's list.
 *
 * What was written before a tag was freed is seen by who gets it next.
 *
 * Context: any, if @gfp does not allow to block, except NMI; else process
 * context, may sleep.
 * Return: a tag, from 0 on and below what is usable, or -ENOSPC.
 */
static inline int percpu_tag_alloc(struct percpu_tag_pool *pool, gfp_t gfp)
{
	if (gfpflags_allow_blocking(gfp))
		return percpu_tag_alloc_sleep(pool);
	return percpu_tag_alloc_nowait(pool);
}

/**
 * percpu_tag_alloc_killable - allocate a tag, and wait for one unless killed
 * @pool: the pool
 *
 * Context: process context, may sleep.
 * Return: a tag, or -EINTR if a fatal signal came first.
 */
static inline int percpu_tag_alloc_killable(struct percpu_tag_pool *pool)
{
	return percpu_tag_alloc_wait(pool, TASK_KILLABLE, MAX_SCHEDULE_TIMEOUT);
}

/**
 * percpu_tag_alloc_timeout - allocate a tag, and wait for one that long
 * @pool: the pool
 * @timeout: in jiffies
 *
 * Context: process context, may sleep.
 * Return: a tag, or -ETIMEDOUT if none came in time.
 */
static inline int percpu_tag_alloc_timeout(struct percpu_tag_pool *pool,
					   long timeout)
{
	return percpu_tag_alloc_wait(pool, TASK_UNINTERRUPTIBLE, timeout);
}

/**
 * percpu_tag_for_each_in_use - go through the tags that are out
 * @pool: the pool
 * @tag: an int, each of them in turn, upward
 *
 * A tag that is out all the time is seen, one that is free all the time is not;
 * whether one that comes or goes meanwhile is seen is open. Tags beyond what a
 * resize left usable are seen until they are freed.
 */
#define percpu_tag_for_each_in_use(pool, tag)				\
	for ((tag) = percpu_tag_next_in_use((pool), -1); (tag) >= 0;	\
	     (tag) = percpu_tag_next_in_use((pool), (tag)))

#ifdef CONFIG_PERCPU_TAG_CHECK
const char *percpu_tag_pool_check(struct percpu_tag_pool *pool, bool quiet);
void percpu_tag_pool_spill(struct percpu_tag_pool *pool, unsigned int cpu);
#endif

#endif /* _LINUX_PERCPU_TAG_H */
