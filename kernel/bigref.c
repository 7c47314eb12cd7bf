// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exact part of a bigref: one atomic word, that is all there is on UP.
 * What makes it percpu is in bigref_percpu.c.
 *
 * The word holds the references less one, so that the sign of a result tells
 * the last put, and wrong use, in one test.  Its number line, cut into
 * sixteen units by the upper four bits:
 *
 *   8     9     A B     C D E F      0 1 2 3     4 5 6 7
 *   |over||--S-||--D--||--under-|-1||--exact--||----B----|
 *
 *   B	 biased: not disowned yet.  5 units, plus the references less one, minus
 *	 those in percpu memory.  No sequence of puts gets from here to zero.
 *   exact	 disowned: the references less one
 *   -1	 the last put just happened; who made it is the only one here
 *   D	 dead: the last put was noticed, release was or will be called
 *   S	 saturated: the count was used wrongly.  Its object is leaked.
 *   under	 a put too many
 *   over	 more gets than the word can count
 *
 * B, D and S are set half a unit or more from where they end, so that gets and
 * puts that should not be do not drift from one to the other: whoever finds
 * himself below zero sets the count back to S.
 *
 * Who may be where: nobody puts without a reference, so -1 is met by one
 * putter, who turns it into D by cmpxchg.  If that fails, somebody took a
 * reference after the last one was gone, and the object is leaked.
 */
#define pr_fmt(fmt) "bigref: " fmt

#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>

#include "bigref_internal.h"

enum bigref_zone bigref_zone(long count)
{
	if (count >= 4 * __BIGREF_UNIT)
		return BIGREF_ZONE_BIASED;
	if (count >= 0)
		return BIGREF_ZONE_EXACT;
	if (count == -1)
		return BIGREF_ZONE_ZERO;
	if (count < -7 * __BIGREF_UNIT)
		return BIGREF_ZONE_OVER;
	if (count < -6 * __BIGREF_UNIT)
		return BIGREF_ZONE_SATURATED;
	if (count < -4 * __BIGREF_UNIT)
		return BIGREF_ZONE_DEAD;
	return BIGREF_ZONE_UNDER;
}

/* For the tests */
atomic_t bigref_nr_reports;

/* Reported once for each count: a saturated one has been. */
static void bigref_report(struct bigref *ref, const char *what, void *caller)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);

	atomic_inc(&bigref_nr_reports);
	if (!__ratelimit(&limit))
		return;
	pr_err("%s: the count at %p, by %pS; its object is leaked\n", what, ref,
	       caller);
	dump_stack();
}

/* Whatever went wrong, from here on @ref does not get to zero. */
void bigref_misuse(struct bigref *ref, const char *what, void *caller)
{
	long old = atomic_long_xchg(&ref->count, BIGREF_SATURATED);

	bigref_mark_over(ref);
	if (bigref_zone(old) != BIGREF_ZONE_SATURATED)
		bigref_report(ref, what, caller);
}

/* An adaptive count, or one that a get has found below zero: @nr is 0 then. */
void __bigref_get_slow(struct bigref *ref, unsigned long nr)
{
	long count = atomic_long_add_return(nr, &ref->count);

	if (likely(count >= 0))
		bigref_note_get(ref);
	else
		bigref_misuse(ref, bigref_zone(count) == BIGREF_ZONE_OVER ?
				   "too many gets" : "a get after zero",
			      (void *)_RET_IP_);
}
EXPORT_SYMBOL_GPL(__bigref_get_slow);

/* The result was negative: the caller's were the last, or never were there. */
void __bigref_put_slow(struct bigref *ref, bigref_func_t *release)
{
	long count = -1;

	if (!atomic_long_try_cmpxchg(&ref->count, &count, BIGREF_DEAD)) {
		bigref_misuse(ref, count >= 0 ? "a get after zero" :
						"a put below zero",
			      (void *)_RET_IP_);
		return;
	}
	bigref_mark_dead(ref);
	release(ref);
}
EXPORT_SYMBOL_GPL(__bigref_put_slow);

