// SPDX-License-Identifier: GPL-2.0-only
/*
 * bigref: the count, one atomic word; bigref_mode.c and bigref_counters.c add
 * the percpu mode.
 *
 * Calls go in one direction only:
 *
 *	bigref_owner.c -> bigref.c -> bigref_mode.c -> bigref_counters.c
 *
 * The word holds the number of references minus one, so that the sign of an
 * atomic operation's result shows both the last put and misuse.  The upper four
 * bits cut its number line into sixteen units:
 *
 *   8     9     A B     C D E F      0 1 2 3     4 5 6 7
 *   |over||--S-||--D--||--under-|-1||--exact--||----B----|
 *
 *   B	 biased, not disowned: 5 units, plus the references minus one, minus
 *	 the sum of the percpu counters.  No sequence of puts reaches zero from
 *	 here.
 *   exact	 disowned: the references minus one
 *   -1	 the last put has happened, but its caller has not yet marked it dead
 *   D	 dead: release is about to be called or was called
 *   S	 saturated: the count was misused, its object is leaked
 *   under	 underflow: more puts than gets
 *   over	 overflow: more gets than the word can count
 *
 * B, D and S are set at least half a unit from the ends of their zones, and one
 * call moves the count by at most a quarter, so that misplaced gets and puts do
 * not drift into a neighbouring zone: each get or put with a negative result,
 * except the last put, sets the count back to S.
 *
 * A put needs a reference, so -1 is seen by one put only.  It turns -1 into D
 * by cmpxchg.  If the cmpxchg fails, there was a get after zero or a put below
 * zero, and the count is saturated.
 *
 * The last put runs in one RCU read-side critical section, which begins before
 * the atomic operation and ends after release has returned:
 *
 *	preempt_disable()
 *	  count: 0 -> -1 -> D
 *	  mode: ENDED			bigref_is_zero() becomes true; the put
 *	rcu_read_lock()			does not access the count any more
 *	preempt_enable()
 *	  release()
 *	rcu_read_unlock()		the memory may be freed by RCU from here
 *
 * No CPU waits for a put that is preempted between -1 and ENDED, therefore
 * bigref_settled() may spin until it sees ENDED.
 */
#define pr_fmt(fmt) "bigref: " fmt

#include <kunit/visibility.h>

#include <linux/debugobjects.h>
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched/task_stack.h>

#include "bigref_internal.h"

/* Number of misuses, for the tests */
atomic_t bigref_nr_reports;
EXPORT_SYMBOL_IF_KUNIT(bigref_nr_reports);

/* Called by the last put between -1 and D, for the tests */
bigref_func_t *bigref_last_put_hook;
EXPORT_SYMBOL_IF_KUNIT(bigref_last_put_hook);

#ifdef CONFIG_DEBUG_OBJECTS_BIGREF
static void *bigref_debug_hint(void *addr)
{
	return ((struct bigref *)addr)->release;
}

static const struct debug_obj_descr bigref_debug_descr = {
	.name		= "bigref",
	.debug_hint	= bigref_debug_hint,
};

/* A count on a stack is not tracked. */
void bigref_debug_init(struct bigref *ref, bool active)
{
	if (object_is_on_stack(ref))
		return;
	debug_object_init(ref, &bigref_debug_descr);
	if (active)
		debug_object_activate(ref, &bigref_debug_descr);
}

void bigref_debug_activate(struct bigref *ref)
{
	if (!object_is_on_stack(ref))
		debug_object_activate(ref, &bigref_debug_descr);
}

/* The object remains known: it may be freed, initialized or resurrected. */
void bigref_debug_end(struct bigref *ref)
{
	if (!object_is_on_stack(ref))
		debug_object_deactivate(ref, &bigref_debug_descr);
}

void bigref_debug_assert(struct bigref *ref)
{
	if (!object_is_on_stack(ref))
		debug_object_assert_init(ref, &bigref_debug_descr);
}
#endif /* CONFIG_DEBUG_OBJECTS_BIGREF */

/* Called once per count, when it becomes saturated. */
static void bigref_report(struct bigref *ref, const char *what, void *caller)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);

	atomic_inc(&bigref_nr_reports);
	if (!__ratelimit(&limit))
		return;
	pr_err("%s: count %p, caller %pS, object leaked\n", what, ref,
	       caller);
	dump_stack();
}

