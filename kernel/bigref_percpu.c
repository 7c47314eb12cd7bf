// SPDX-License-Identifier: GPL-2.0-only
/*
 * What makes a bigref percpu, and exact again: SMP only.
 *
 * ->mode is one of these, by its lower three bits; the rest of the word is
 * what is named in brackets:
 *
 *	          init                       init, no memory     init, ADAPTIVE
 *	            |                              |                   |
 *	            v                              v                   v
 *	 PERCPU [counters] <-- worker -- QUEUED  SHARED           ADAPTIVE [hint]
 *	    |                            [next] <-+--- contended ------+
 *	    | disown                         |    | disown             | disown
 *	    v                                v    v                    v
 *	 EXACT [counters] -- grace period -> EXACT [0] -- last put --> OVER
 *
 * OVER is also where wrong use leads, from anywhere.
 *
 * A get or put looks at the state and adds to its CPU's counter with
 * preemption off.  Whoever adds to ->count instead may do so at any time
 * later: ->count is always part of the sum.  So
 *
 *   - going percpu waits for nobody: the counters begin at zero, and ->count
 *     keeps what it has;
 *   - disowning a percpu count waits for a grace period, after which nobody
 *     adds to the counters.  Until their sum is in ->count, its bias keeps it
 *     from zero.  Then a reader of bigref_val() may still look at them, so they
 *     are freed, or used again, after another one, for which nobody waits;
 *   - disowning any other count waits for nobody.
 */
#include <linux/bitfield.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "bigref_internal.h"

#define BIGREF_PERCPU		0UL
#define BIGREF_SHARED		1UL
#define BIGREF_ADAPT		(__BIGREF_SLOW | 0UL)
#define BIGREF_QUEUED		(__BIGREF_SLOW | 1UL)
#define BIGREF_EXACT		5UL
#define BIGREF_OVER		(__BIGREF_SLOW | 4UL)

/* So many counts may wait to become percpu; who finds it full asks again. */
#define BIGREF_NR_QUEUED	32

/*
 * An adaptive count goes percpu when its gets come from another CPU than the
 * one before for so many times within a window.  Each cost a cache miss; a
 * percpu object costs about as much as some tens of them.
 */
#define BIGREF_WINDOW		DIV_ROUND_UP(HZ, 8)
#define BIGREF_NR_MOVES		128

/*
 * Protects what follows, and all changes of a mode but those of a hint, and the
 * end of a count that is percpu, or was.
 */
static DEFINE_RAW_SPINLOCK(bigref_lock);
static struct bigref *bigref_queue;		/* to become percpu */
static unsigned int bigref_nr_queued;
static unsigned long bigref_failed_at = INITIAL_JIFFIES - 2 * HZ; /* no memory */

static void bigref_promote(struct work_struct *work);
static DECLARE_WORK(bigref_work, bigref_promote);

static void bigref_kick(struct irq_work *unused)
{
	schedule_work(&bigref_work);
}

/* A get may hold any lock, so not even a worker is woken from there. */
static DEFINE_IRQ_WORK(bigref_irq_work, bigref_kick);

static unsigned long bigref_state(unsigned long mode)
{
	return mode & __BIGREF_STATE_MASK;
}

static unsigned long bigref_rest(unsigned long mode)
{
	return mode & ~__BIGREF_STATE_MASK;
}

unsigned long __percpu *bigref_counters(unsigned long mode)
{
	if (bigref_state(mode) == BIGREF_PERCPU ||
	    bigref_state(mode) == BIGREF_EXACT)
		return (unsigned long __percpu *)bigref_rest(mode);
	return NULL;
}

static bool bigref_mode_live(unsigned long mode)
{
	return bigref_state(mode) <= BIGREF_QUEUED;
}

/* Or it is being disowned, or is over */
bool bigref_is_disowned(struct bigref *ref)
{
	return !bigref_mode_live(READ_ONCE(ref->mode));
}

/* The last step of a disown, when nobody looks at the counters any more. */
static void bigref_retire_rcu(struct rcu_head *rcu)
{
	struct bigref_record *record =
		container_of(rcu, struct bigref_record, rcu);
	unsigned long __percpu *counters = bigref_counters_of(record);

	bigref_clear(counters);
	bigref_counters_put(counters);
}

/*
 * Changes of the mode
 */
