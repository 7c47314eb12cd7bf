// SPDX-License-Identifier: GPL-2.0-only
/*
 * bigref: the functions that the owner of an object calls: init, disown, kill,
 * switch, resurrect, destroy, exit.
 *
 * Each of them changes ->mode first (bigref_mode.c).  If the count was percpu,
 * or if a function of the owner must be called later, an RCU callback does the
 * rest: bigref_drained() for a percpu count, with the RCU head that belongs to
 * its counters; bigref_run_pending() for all others, with an RCU head of bigref_mode.c.
 */
#include <kunit/visibility.h>

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/instruction_pointer.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/processor.h>
#include <linux/rcupdate.h>

#include "bigref_internal.h"

/*
 * Init
 */

/* Return the mode of a new live count; allocate its counters. */
static __always_inline unsigned long bigref_new_mode(unsigned int flags,
						     gfp_t gfp)
{
	unsigned long mode;

	if (!IS_ENABLED(CONFIG_SMP) || unlikely(flags & BIGREF_INIT_EXACT))
		return BIGREF_SHARED;
	if (unlikely(flags & BIGREF_ADAPTIVE))
		return BIGREF_HINT_NONE;
	mode = (unsigned long)bigref_counters_alloc(gfp) | BIGREF_PERCPU;
	return likely(mode != BIGREF_PERCPU) ? mode : BIGREF_HINT_NONE;
}

static void bigref_init_dead(struct bigref *ref)
{
	bigref_debug_init(ref, false);
	atomic_long_set(&ref->count, BIGREF_COUNT_DEAD);
	WRITE_ONCE(ref->mode, BIGREF_ENDED);
}

static __always_inline void bigref_init_live(struct bigref *ref,
					     unsigned int flags, gfp_t gfp)
{
	bigref_debug_init(ref, true);
	atomic_long_set(&ref->count, __BIGREF_BIAS);
	WRITE_ONCE(ref->mode, bigref_new_mode(flags, gfp));
}

static void bigref_free_mode(unsigned long mode)
{
	if (bigref_mode_counters(mode))
		bigref_counters_free(bigref_mode_counters(mode));
}

/**
 * bigref_init - initialize a count with one reference, the owner's
 * @ref: the count
 * @release: called by the last put, or NULL
 * @flags: BIGREF_ADAPTIVE, BIGREF_INIT_EXACT, BIGREF_INIT_DEAD or 0
 * @gfp: allocation flags for the percpu memory
 *
 * This cannot fail: if percpu memory is not available, the count is adaptive,
 * which is slower but correct.  With BIGREF_ADAPTIVE the count starts as a
 * shared word and becomes percpu if gets from several CPUs contend for it; it
 * allocates percpu memory only then.  With BIGREF_INIT_EXACT it stays a shared
 * word until bigref_switch_to_percpu().  With BIGREF_INIT_DEAD it has no
 * reference until bigref_resurrect() or bigref_reinit().
 *
 * Context: Any context in which @gfp is allowed; any context with a flag.
 */
void bigref_init(struct bigref *ref, bigref_func_t *release, unsigned int flags,
		 gfp_t gfp)
{
	ref->release = release;
	if (likely(!flags))
		bigref_init_live(ref, 0, gfp);
	else if (flags & BIGREF_INIT_DEAD)
		bigref_init_dead(ref);
	else
		bigref_init_live(ref, flags, gfp);
}
EXPORT_SYMBOL_GPL(bigref_init);

/*
 * Disown, kill and switch
 */

/*
 * Last step of a disown or kill: @sum is what the counters add to the count.  The
 * reference of the owner keeps @ref until @done puts it, or the kill drops it.
 */
