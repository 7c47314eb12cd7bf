// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_tag: a pool of small integers, allocated from a list on each CPU.
 *
 * A free tag is on the list of exactly one CPU. The lists are stacks, linked
 * through one array, pool->next[]. The entry of a tag that is on no list has a
 * special value:
 *
 *	TAG_IN_USE	the tag is allocated
 *	TAG_SHALLOW	the same, by percpu_tag_alloc_shallow()
 *	TAG_PARKED	the tag is free, but a resize has made it unusable
 *
 * Each list has a lock. An allocation or free takes the lock of the CPU that
 * it runs on, and writes nothing else that another CPU writes. If that list is
 * empty, an allocation moves up to half of the tags of another list to it, at
 * most STEAL_MAX, while it holds both locks, so that a free tag is always on
 * some list. pool->marked is the set of lists to search: the bit of a list
 * that has a tag is set. The bit stays set when the CPU of the list allocates
 * the last tag, because a tag is usually freed to the list soon; the first
 * other CPU that finds the list empty clears it.
 *
 * Waiting
 * -------
 * A list that is not in pool->marked is empty. A tag that is freed to such a list is
 * offered to the queue of waiters, pool->waiters, under pool->lock. If there are
 * waiters, the tag is either assigned to the first one, which is woken up; or it is
 * pushed on the list, the list is marked, and the first waiter is woken up and becomes
 * pool->drainer. Tags that are freed to a marked list are pushed, and wake no waiter.
 *
 * A waiter first joins the queue. Then it drains each list in pool->marked, under the
 * lock of the list: tags found there are assigned to waiters, in the order of the
 * queue, and a list left empty is unmarked. A waiter that is pool->drainer does the
 * same when it has been woken up, until no list is marked or no waiter is left, also
 * if its own wait has ended. Hence, under pool->lock:
 *
 *	the queue is not empty  =>  no list is marked; or there is a drainer; or each
 *	list that is marked will be drained by a waiter that runs
 *
 * A waiter therefore sleeps while a tag is free only until a waiter before it has run,
 * which was woken up for that tag. As lists are marked under pool->lock, and the lists
 * are read after the waiter joined the queue under it, this follows from the locks
 * alone; only the assignment has barriers, because a waiter reads its tag without
 * pool->lock.
 *
 * Between the wakeup of a waiter and its run other allocations may get the tag: the
 * task that runs need not sleep while the tag waits for another task. The first waiter
 * is woken up at most BARGE_MAX times for nothing. Once it has been, the next tag that
 * finds no marked list is assigned to it, and the drain that was the last for nothing has
 * unmarked the lists. With PERCPU_TAG_FIFO each such tag is assigned, and there is
 * never a drainer.
 *
 * An allocation that must not wait fails if pool->nr_marked, the number of marked
 * lists, is 0: at that moment no list had a tag, as a move marks one list before
 * it unmarks the other. If each list was emptied by another CPU just before it
 * was tried, the allocation does the same as a waiter, except for the sleep, and in a
 * queue of its own, pool->searchers, which is served first unless a tag must be
 * assigned to a waiter. Nothing is pushed on an unmarked list while that queue is not
 * empty, so that no tag gets to a list that was already drained.
 *
 * Lock order: pool->resize; then the lock of a list, of two lists by CPU
 * number; then pool->lock. All but pool->resize are taken with interrupts off,
 * and held for at most SIEVE_MAX tags that are compared and STEAL_MAX that are moved.
 *
 * Resizing
 * --------
 * A resize writes pool->nr_usable first, then visits each list: it sets list->limit
 * and sets the tags of the list aside, in one step. Then it compares them, some at a
 * time, and parks those that are not usable any more. An allocation that finds no
 * other tag on the list does the same. A tag that moves to a list meanwhile, by a
 * free or by stealing, is compared with pool->nr_usable under the lock of that list,
 * so that no unusable tag gets to a list that was already visited.
 *
 * Shallow tags
 * ------------
 * A shallow allocation first counts itself in pool->nr_shallow, under pool->lock, if
 * there are fewer than its depth; otherwise it waits in the queue pool->shallow until
 * the free of a shallow tag has counted for it. Then it allocates as others do, and
 * changes TAG_IN_USE to TAG_SHALLOW, which the fast path of a free does not take for an
 * allocated tag. Other allocations and frees do not look at the count.
 */
