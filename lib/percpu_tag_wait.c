// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_tag: the queues of waiters. See percpu_tag.c for the order in which waiters
 * are served.
 */
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

#include "percpu_tag_internal.h"

/* Wake the tasks. The caller must hold no lock. */
void percpu_tag_wake(struct percpu_tag_wakes *wakes)
{
	unsigned int i;

	for (i = 0; i < wakes->nr; i++) {
		wake_up_process(wakes->tasks[i]);
		put_task_struct(wakes->tasks[i]);
	}
}

static void wakes_add(struct percpu_tag_wakes *wakes, struct task_struct *task)
{
	wakes->tasks[wakes->nr++] = get_task_struct(task);
}

/* Remove a waiter from its queue. The caller must hold pool->lock. */
static void wait_remove(struct percpu_tag_pool *pool, struct percpu_tag_waiter *w)
{
	if (pool->waiters.next == &w->node)
		pool->barged = 0;
	list_del_init(&w->node);
}

/*
 * End the wait of @w with @tag. The caller must hold pool->lock and call
 * percpu_tag_wake() after it drops its locks.
 *
 * The waiter owns the tag from now on, and no other CPU wakes it. Therefore the
 * caller must keep preemption disabled until percpu_tag_wake(): otherwise a task
 * of higher priority could delay the wakeup.
 */
static void wait_finish(struct percpu_tag_pool *pool, struct percpu_tag_waiter *w,
			int tag, struct percpu_tag_wakes *wakes)
{
	wait_remove(pool, w);
	if (w->task)
		wakes_add(wakes, w->task);
	/*
	 * Pairs with smp_load_acquire() in wait_sleep(). @w is on the stack of the
	 * waiter and must not be accessed afterwards.
	 */
	smp_store_release(&w->tag, tag);
}

/*
 * Waiters for a tag
 */

/* Return true if the next tag belongs to the first sleeping waiter. */
static bool must_assign(struct percpu_tag_pool *pool)
{
	return pool->flags & PERCPU_TAG_FIFO || pool->barged >= BARGE_MAX;
}

/* Return the waiter that is served next, or NULL. */
static struct percpu_tag_waiter *first_waiter(struct percpu_tag_pool *pool)
{
	struct list_head *queue = &pool->searchers;

	if (list_empty(queue) || (must_assign(pool) && !list_empty(&pool->waiters)))
		queue = &pool->waiters;
	return list_first_entry_or_null(queue, struct percpu_tag_waiter, node);
}

static void assign(struct percpu_tag_pool *pool, struct percpu_tag_waiter *w,
		   unsigned int tag, struct percpu_tag_wakes *wakes)
{
	WRITE_ONCE(pool->next[tag], TAG_IN_USE);
	wait_finish(pool, w, tag, wakes);
}

/*
 * Offer a free tag that is on no list to the waiters. Return true if it was assigned
 * to one, as wait_finish() says. Otherwise the caller must push it on a list and
 * mark the list before it drops pool->lock; the first waiter, if there is one, has
 * been told to drain the lists. Adds at most one task to @wakes.
 */
bool percpu_tag_offer(struct percpu_tag_pool *pool, unsigned int tag,
		      struct percpu_tag_wakes *wakes)
{
	struct percpu_tag_waiter *w = first_waiter(pool);

	lockdep_assert_held(&pool->lock);
	if (!w)
		return false;
	if (!w->task || must_assign(pool)) {
		assign(pool, w, tag, wakes);
		return true;
	}
	/* A drainer that has yet to begin will find this tag, too. */
	if (!pool->drainer) {
		WRITE_ONCE(pool->drainer, w);
		pool->barged++;
		wakes_add(wakes, w->task);
	}
	return false;
}

enum drain { DRAIN_AGAIN, DRAIN_NEXT, DRAIN_END };

/*
 * Assign tags of @list to waiters, and unmark the list if it is left empty. Return
 * DRAIN_AGAIN if it may have more tags, DRAIN_END if no waiter is left.
 */
static enum drain drain_list(struct percpu_tag_cpu *list, struct percpu_tag_wakes *wakes)
{
	struct percpu_tag_pool *pool = list->pool;
	unsigned int n;

	guard(raw_spinlock_irqsave)(&list->lock);
	guard(raw_spinlock)(&pool->lock);
	if (list->head == TAG_NONE)
		list_sieve(list);
	for (n = 0; n < STEAL_MAX && list->head != TAG_NONE; n++) {
		struct percpu_tag_waiter *w = first_waiter(pool);

		if (!w)
			return DRAIN_END;
		assign(pool, w, list_pop(list), wakes);
	}
	list_unmark_empty(list);
	return list->marked ? DRAIN_AGAIN : DRAIN_NEXT;
}

/* Drain the list of @cpu to the waiters and wake them. */
static enum drain drain_cpu(struct percpu_tag_pool *pool, unsigned int cpu)
{
	enum drain state;

	do {
		struct percpu_tag_wakes wakes = { };

		guard(preempt)();
		state = drain_list(cpu_list(pool, cpu), &wakes);
		percpu_tag_wake(&wakes);
	} while (state == DRAIN_AGAIN);
	return state;
}