static void bigref_end_disown(struct bigref *ref, unsigned long sum, bool kill)
{
	bigref_func_t *done = ref->done;
	bool good;

	if (kill)
		good = bigref_move(ref, sum, BIGREF_ZONE_BIASED);
	else
		good = bigref_move(ref, sum - __BIGREF_BIAS, BIGREF_ZONE_EXACT);
	bigref_mode_end_disown(ref, good);
	if (done)
		done(ref);
	if (kill && good)
		bigref_unbias_put(ref);
	bigref_mode_wake();
}

/*
 * Last step of a switch.  Return true if it is over, false if a disown has
 * replaced it.
 */
static bool bigref_end_switch(struct bigref *ref, unsigned long *sum)
{
	bool good;

	if (bigref_mode_state(READ_ONCE(ref->mode)) != BIGREF_SWITCHING)
		return false;
	good = bigref_move(ref, *sum, BIGREF_ZONE_BIASED);
	*sum = 0;
	return bigref_mode_end_switch(ref, good);
}

/* RCU callback: no CPU adds to the counters any more. */
static void bigref_drained(struct rcu_head *rcu)
{
	struct bigref_req *req = container_of(rcu, struct bigref_req, rcu);
	unsigned long __percpu *counters = bigref_counters_of(req);
	unsigned long sum = bigref_counters_sum(counters);
	struct bigref *ref = req->ref;

	if (!bigref_end_switch(ref, &sum)) {
		/*
		 * Pairs with the cmpxchg in bigref_mode_change(): a disown that
		 * replaced the switch has written ->done and @kill before.  One of
		 * a percpu count has queued this callback after it wrote them.
		 */
		smp_rmb();
		bigref_end_disown(ref, sum, READ_ONCE(req->kill));
	}
	bigref_counters_free_deferred(counters);
}

/*
 * If a last put is between its atomic operation and ENDED, wait for it: preemption is
 * disabled there.  Return the count and the mode that belongs to it.
 */
static long bigref_settled(struct bigref *ref, unsigned long *mode)
{
	long count;

	for (;;) {
		count = atomic_long_read(&ref->count);
		/* Pairs with smp_store_release() in bigref_mode_set_dead(). */
		*mode = smp_load_acquire(&ref->mode);
		if (count != -1 && (count != BIGREF_COUNT_DEAD || *mode != BIGREF_EXACT))
			return count;
		cpu_relax();
	}
}

/*
 * RCU callback of the counts that are not percpu.  A disown that comes after the grace
 * period has begun waits for the next one, so that each has a whole grace period, as has
 * that of a percpu count.
 */
static void bigref_run_pending(struct rcu_head *rcu)
{
	bool kill;
	struct bigref *ref = bigref_mode_take_pending(rcu, &kill), *next;

	for (; ref; ref = next) {
		next = bigref_mode_next_pending(ref);
		bigref_end_disown(ref, 0, kill);
	}
	bigref_mode_begin_pending(kill, bigref_run_pending);
}

/*
 * Start a disown of a count that is not percpu.  See bigref_start_disown().  A kill without
 * delay may free @ref.
 */
static noinline enum bigref_next
bigref_start_disown_slow(struct bigref *ref, enum bigref_how how,
			 bigref_func_t *done, void *caller)
{
	bool uninitialized = READ_ONCE(ref->mode) == BIGREF_NONE;
	enum bigref_next next = bigref_mode_disown(ref, how, done, bigref_run_pending);
	bool good;

	switch (next) {
	case BIGREF_NEXT_UNBIAS:
		if (how == BIGREF_HOW_KILL_NOW)
			good = bigref_unbias_put(ref);
		else
			good = bigref_move(ref, -__BIGREF_BIAS, BIGREF_ZONE_EXACT);
		bigref_mode_wake();
		if (!good)
			next = BIGREF_NEXT_INVALID;
		break;
	case BIGREF_NEXT_NONE:
	case BIGREF_NEXT_PERCPU:
		break;
	case BIGREF_NEXT_INVALID:
		bigref_saturate(ref, uninitialized ? "not initialized" :
						     "disowned twice", caller);
		break;
	}
	return next;
}

