// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_tag: the queue of waiters.
 */
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
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

/*
 * End the wait of the first waiter, which must exist, with @tag. The caller must
 * hold pool->lock and call percpu_tag_wake() after it drops its locks.
 *
 * The waiter owns the tag from now on, and no other CPU wakes it. Therefore the
 * caller must keep preemption disabled until percpu_tag_wake(): otherwise a task
 * of higher priority could delay the wakeup.
 */
static void wait_finish(struct percpu_tag_pool *pool, int tag,
			struct percpu_tag_wakes *wakes)
{
	struct percpu_tag_waiter *w;

	w = list_first_entry(&pool->waiters, struct percpu_tag_waiter, node);
	list_del_init(&w->node);
	if (list_empty(&pool->waiters))
		pool->drained = false;
	if (w->task)
		wakes->tasks[wakes->nr++] = get_task_struct(w->task);
	/*
	 * Pairs with smp_load_acquire() in percpu_tag_wait_sleep(). @w is on
	 * the stack of the waiter and must not be accessed afterwards.
	 */
	smp_store_release(&w->tag, tag);
}

/* Assign @tag to the first waiter, as wait_finish() says. */
void percpu_tag_assign(struct percpu_tag_pool *pool, unsigned int tag,
		       struct percpu_tag_wakes *wakes)
{
	lockdep_assert_held(&pool->lock);
	WRITE_ONCE(pool->next[tag], TAG_IN_USE);
	wait_finish(pool, tag, wakes);
}

/*
 * Assign tags of @list to waiters, in the order of the queue. A list that is left
 * empty becomes LIST_WAITERS. Return true if there are more tags and waiters.
 */
static bool wait_drain_list(struct percpu_tag_cpu *list,
			    struct percpu_tag_wakes *wakes)
{
	struct percpu_tag_pool *pool = list->pool;
	unsigned int n;

	guard(raw_spinlock_irqsave)(&list->lock);
	guard(raw_spinlock)(&pool->lock);
	if (list->head == TAG_NONE)
		list_sieve(list);
	for (n = 0; n < STEAL_MAX && list->head != TAG_NONE; n++) {
		if (list_empty(&pool->waiters))
			return false;
		percpu_tag_assign(pool, list_pop(list), wakes);
	}
	if (!list_is_empty(list))
		return true;
	list_unmark_empty(list);
	list->state = LIST_WAITERS;
	return false;
}

/* Drain the list of @cpu to the waiters and wake them. */
static void wait_drain_cpu(struct percpu_tag_pool *pool, unsigned int cpu)
{
	bool more;

	do {
		struct percpu_tag_wakes wakes = { };

		guard(preempt)();
		more = wait_drain_list(cpu_list(pool, cpu), &wakes);
		percpu_tag_wake(&wakes);
	} while (more);
}

/*
 * Add @w to the queue, or end the wait at once if waits are stopped. Return true if
 * @w need not drain the lists, because that is so or a waiter before it has done it.
 * @task is NULL if the caller does not sleep.
 */
bool percpu_tag_wait_begin(struct percpu_tag_pool *pool,
			   struct percpu_tag_waiter *w,
			   struct task_struct *task)
{
	w->task = task;
	w->tag = WAIT_PENDING;
	guard(raw_spinlock_irqsave)(&pool->lock);
	pool->nr_waits++;
	if (pool->stopped && task) {
		w->tag = WAIT_CANCELED;
		return true;
	}
	list_add_tail(&w->node, &pool->waiters);
	return pool->drained;
}

/*
 * End the wait. Return the assigned tag or WAIT_CANCELED; or remove @w from the
 * queue and return @err.
 */
int percpu_tag_wait_end(struct percpu_tag_pool *pool,
			struct percpu_tag_waiter *w, int err)
{
	guard(raw_spinlock_irqsave)(&pool->lock);
	/* This unlocks last: percpu_tag_pool_destroy() may free the pool then. */
	pool->nr_waits--;
	if (w->tag != WAIT_PENDING)
		return w->tag;
	list_del(&w->node);
	if (list_empty(&pool->waiters))
		pool->drained = false;
	return err;
}

/* Drain each list to the waiters, from @first on, until the wait of @w has ended. */
void percpu_tag_wait_drain(struct percpu_tag_pool *pool,
			   struct percpu_tag_waiter *w,
			   unsigned int first)
{
	unsigned int cpu;

	for_each_cpu_wrap(cpu, cpu_possible_mask, first) {
		wait_drain_cpu(pool, cpu);
		if (READ_ONCE(w->tag) != WAIT_PENDING)
			break;
	}
	guard(raw_spinlock_irqsave)(&pool->lock);
	if (w->tag == WAIT_PENDING)
		pool->drained = true;
}

/*
 * Sleep until the wait of @w has ended. Return the tag or WAIT_CANCELED;
 * -ERESTARTSYS after a signal that @state wakes up for; -ETIMEDOUT after @timeout
 * jiffies.
 */
int percpu_tag_wait_sleep(struct percpu_tag_pool *pool,
			  struct percpu_tag_waiter *w,
			  unsigned int state, long timeout)
{
	int err = 0;

	for (;;) {
		set_current_state(state);
		/* Pairs with smp_store_release() in wait_finish(). */
		if (smp_load_acquire(&w->tag) != WAIT_PENDING)
			break;
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
	return percpu_tag_wait_end(pool, w, err);
}

/* End up to STEAL_MAX waits. Return true if more are left. */
static bool cancel_some(struct percpu_tag_pool *pool)
{
	struct percpu_tag_wakes wakes = { };
	unsigned int n;
	bool more;

	guard(preempt)();
	scoped_guard(raw_spinlock_irqsave, &pool->lock) {
		for (n = 0; n < STEAL_MAX && !list_empty(&pool->waiters); n++)
			wait_finish(pool, WAIT_CANCELED, &wakes);
		more = !list_empty(&pool->waiters);
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
	while (cancel_some(pool))
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