/*
 * Drain each marked list to the waiters, from the one of @first on, until the wait of
 * @w has ended; if @w is NULL, until no waiter is left.
 *
 * pool->marked changes concurrently. A list that was marked before the caller joined
 * the queue, or before it was told to drain, is seen, as pool->lock was taken since.
 */
__no_kcsan void percpu_tag_wait_drain(struct percpu_tag_pool *pool,
				      struct percpu_tag_waiter *w,
				      unsigned int first)
{
	unsigned int cpu;

	for_each_cpu_wrap(cpu, pool->marked, first) {
		if (drain_cpu(pool, cpu) == DRAIN_END ||
		    (w && READ_ONCE(w->tag) != WAIT_PENDING))
			break;
	}
}

/*
 * Add @w to a queue, or end the wait at once if waits are stopped. Return true if @w
 * need not drain the lists: because waits are stopped, or no list is marked. If
 * another waiter has yet to drain them, @w does, too: that one may be preempted for any
 * time. @task is NULL if the caller does not sleep.
 */
bool percpu_tag_wait_begin(struct percpu_tag_pool *pool,
			   struct percpu_tag_waiter *w,
			   struct task_struct *task)
{
	bool fifo = pool->flags & PERCPU_TAG_FIFO;

	w->task = task;
	w->tag = WAIT_PENDING;
	guard(raw_spinlock_irqsave)(&pool->lock);
	pool->nr_waits++;
	if (pool->stopped && task) {
		INIT_LIST_HEAD(&w->node);
		w->tag = WAIT_CANCELED;
		return true;
	}
	list_add_tail(&w->node, task || fifo ? &pool->waiters : &pool->searchers);
	return !atomic_read(&pool->nr_marked);
}

/* pool->drainer is the caller: drain the lists, for all waiters. */
static void drain_as_told(struct percpu_tag_pool *pool)
{
	scoped_guard(raw_spinlock_irqsave, &pool->lock)
		WRITE_ONCE(pool->drainer, NULL);
	percpu_tag_wait_drain(pool, NULL, raw_smp_processor_id());
}

/*
 * Remove @w from the queue if no tag was assigned. Return false if it was told to
 * drain the lists: waiters behind it rely on that.
 */
static bool wait_leave(struct percpu_tag_pool *pool, struct percpu_tag_waiter *w)
{
	guard(raw_spinlock_irqsave)(&pool->lock);
	if (pool->drainer == w)
		return false;
	/* This unlocks last: percpu_tag_pool_destroy() may free the pool then. */
	pool->nr_waits--;
	if (w->tag == WAIT_PENDING)
		wait_remove(pool, w);
	return true;
}

/*
 * End the wait. Return the assigned tag or WAIT_CANCELED; or remove @w from the
 * queue and return @err.
 */
int percpu_tag_wait_end(struct percpu_tag_pool *pool,
			struct percpu_tag_waiter *w, int err)
{
	while (!wait_leave(pool, w))
		drain_as_told(pool);
	return w->tag == WAIT_PENDING ? err : w->tag;
}

/*
 * Sleep until the wait of @w has ended, or an error is due. Return 0 or the error:
 * -ERESTARTSYS after a signal that @state wakes up for; -ETIMEDOUT after @timeout
 * jiffies.
 */
static int wait_sleep(struct percpu_tag_pool *pool, struct percpu_tag_waiter *w,
		      unsigned int state, long timeout)
{
	int err = 0;

	for (;;) {
		set_current_state(state);
		/* Pairs with smp_store_release() in wait_finish(). */
		if (smp_load_acquire(&w->tag) != WAIT_PENDING)
			break;
		if (unlikely(READ_ONCE(pool->drainer) == w)) {
			__set_current_state(TASK_RUNNING);
			drain_as_told(pool);
			continue;
		}
		if (signal_pending_state(state, current))
			err = -ERESTARTSYS;
		else if (!timeout)
			err = -ETIMEDOUT;
		if (err)
			break;
		if (pool->flags & PERCPU_TAG_IOWAIT)
			timeout = io_schedule_timeout(timeout);
		else
			timeout = schedule_timeout(timeout);
	}
	__set_current_state(TASK_RUNNING);
	return err;
}

/*
 * Sleep until the wait of @w has ended. Return the tag or WAIT_CANCELED, or an error
 * of wait_sleep().
 */
int percpu_tag_wait_sleep(struct percpu_tag_pool *pool, struct percpu_tag_waiter *w,
			  unsigned int state, long timeout)
{
	return percpu_tag_wait_end(pool, w, wait_sleep(pool, w, state, timeout));
}

/*
 * Waiters of shallow allocations, which wait until fewer shallow tags are in use
 */

/* Count a shallow tag. Return false if there are as many as @depth, or waiters. */
static bool shallow_inc(struct percpu_tag_pool *pool, unsigned int depth)
{
	lockdep_assert_held(&pool->lock);
	if (!list_empty(&pool->shallow) || pool->nr_shallow >= depth)
		return false;
	pool->nr_shallow++;
	return true;
}