/*
 * Return BIGREF_NEXT_UNBIAS if the disown or kill is over, BIGREF_NEXT_INVALID after
 * misuse, which is reported for @caller, and another value if a callback follows.
 */
static __always_inline enum bigref_next
bigref_start_disown(struct bigref *ref, enum bigref_how how, bigref_func_t *done,
		    void *caller)
{
	bool kill = how == BIGREF_HOW_KILL || how == BIGREF_HOW_KILL_NOW;
	enum bigref_next next;
	struct bigref_req *req;

	if (READ_ONCE(ref->mode) != BIGREF_NONE)
		bigref_debug_assert(ref);
	do {
		req = bigref_mode_disown_percpu(ref, kill, done);
		if (likely(req)) {
			call_rcu_hurry(&req->rcu, bigref_drained);
			return BIGREF_NEXT_NONE;
		}
		next = bigref_start_disown_slow(ref, how, done, caller);
		/* The worker has made a queued count percpu meanwhile. */
	} while (next == BIGREF_NEXT_PERCPU);
	return next;
}

/**
 * bigref_disown - make the count exact, so that it can reach zero
 * @ref: the count; the caller must hold a reference until this returns
 *
 * After this returns, bigref_tryget_live() fails and any put can be the last
 * one, including that of the caller's own reference.  A second disown is
 * reported and leaks the object.
 *
 * Context: Process context, may sleep.  Waits for an RCU callback if the count
 *	    is percpu.
 * Return: true on success, false if @ref was already disowned or is misused.
 */
bool bigref_disown(struct bigref *ref)
{
	might_sleep();
	if (bigref_start_disown(ref, BIGREF_HOW_SYNC, NULL, (void *)_RET_IP_) ==
	    BIGREF_NEXT_INVALID)
		return false;
	bigref_mode_wait(ref);
	return READ_ONCE(ref->mode) == BIGREF_EXACT;
}
EXPORT_SYMBOL_GPL(bigref_disown);

/**
 * bigref_disown_async - make the count exact without waiting
 * @ref: the count; the caller must hold a reference until @done is called
 * @done: called when the count is exact; may put the caller's reference
 *
 * This allocates no memory.  A module that contains @done must call
 * bigref_barrier() before it is unloaded.
 *
 * If misuse is detected only when the percpu counters are summed, @done is
 * called nevertheless.
 *
 * Context: Any context except NMI.  @done always runs as an RCU callback, and
 *	    must not sleep.
 * Return: true on success; false if @ref was already disowned or is misused,
 *	   and @done is not called.
 */
bool bigref_disown_async(struct bigref *ref, bigref_func_t *done)
{
	return bigref_start_disown(ref, BIGREF_HOW_ASYNC, done,
				   (void *)_RET_IP_) != BIGREF_NEXT_INVALID;
}
EXPORT_SYMBOL_GPL(bigref_disown_async);

/**
 * bigref_kill_and_confirm - disown the count, then drop the owner's reference
 * @ref: the count; the caller gives up the owner's reference
 * @confirm: called when the count is exact and before the reference is dropped,
 *	     or NULL
 *
 * This allocates no memory.  A module that contains @confirm or the release
 * function must call bigref_barrier() before it is unloaded.
 *
 * The reference is dropped by an RCU callback after a grace period, that of a switch
 * to exact if one is in progress.  So in an RCU read-side critical section the release
 * function does not run before this returns, unless the count is being switched.
 *
 * Context: Any context except NMI.  @confirm always runs as an RCU callback, and
 *	    must not sleep.
 * Return: true on success; false if @ref was already disowned or is misused,
 *	   and @confirm is not called.
 */
bool bigref_kill_and_confirm(struct bigref *ref, bigref_func_t *confirm)
{
	return bigref_start_disown(ref, BIGREF_HOW_KILL, confirm,
				   (void *)_RET_IP_) != BIGREF_NEXT_INVALID;
}
EXPORT_SYMBOL_GPL(bigref_kill_and_confirm);

