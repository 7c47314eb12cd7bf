// SPDX-License-Identifier: GPL-2.0-only
/*
 * bigref: the mode of a count.
 *
 * ->mode is a state and its payload, in brackets.  If one of the low three bits
 * is set, these are the state and the payload is a pointer.  Otherwise the next
 * three bits are the state.  Zero is NONE: not initialized.
 *
 *	live, biased
 *	  PERCPU [counters]	gets and puts use the counters
 *	  SHARED		gets and puts use ->count
 *	  ADAPT [hint]		SHARED, and gets record contention in the hint
 *	  QUEUED		ADAPT, and the worker makes it PERCPU
 *	  SWITCHING [counters]	SHARED, and an RCU callback adds the counters
 *	dying
 *	  DISOWNING [counters]	biased; an RCU callback adds the counters
 *	  PENDING [next]	biased; an RCU callback, no counters
 *	  EXACT			can reach zero, once the bias is removed
 *	  ENDED			zero, destroyed, or misused
 *
 *	  from		   to		 by
 *	  ----------------------------------------------------------------
 *	  (init)	   PERCPU	 init; ADAPT without memory or if
 *					 adaptive; SHARED and ENDED by flags
 *	  ADAPT		   QUEUED	 contended gets
 *	  QUEUED	   PERCPU	 worker; ADAPT if it has no memory
 *	  PERCPU	   SWITCHING	 switch to exact
 *	  SWITCHING	   SHARED	 RCU callback
 *	  ADAPT, QUEUED	   SHARED	 switch to exact
 *	  SHARED, ADAPT,   PERCPU	 switch to percpu; ADAPT without memory
 *	    QUEUED
 *	  PERCPU,	   DISOWNING	 disown, kill
 *	    SWITCHING
 *	  other live	   EXACT	 disown that may sleep, kill now
 *	  other live	   PENDING	 async disown, kill
 *	  DISOWNING,	   EXACT	 RCU callback
 *	    PENDING
 *	  EXACT		   ENDED	 last put
 *	  EXACT, ENDED	   as init	 resurrect
 *	  any but those	   ENDED	 destroy, exit, misuse
 *	    in progress
 *
 * SWITCHING, DISOWNING and PENDING are in progress: an RCU callback will access
 * the count, so misuse leaves the state to the callback.
 *
 * A kill is over when its callback does not access the count any more.  The callback
 * sets EXACT first, and then removes the bias and the owner's reference in one atomic
 * operation, see bigref_unbias_put().  Nothing can be written afterwards, as another put
 * may be the last one; so until then EXACT is in progress, too.  If no reference is
 * left, the callback makes the last put before it wakes the waiters.
 *
 * A get or put reads the state and adds to its CPU's counter with preemption
 * disabled.  A get or tryget that adds to ->count instead may do so at any later
 * time, because ->count is always part of the sum.  Hence:
 *
 *   - A change to PERCPU waits for nothing: the counters start at zero, and
 *     ->count keeps its value.
 *   - A change from PERCPU waits for a grace period.  Afterwards no CPU adds to
 *     the counters.  The bias keeps ->count from zero until the sum of the
 *     counters is added to it.  bigref_val() may still read the counters then,
 *     so they are freed after one more grace period, asynchronously.
 *   - A disown in any other state waits for nothing; an async one calls @done
 *     in an RCU callback nevertheless.
 *
 * bigref_lock guards each change of ->mode except:
 *
 *   - the hint of ADAPT changes by cmpxchg, see bigref_hint_update();
 *   - bigref_mode_set_dead() runs after the last put, when the count has no
 *     user;
 *   - the RCU callback changes SWITCHING by cmpxchg, because a disown can change
 *     it meanwhile; nothing else changes DISOWNING and PENDING;
 *   - a disown changes PERCPU by cmpxchg, see bigref_mode_disown_percpu();
 *   - a resurrect stores the mode, see bigref_mode_resurrect();
 *   - bigref_destroy() ends a percpu count by cmpxchg.
 */
#include <kunit/visibility.h>

#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "bigref_internal.h"

/*
 * Limit of queued counts.  A count that finds the queue full starts to count
 * CPU changes again.
 */
#define BIGREF_NR_QUEUED	32

/*
 * An adaptive count becomes percpu after BIGREF_NR_CHANGES gets, within one
 * window, that each ran on a different CPU than the get before.  Each of these
 * gets is a cache miss; their cost exceeds that of allocating a percpu object.
 */
#define BIGREF_WINDOW		DIV_ROUND_UP(HZ, 8)	/* in jiffies */
#define BIGREF_NR_CHANGES	128

