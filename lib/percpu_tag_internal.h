/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * percpu_tag: interface between the files of percpu_tag.
 *
 *	percpu_tag.c		theory, allocation and freeing
 *	percpu_tag_pool.c	init, destroy, resize, CPU hotplug, validator
 *	percpu_tag_list.c	the list of a CPU; moves of tags between lists
 *	percpu_tag_wait.c	the queues of waiters
 *
 * A file calls only files below it in this list; percpu_tag.c does not call
 * percpu_tag_pool.c.
 */
#ifndef _LIB_PERCPU_TAG_INTERNAL_H
#define _LIB_PERCPU_TAG_INTERNAL_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/irqflags.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/percpu_tag.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

/* Special values of pool->next[]; all of them are above PERCPU_TAG_MAX */
#define TAG_NONE	(~0U)		/* end of a list */
#define TAG_IN_USE	(~0U - 1)	/* allocated */
#define TAG_SHALLOW	(~0U - 2)	/* allocated, and counted in pool->nr_shallow */
#define TAG_PARKED	(~0U - 3)	/* free, but not usable after a resize */

/* The bounds of what is done while a raw lock is held */
#define STEAL_MAX	16		/* tags moved, tasks to wake */
#define SIEVE_MAX	32		/* tags compared with the limit of a resize */
#define BATCH_MAX	32		/* tags allocated or freed at once */

/* How often the first waiter is woken without a tag before one is assigned to it */
#define BARGE_MAX	8

/**
 * struct percpu_tag_cpu - the list of free tags of one CPU
 * @lock: guards @head, @limit and @marked, and pool->next[] of the tags on the
 *	list
 * @head: first tag or TAG_NONE
 * @aside: first of the tags that a resize has yet to compare with its limit, or
 *	TAG_NONE; they are part of the list
 * @limit: the fast path of a free pushes tags below it. 0 unless @marked;
 *	otherwise pool->nr_usable, or its former value while a resize is in
 *	progress
 * @marked: the list is in pool->marked; false only if it is empty. Set under
 *	pool->lock, too
 * @next: pool->next; constant
 * @pool: the pool; constant
 * @cpu: the CPU; constant
 *
 * All that the fast paths need is in one cache line.
 */
struct percpu_tag_cpu {
	raw_spinlock_t lock;
	unsigned int head;
	unsigned int aside;
	unsigned int limit;
	bool marked;
	unsigned int *next;
	struct percpu_tag_pool *pool;
	unsigned int cpu;
} ____cacheline_aligned_in_smp;

/**
 * struct percpu_tag_waiter - an allocation that waits for a tag
 * @node: entry in pool->waiters, @searchers or @shallow until the wait is ended by
 *	another CPU; under pool->lock
 * @task: the task to wake; NULL if the caller does not sleep and may be in an
 *	interrupt; constant while queued
 * @depth: in pool->shallow, the limit of pool->nr_shallow; constant while queued
 * @tag: the assigned tag, WAIT_PENDING, or WAIT_CANCELED; in pool->shallow, 0
 *	after the wait. Written under pool->lock, read by the waiter without it
 */
struct percpu_tag_waiter {
	struct list_head node;
	struct task_struct *task;
	unsigned int depth;
	int tag;
};

#define WAIT_PENDING	(-ENOSPC)
#define WAIT_CANCELED	(-ECANCELED)

/**
 * struct percpu_tag_wakes - tasks to wake after all locks are dropped
 * @nr: number of tasks
 * @tasks: the tasks, with a reference each
 *
 * A wake_q would not do: a task that is on another wake_q already is woken when
 * the owner of that one gets to it.
 */
struct percpu_tag_wakes {
	unsigned int nr;
	struct task_struct *tasks[STEAL_MAX];
};

/* Kinds of misuse, bits of pool->reported */
enum report { REPORT_RANGE, REPORT_FREE, REPORT_DESTROY };

static inline struct percpu_tag_cpu *cpu_list(struct percpu_tag_pool *pool,
					      unsigned int cpu)
{
	return per_cpu_ptr(pool->cpus, cpu);
}

/*
 * Return true if this kind of misuse was not yet reported for @pool. A driver
 * tends to repeat its misuse, so each kind is reported once.
 */
static inline bool report_once(struct percpu_tag_pool *pool, enum report kind)
{
	return !test_and_set_bit(kind, &pool->reported);
}

/*
 * Lock a list on a fast path, and disable interrupts. The functions of
 * raw_spinlock_t are out of line, and disable preemption, which disabled interrupts
 * imply. Lock debugging needs them. list_trylock() returns false, with interrupts as
 * before, if the list is locked.
 */
#if defined(CONFIG_DEBUG_SPINLOCK) || defined(CONFIG_DEBUG_LOCK_ALLOC)
#define list_lock(list, flags)	raw_spin_lock_irqsave(&(list)->lock, flags)
#define list_unlock(list, flags)	raw_spin_unlock_irqrestore(&(list)->lock, flags)