/**
 * bigref_kill_now - disown the count and drop the owner's reference without delay
 * @ref: the count; the caller gives up the owner's reference
 *
 * A count that is percpu, or is being switched to exact, is killed as by bigref_kill().
 * Any other count is exact when this returns, and the reference is dropped by the caller,
 * so that no grace period is needed, and the release function may run before this returns.
 *
 * Context: Any context except hard interrupts and NMI, and not under a raw spinlock: a
 *	    caller that waits, also for another count, is woken.  See bigref_put_many()
 *	    for the release function.
 * Return: true on success, false if @ref was already disowned or is misused.
 */
bool bigref_kill_now(struct bigref *ref)
{
	return bigref_start_disown(ref, BIGREF_HOW_KILL_NOW, NULL,
				   (void *)_RET_IP_) != BIGREF_NEXT_INVALID;
}
EXPORT_SYMBOL_GPL(bigref_kill_now);

/**
 * bigref_barrier - wait for the callbacks of disowns, kills and switches
 *
 * When this returns, each @done and @confirm of a call that returned before it, and the
 * release of each kill that dropped the last reference, has returned, too.  A module that
 * contains such a function calls this before it is unloaded.  rcu_barrier() is not enough:
 * a count without percpu memory may wait for the callback of another count, which then
 * queues that of the first one.
 *
 * Functions that these callbacks pass to call_rcu() are not waited for.
 *
 * Context: Process context, may sleep.
 */
void bigref_barrier(void)
{
	/* The callback in flight, which queues the one of the counts that are pending */
	rcu_barrier();
	rcu_barrier();
}
EXPORT_SYMBOL_GPL(bigref_barrier);

/**
 * bigref_switch_to_exact_async - start a switch to exact
 * @ref: the count; the owner must keep its reference until the end of the switch
 *
 * Context: Any context except NMI.  Use bigref_switch_to_exact() to wait for the
 *	    end of the switch.
 */
void bigref_switch_to_exact_async(struct bigref *ref)
{
	bigref_mode_switch(ref, bigref_drained);
}
EXPORT_SYMBOL_GPL(bigref_switch_to_exact_async);

/**
 * bigref_switch_to_exact - make bigref_val() exact
 * @ref: the count; the caller must hold a reference until this returns, or, to wait for
 *	 the end of a kill, keep the memory valid
 *
 * Gets and puts are atomic operations on one word until
 * bigref_switch_to_percpu().  The count remains live: it cannot reach zero, and
 * bigref_tryget_live() succeeds.  If a disown or kill is in progress, this waits for
 * its end: bigref_is_zero() is true afterwards if a kill has dropped the only reference.
 *
 * Context: Process context, may sleep.  Waits for an RCU callback if the count
 *	    is percpu.
 */
void bigref_switch_to_exact(struct bigref *ref)
{
	unsigned long mode;

	might_sleep();
	bigref_switch_to_exact_async(ref);
	bigref_mode_wait(ref);
	bigref_settled(ref, &mode);
}
EXPORT_SYMBOL_GPL(bigref_switch_to_exact);

/**
 * bigref_switch_to_percpu - make gets and puts percpu again
 * @ref: the count
 * @gfp: allocation flags for the percpu memory
 *
 * If percpu memory is not available, the count becomes adaptive.  A percpu, dying
 * or dead count does not change.
 *
 * Context: Any context in which @gfp is allowed.  May sleep if a switch to exact
 *	    is in progress.
 */
void bigref_switch_to_percpu(struct bigref *ref, gfp_t gfp)
{
	unsigned long mode;
	int err;

	if (!IS_ENABLED(CONFIG_SMP))
		return;
	mode = bigref_new_mode(0, gfp);
	/* A kill or disown is not waited for: the caller may not be allowed to sleep then. */
	while ((err = bigref_mode_promote(ref, mode)) == -EBUSY)
		bigref_mode_wait(ref);
	if (err)
		bigref_free_mode(mode);
}
EXPORT_SYMBOL_GPL(bigref_switch_to_percpu);