/*
 * Guards the writes of the variables below, and of ->mode with the exceptions
 * above.  Taken with interrupts off, for at most BIGREF_NR_QUEUED counts that are
 * compared and one callback that is queued; only call_rcu() takes locks meanwhile.
 */
static DEFINE_RAW_SPINLOCK(bigref_lock);
/* Counts in state QUEUED */
static struct bigref *bigref_queue[BIGREF_NR_QUEUED];
/* Number of counts on bigref_queue */
static unsigned int bigref_nr_queued;

/*
 * Counts in state PENDING, linked through their payload: async disowns, and
 * those that drop the owner's reference.
 *
 * A list becomes busy, and its callback is queued, without a release of the lock in
 * between: a task that is preempted there would hold up the counts of all other owners.
 */
struct bigref_pending {
	struct rcu_head rcu;	/* for the callback */
	struct bigref *next;	/* for the next grace period */
	struct bigref *waiting;	/* for the one that has begun */
	bool busy;		/* the RCU callback is queued, or runs */
};

static struct bigref_pending bigref_pending[2];

/* Callers that wait for the end of a disown or switch */
static DECLARE_WAIT_QUEUE_HEAD(bigref_waitq);

/*
 * Changes of the mode
 */

static void bigref_dequeue(struct bigref *ref)
{
	unsigned int i = 0;

	lockdep_assert_held(&bigref_lock);
	while (bigref_queue[i] != ref)
		i++;
	WRITE_ONCE(bigref_nr_queued, bigref_nr_queued - 1);
	bigref_queue[i] = bigref_queue[bigref_nr_queued];
}

/*
 * Change the mode under bigref_lock; dequeue @ref if it was queued.  Return
 * true on success, false if the state has changed meanwhile.  A percpu count cannot be
 * one with other counters then: they change after a grace period only, and IRQs are off.
 */
static bool bigref_mode_change(struct bigref *ref, unsigned long old,
			       unsigned long mode)
{
	unsigned long seen = old;

	lockdep_assert_held(&bigref_lock);
	while (!try_cmpxchg(&ref->mode, &seen, mode))
		if (bigref_mode_state(seen) != bigref_mode_state(old))
			return false;
	if (old == BIGREF_QUEUED)
		bigref_dequeue(ref);
	return true;
}

/* The last put was made; its caller is the only user of @ref. */
void bigref_mode_set_dead(struct bigref *ref)
{
	/* Pairs with smp_load_acquire() in bigref_is_zero(). */
	smp_store_release(&ref->mode, BIGREF_ENDED);
}

/*
 * End @ref after misuse.  Its counters are freed after a grace period, because
 * a concurrent get or put may still add to them.
 */
void bigref_mode_set_misused(struct bigref *ref)
{
	unsigned long flags, mode;
	bool ended;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	mode = READ_ONCE(ref->mode);
	ended = !bigref_mode_in_progress(mode) &&
		bigref_mode_change(ref, mode, BIGREF_ENDED);
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
	if (ended && bigref_mode_counters(mode))
		bigref_counters_free_deferred(bigref_mode_counters(mode));
}

/*
 * First step of a disown of a percpu count: new gets and puts add to ->count.  No
 * lock: after the cmpxchg nothing else changes the state, and the request and ->done
 * belong to the caller, which queues the request for the callback that reads both.
 * Return the request, or NULL if the count is not percpu.
 */
struct bigref_req *bigref_mode_disown_percpu(struct bigref *ref, bool kill,
					     bigref_func_t *done)
{
	unsigned long mode = READ_ONCE(ref->mode), counters;
	struct bigref_req *req;

	if (!(mode & BIGREF_PERCPU))
		return NULL;
	counters = mode - BIGREF_PERCPU;
	if (!try_cmpxchg(&ref->mode, &mode, counters | BIGREF_DISOWNING))
		return NULL;
	req = bigref_req_of((unsigned long __percpu *)counters);
	req->ref = ref;
	req->kill = kill;
	ref->done = done;
	return req;
}

/*
 * The counts that are pending wait for a grace period that is about to begin; those
 * that follow wait for the next one.  The callback was not queued, or runs.
 */
static void bigref_pending_begin(struct bigref_pending *pending,
				 rcu_callback_t callback)
{
	lockdep_assert_held(&bigref_lock);
	pending->waiting = pending->next;
	pending->next = NULL;
	pending->busy = pending->waiting;
	if (pending->busy)
		call_rcu_hurry(&pending->rcu, callback);
}