static void bigref_unlink(struct bigref *ref)
{
	unsigned long next = bigref_rest(ref->mode);
	struct bigref *at = bigref_queue;

	lockdep_assert_held(&bigref_lock);
	WRITE_ONCE(bigref_nr_queued, bigref_nr_queued - 1);
	if (at == ref) {
		WRITE_ONCE(bigref_queue, (struct bigref *)next);
		return;
	}
	while ((struct bigref *)bigref_rest(at->mode) != ref)
		at = (struct bigref *)bigref_rest(at->mode);
	WRITE_ONCE(at->mode, next | BIGREF_QUEUED);
}

/*
 * Only a hint may change while the lock is held.  False if somebody used @ref
 * wrongly, and ended it.
 */
static bool bigref_set_mode(struct bigref *ref, unsigned long mode)
{
	unsigned long old = READ_ONCE(ref->mode);
	unsigned long state = bigref_state(old);

	lockdep_assert_held(&bigref_lock);
	if (state == BIGREF_QUEUED)
		bigref_unlink(ref);
	while (!try_cmpxchg(&ref->mode, &old, mode))
		if (bigref_state(old) != state)
			return false;
	return true;
}

/* The last put has happened, and is the only one here. */
void bigref_mark_dead(struct bigref *ref)
{
	WRITE_ONCE(ref->mode, BIGREF_OVER);
}

/* Counters stay where they were found: who gets them wrongly does no harm. */
void bigref_mark_over(struct bigref *ref)
{
	unsigned long flags, rest;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	rest = (unsigned long)bigref_counters(READ_ONCE(ref->mode));
	bigref_set_mode(ref, rest | BIGREF_OVER);
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
}

/*
 * Adaptive counts.  Their mode holds a hint: the CPU of the last get, the
 * window it fell into, and how often the CPU changed in that window.
 */
#define BIGREF_HINT_CPU		GENMASK(12, 3)
#define BIGREF_HINT_WINDOW	GENMASK(20, 13)
#define BIGREF_HINT_MOVES	GENMASK(28, 21)
#define BIGREF_HINT_NONE	(BIGREF_HINT_CPU | BIGREF_ADAPT)

/* Not for a second after there was no memory */
bool bigref_may_queue(void)
{
	unsigned long failed_at = READ_ONCE(bigref_failed_at);

	return !time_in_range(jiffies, failed_at, failed_at + HZ);
}

/* Without the lock, which all hot counts would fight for when there is none */
static bool bigref_room_in_queue(void)
{
	return READ_ONCE(bigref_nr_queued) < BIGREF_NR_QUEUED && bigref_may_queue();
}

void bigref_enqueue(struct bigref *ref)
{
	unsigned long flags;
	bool queued = false;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	if (bigref_state(READ_ONCE(ref->mode)) == BIGREF_ADAPT &&
	    bigref_room_in_queue()) {
		bigref_set_mode(ref, (unsigned long)bigref_queue | BIGREF_QUEUED);
		WRITE_ONCE(bigref_queue, ref);
		WRITE_ONCE(bigref_nr_queued, bigref_nr_queued + 1);
		queued = true;
	}
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
	if (queued)
		irq_work_queue(&bigref_irq_work);
}

/* A get on a count in shared memory */
void bigref_note_get(struct bigref *ref)
{
	unsigned long mode = READ_ONCE(ref->mode);
	unsigned long window, moves, cpu;

	if (bigref_state(mode) != BIGREF_ADAPT)
		return;
	cpu = raw_smp_processor_id() & FIELD_MAX(BIGREF_HINT_CPU);
	if (likely(FIELD_GET(BIGREF_HINT_CPU, mode) == cpu))
		return;
	window = (jiffies / BIGREF_WINDOW) & FIELD_MAX(BIGREF_HINT_WINDOW);
	moves = 1;
	if (FIELD_GET(BIGREF_HINT_WINDOW, mode) == window)
		moves += FIELD_GET(BIGREF_HINT_MOVES, mode);
	if (moves >= BIGREF_NR_MOVES) {
		if (bigref_room_in_queue()) {
			bigref_enqueue(ref);
			return;
		}
		moves = 0;
	}
	/* Who loses this race knows that the winner counted. */
	try_cmpxchg_relaxed(&ref->mode, &mode,
			    FIELD_PREP(BIGREF_HINT_CPU, cpu) |
			    FIELD_PREP(BIGREF_HINT_WINDOW, window) |
			    FIELD_PREP(BIGREF_HINT_MOVES, moves) | BIGREF_ADAPT);
}