static inline bool list_trylock(struct percpu_tag_cpu *list, unsigned long *flags)
{
	return raw_spin_trylock_irqsave(&list->lock, *flags);
}
#else
#define list_lock(list, flags)						\
do {									\
	local_irq_save(flags);						\
	arch_spin_lock(&(list)->lock.raw_lock);				\
} while (0)
#define list_unlock(list, flags)					\
do {									\
	arch_spin_unlock(&(list)->lock.raw_lock);			\
	local_irq_restore(flags);					\
} while (0)

static __always_inline bool list_trylock(struct percpu_tag_cpu *list,
					 unsigned long *flags)
{
	local_irq_save(*flags);
	if (likely(arch_spin_trylock(&list->lock.raw_lock)))
		return true;
	local_irq_restore(*flags);
	return false;
}
#endif

/* Return true if the value of pool->next[] is that of an allocated tag. */
static inline bool next_in_use(unsigned int next)
{
	return next == TAG_IN_USE || next == TAG_SHALLOW;
}

/*
 * Operations on one list. The caller must hold list->lock.
 */

static inline void list_push(struct percpu_tag_cpu *list, unsigned int tag)
{
	WRITE_ONCE(list->next[tag], list->head);
	list->head = tag;
}

/* Remove and return the first tag. The list must not be empty. */
static inline unsigned int list_pop(struct percpu_tag_cpu *list)
{
	unsigned int tag = list->head;

	list->head = list->next[tag];
	return tag;
}

static inline bool list_is_empty(const struct percpu_tag_cpu *list)
{
	return list->head == TAG_NONE && list->aside == TAG_NONE;
}

/* Unmark the list if it is empty, so that other CPUs do not search it. */
static inline void list_unmark_empty(struct percpu_tag_cpu *list)
{
	if (!list_is_empty(list) || !list->marked)
		return;
	list->marked = false;
	list->limit = 0;
	cpumask_clear_cpu(list->cpu, list->pool->marked);
	atomic_dec(&list->pool->nr_marked);
}

/*
 * Compare tags that a resize has set aside with its limit: put them back on the
 * list, or park them. pool->nr_usable does not change while there are such tags.
 * Return true if some are left.
 */
static inline bool list_sieve(struct percpu_tag_cpu *list)
{
	unsigned int n, tag;

	for (n = 0; n < SIEVE_MAX && list->aside != TAG_NONE; n++) {
		tag = list->aside;
		list->aside = list->next[tag];
		if (tag < READ_ONCE(list->pool->nr_usable))
			list_push(list, tag);
		else
			WRITE_ONCE(list->next[tag], TAG_PARKED);
	}
	return list->aside != TAG_NONE;
}

/* Allocate the first tag. Return false if the list is empty. */
static __always_inline bool list_alloc(struct percpu_tag_cpu *list,
				       unsigned int *tag)
{
	unsigned int first = list->head, *link;

	if (unlikely(first == TAG_NONE))
		return false;
	link = &list->next[first];
	list->head = *link;
	WRITE_ONCE(*link, TAG_IN_USE);
	*tag = first;
	return true;
}

/* Lock two lists in the order of their CPU numbers. Interrupts must be off. */
static inline void lock_two(struct percpu_tag_cpu *a, struct percpu_tag_cpu *b)
{
	if (a->cpu > b->cpu)
		swap(a, b);
	raw_spin_lock(&a->lock);
	raw_spin_lock_nested(&b->lock, SINGLE_DEPTH_NESTING);
}

static inline void unlock_two(struct percpu_tag_cpu *a, struct percpu_tag_cpu *b)
{
	raw_spin_unlock(&a->lock);
	raw_spin_unlock(&b->lock);
}

/* percpu_tag_wait.c */
void percpu_tag_wake(struct percpu_tag_wakes *wakes);
bool percpu_tag_offer(struct percpu_tag_pool *pool, unsigned int tag,
		      struct percpu_tag_wakes *wakes);
bool percpu_tag_wait_begin(struct percpu_tag_pool *pool,
			   struct percpu_tag_waiter *w,
			   struct task_struct *task);
int percpu_tag_wait_end(struct percpu_tag_pool *pool,
			struct percpu_tag_waiter *w, int err);
void percpu_tag_wait_drain(struct percpu_tag_pool *pool,
			   struct percpu_tag_waiter *w,
			   unsigned int first);
int percpu_tag_wait_sleep(struct percpu_tag_pool *pool,
			  struct percpu_tag_waiter *w,
			  unsigned int state, long timeout);
bool percpu_tag_shallow_get(struct percpu_tag_pool *pool, unsigned int depth);
int percpu_tag_shallow_wait(struct percpu_tag_pool *pool, unsigned int depth,
			    unsigned int state, long timeout);
void percpu_tag_shallow_put(struct percpu_tag_pool *pool,
			    struct percpu_tag_wakes *wakes);

/* percpu_tag_list.c */
void percpu_tag_add(struct percpu_tag_cpu *list, unsigned int tag,
		    struct percpu_tag_wakes *wakes);
bool percpu_tag_park(struct percpu_tag_pool *pool, unsigned int tag);
void percpu_tag_move(struct percpu_tag_cpu *from, struct percpu_tag_cpu *to,
		     unsigned int nr, struct percpu_tag_wakes *wakes);
int percpu_tag_steal(struct percpu_tag_pool *pool, unsigned int cpu);

#endif /* _LIB_PERCPU_TAG_INTERNAL_H */
