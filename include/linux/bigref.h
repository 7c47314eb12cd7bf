/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bigref - a reference count with percpu get and put
 *
 * Until the owner of the object calls bigref_disown() or bigref_kill(), get and
 * put add to a percpu counter and the count cannot reach zero.  Afterwards the
 * count is one exact atomic word.  See Documentation/core-api/bigref.rst.
 */
#ifndef _LINUX_BIGREF_H
#define _LINUX_BIGREF_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/limits.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

/* Flags of bigref_init(), bigref_resurrect() and bigref_reinit() */
#define BIGREF_ADAPTIVE		BIT(8)	/* percpu only if contended */
#define BIGREF_INIT_EXACT	BIT(9)	/* not percpu, see bigref_switch_to_exact() */
#define BIGREF_INIT_DEAD	BIT(10)	/* bigref_init() only: zero references */

/* bigref_val() of a saturated count */
#define BIGREF_VAL_SATURATED	ULONG_MAX

/* The most references that one call may take or drop; tested by a shift, without a constant */
#define BIGREF_NR_MAX		((1UL << __BIGREF_NR_BITS) - 1)
#define __BIGREF_NR_BITS	(BITS_PER_LONG - 6)

struct bigref;
typedef void (bigref_func_t)(struct bigref *ref);

/**
 * struct bigref - a reference count
 * @mode: the state and its payload, drawn in kernel/bigref_mode.c, which also
 *	  lists the locks of each write; read without a lock
 * @count: number of references that are not in percpu counters, minus one; plus
 *	   __BIGREF_BIAS until the count is disowned.  Atomic, no lock.
 *	   kernel/bigref.c draws the number line.
 * @release: called by the last put, or NULL; constant after bigref_init()
 * @done: called at the end of an async disown; belongs to the disown
 *
 * All fields are private.  A zeroed bigref is not initialized: destroy and exit
 * are allowed.
 */
struct bigref {
	unsigned long	mode;
	atomic_long_t	count;
	bigref_func_t	*release;
	bigref_func_t	*done;
} __aligned(8);

/*
 * private: get and put test only these bits of @mode.  If __BIGREF_PERCPU is
 * set, the rest of @mode is a percpu pointer.  Otherwise get and put are atomic
 * operations on @count; if __BIGREF_SLOW is set, get calls __bigref_get_slow().
 */
#define __BIGREF_PERCPU		1UL
#define __BIGREF_SLOW		8UL

/* The bias keeps @count from reaching zero until the count is disowned. */
#define __BIGREF_UNIT		(1L << (BITS_PER_LONG - 4))
#define __BIGREF_BIAS		(5 * __BIGREF_UNIT)

/*
 * 32-bit only: a CPU moves its counter to @count when the counter is so far
 * from zero.  The sum of the counters of all CPUs cannot wrap then.
 */
#define __BIGREF_CARRY		BIT(20)

void __bigref_get_slow(struct bigref *ref, unsigned long nr);
void __bigref_put_slow(struct bigref *ref, bigref_func_t *release);
bool __bigref_tryget_slow(struct bigref *ref, unsigned long nr, bool live);
void __bigref_carry(struct bigref *ref, unsigned long __percpu *counter);
void __bigref_invalid_nr(struct bigref *ref);

void bigref_init(struct bigref *ref, bigref_func_t *release, unsigned int flags,
		 gfp_t gfp);
bool bigref_disown(struct bigref *ref);
bool __must_check bigref_disown_async(struct bigref *ref, bigref_func_t *done);
bool bigref_kill_and_confirm(struct bigref *ref, bigref_func_t *confirm);
bool bigref_kill_now(struct bigref *ref);
void bigref_barrier(void);
void bigref_switch_to_exact(struct bigref *ref);
void bigref_switch_to_exact_async(struct bigref *ref);
void bigref_switch_to_percpu(struct bigref *ref, gfp_t gfp);
bool bigref_resurrect(struct bigref *ref, unsigned int flags, gfp_t gfp);
bool bigref_reinit(struct bigref *ref, unsigned int flags, gfp_t gfp);
bool __must_check bigref_destroy(struct bigref *ref);
unsigned long bigref_exit(struct bigref *ref);
unsigned long bigref_val(struct bigref *ref);
bool __must_check bigref_is_zero(struct bigref *ref);
bool __must_check bigref_is_dying(struct bigref *ref);