/* Makes one queued count percpu, or with no counters puts it back to rest. */
static bool bigref_promote_one(unsigned long __percpu *counters)
{
	struct bigref *ref;
	unsigned long flags;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	ref = bigref_queue;
	if (!counters)
		WRITE_ONCE(bigref_failed_at, jiffies);
	/* The cmpxchg in there orders the zeroed counters before it. */
	if (ref)
		bigref_set_mode(ref, counters ? (unsigned long)counters :
						BIGREF_HINT_NONE);
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
	return ref;
}

/* Once out of the lock a queued count may be gone, so memory comes first. */
static void bigref_promote(struct work_struct *work)
{
	unsigned long __percpu *counters;

	while (READ_ONCE(bigref_queue)) {
		counters = bigref_counters_get(GFP_KERNEL);
		if (!bigref_promote_one(counters) && counters)
			bigref_counters_put(counters);
	}
}

/*
 * The interface
 */

/**
 * bigref_init - begin a count, with one reference, the owner's
 * @ref: the count
 * @flags: BIGREF_ADAPTIVE, or 0
 * @gfp: how to allocate percpu memory
 *
 * It cannot fail: without percpu memory the count is a shared one, slower and
 * as good.  With BIGREF_ADAPTIVE it begins as a shared one, and takes percpu
 * memory when, and if, gets from many CPUs show that this pays.
 *
 * Context: As @gfp says; any with BIGREF_ADAPTIVE.
 */
void bigref_init(struct bigref *ref, unsigned int flags, gfp_t gfp)
{
	unsigned long __percpu *counters;

	atomic_long_set(&ref->count, __BIGREF_BIAS);
	if (flags & BIGREF_ADAPTIVE) {
		WRITE_ONCE(ref->mode, BIGREF_HINT_NONE);
		return;
	}
	counters = bigref_counters_get(gfp);
	WRITE_ONCE(ref->mode, counters ? (unsigned long)counters :
					 BIGREF_SHARED);
}
EXPORT_SYMBOL_GPL(bigref_init);

/*
 * The first step: new gets and puts go to ->count.  Says false if somebody
 * took it before.
 */
static bool bigref_begin_disown(struct bigref *ref, void *caller,
				unsigned long __percpu **counters)
{
	unsigned long flags, mode;
	bool live;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	mode = READ_ONCE(ref->mode);
	*counters = bigref_counters(mode);
	live = bigref_mode_live(mode) &&
	       bigref_set_mode(ref, (unsigned long)*counters | BIGREF_EXACT);
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
	if (!live)
		bigref_misuse(ref, "disowned twice", caller);
	return live;
}

/* The last step, after a grace period: nobody adds to the counters. */
static bool bigref_end_disown(struct bigref *ref, struct bigref_record *record)
{
	unsigned long sum = bigref_sum(bigref_counters_of(record));
	bool good = bigref_unbias(ref, sum);

	if (good) {
		/* Who sees the counters gone sees a @count with their sum. */
		smp_store_release(&ref->mode, BIGREF_EXACT);
	} else {
		/* Who used it wrongly may not have come to that. */
		bigref_mark_over(ref);
	}
	call_rcu(&record->rcu, bigref_retire_rcu);
	return good;
}

static void bigref_disown_rcu(struct rcu_head *rcu)
{
	struct bigref_record *record =
		container_of(rcu, struct bigref_record, rcu);
	bigref_func_t *done = record->done;
	struct bigref *ref = record->ref;

	bigref_end_disown(ref, record);
	done(ref);
}

/**
 * bigref_disown - let the count get to zero, and wait until it can
 * @ref: the count; the caller holds a reference, and holds it to the end
 *
 * From here on tryget_live fails and a put can be the last one, that of the
 * caller's own reference included.  To disown twice is reported and leaks the
 * object.
 *
 * Context: May sleep; waits for a grace period if the count is percpu.
 * Return: False if @ref was disowned before or was used wrongly.
 */
bool bigref_disown(struct bigref *ref)
{
	unsigned long __percpu *counters;

	might_sleep();
	if (!bigref_begin_disown(ref, (void *)_RET_IP_, &counters))
		return false;
	if (!counters)
		return bigref_unbias(ref, 0);
	synchronize_rcu();
	return bigref_end_disown(ref, bigref_record_of(counters));
}
EXPORT_SYMBOL_GPL(bigref_disown);