/*
 * Resurrect
 */

/*
 * Bias the count again, with one more reference for the owner.  Return true on success,
 * false if @ref is live or misused.
 */
static bool bigref_bias(struct bigref *ref)
{
	unsigned long mode;
	long count, new;

	if (!bigref_mode_may_resurrect(ref))
		return false;
	do {
		count = bigref_settled(ref, &mode);
		if (count == BIGREF_COUNT_DEAD && mode == BIGREF_ENDED)
			new = __BIGREF_BIAS;
		else if (bigref_zone(count) == BIGREF_ZONE_EXACT)
			new = count + __BIGREF_BIAS + 1;
		else
			return false;
	} while (!atomic_long_try_cmpxchg(&ref->count, &count, new));
	if (new == __BIGREF_BIAS)
		bigref_debug_activate(ref);
	return true;
}

/**
 * bigref_resurrect - make a killed count live again
 * @ref: the count; killed, with or without references left
 * @flags: BIGREF_ADAPTIVE, BIGREF_INIT_EXACT or 0
 * @gfp: allocation flags for the percpu memory
 *
 * The owner gets one reference in place of the one that bigref_kill() dropped.
 * If the count has reached zero, the release function was called or is about to
 * be called; the caller must ensure that it does not free the object.  A caller
 * that passed a @done or @confirm must wait until it was called.  Gets, trygets
 * and puts may run concurrently.  A resurrect of a live count is reported and
 * leaks the object.
 *
 * Context: Process context if the last put may run concurrently, as the call waits
 *	    until it is over; may sleep if a disown or kill is in progress.  If
 *	    bigref_is_zero() is true: any context in which @gfp is allowed, except
 *	    hard interrupts and NMI, and not under a raw spinlock.
 * Return: true on success, false if @ref is live or misused.
 */
bool bigref_resurrect(struct bigref *ref, unsigned int flags, gfp_t gfp)
{
	unsigned long mode;

	bigref_debug_assert(ref);
	if (unlikely(READ_ONCE(ref->mode) != BIGREF_ENDED))
		bigref_mode_wait(ref);
	if (!bigref_bias(ref)) {
		bigref_saturate(ref, "resurrected while not dead",
				(void *)_RET_IP_);
		return false;
	}
	mode = bigref_new_mode(flags, gfp);
	bigref_mode_resurrect(ref, mode);
	bigref_mode_wake();
	return true;
}
EXPORT_SYMBOL_GPL(bigref_resurrect);

/**
 * bigref_reinit - make a dead count live again
 * @ref: the count; bigref_is_zero() must be true
 * @flags: BIGREF_ADAPTIVE, BIGREF_INIT_EXACT or 0
 * @gfp: allocation flags for the percpu memory
 *
 * Afterwards @ref has one reference, as after bigref_init().  See
 * bigref_resurrect().
 *
 * Context: Any context in which @gfp is allowed, except hard interrupts and NMI, and not
 *	    under a raw spinlock.
 * Return: true on success, false if @ref is not zero.
 */
bool bigref_reinit(struct bigref *ref, unsigned int flags, gfp_t gfp)
{
	return !WARN_ON_ONCE(!bigref_is_zero(ref)) &&
	       bigref_resurrect(ref, flags, gfp);
}
EXPORT_SYMBOL_GPL(bigref_reinit);

/*
 * Destroy and exit
 */

/*
 * Only misuse changes the mode of a percpu count concurrently.  Return true if
 * the count was unused and has ended; otherwise it is misused, and what its
 * counters were does not matter.
 */