bool __bigref_tryget_slow(struct bigref *ref, unsigned long nr, bool live)
{
	long count = atomic_long_read(&ref->count);

	if (live && bigref_is_disowned(ref))
		return false;
	do {
		/* Leaked, so it may be used, as with refcount_t. */
		if (bigref_zone(count) == BIGREF_ZONE_SATURATED)
			return !live;
		if (count < 0)
			return false;
		if (live && bigref_zone(count) != BIGREF_ZONE_BIASED)
			return false;
	} while (!atomic_long_try_cmpxchg(&ref->count, &count, count + nr));
	bigref_note_get(ref);
	return true;
}
EXPORT_SYMBOL_GPL(__bigref_tryget_slow);

/*
 * Make the count exact: @sum is what the percpu counters held.  The caller
 * has a reference, so that less than one cannot be.
 */
bool bigref_unbias(struct bigref *ref, unsigned long sum)
{
	long count = atomic_long_read(&ref->count);
	long exact;

	do {
		if (bigref_zone(count) == BIGREF_ZONE_SATURATED)
			return false;
		exact = (unsigned long)count + sum - __BIGREF_BIAS;
		if (bigref_zone(exact) != BIGREF_ZONE_EXACT) {
			bigref_misuse(ref, "gets and puts that do not match",
				      (void *)_RET_IP_);
			return false;
		}
	} while (!atomic_long_try_cmpxchg(&ref->count, &count, exact));
	return true;
}

#ifndef CONFIG_SMP
bool __bigref_disown(struct bigref *ref)
{
	if (bigref_zone(atomic_long_read(&ref->count)) == BIGREF_ZONE_BIASED)
		return bigref_unbias(ref, 0);
	bigref_misuse(ref, "disowned twice", (void *)_RET_IP_);
	return false;
}
EXPORT_SYMBOL_GPL(__bigref_disown);

bool bigref_destroy(struct bigref *ref)
{
	long count = atomic_long_read(&ref->count);

	if (count == __BIGREF_BIAS || count == 0 ||
	    bigref_zone(count) == BIGREF_ZONE_DEAD) {
		atomic_long_set(&ref->count, BIGREF_DEAD);
		return true;
	}
	bigref_misuse(ref, "destroyed while in use", (void *)_RET_IP_);
	return false;
}
EXPORT_SYMBOL_GPL(bigref_destroy);
#endif

/* A get may be missing from @sum, and its put from another CPU be in it. */
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
 * bigref_val - how many references there are
 * @ref: the count; the caller holds a reference, or is its only user
 *
 * Gets and puts that are under way on other CPUs may or may not be in it: good
 * for a look, for tests and for messages, not to decide whether to free.
 *
 * Context: Any but NMI; visits every possible CPU's counter.
 * Return: The references, BIGREF_VAL_SATURATED if the count was used wrongly.
 */
unsigned long bigref_val(struct bigref *ref)
{
#ifdef CONFIG_SMP
	unsigned long mode, sum;
	long count;

	/* The counters outlive the disown that summed them by a grace period. */
	rcu_read_lock();
	do {
		mode = READ_ONCE(ref->mode);
		sum = bigref_sum(bigref_counters(mode));
		/* A biased @count: the counters were not summed before. */
		smp_rmb();
		count = atomic_long_read(&ref->count);
		/* The same counters at the end: they went with @count. */
		smp_rmb();
	} while (bigref_counters(mode) != bigref_counters(READ_ONCE(ref->mode)));
	rcu_read_unlock();
	return bigref_val_of(count, sum);
#else
	return bigref_val_of(atomic_long_read(&ref->count), 0);
#endif
}
EXPORT_SYMBOL_GPL(bigref_val);

/**
 * bigref_is_zero - whether the last reference is gone
 * @ref: the count; something else keeps its memory
 *
 * Context: Any.
 * Return: True after the put that called, or is about to call, release.
 */
bool bigref_is_zero(struct bigref *ref)
{
	enum bigref_zone zone = bigref_zone(atomic_long_read(&ref->count));

	return zone == BIGREF_ZONE_ZERO || zone == BIGREF_ZONE_DEAD;
}
EXPORT_SYMBOL_GPL(bigref_is_zero);