#define pr_fmt(fmt) "percpu_tag: " fmt

#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

#include "percpu_tag_internal.h"

/*
 * Allocation
 */

/* Return true if no list has a tag at this moment. */
static bool no_list_marked(struct percpu_tag_pool *pool)
{
	return !atomic_read(&pool->nr_marked);
}

/* The list of this CPU was empty. Return a tag or -ENOSPC. */
static noinline int alloc_nowait_slow(struct percpu_tag_pool *pool)
{
	struct percpu_tag_waiter w;
	unsigned int cpu = raw_smp_processor_id();
	int tag;

	if (no_list_marked(pool))
		return -ENOSPC;
	tag = percpu_tag_steal(pool, cpu);
	if (tag >= 0 || no_list_marked(pool))
		return tag;
	/* percpu_tag_stop_waits() is not meant for this caller, which does not wait. */
	do {
		if (!percpu_tag_wait_begin(pool, &w, NULL))
			percpu_tag_wait_drain(pool, &w, cpu);
		tag = percpu_tag_wait_end(pool, &w, -ENOSPC);
	} while (tag == WAIT_CANCELED);
	return tag;
}

/* The list of this CPU was empty. Return a tag or an error of the wait. */
static noinline int alloc_wait_slow(struct percpu_tag_pool *pool,
				    unsigned int state, long timeout)
{
	struct percpu_tag_waiter w;
	unsigned int cpu = raw_smp_processor_id();
	int tag = percpu_tag_steal(pool, cpu);

	if (tag >= 0)
		return tag;
	if (!percpu_tag_wait_begin(pool, &w, current))
		percpu_tag_wait_drain(pool, &w, cpu);
	return percpu_tag_wait_sleep(pool, &w, state, timeout);
}

/* Return false if the list is empty. */
static __always_inline bool alloc_fast(struct percpu_tag_cpu *list, unsigned int *tag)
{
	unsigned long flags;
	bool taken;

	list_lock(list, flags);
	taken = list_alloc(list, tag);
	list_unlock(list, flags);
	return taken;
}

/**
 * percpu_tag_alloc_nowait - allocate a tag if one is free
 * @pool: the pool
 *
 * percpu_tag_alloc() calls this function if the caller must not block; see
 * there for the conditions of a failure.
 *
 * Context: any context except NMI. May wake up a waiter: the caller must not
 * hold a lock of the scheduler.
 * Return: a tag, or -ENOSPC if no tag is free.
 */
int percpu_tag_alloc_nowait(struct percpu_tag_pool *pool)
{
	/* The task may migrate before it takes the lock: any list will do. */
	struct percpu_tag_cpu *list = raw_cpu_ptr(pool->cpus);
	unsigned int tag;

	if (likely(alloc_fast(list, &tag)))
		return tag;
	return alloc_nowait_slow(list->pool);
}
EXPORT_SYMBOL_GPL(percpu_tag_alloc_nowait);

/**
 * percpu_tag_alloc_sleep - allocate a tag, wait until one is free
 * @pool: the pool
 *
 * percpu_tag_alloc() calls this function if the caller may block. The wait is
 * not interruptible and has no timeout.
 *
 * Context: process context, may sleep.
 * Return: a tag; -ECANCELED after percpu_tag_stop_waits().
 */