static bool bigref_destroy_percpu(struct bigref *ref, unsigned long mode)
{
	unsigned long __percpu *counters;
	unsigned long sum;

	counters = (unsigned long __percpu *)(mode - BIGREF_PERCPU);
	sum = bigref_counters_take(counters);
	if (unlikely(sum + atomic_long_read(&ref->count) != __BIGREF_BIAS ||
		     !try_cmpxchg(&ref->mode, &mode, BIGREF_ENDED)))
		return false;
	bigref_debug_end(ref);
	atomic_long_set(&ref->count, BIGREF_COUNT_DEAD);
	bigref_counters_free(counters);
	return true;
}

/**
 * bigref_destroy - end a count that has not reached zero
 * @ref: the count; the caller must hold its only reference
 *
 * This is for objects that are freed without a disown, for example in an error
 * path.  The object must be unreachable, also for tryget.  If it was ever
 * published, an RCU grace period must have passed since it was unpublished;
 * freeing it with kfree_rcu() is not sufficient, because its counters can be
 * reused immediately.  A call after the count has reached zero is allowed, but
 * not needed, and so is a call for a zeroed count that was never initialized.
 *
 * If there are other references, or if a disown or switch is in progress, this
 * is reported.  The object must not be freed then; its percpu counters are.
 *
 * Context: Any context except NMI.  Reads the counter of each possible CPU.
 * Return: true on success; false if the object must not be freed.
 */
bool bigref_destroy(struct bigref *ref)
{
	unsigned long mode = READ_ONCE(ref->mode);

	if (!(mode & BIGREF_PERCPU)) {
		if (mode == BIGREF_NONE)
			return true;
		if (likely(bigref_mode_end_unused(ref))) {
			if (mode != BIGREF_ENDED)
				bigref_debug_end(ref);
			atomic_long_set(&ref->count, BIGREF_COUNT_DEAD);
			return true;
		}
		/* The worker may have made a queued count percpu meanwhile. */
		mode = READ_ONCE(ref->mode);
	}
	if (mode & BIGREF_PERCPU && bigref_destroy_percpu(ref, mode))
		return true;
	bigref_saturate(ref, "destroyed while in use", (void *)_RET_IP_);
	return false;
}
EXPORT_SYMBOL_GPL(bigref_destroy);

/**
 * bigref_exit - end a count with references left
 * @ref: the count; it must have no user any more
 *
 * This is for an owner that knows that references which are left will not be
 * put, for example because all their holders are gone.  The conditions of
 * bigref_destroy() apply, except that the number of references does not matter
 * and is not reported.  It must not be called while a disown, kill or switch is in
 * progress: this is reported, and the object must not be freed.
 *
 * Context: Any context except NMI.  Reads the counter of each possible CPU.
 * Return: the number of references left, including the owner's; 0 for a count
 *	   that is zero or was never initialized; BIGREF_VAL_SATURATED after
 *	   misuse.
 */
unsigned long bigref_exit(struct bigref *ref)
{
	unsigned long mode, left;

	if (READ_ONCE(ref->mode) == BIGREF_NONE || bigref_is_zero(ref))
		return 0;
	left = bigref_val(ref);
	if (left == BIGREF_VAL_SATURATED)
		return left;
	if (!bigref_mode_exit(ref, &mode)) {
		bigref_saturate(ref, "exit during a disown or switch",
				(void *)_RET_IP_);
		return BIGREF_VAL_SATURATED;
	}
	if (mode != BIGREF_ENDED)
		bigref_debug_end(ref);
	atomic_long_set(&ref->count, BIGREF_COUNT_DEAD);
	if (bigref_mode_counters(mode)) {
		bigref_counters_clear(bigref_mode_counters(mode));
		bigref_free_mode(mode);
	}
	return left;
}
EXPORT_SYMBOL_GPL(bigref_exit);

/*
 * For the tests: wait until no count is queued, and no callback is left.  A callback that
 * drains counters queues one that clears them, and that one may free their group.
 */
void bigref_flush(void)
{
	bigref_mode_flush();
	bigref_barrier();
	rcu_barrier();
}
EXPORT_SYMBOL_IF_KUNIT(bigref_flush);