/* Report a misuse once; @ref never reaches zero afterwards. */
void bigref_saturate(struct bigref *ref, const char *what, void *caller)
{
	bool known = READ_ONCE(ref->mode) != BIGREF_NONE;
	long old = atomic_long_xchg(&ref->count, BIGREF_COUNT_SATURATED);

	/* No lock is taken in NMI: percpu counters of a misused count are leaked. */
	if (!in_nmi())
		bigref_mode_set_misused(ref);
	if (bigref_zone(old) == BIGREF_ZONE_SATURATED)
		return;
	if (known && bigref_zone(old) != BIGREF_ZONE_DEAD && !in_nmi())
		bigref_debug_end(ref);
	bigref_report(ref, what, caller);
}

/*
 * Take @nr references of an adaptive count; or, with @nr 0, handle a get that
 * had a negative result.
 */
void __bigref_get_slow(struct bigref *ref, unsigned long nr)
{
	long count = atomic_long_add_return(nr, &ref->count);

	if (likely(count >= 0))
		bigref_hint_update(ref);
	else
		bigref_saturate(ref, bigref_zone(count) == BIGREF_ZONE_OVERFLOW ?
				     "overflow" : "get after zero",
				(void *)_RET_IP_);
}
EXPORT_SYMBOL_GPL(__bigref_get_slow);

/* A get or put of more references than the word can count */
void __bigref_invalid_nr(struct bigref *ref)
{
	bigref_saturate(ref, "invalid number of references", (void *)_RET_IP_);
}
EXPORT_SYMBOL_GPL(__bigref_invalid_nr);

/* Return true if the last put has ended @ref, false if @ref is misused. */
static bool bigref_last_put(struct bigref *ref, void *caller)
{
	long count = -1;

	if (IS_ENABLED(CONFIG_BIGREF_KUNIT_TEST) && bigref_last_put_hook)
		bigref_last_put_hook(ref);
	if (READ_ONCE(ref->mode) == BIGREF_NONE) {
		bigref_saturate(ref, "not initialized", caller);
		return false;
	}
	if (!atomic_long_try_cmpxchg(&ref->count, &count, BIGREF_COUNT_DEAD)) {
		bigref_saturate(ref, count >= 0 ? "get after zero" :
						  "put below zero", caller);
		return false;
	}
	return true;
}

/*
 * The result of a put was negative: it was the last put, or misuse.  Preemption
 * is disabled.
 */