/* Let a count without counters wait for a grace period.  As bigref_disown_try(). */
static bool bigref_disown_pending(struct bigref *ref, unsigned long mode, bool kill,
				  bigref_func_t *done, rcu_callback_t callback)
{
	struct bigref_pending *pending = &bigref_pending[kill];
	unsigned long new = (unsigned long)pending->next | BIGREF_PENDING;

	if (!bigref_mode_change(ref, mode, new))
		return false;
	ref->done = done;
	pending->next = ref;
	if (!pending->busy)
		bigref_pending_begin(pending, callback);
	return true;
}

/* Return true on success, false if the state has changed meanwhile. */
static bool bigref_disown_try(struct bigref *ref, unsigned long mode,
			      enum bigref_how how, bigref_func_t *done,
			      rcu_callback_t callback, enum bigref_next *next)
{
	bool kill = how == BIGREF_HOW_KILL || how == BIGREF_HOW_KILL_NOW;
	unsigned long new;

	switch (bigref_mode_state(mode)) {
	case BIGREF_PERCPU:
		*next = BIGREF_NEXT_PERCPU;
		return true;
	case BIGREF_SWITCHING:
		/* The callback of the switch may read both at once. */
		ref->done = done;
		bigref_req_of(bigref_mode_counters(mode))->kill = kill;
		*next = BIGREF_NEXT_NONE;
		new = bigref_mode_payload(mode) | BIGREF_DISOWNING;
		return bigref_mode_change(ref, mode, new);
	case BIGREF_ADAPT:
	case BIGREF_QUEUED:
	case BIGREF_SHARED:
		if (how == BIGREF_HOW_SYNC || how == BIGREF_HOW_KILL_NOW) {
			*next = BIGREF_NEXT_UNBIAS;
			return bigref_mode_change(ref, mode, BIGREF_EXACT);
		}
		*next = BIGREF_NEXT_NONE;
		return bigref_disown_pending(ref, mode, kill, done, callback);
	}
	*next = BIGREF_NEXT_INVALID;
	return true;
}

/*
 * First step of a disown of any other count.  @done and @how are left for the
 * callback: that of the switch, which becomes a disown; or @callback, which is that
 * of all pending counts.
 */
enum bigref_next bigref_mode_disown(struct bigref *ref, enum bigref_how how,
				    bigref_func_t *done, rcu_callback_t callback)
{
	enum bigref_next next;
	unsigned long flags;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	while (!bigref_disown_try(ref, READ_ONCE(ref->mode), how, done, callback,
				  &next))
		;
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
	return next;
}

/*
 * First step of a switch to exact.  @callback is queued if a second step is needed, as
 * the count is percpu: under the lock, as a disown that replaces the switch relies on it.
 *
 * A concurrent disown of a percpu count may take its request without the lock; one of
 * a count that is being switched changes the request under the lock.
 */
void bigref_mode_switch(struct bigref *ref, rcu_callback_t callback)
{
	unsigned long flags, mode;
	struct bigref_req *req;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	mode = READ_ONCE(ref->mode);
	switch (bigref_mode_state(mode)) {
	case BIGREF_PERCPU:
		if (!bigref_mode_change(ref, mode, bigref_mode_payload(mode) |
						   BIGREF_SWITCHING))
			break;
		req = bigref_req_of(bigref_mode_counters(mode));
		req->ref = ref;
		req->kill = false;
		call_rcu_hurry(&req->rcu, callback);
		break;
	case BIGREF_ADAPT:
	case BIGREF_QUEUED:
		bigref_mode_change(ref, mode, BIGREF_SHARED);
		break;
	}
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
}

/*
 * Wake the callers that wait for the end of a disown, kill or switch.  Not in hard
 * interrupts or under a raw spinlock: with PREEMPT_RT the lock of the queue sleeps.
 */
void bigref_mode_wake(void)
{
	if (wq_has_sleeper(&bigref_waitq))
		wake_up_all(&bigref_waitq);
}

/*
 * Last step of a switch.  Return true if it is over, false if a disown has
 * replaced it.
 */
bool bigref_mode_end_switch(struct bigref *ref, bool good)
{
	unsigned long mode = READ_ONCE(ref->mode);
	unsigned long new = good ? BIGREF_SHARED : BIGREF_ENDED;

	do {
		if (bigref_mode_state(mode) != BIGREF_SWITCHING)
			return false;
	} while (!try_cmpxchg(&ref->mode, &mode, new));
	bigref_mode_wake();
	return true;
}

/*
 * End the state of a disown or kill.  If the count was misused, its state was left to this
 * function.  The caller must call bigref_mode_wake() later.
 */