/*
 * Add @nr to this CPU's counter if @mode is percpu.  Disabled preemption is an
 * RCU read-side critical section: the grace period of a disown that changes
 * @ref->mode after the read also covers the addition.
 */
static __always_inline bool __bigref_add_percpu(struct bigref *ref,
						unsigned long nr,
						unsigned long mode)
{
	unsigned long __percpu *counter;

	if (!IS_ENABLED(CONFIG_SMP) || unlikely(!(mode & __BIGREF_PERCPU)))
		return false;
	counter = (unsigned long __percpu *)(mode - __BIGREF_PERCPU);
#if BITS_PER_LONG == 32
	if (unlikely(this_cpu_add_return(*counter, nr) + __BIGREF_CARRY >
		     2 * __BIGREF_CARRY))
		__bigref_carry(ref, counter);
#else
	this_cpu_add(*counter, nr);
#endif
	return true;
}

static __always_inline bool __bigref_get_percpu(struct bigref *ref,
						unsigned long nr,
						unsigned long *mode)
{
	bool percpu;

	RCU_LOCKDEP_WARN(!rcu_is_watching(), "bigref used where RCU is off");
	preempt_disable();
	*mode = READ_ONCE(ref->mode);
	percpu = __bigref_add_percpu(ref, nr, *mode);
	preempt_enable();
	return percpu;
}

/**
 * bigref_get_many - take references
 * @ref: the count; the caller must hold a reference
 * @nr: number of references; at most BIGREF_NR_MAX
 *
 * A get after the last put, and more gets than the word can count, are reported
 * and saturate the count.
 *
 * Context: Any context.  RCU must be watching.
 */
static __always_inline void bigref_get_many(struct bigref *ref,
					    unsigned long nr)
{
	unsigned long mode;

	if (unlikely(nr >> __BIGREF_NR_BITS)) {
		__bigref_invalid_nr(ref);
		return;
	}
	if (likely(__bigref_get_percpu(ref, nr, &mode)))
		return;
	if (unlikely(mode & __BIGREF_SLOW)) {
		__bigref_get_slow(ref, nr);
		return;
	}
	/* Negative: get after zero, or overflow.  @nr is already added. */
	if (unlikely(atomic_long_add_negative(nr, &ref->count)))
		__bigref_get_slow(ref, 0);
}

/**
 * bigref_get - take a reference
 * @ref: the count; the caller must hold a reference
 *
 * Context: Any context.  RCU must be watching.
 */
static __always_inline void bigref_get(struct bigref *ref)
{
	bigref_get_many(ref, 1);
}

/**
 * bigref_tryget_many - take references unless the count is zero
 * @ref: the count; the caller must keep its memory valid, for example by an RCU
 *	 read-side critical section
 * @nr: number of references; at most BIGREF_NR_MAX
 *
 * This always succeeds before the count is disowned.
 *
 * Context: Any context.  RCU must be watching.
 * Return: true if the references were taken, false if the count is zero.
 */
static __always_inline bool __must_check
bigref_tryget_many(struct bigref *ref, unsigned long nr)
{
	unsigned long mode;

	if (unlikely(nr >> __BIGREF_NR_BITS)) {
		__bigref_invalid_nr(ref);
		return false;
	}
	if (likely(__bigref_get_percpu(ref, nr, &mode)))
		return true;
	return __bigref_tryget_slow(ref, nr, false);
}

/**
 * bigref_tryget - take a reference unless the count is zero
 * @ref: the count; the caller must keep its memory valid, for example by an RCU
 *	 read-side critical section
 *
 * Context: Any context.  RCU must be watching.
 * Return: true if the reference was taken, false if the count is zero.
 */
static __always_inline bool __must_check bigref_tryget(struct bigref *ref)
{
	return bigref_tryget_many(ref, 1);
}

/**
 * bigref_tryget_live - take a reference unless the count is disowned
 * @ref: the count; the caller must keep its memory valid, for example by an RCU
 *	 read-side critical section
 *
 * This fails after bigref_disown() has returned, or after @done of
 * bigref_disown_async() or @confirm of bigref_kill_and_confirm() was called.
 * It may succeed or fail while a disown is in progress.
 *
 * Context: Any context.  RCU must be watching.
 * Return: true if the reference was taken, false if the count is disowned, zero
 *	   or saturated.
 */
