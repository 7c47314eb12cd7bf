/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A reference count that is one percpu increment until its owner disowns it,
 * and exact from then on.  See Documentation/core-api/bigref.rst.
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

/* Flags of bigref_init() */
#define BIGREF_ADAPTIVE		BIT(0)	/* percpu only once it is contended */

/* What bigref_val() says of a count that saturated. */
#define BIGREF_VAL_SATURATED	ULONG_MAX

/**
 * struct bigref - a reference count that is percpu most of its life
 * @mode: on SMP: a state, and what goes with it, see below
 * @count: references that are not in percpu memory, less one, plus a bias
 *	   until the owner disowns; kernel/bigref.c draws its number line
 *
 * All fields are private.  On UP there is @count and no more.
 */
struct bigref {
#ifdef CONFIG_SMP
	unsigned long	mode;
#endif
	atomic_long_t	count;
} __aligned(8);

typedef void (bigref_func_t)(struct bigref *ref);

/*
 * private: the states.  get and put look at no more than these bits:
 * none is set, and @mode is a percpu pointer; __BIGREF_SLOW is set, and a get
 * goes out of line; else get and put are an atomic operation on @count.
 */
#define __BIGREF_SLOW		2UL
#define __BIGREF_STATE_MASK	7UL

/*
 * Until it is disowned, @count is biased so far up that it cannot get to
 * zero, in any state.
 */
#define __BIGREF_UNIT		(1L << (BITS_PER_LONG - 4))
#define __BIGREF_BIAS		(5 * __BIGREF_UNIT)

void __bigref_get_slow(struct bigref *ref, unsigned long nr);
void __bigref_put_slow(struct bigref *ref, bigref_func_t *release);
bool __bigref_tryget_slow(struct bigref *ref, unsigned long nr, bool live);

#ifdef CONFIG_SMP

void bigref_init(struct bigref *ref, unsigned int flags, gfp_t gfp);
bool bigref_disown(struct bigref *ref);
bool bigref_disown_async(struct bigref *ref, bigref_func_t *done);
bool bigref_destroy(struct bigref *ref);

/*
 * Adds to this CPU's counter, or says that @ref is not percpu.  With
 * preemption off, a disown cannot come between the look at @mode and the
 * addition without waiting for its end.
 */
static __always_inline bool __bigref_add_percpu(struct bigref *ref,
						unsigned long nr,
						unsigned long *mode)
{
	bool percpu = false;

	RCU_LOCKDEP_WARN(!rcu_is_watching(), "bigref used where RCU is off");
	preempt_disable();
	*mode = READ_ONCE(ref->mode);
	if (likely(!(*mode & __BIGREF_STATE_MASK))) {
		this_cpu_add(*(unsigned long __percpu *)*mode, nr);
		percpu = true;
	}
	preempt_enable();
	return percpu;
}

#else /* !CONFIG_SMP */

bool __bigref_disown(struct bigref *ref);
bool bigref_destroy(struct bigref *ref);

static inline void bigref_init(struct bigref *ref, unsigned int flags,
			       gfp_t gfp)
{
	atomic_long_set(&ref->count, __BIGREF_BIAS);
}

static inline bool bigref_disown(struct bigref *ref)
{
	return __bigref_disown(ref);
}

static inline bool bigref_disown_async(struct bigref *ref, bigref_func_t *done)
{
	if (!__bigref_disown(ref))
		return false;
	done(ref);
	return true;
}

#endif /* CONFIG_SMP */

/**
 * bigref_get_many - take references
 * @ref: the count; the caller holds a reference already
 * @nr: how many
 *
 * Context: Any but NMI, where RCU is watching.
 */
static __always_inline void bigref_get_many(struct bigref *ref,
					    unsigned long nr)
{
#ifdef CONFIG_SMP
	unsigned long mode;

	if (likely(__bigref_add_percpu(ref, nr, &mode)))
		return;
	if (unlikely(mode & __BIGREF_SLOW)) {
		__bigref_get_slow(ref, nr);
		return;
	}
#endif
	/* Negative: after zero, or too many.  They were added. */
	if (unlikely(atomic_long_add_negative(nr, &ref->count)))
		__bigref_get_slow(ref, 0);
}

/**
 * bigref_get - take a reference
 * @ref: the count; the caller holds a reference already
 *
 * Context: Any but NMI, where RCU is watching.
 */
static __always_inline void bigref_get(struct bigref *ref)
{
	bigref_get_many(ref, 1);
}

/**
 * bigref_tryget_many - take references unless there are none left
 * @ref: the count; something else keeps its memory, as an RCU read side
 * @nr: how many
 *
 * Before the owner disowns, it succeeds always.
 *
 * Context: Any but NMI, where RCU is watching.
 * Return: Whether the references were taken.
 */
static __always_inline bool bigref_tryget_many(struct bigref *ref,
					       unsigned long nr)
{
#ifdef CONFIG_SMP
	unsigned long mode;

	if (likely(__bigref_add_percpu(ref, nr, &mode)))
		return true;
#endif
	return __bigref_tryget_slow(ref, nr, false);
}

/**
 * bigref_tryget - take a reference unless there is none left
 * @ref: the count; something else keeps its memory, as an RCU read side
 *
 * Context: Any but NMI, where RCU is watching.
 * Return: Whether the reference was taken.
 */
static __always_inline bool bigref_tryget(struct bigref *ref)
{
	return bigref_tryget_many(ref, 1);
}

/**
 * bigref_tryget_live - take a reference unless the owner has disowned
 * @ref: the count; something else keeps its memory, as an RCU read side
 *
 * While a disown is under way it may succeed or not.  After bigref_disown()
 * has returned, or @done of bigref_disown_async() was called, it fails.
 *
 * Context: Any but NMI, where RCU is watching.
 * Return: Whether the reference was taken.
 */
static __always_inline bool bigref_tryget_live(struct bigref *ref)
{
#ifdef CONFIG_SMP
	unsigned long mode;

	if (likely(__bigref_add_percpu(ref, 1, &mode)))
		return true;
#endif
	return __bigref_tryget_slow(ref, 1, true);
}

/**
 * bigref_put_many - drop references
 * @ref: the count
 * @nr: how many
 * @release: called if they were the last ones and the owner has disowned
 *
 * Context: Any but NMI, where RCU is watching.  @release runs in the context
 *	    of the caller, with no lock held and nothing disabled by bigref.
 */
static __always_inline void bigref_put_many(struct bigref *ref,
					    unsigned long nr,
					    bigref_func_t *release)
{
#ifdef CONFIG_SMP
	unsigned long mode;

	if (likely(__bigref_add_percpu(ref, -nr, &mode)))
		return;
#endif
	/* Not negative: not the last ones, and @ref may be gone from here on. */
	if (unlikely(atomic_long_add_negative(-nr, &ref->count)))
		__bigref_put_slow(ref, release);
}

/**
 * bigref_put - drop a reference
 * @ref: the count
 * @release: called if it was the last one and the owner has disowned
 *
 * Context: As bigref_put_many().
 */
static __always_inline void bigref_put(struct bigref *ref,
				       bigref_func_t *release)
{
	bigref_put_many(ref, 1, release);
}

unsigned long bigref_val(struct bigref *ref);
bool bigref_is_zero(struct bigref *ref);

#endif /* _LINUX_BIGREF_H */