void bigref_mode_end_disown(struct bigref *ref, bool good)
{
	/*
	 * Pairs with the first smp_rmb() in bigref_val(): a reader that sees no
	 * counters sees a ->count that includes their sum.
	 */
	smp_store_release(&ref->mode, good ? BIGREF_EXACT : BIGREF_ENDED);
}

/* Wait until no disown, kill or switch of @ref is in progress. */
void bigref_mode_wait(struct bigref *ref)
{
	/* wait_event() may not be called in atomic context, not even once. */
	if (!bigref_is_in_progress(ref))
		return;
	wait_event(bigref_waitq, !bigref_is_in_progress(ref));
}

/* Last step of @callback: queue it again if counts have become pending meanwhile. */
void bigref_mode_begin_pending(bool kill, rcu_callback_t callback)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	bigref_pending_begin(&bigref_pending[kill], callback);
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
}

/*
 * Return the counts that a grace period has passed for, and whether they are killed;
 * only their RCU callback calls this.
 */
struct bigref *bigref_mode_take_pending(struct rcu_head *rcu, bool *kill)
{
	*kill = rcu == &bigref_pending[true].rcu;
	return bigref_pending[*kill].waiting;
}

struct bigref *bigref_mode_next_pending(struct bigref *ref)
{
	return (struct bigref *)bigref_mode_payload(READ_ONCE(ref->mode));
}

/*
 * Change a count that is live and not percpu to @mode.  Return 0 on success,
 * -EBUSY if a switch is in progress, -EINVAL in other states.
 */
int bigref_mode_promote(struct bigref *ref, unsigned long mode)
{
	unsigned long flags, old;
	int err = -EINVAL;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	old = READ_ONCE(ref->mode);
	switch (bigref_mode_state(old)) {
	case BIGREF_SHARED:
	case BIGREF_ADAPT:
	case BIGREF_QUEUED:
		if (bigref_mode_change(ref, old, mode))
			err = 0;
		break;
	case BIGREF_SWITCHING:
		err = -EBUSY;
		break;
	}
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
	return err;
}

/*
 * Return true if the owner's reference is the only one, or none is left.  @mode
 * is the mode of @ref, and not NONE.
 */
static bool bigref_is_unused(struct bigref *ref, unsigned long mode)
{
	long count = atomic_long_read(&ref->count);

	if (likely(count == __BIGREF_BIAS))
		return !(mode & BIGREF_POINTER_MASK) && mode != BIGREF_EXACT;
	if (count == 0)
		return mode == BIGREF_EXACT;
	return mode == BIGREF_ENDED && bigref_zone(count) == BIGREF_ZONE_DEAD;
}

/*
 * End a count that is not percpu and has no reference except the owner's.
 * Return true on success, false if it is percpu, in use, in progress or misused.
 */
bool bigref_mode_end_unused(struct bigref *ref)
{
	unsigned long flags, mode;
	bool good;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	mode = READ_ONCE(ref->mode);
	good = bigref_is_unused(ref, mode) &&
	       bigref_mode_change(ref, mode, BIGREF_ENDED);
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
	return good;
}

/*
 * End a count that has no user, whatever its references.  @mode is set to its
 * mode.  Return true on success, false if a disown or switch is in progress.
 */
bool bigref_mode_exit(struct bigref *ref, unsigned long *mode)
{
	unsigned long flags;
	bool good;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	*mode = READ_ONCE(ref->mode);
	good = !bigref_is_in_progress(ref) &&
	       bigref_mode_change(ref, *mode, BIGREF_ENDED);
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
	return good;
}

/*
 * Adaptive counts
 */
#ifdef CONFIG_SMP
/* Jiffies of the last failure to allocate counters for a queued count */
static unsigned long bigref_promote_failed_at = INITIAL_JIFFIES - 2 * HZ;

static void bigref_promote(struct work_struct *work);
static DECLARE_WORK(bigref_work, bigref_promote);

static void bigref_promote_irq(struct irq_work *unused)
{
	schedule_work(&bigref_work);
}

/*
 * The caller of a get may hold any lock, including those that a wakeup takes,
 * so an irq_work queues the worker.
 */
static DEFINE_IRQ_WORK(bigref_irq_work, bigref_promote_irq);

/*
 * Return true unless an allocation of counters failed within the last second.
 */
bool bigref_may_promote(void)
{
	unsigned long failed_at = READ_ONCE(bigref_promote_failed_at);

	return !time_in_range(jiffies, failed_at, failed_at + HZ);
}
EXPORT_SYMBOL_IF_KUNIT(bigref_may_promote);

/*
 * Return true if one more count may be queued.  Also called without
 * bigref_lock, to avoid contention for it while the queue is full.
 */