/* End the waits that may end, at most STEAL_MAX. The caller must hold pool->lock. */
static void shallow_grant(struct percpu_tag_pool *pool, struct percpu_tag_wakes *wakes)
{
	struct percpu_tag_waiter *w;

	while (!list_empty(&pool->shallow) && wakes->nr < STEAL_MAX) {
		w = list_first_entry(&pool->shallow, struct percpu_tag_waiter, node);
		if (pool->nr_shallow >= w->depth)
			break;
		pool->nr_shallow++;
		wait_finish(pool, w, 0, wakes);
	}
}

/* Count a shallow tag that is about to be allocated, without a wait. */
bool percpu_tag_shallow_get(struct percpu_tag_pool *pool, unsigned int depth)
{
	guard(raw_spinlock_irqsave)(&pool->lock);
	return shallow_inc(pool, depth);
}

/*
 * A shallow tag is not in use any more. The caller must keep preemption disabled, and
 * call percpu_tag_wake() after it drops its locks.
 */
void percpu_tag_shallow_put(struct percpu_tag_pool *pool, struct percpu_tag_wakes *wakes)
{
	guard(raw_spinlock_irqsave)(&pool->lock);
	pool->nr_shallow--;
	shallow_grant(pool, wakes);
}

/*
 * Remove @w from the queue if it still waits, and return @err then; or its result. Ends
 * the waits of those behind it that may end, as their depth may be larger: a waiter that
 * was granted a tag does so, too, as shallow_grant() ends STEAL_MAX waits at a time.
 */
static int shallow_leave(struct percpu_tag_pool *pool, struct percpu_tag_waiter *w, int err)
{
	bool more;

	do {
		struct percpu_tag_wakes wakes = { };

		guard(preempt)();
		scoped_guard(raw_spinlock_irqsave, &pool->lock) {
			if (w->tag == WAIT_PENDING) {
				w->tag = err;
				wait_remove(pool, w);
			}
			shallow_grant(pool, &wakes);
			more = wakes.nr == STEAL_MAX;
			/* The last use: percpu_tag_pool_destroy() may free the pool then. */
			if (!more)
				pool->nr_waits--;
		}
		percpu_tag_wake(&wakes);
	} while (more);
	return w->tag;
}

/*
 * Count a shallow tag that is about to be allocated, wait until that is possible.
 * Return 0, WAIT_CANCELED, or an error of wait_sleep().
 */
int percpu_tag_shallow_wait(struct percpu_tag_pool *pool, unsigned int depth,
			    unsigned int state, long timeout)
{
	struct percpu_tag_waiter w = {
		.task = current,
		.depth = depth,
		.tag = WAIT_PENDING,
	};

	scoped_guard(raw_spinlock_irqsave, &pool->lock) {
		if (shallow_inc(pool, depth))
			return 0;
		if (pool->stopped)
			return WAIT_CANCELED;
		pool->nr_waits++;
		list_add_tail(&w.node, &pool->shallow);
	}
	return shallow_leave(pool, &w, wait_sleep(pool, &w, state, timeout));
}

/*
 * End of all waits
 */

/* End up to STEAL_MAX waits of a queue. Return true if more are left. */
static bool cancel_some(struct percpu_tag_pool *pool, struct list_head *queue)
{
	struct percpu_tag_wakes wakes = { };
	unsigned int n;
	bool more;

	guard(preempt)();
	scoped_guard(raw_spinlock_irqsave, &pool->lock) {
		for (n = 0; n < STEAL_MAX && !list_empty(queue); n++)
			wait_finish(pool, list_first_entry(queue, struct percpu_tag_waiter,
							   node), WAIT_CANCELED, &wakes);
		more = !list_empty(queue);
	}
	percpu_tag_wake(&wakes);
	return more;
}

/**
 * percpu_tag_stop_waits - end all waits for a tag, also later ones
 * @pool: the pool
 *
 * An allocation that waits returns -ECANCELED, and so does one that would have to
 * wait until percpu_tag_resume_waits() is called: for example because the device is
 * gone. The calls need not have returned when this function does. Allocations that
 * do not wait are not affected.
 *
 * Context: any context except NMI; must not be called with a lock of the scheduler
 * held. Holds pool->lock for at most STEAL_MAX waiters at a time.
 */
void percpu_tag_stop_waits(struct percpu_tag_pool *pool)
{
	scoped_guard(raw_spinlock_irqsave, &pool->lock)
		pool->stopped = true;
	while (cancel_some(pool, &pool->waiters) || cancel_some(pool, &pool->shallow))
		;
}
EXPORT_SYMBOL_GPL(percpu_tag_stop_waits);

/**
 * percpu_tag_resume_waits - let allocations wait again
 * @pool: the pool
 *
 * Context: any context except NMI.
 */
void percpu_tag_resume_waits(struct percpu_tag_pool *pool)
{
	guard(raw_spinlock_irqsave)(&pool->lock);
	pool->stopped = false;
}
EXPORT_SYMBOL_GPL(percpu_tag_resume_waits);