void __bigref_put_slow(struct bigref *ref, bigref_func_t *release)
{
	if (!bigref_last_put(ref, (void *)_RET_IP_))
		return;
	if (!release)
		release = ref->release;
	bigref_debug_end(ref);
	bigref_mode_set_dead(ref);
	if (!release)
		return;
	/* The critical section must have no gap. */
	rcu_read_lock();
	preempt_enable();
	release(ref);
	preempt_disable();
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(__bigref_put_slow);

/* Take @nr references by cmpxchg; with @live, only before the disown. */
bool __bigref_tryget_slow(struct bigref *ref, unsigned long nr, bool live)
{
	long count;

	/*
	 * A grace period lies between the end of the live mode and @confirm of a kill, which
	 * the reference must not be taken after.
	 */
	guard(preempt)();
	count = atomic_long_read(&ref->count);
	if (live && !bigref_mode_is_live(READ_ONCE(ref->mode)))
		return false;
	do {
		/*
		 * The object is leaked, so it may be used, as with refcount_t.
		 */
		if (bigref_zone(count) == BIGREF_ZONE_SATURATED)
			return !live;
		if (count < 0)
			return false;
		if (live && bigref_zone(count) != BIGREF_ZONE_BIASED)
			return false;
	} while (!atomic_long_try_cmpxchg(&ref->count, &count, count + nr));
	bigref_hint_update(ref);
	return true;
}
EXPORT_SYMBOL_GPL(__bigref_tryget_slow);

/*
 * Add @nr to the count; the result must be in one of @zones.  Return its zone, or
 * SATURATED if the count is saturated, or becomes so because the result would not be in
 * one of @zones.
 */
static __always_inline enum bigref_zone
bigref_add(struct bigref *ref, unsigned long nr, unsigned long zones)
{
	long count = atomic_long_read(&ref->count);
	enum bigref_zone zone;

	do {
		if (bigref_zone(count) == BIGREF_ZONE_SATURATED)
			return BIGREF_ZONE_SATURATED;
		zone = bigref_zone(count + nr);
		if (!(zones & BIT(zone))) {
			bigref_saturate(ref, "unbalanced gets and puts",
					(void *)_RET_IP_);
			return BIGREF_ZONE_SATURATED;
		}
	} while (!atomic_long_try_cmpxchg(&ref->count, &count, count + nr));
	return zone;
}

/* Add @nr to the count; the result must be in @zone.  Return false after misuse. */
bool bigref_move(struct bigref *ref, unsigned long nr, enum bigref_zone zone)
{
	return bigref_add(ref, nr, BIT(zone)) == zone;
}

/*
 * End a kill: remove the bias and the owner's reference in one atomic operation.  The
 * caller must not access @ref afterwards: another put may be the last one.  Return false
 * after misuse.
 */
bool bigref_unbias_put(struct bigref *ref)
{
	enum bigref_zone zone;

	preempt_disable();
	zone = bigref_add(ref, -__BIGREF_BIAS - 1,
			  BIT(BIGREF_ZONE_EXACT) | BIT(BIGREF_ZONE_ZERO));
	if (zone == BIGREF_ZONE_ZERO)
		__bigref_put_slow(ref, NULL);
	preempt_enable();
	return zone != BIGREF_ZONE_SATURATED;
}

/*
 * 32-bit: move the counter of this CPU to the count.  The caller is in the RCU
 * read-side critical section that added to the counter.
 */
void __bigref_carry(struct bigref *ref, unsigned long __percpu *counter)
{
	bigref_move(ref, this_cpu_xchg(*counter, 0), BIGREF_ZONE_BIASED);
}
EXPORT_SYMBOL_GPL(__bigref_carry);

/*
 * The value can be too low: @sum may miss a get but include its put, if the put
 * was made on another CPU.
 */
static unsigned long bigref_val_biased(long count, unsigned long sum)
{
	long val = (unsigned long)count + sum - __BIGREF_BIAS + 1;

	return max(val, 0L);
}

static unsigned long bigref_val_of(long count, unsigned long sum)
{
	switch (bigref_zone(count)) {
	case BIGREF_ZONE_EXACT:
		return count + 1;
	case BIGREF_ZONE_BIASED:
		return bigref_val_biased(count, sum);
	case BIGREF_ZONE_SATURATED:
		return BIGREF_VAL_SATURATED;
	default:
		return 0;
	}
}

/**
 * bigref_val - number of references
 * @ref: the count; the caller must hold a reference or be its only user
 *
 * The result may or may not include concurrent gets and puts.  While a kill or switch
 * is in progress it can be too high.  It is exact after a disown, and after a
 * switch to exact.  Use it in tests and messages, not to decide whether to free
 * the object.
 *
 * Context: Any context except NMI.  Reads the counter of each possible CPU.
 * Return: the number of references, 0 if the count is zero, or
 *	   BIGREF_VAL_SATURATED.
 */
unsigned long bigref_val(struct bigref *ref)
{
	unsigned long mode, sum;
	long count;

	/*
	 * A disown frees the counters one grace period after it adds their sum
	 * to ->count.
	 */
	rcu_read_lock();
	do {
		mode = READ_ONCE(ref->mode);
		sum = bigref_counters_sum(bigref_mode_counters(mode));
		/*
		 * Pairs with smp_store_release() in bigref_mode_end_disown():
		 * if ->mode has no counters any more, the count below includes
		 * their sum.
		 */
		smp_rmb();
		count = atomic_long_read(&ref->count);
		/*
		 * Pairs with the cmpxchg in bigref_mode_change(): if ->mode
		 * still has the same counters, @sum belongs to @count.
		 */
		smp_rmb();
	} while (bigref_mode_counters(mode) !=
		 bigref_mode_counters(READ_ONCE(ref->mode)));
	rcu_read_unlock();
	return bigref_val_of(count, sum);
}
EXPORT_SYMBOL_GPL(bigref_val);

/**
 * bigref_is_zero - test whether the last reference was put
 * @ref: the count; the caller must keep its memory valid
 *
 * If this is true, the last put does not access @ref any more: the count may be
 * destroyed or reused at once.  The release function may still run.  It runs in
 * an RCU read-side critical section, so the object may be freed one grace period
 * later, for example by kfree_rcu().
 *
 * Context: Any context.
 * Return: true if the last put has called release or is about to call it.
 */
bool bigref_is_zero(struct bigref *ref)
{
	/* Pairs with smp_store_release() in bigref_mode_set_dead(). */
	return smp_load_acquire(&ref->mode) == BIGREF_ENDED &&
	       bigref_zone(atomic_long_read(&ref->count)) == BIGREF_ZONE_DEAD;
}
EXPORT_SYMBOL_GPL(bigref_is_zero);

/**
 * bigref_is_dying - test whether a count is disowned or killed
 * @ref: the count; the caller must keep its memory valid
 *
 * Context: Any context.
 * Return: true if a disown or kill has begun and the count was not resurrected;
 *	   false for a zeroed count that was never initialized.
 */
bool bigref_is_dying(struct bigref *ref)
{
	unsigned long mode = READ_ONCE(ref->mode);

	return mode != BIGREF_NONE && !bigref_mode_is_live(mode);
}
EXPORT_SYMBOL_GPL(bigref_is_dying);