static bool bigref_queue_has_space(void)
{
	return READ_ONCE(bigref_nr_queued) < BIGREF_NR_QUEUED &&
	       bigref_may_promote();
}

/*
 * Queue an adaptive count to become percpu, if the queue has space and the lock is
 * free; a later get tries again.
 */
void bigref_enqueue(struct bigref *ref)
{
	unsigned long flags, mode;
	bool queued = false;

	/*
	 * A get runs wherever its caller may be called, also in a program that traces a
	 * holder of the lock.
	 */
	if (!raw_spin_trylock_irqsave(&bigref_lock, flags))
		return;
	mode = READ_ONCE(ref->mode);
	if (bigref_mode_state(mode) == BIGREF_ADAPT &&
	    bigref_queue_has_space() &&
	    bigref_mode_change(ref, mode, BIGREF_QUEUED)) {
		bigref_queue[bigref_nr_queued] = ref;
		WRITE_ONCE(bigref_nr_queued, bigref_nr_queued + 1);
		queued = true;
	}
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
	if (queued)
		irq_work_queue(&bigref_irq_work);
}
EXPORT_SYMBOL_IF_KUNIT(bigref_enqueue);

/* Record a get that added to ->count; queue the count if it is contended. */
void bigref_hint_update(struct bigref *ref)
{
	unsigned long mode = READ_ONCE(ref->mode);
	unsigned long window, changes, cpu;

	if (bigref_mode_state(mode) != BIGREF_ADAPT)
		return;
	cpu = raw_smp_processor_id() & FIELD_MAX(BIGREF_HINT_CPU);
	if (likely(FIELD_GET(BIGREF_HINT_CPU, mode) == cpu))
		return;
	window = (jiffies / BIGREF_WINDOW) & FIELD_MAX(BIGREF_HINT_WINDOW);
	changes = 1;
	if (FIELD_GET(BIGREF_HINT_WINDOW, mode) == window)
		changes += FIELD_GET(BIGREF_HINT_CHANGES, mode);
	if (changes >= BIGREF_NR_CHANGES) {
		/* bigref_lock is not taken in NMI: a later get queues the count. */
		if (in_nmi())
			return;
		if (bigref_queue_has_space()) {
			bigref_enqueue(ref);
			return;
		}
		changes = 0;
	}
	/* If the cmpxchg fails, a concurrent get has updated the hint. */
	try_cmpxchg_relaxed(&ref->mode, &mode,
			    FIELD_PREP(BIGREF_HINT_CPU, cpu) |
			    FIELD_PREP(BIGREF_HINT_WINDOW, window) |
			    FIELD_PREP(BIGREF_HINT_CHANGES, changes) |
			    BIGREF_ADAPT);
}

/*
 * Make one queued count percpu, or, if @counters is NULL, adaptive again.
 * Return false if the queue was empty; @counters are unused then.
 */
static bool bigref_promote_one(unsigned long __percpu *counters)
{
	struct bigref *ref = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	if (bigref_nr_queued)
		ref = bigref_queue[0];
	if (!counters)
		WRITE_ONCE(bigref_promote_failed_at, jiffies);
	/*
	 * The cmpxchg in bigref_mode_change() orders the zeroed counters before
	 * the mode; pairs with the address dependency in __bigref_add_percpu().
	 */
	if (ref)
		bigref_mode_change(ref, BIGREF_QUEUED,
				   counters ? (unsigned long)counters |
					      BIGREF_PERCPU : BIGREF_HINT_NONE);
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
	return ref;
}

/*
 * Worker.  It allocates counters before it takes a count off the queue,
 * because a queued count may be freed while bigref_lock is not held.
 */
static void bigref_promote(struct work_struct *work)
{
	unsigned long __percpu *counters;

	while (READ_ONCE(bigref_nr_queued)) {
		counters = bigref_counters_alloc(GFP_KERNEL);
		if (!bigref_promote_one(counters) && counters)
			bigref_counters_free(counters);
	}
}

#else
void bigref_hint_update(struct bigref *ref)
{
}
#endif /* CONFIG_SMP */

/*
 * For the tests
 */

/* Return true if gets and puts use percpu counters. */
bool bigref_is_percpu(struct bigref *ref)
{
	return READ_ONCE(ref->mode) & BIGREF_PERCPU;
}
EXPORT_SYMBOL_IF_KUNIT(bigref_is_percpu);

/* Wait until no count is queued. */
void bigref_mode_flush(void)
{
#ifdef CONFIG_SMP
	irq_work_sync(&bigref_irq_work);
	flush_work(&bigref_work);
#endif
}