int percpu_tag_alloc_sleep(struct percpu_tag_pool *pool)
{
	struct percpu_tag_cpu *list = raw_cpu_ptr(pool->cpus);
	unsigned int tag;

	might_sleep();
	if (likely(alloc_fast(list, &tag)))
		return tag;
	return alloc_wait_slow(list->pool, TASK_UNINTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
}
EXPORT_SYMBOL_GPL(percpu_tag_alloc_sleep);

/**
 * percpu_tag_alloc_wait - allocate a tag, wait with a task state and a timeout
 * @pool: the pool
 * @state: state of the task while it sleeps, for example TASK_KILLABLE
 * @timeout: timeout in jiffies, or MAX_SCHEDULE_TIMEOUT
 *
 * A tag that is assigned while the wait ends by a signal or timeout is
 * returned. See percpu_tag_alloc() for the order in which waiters are served.
 *
 * Context: process context, may sleep.
 * Return: a tag; -ERESTARTSYS after a signal that @state wakes up for; -ETIMEDOUT
 * if no tag was assigned within @timeout; -ECANCELED after
 * percpu_tag_stop_waits().
 */
int percpu_tag_alloc_wait(struct percpu_tag_pool *pool, unsigned int state,
			  long timeout)
{
	unsigned int tag;

	might_sleep();
	if (likely(alloc_fast(raw_cpu_ptr(pool->cpus), &tag)))
		return tag;
	return alloc_wait_slow(pool, state, timeout);
}
EXPORT_SYMBOL_GPL(percpu_tag_alloc_wait);

/*
 * The loops of batches have an index that counts up to 0 and an array that ends there,
 * which takes fewer instructions for each tag.
 */

/*
 * Allocate tags from a list, up to those that the caller wants at @end[@left] to @end[-1],
 * at most BATCH_MAX. Return the index of the first one that is missing, or 0. The caller
 * must hold list->lock.
 */
static __always_inline long list_alloc_some(struct percpu_tag_cpu *list, int *end,
					    long left)
{
	unsigned int *link, *next = list->next, head = list->head;

	for (; left && head != TAG_NONE; left++) {
		end[left] = head;
		link = &next[head];
		head = *link;
		WRITE_ONCE(*link, TAG_IN_USE);
	}
	list->head = head;
	return left;
}

/* Allocate tags to @end[@left] and further ones. Return the index of the first missing. */
static noinline long alloc_rest(struct percpu_tag_pool *pool, int *end, long left)
{
	while (left) {
		struct percpu_tag_cpu *list = raw_cpu_ptr(pool->cpus);
		long most = max(left, -(long)BATCH_MAX), more;
		unsigned long flags;

		list_lock(list, flags);
		more = list_alloc_some(list, end + left - most, most);
		list_unlock(list, flags);
		left += more - most;
		if (!more)
			continue;
		/* This also moves tags of another list to that of this CPU. */
		end[left] = alloc_nowait_slow(pool);
		if (end[left] < 0)
			break;
		left++;
	}
	return left;
}

/**
 * percpu_tag_alloc_batch - allocate tags without a wait
 * @pool: the pool
 * @tags: set to the tags
 * @nr: number of tags wanted
 *
 * Cheaper than @nr calls of percpu_tag_alloc(), as a lock is taken once for up to
 * 32 tags.
 *
 * Context: any context except NMI. May wake up a waiter: the caller must not
 * hold a lock of the scheduler.
 * Return: the number of tags allocated; less than @nr if no further tag is free,
 * as for percpu_tag_alloc_nowait().
 */
unsigned int percpu_tag_alloc_batch(struct percpu_tag_pool *pool, int *tags,
				    unsigned int nr)
{
	struct percpu_tag_cpu *list = raw_cpu_ptr(pool->cpus);
	int *end = tags + nr;
	long left = -(long)nr;
	unsigned long flags;

	if (likely(nr <= BATCH_MAX && list_trylock(list, &flags))) {
		left = list_alloc_some(list, end, left);
		list_unlock(list, flags);
		if (likely(!left))
			return nr;
	}
	return nr + alloc_rest(list->pool, end, left);
}
EXPORT_SYMBOL_GPL(percpu_tag_alloc_batch);

/*
 * Freeing
 */

/*
 * Replace TAG_IN_USE by @mark. Return true if the tag was in use. Of two
 * concurrent frees of a tag, only one succeeds.
 */
static __always_inline bool clear_in_use(unsigned int *next, unsigned long tag,
					 unsigned int mark)
{
	unsigned int old = TAG_IN_USE;

	return try_cmpxchg(&next[tag], &old, mark);
}

/* The same for TAG_SHALLOW. */
static bool clear_shallow(unsigned int *next, unsigned int tag)
{
	unsigned int old = TAG_SHALLOW;

	return READ_ONCE(next[tag]) == old && try_cmpxchg(&next[tag], &old, TAG_NONE);
}

/* Report an invalid free. The tag was not in use or does not exist. */
static void report_free(struct percpu_tag_pool *pool, unsigned int tag,
			unsigned long caller)
{
	if (tag >= pool->nr_tags) {
		if (report_once(pool, REPORT_RANGE))
			pr_err("pool %p: invalid free of tag %u by %pS: not below %u\n",
			       pool, tag, (void *)caller, pool->nr_tags);
	} else if (report_once(pool, REPORT_FREE)) {
		pr_err("pool %p: invalid free of tag %u by %pS: not allocated\n",
		       pool, tag, (void *)caller);
	}
}

/*
 * Free a tag that cannot take the fast path: assign it to a waiter, push it on
 * @list or park it. Return false if it is not in use.
 */
static bool free_in_use(struct percpu_tag_cpu *list, unsigned int tag)
{
	struct percpu_tag_wakes wakes = { };
	bool out, shallow;

	guard(preempt)();
	scoped_guard(raw_spinlock_irqsave, &list->lock) {
		/*
		 * Under the lock, because percpu_tag_pool_destroy() takes the
		 * lock before it frees a pool without allocated tags.
		 */
		shallow = clear_shallow(list->next, tag);
		out = shallow || clear_in_use(list->next, tag, TAG_NONE);
		if (out && !percpu_tag_park(list->pool, tag))
			percpu_tag_add(list, tag, &wakes);
		if (shallow)
			percpu_tag_shallow_put(list->pool, &wakes);
	}
	percpu_tag_wake(&wakes);
	return out;
}

/* Push a usable tag on a list without waiters. The caller must hold list->lock. */
static __always_inline bool free_fast(struct percpu_tag_cpu *list, unsigned int tag)
{
	if (tag >= list->limit || !clear_in_use(list->next, tag, list->head))
		return false;
	list->head = tag;
	return true;
}

/* The tag is invalid, not usable or shallow, or there may be waiters. */
static noinline void free_slow(struct percpu_tag_cpu *list, unsigned int tag,
			       unsigned long caller)
{
	struct percpu_tag_pool *pool = list->pool;

	if (tag >= pool->nr_tags || !free_in_use(list, tag))
		report_free(pool, tag, caller);
}

/**
 * percpu_tag_free - free a tag
 * @pool: the pool that @tag was allocated from
 * @tag: the tag; may be freed on a different CPU than it was allocated on
 *
 * A free of an unallocated tag or of a tag out of range changes nothing. The
 * first of each kind in a pool is reported with the caller.
 *
 * Context: any context except NMI. May wake up a waiter: the caller must not
 * hold a lock of the scheduler.
 */
void percpu_tag_free(struct percpu_tag_pool *pool, int tag)
{
	struct percpu_tag_cpu *list = raw_cpu_ptr(pool->cpus);
	unsigned long flags;

	list_lock(list, flags);
	if (likely(free_fast(list, tag))) {
		list_unlock(list, flags);
		return;
	}
	list_unlock(list, flags);
	free_slow(list, tag, _RET_IP_);
}
EXPORT_SYMBOL_GPL(percpu_tag_free);

/*
 * Free the tags @end[@left] to @end[-1], at most BATCH_MAX, to a list. Return the index of
 * the first one that cannot take the fast path, or 0. The caller must hold list->lock.
 */
static __always_inline long list_free_some(struct percpu_tag_cpu *list, const int *end,
					   long left)
{
	unsigned int *next = list->next, head = list->head;

	for (; left; left++) {
		unsigned long tag = (unsigned int)end[left];

		if (tag >= list->limit || !clear_in_use(next, tag, head))
			break;
		/* Read again, as @tag would have to be moved out of the way of the cmpxchg. */
		head = end[left];
	}
	list->head = head;
	return left;
}

/* Free the tags @end[@left] to @end[-1]. */
static noinline void free_rest(struct percpu_tag_pool *pool, const int *end, long left,
			       unsigned long caller)
{
	while (left) {
		struct percpu_tag_cpu *list = raw_cpu_ptr(pool->cpus);
		long most = max(left, -(long)BATCH_MAX), more;
		unsigned long flags;

		list_lock(list, flags);
		more = list_free_some(list, end + left - most, most);
		list_unlock(list, flags);
		left += more - most;
		if (more)
			free_slow(list, end[left++], caller);
	}
}

/**
 * percpu_tag_free_batch - free tags
 * @pool: the pool that the tags were allocated from
 * @tags: the tags
 * @nr: number of tags
 *
 * Each tag is freed as percpu_tag_free() does it, but a lock is taken once for up
 * to 32 tags. The tag that is freed last is allocated first.
 *
 * Context: as for percpu_tag_free().
 */
void percpu_tag_free_batch(struct percpu_tag_pool *pool, const int *tags,
			   unsigned int nr)
{
	struct percpu_tag_cpu *list = raw_cpu_ptr(pool->cpus);
	const int *end = tags + nr;
	long left = -(long)nr;
	unsigned long flags;

	if (likely(nr <= BATCH_MAX && list_trylock(list, &flags))) {
		left = list_free_some(list, end, left);
		list_unlock(list, flags);
		if (likely(!left))
			return;
	}
	free_rest(list->pool, end, left, _RET_IP_);
}
EXPORT_SYMBOL_GPL(percpu_tag_free_batch);

/*
 * Shallow allocations
 */

/*
 * The caller has counted a shallow tag: mark @tag as shallow, or undo the count if the
 * allocation has failed. Return @tag.
 */
static int shallow_end(struct percpu_tag_pool *pool, int tag)
{
	struct percpu_tag_wakes wakes = { };
	unsigned int old = TAG_IN_USE;

	/* After an invalid free the tag is not in use. */
	if (likely(tag >= 0) && try_cmpxchg(&pool->next[tag], &old, TAG_SHALLOW))
		return tag;
	guard(preempt)();
	percpu_tag_shallow_put(pool, &wakes);
	percpu_tag_wake(&wakes);
	return tag;
}

/**
 * percpu_tag_alloc_shallow_nowait - allocate a shallow tag if that is possible at once
 * @pool: the pool
 * @depth: limit of the shallow tags in use, which includes the new one; not 0
 *
 * percpu_tag_alloc_shallow() calls this function if the caller must not block.
 *
 * Context: any context except NMI. May wake up a waiter: the caller must not
 * hold a lock of the scheduler.
 * Return: a tag, -EINVAL or -ENOSPC.
 */
int percpu_tag_alloc_shallow_nowait(struct percpu_tag_pool *pool, unsigned int depth)
{
	if (!depth)
		return -EINVAL;
	if (!percpu_tag_shallow_get(pool, depth))
		return -ENOSPC;
	return shallow_end(pool, percpu_tag_alloc_nowait(pool));
}
EXPORT_SYMBOL_GPL(percpu_tag_alloc_shallow_nowait);

/**
 * percpu_tag_alloc_shallow_wait - allocate a shallow tag, wait with state and timeout
 * @pool: the pool
 * @depth: limit of the shallow tags in use, which includes the new one; not 0
 * @state: state of the task while it sleeps, for example TASK_KILLABLE
 * @timeout: timeout in jiffies, or MAX_SCHEDULE_TIMEOUT
 *
 * See percpu_tag_alloc_shallow().
 *
 * Context: process context, may sleep.
 * Return: a tag; -EINVAL if @depth is 0; otherwise as for percpu_tag_alloc_wait().
 */
int percpu_tag_alloc_shallow_wait(struct percpu_tag_pool *pool, unsigned int depth,
				  unsigned int state, long timeout)
{
	unsigned long end = jiffies + timeout;
	int err;

	might_sleep();
	if (!depth)
		return -EINVAL;
	err = percpu_tag_shallow_wait(pool, depth, state, timeout);
	if (err)
		return err;
	if (timeout != MAX_SCHEDULE_TIMEOUT)
		timeout = max((long)(end - jiffies), 0L);
	return shallow_end(pool, percpu_tag_alloc_wait(pool, state, timeout));
}
EXPORT_SYMBOL_GPL(percpu_tag_alloc_shallow_wait);