/**
 * bigref_disown_async - let the count get to zero, and be told when it can
 * @ref: the count; the caller holds a reference, until @done is called
 * @done: called when a put can be the last one; it may put the caller's
 *
 * It needs no memory.  A module that has @done must call rcu_barrier() before
 * it goes.
 *
 * Context: Any but NMI.  @done runs as an RCU callback; if the count is not
 *	    percpu, before this returns.
 * Return: False if @ref was disowned before or was used wrongly: @done is not
 *	   called.
 */
bool bigref_disown_async(struct bigref *ref, bigref_func_t *done)
{
	unsigned long __percpu *counters;
	struct bigref_record *record;

	if (!bigref_begin_disown(ref, (void *)_RET_IP_, &counters))
		return false;
	if (!counters) {
		if (!bigref_unbias(ref, 0))
			return false;
		done(ref);
		return true;
	}
	record = bigref_record_of(counters);
	record->ref = ref;
	record->done = done;
	call_rcu_hurry(&record->rcu, bigref_disown_rcu);
	return true;
}
EXPORT_SYMBOL_GPL(bigref_disown_async);

/* Nobody else changes the mode of a percpu count, unless he is wrong. */
static bool bigref_destroy_percpu(struct bigref *ref, unsigned long mode)
{
	unsigned long __percpu *counters = (unsigned long __percpu *)mode;
	unsigned long count = atomic_long_read(&ref->count);
	unsigned long used;

	count += bigref_sum_used(counters, &used);
	if (count != __BIGREF_BIAS ||
	    !try_cmpxchg(&ref->mode, &mode, BIGREF_OVER))
		return false;
	atomic_long_set(&ref->count, BIGREF_DEAD);
	if (used)
		bigref_clear(counters);
	bigref_counters_put(counters);
	return true;
}

/* Whether the owner's is the only reference, or there is none */
static bool bigref_is_owners(struct bigref *ref, unsigned long mode)
{
	long count = atomic_long_read(&ref->count);

	switch (bigref_state(mode)) {
	case BIGREF_OVER:
		return bigref_zone(count) == BIGREF_ZONE_DEAD;
	case BIGREF_EXACT:
		return !bigref_counters(mode) && count == 0;
	default:
		return count == __BIGREF_BIAS;
	}
}

/* A queued count may be percpu by now. */
static noinline bool bigref_destroy_shared(struct bigref *ref)
{
	unsigned long flags, mode;
	bool good;

	raw_spin_lock_irqsave(&bigref_lock, flags);
	mode = READ_ONCE(ref->mode);
	good = bigref_state(mode) != BIGREF_PERCPU &&
	       bigref_is_owners(ref, mode) && bigref_set_mode(ref, BIGREF_OVER);
	raw_spin_unlock_irqrestore(&bigref_lock, flags);
	if (bigref_state(mode) == BIGREF_PERCPU)
		return bigref_destroy_percpu(ref, mode);
	if (good)
		atomic_long_set(&ref->count, BIGREF_DEAD);
	return good;
}

/**
 * bigref_destroy - end a count that did not get to zero
 * @ref: the count; the caller holds its only reference
 *
 * For an object that goes without a disown, as in an error path: nobody can
 * find it, not even by tryget.  So if it ever could be found, an RCU grace
 * period has passed since: to free it by kfree_rcu() is not enough, as its
 * counters may be another count's at once.  In @release, and behind it, this is
 * not needed and does no harm.
 *
 * Context: Any but NMI; visits every possible CPU's counter.
 * Return: False if there were other references, or a disown was under way:
 *	   this is reported, and the object must not be freed.
 */
bool bigref_destroy(struct bigref *ref)
{
	unsigned long mode = READ_ONCE(ref->mode);
	bool good;

	if (bigref_state(mode) == BIGREF_PERCPU)
		good = bigref_destroy_percpu(ref, mode);
	else
		good = bigref_destroy_shared(ref);
	if (!good)
		bigref_misuse(ref, "destroyed while in use", (void *)_RET_IP_);
	return good;
}
EXPORT_SYMBOL_GPL(bigref_destroy);

/*
 * For the tests
 */
bool bigref_is_percpu(struct bigref *ref)
{
	return bigref_state(READ_ONCE(ref->mode)) == BIGREF_PERCPU;
}

/* Until nothing is queued, and no counters wait for a grace period */
void bigref_flush(void)
{
	irq_work_sync(&bigref_irq_work);
	flush_work(&bigref_work);
	/* Sum, clear, free: each from the callback of the one before. */
	rcu_barrier();
	rcu_barrier();
	rcu_barrier();
}