static __always_inline bool __must_check bigref_tryget_live(struct bigref *ref)
{
	unsigned long mode;

	if (likely(__bigref_get_percpu(ref, 1, &mode)))
		return true;
	return __bigref_tryget_slow(ref, 1, true);
}

/**
 * bigref_tryget_live_rcu - bigref_tryget_live() in an RCU read-side critical section
 * @ref: the count; the caller must hold rcu_read_lock()
 *
 * Context: Any context.  RCU must be watching.
 * Return: as bigref_tryget_live().
 */
static __always_inline bool __must_check bigref_tryget_live_rcu(struct bigref *ref)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "bigref used outside of RCU");
	/* 32-bit: the counter that is added to and the one that is moved are of one CPU. */
	if (BITS_PER_LONG == 32)
		return bigref_tryget_live(ref);
	if (likely(__bigref_add_percpu(ref, 1, READ_ONCE(ref->mode))))
		return true;
	return __bigref_tryget_slow(ref, 1, true);
}

/**
 * bigref_put_many_release - drop references, with a release of the put
 * @ref: the count
 * @nr: number of references; at most BIGREF_NR_MAX
 * @release: called instead of that of bigref_init() if the count is disowned
 *	     and reaches zero
 *
 * See bigref_put_many().
 *
 * Context: Any context; in NMI not the last put.  RCU must be watching.
 */
static __always_inline void bigref_put_many_release(struct bigref *ref,
						    unsigned long nr,
						    bigref_func_t *release)
{
	unsigned long mode;

	if (unlikely(nr >> __BIGREF_NR_BITS)) {
		__bigref_invalid_nr(ref);
		return;
	}
	RCU_LOCKDEP_WARN(!rcu_is_watching(), "bigref used where RCU is off");
	/*
	 * One RCU read-side critical section from the atomic operation until
	 * @release has returned: the object may be freed by RCU as soon as
	 * bigref_is_zero() is true.
	 */
	preempt_disable();
	mode = READ_ONCE(ref->mode);
	/* Not negative: references remain; another put may free @ref now. */
	if (!__bigref_add_percpu(ref, -nr, mode) &&
	    unlikely(atomic_long_add_negative(-nr, &ref->count)))
		__bigref_put_slow(ref, release);
	preempt_enable();
}

/**
 * bigref_put_many - drop references
 * @ref: the count
 * @nr: number of references; at most BIGREF_NR_MAX
 *
 * If the count is disowned and reaches zero, this calls the release function of
 * bigref_init().  A put below zero is reported and saturates the count; before
 * the disown, only the disown can detect it.
 *
 * Context: Any context; in NMI not the last put.  RCU must be watching.  The
 *	    release function runs in the context of the caller, in an RCU
 *	    read-side critical section, and must not sleep; bigref holds no lock.
 */
static __always_inline void bigref_put_many(struct bigref *ref,
					    unsigned long nr)
{
	bigref_put_many_release(ref, nr, NULL);
}

/**
 * bigref_put - drop a reference
 * @ref: the count
 *
 * Context: Any context; in NMI not the last put.  RCU must be watching.
 *	    See bigref_put_many() for the release function.
 */
static __always_inline void bigref_put(struct bigref *ref)
{
	bigref_put_many(ref, 1);
}

/**
 * bigref_put_release - drop a reference, with a release of the put
 * @ref: the count
 * @release: called instead of that of bigref_init() if the count is disowned
 *	     and reaches zero
 *
 * Context: Any context; in NMI not the last put.  RCU must be watching.
 *	    See bigref_put_many() for @release.
 */
static __always_inline void bigref_put_release(struct bigref *ref,
					       bigref_func_t *release)
{
	bigref_put_many_release(ref, 1, release);
}

/**
 * bigref_kill - disown the count and drop the reference of the owner
 * @ref: the count; the caller gives up the owner's reference
 *
 * The release function runs in an RCU callback, or in the caller of the last put that
 * follows.
 *
 * Context: Any context except NMI.
 * Return: true on success, false if @ref was already disowned or is misused.
 */
static inline bool bigref_kill(struct bigref *ref)
{
	return bigref_kill_and_confirm(ref, NULL);
}

#endif /* _LINUX_BIGREF_H */
