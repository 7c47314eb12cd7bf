/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bigref: interface between the files of bigref and its tests.
 *
 *	bigref_owner.c		init, disown, kill, switch, resurrect, destroy
 *	bigref.c		the count: get, put, tryget, val
 *	bigref_mode.c		the states of a count, adaptive counts
 *	bigref_counters.c	memory of percpu counters; SMP only
 *
 * A file calls only files below it in this list.
 */
#ifndef _KERNEL_BIGREF_INTERNAL_H
#define _KERNEL_BIGREF_INTERNAL_H

#include <linux/bigref.h>
#include <linux/bits.h>
#include <linux/rcupdate.h>

/* Zones of the number line in bigref.c */
enum bigref_zone {
	BIGREF_ZONE_EXACT,
	BIGREF_ZONE_BIASED,
	BIGREF_ZONE_ZERO,
	BIGREF_ZONE_DEAD,
	BIGREF_ZONE_SATURATED,
	BIGREF_ZONE_UNDERFLOW,
	BIGREF_ZONE_OVERFLOW,
};

/* Values that a count is set to: the middle of the zones D and S */
#define BIGREF_COUNT_DEAD	(-5 * __BIGREF_UNIT)
#define BIGREF_COUNT_SATURATED	(-13 * (__BIGREF_UNIT / 2))

static inline enum bigref_zone bigref_zone(long count)
{
	if (count >= 4 * __BIGREF_UNIT)
		return BIGREF_ZONE_BIASED;
	if (count >= 0)
		return BIGREF_ZONE_EXACT;
	if (count == -1)
		return BIGREF_ZONE_ZERO;
	if (count < -7 * __BIGREF_UNIT)
		return BIGREF_ZONE_OVERFLOW;
	if (count < -6 * __BIGREF_UNIT)
		return BIGREF_ZONE_SATURATED;
	if (count < -4 * __BIGREF_UNIT)
		return BIGREF_ZONE_DEAD;
	return BIGREF_ZONE_UNDERFLOW;
}

/* The states of ->mode and their payloads are drawn in bigref_mode.c. */
#define BIGREF_NONE		0UL
#define BIGREF_ADAPT		__BIGREF_SLOW
#define BIGREF_QUEUED		0x10UL
#define BIGREF_SHARED		0x20UL
#define BIGREF_EXACT		0x30UL
#define BIGREF_ENDED		0x38UL
/* States that have a pointer as their payload */
#define BIGREF_PERCPU		__BIGREF_PERCPU
#define BIGREF_DISOWNING	2UL
#define BIGREF_SWITCHING	4UL
#define BIGREF_PENDING		6UL

#define BIGREF_POINTER_MASK	7UL
#define BIGREF_WORD_MASK	0x38UL

/*
 * The payload of BIGREF_ADAPT is a hint: the CPU of the last get, the time
 * window of the last get, and how often the CPU changed in that window.
 */
#define BIGREF_HINT_CPU		GENMASK(15, 6)
#define BIGREF_HINT_WINDOW	GENMASK(23, 16)
#define BIGREF_HINT_CHANGES	GENMASK(31, 24)
#define BIGREF_HINT_NONE	(BIGREF_HINT_CPU | BIGREF_ADAPT)

static inline unsigned long bigref_mode_state(unsigned long mode)
{
	return mode & BIGREF_POINTER_MASK ?: mode & BIGREF_WORD_MASK;
}

static inline unsigned long bigref_mode_payload(unsigned long mode)
{
	return mode & ~BIGREF_POINTER_MASK;
}

static inline unsigned long __percpu *bigref_mode_counters(unsigned long mode)
{
	switch (bigref_mode_state(mode)) {
	case BIGREF_PERCPU:
	case BIGREF_DISOWNING:
	case BIGREF_SWITCHING:
		return (unsigned long __percpu *)bigref_mode_payload(mode);
	}
	return NULL;
}

/* Return true if the count is initialized, and neither disowned nor ended. */
static inline bool bigref_mode_is_live(unsigned long mode)
{
	switch (bigref_mode_state(mode)) {
	case BIGREF_PERCPU:
	case BIGREF_SWITCHING:
	case BIGREF_ADAPT:
	case BIGREF_QUEUED:
	case BIGREF_SHARED:
		return true;
	}
	return false;
}

/* Return true if an RCU callback is going to change the state. */
static inline bool bigref_mode_in_progress(unsigned long mode)
{
	switch (bigref_mode_state(mode)) {
	case BIGREF_DISOWNING:
	case BIGREF_SWITCHING:
	case BIGREF_PENDING:
		return true;
	}
	return false;
}

/**
 * struct bigref_req - memory that a disown or a switch of a percpu count needs
 * @rcu: waits for the grace periods
 * @ref: the count
 * @kill: drop the owner's reference at the end; under bigref_lock during a switch
 *
 * The request is allocated together with the counters, so that a disown needs
 * no memory.  It belongs to the disown or switch that has changed ->mode until that
 * queues the RCU callback, a switch under bigref_lock, and then to the callback until the
 * counters are freed; no lock.
 */
struct bigref_req {
	struct rcu_head rcu;
	struct bigref *ref;
	bool kill;
};

/*
 * Debug objects: a count is active from bigref_init() until the last put,
 * destroy, exit or the report of a misuse.  Memory that contains an active count
 * must not be freed or initialized again.
 */
#ifdef CONFIG_DEBUG_OBJECTS_BIGREF
void bigref_debug_init(struct bigref *ref, bool active);
void bigref_debug_activate(struct bigref *ref);
void bigref_debug_end(struct bigref *ref);
void bigref_debug_assert(struct bigref *ref);
#else
static inline void bigref_debug_init(struct bigref *ref, bool active)
{
}

static inline void bigref_debug_activate(struct bigref *ref)
{
}

static inline void bigref_debug_end(struct bigref *ref)
{
}

static inline void bigref_debug_assert(struct bigref *ref)
{
}
#endif

/* bigref.c */
bool bigref_move(struct bigref *ref, unsigned long nr, enum bigref_zone zone);
bool bigref_unbias_put(struct bigref *ref);
void bigref_saturate(struct bigref *ref, const char *what, void *caller);

/* Number of misuses, and a function that delays the last put, for the tests */
extern atomic_t bigref_nr_reports;
extern bigref_func_t *bigref_last_put_hook;

/* What the caller must do after a change of the mode that may need a callback */
enum bigref_next {
	BIGREF_NEXT_NONE,	/* nothing */
	BIGREF_NEXT_UNBIAS,	/* remove the bias, now */
	BIGREF_NEXT_PERCPU,	/* try again, the count is percpu */
	BIGREF_NEXT_INVALID,	/* report misuse */
};

/* How a disown ends */
enum bigref_how {
	BIGREF_HOW_SYNC,	/* the caller waits */
	BIGREF_HOW_ASYNC,	/* call @done */
	BIGREF_HOW_KILL,	/* call @done, drop the owner's reference */
	BIGREF_HOW_KILL_NOW,	/* the same, or let the caller drop it */
};

/* bigref_mode.c */
struct bigref_req *bigref_mode_disown_percpu(struct bigref *ref, bool kill,
					     bigref_func_t *done);
enum bigref_next bigref_mode_disown(struct bigref *ref, enum bigref_how how,
				    bigref_func_t *done, rcu_callback_t callback);
void bigref_mode_switch(struct bigref *ref, rcu_callback_t callback);
bool bigref_mode_end_switch(struct bigref *ref, bool good);
void bigref_mode_end_disown(struct bigref *ref, bool good);
void bigref_mode_begin_pending(bool kill, rcu_callback_t callback);
struct bigref *bigref_mode_take_pending(struct rcu_head *rcu, bool *kill);
struct bigref *bigref_mode_next_pending(struct bigref *ref);
int bigref_mode_promote(struct bigref *ref, unsigned long mode);
bool bigref_mode_end_unused(struct bigref *ref);
bool bigref_mode_exit(struct bigref *ref, unsigned long *mode);
void bigref_mode_wait(struct bigref *ref);
void bigref_mode_wake(void);
void bigref_mode_set_dead(struct bigref *ref);
void bigref_mode_set_misused(struct bigref *ref);
void bigref_hint_update(struct bigref *ref);

/*
 * Return true if a disown, kill or switch of @ref is in progress.  A count that is EXACT
 * and biased has yet to lose the bias, by the callback of a kill or a disown without one;
 * or a resurrect has yet to set the mode.
 *
 * The count is read before the mode.  If this sees a bias and then EXACT, the bias is
 * removed, or the mode of a resurrect set, after these reads; and then bigref_mode_wake()
 * finds a waiter that has queued before them.
 */
static inline bool bigref_is_in_progress(struct bigref *ref)
{
	/* Pairs with the cmpxchg in bigref_add() and that in bigref_bias(). */
	long count = atomic_long_read_acquire(&ref->count);
	/* Pairs with smp_store_release() in bigref_mode_end_disown(). */
	unsigned long mode = smp_load_acquire(&ref->mode);

	return bigref_mode_in_progress(mode) ||
	       (mode == BIGREF_EXACT && bigref_zone(count) == BIGREF_ZONE_BIASED);
}

/*
 * Return true if the state of @ref allows a resurrect.  The count may not: the
 * last put may be between its atomic operation and ENDED.
 */
static inline bool bigref_mode_may_resurrect(struct bigref *ref)
{
	unsigned long mode = READ_ONCE(ref->mode);

	return mode == BIGREF_EXACT || mode == BIGREF_ENDED;
}

/*
 * Set the mode of a resurrected count.  No lock: the count is biased again, so only
 * misuse changes its mode meanwhile, by a cmpxchg that fails if it comes later.
 * A count that was EXACT and biased looks as during a kill, so that there can be waiters:
 * the caller must call bigref_mode_wake().
 */
static inline void bigref_mode_resurrect(struct bigref *ref, unsigned long mode)
{
	/* Pairs with the address dependency in __bigref_add_percpu(). */
	smp_store_release(&ref->mode, mode);
}

/* bigref_mode.c, for the tests */
void bigref_enqueue(struct bigref *ref);
bool bigref_may_promote(void);
bool bigref_is_percpu(struct bigref *ref);
void bigref_mode_flush(void);

/* bigref_owner.c, for the tests */
void bigref_flush(void);

/* bigref_counters.c */
#ifdef CONFIG_SMP
unsigned long __percpu *bigref_counters_alloc(gfp_t gfp);
void bigref_counters_free(unsigned long __percpu *counters);
void bigref_counters_free_deferred(unsigned long __percpu *counters);
struct bigref_req *bigref_req_of(unsigned long __percpu *counters);
unsigned long __percpu *bigref_counters_of(struct bigref_req *req);
unsigned long bigref_counters_sum(unsigned long __percpu *counters);
unsigned long bigref_counters_take(unsigned long __percpu *counters);
void bigref_counters_clear(unsigned long __percpu *counters);

/* bigref_counters.c, for the tests */
extern bool bigref_no_percpu;
unsigned int bigref_nr_in_use(void);
unsigned int bigref_nr_cached(void);
unsigned long bigref_percpu_pages(void);
void bigref_counters_drain(void);
#else
/* UP: no count is percpu, and one word is never contended. */
static inline unsigned long __percpu *bigref_counters_alloc(gfp_t gfp)
{
	return NULL;
}

static inline void bigref_counters_free(unsigned long __percpu *counters)
{
}

static inline void
bigref_counters_free_deferred(unsigned long __percpu *counters)
{
}

static inline struct bigref_req *bigref_req_of(unsigned long __percpu *counters)
{
	return NULL;
}

static inline unsigned long __percpu *bigref_counters_of(struct bigref_req *req)
{
	return NULL;
}

static inline unsigned long
bigref_counters_sum(unsigned long __percpu *counters)
{
	return 0;
}

static inline unsigned long
bigref_counters_take(unsigned long __percpu *counters)
{
	return 0;
}

static inline void bigref_counters_clear(unsigned long __percpu *counters)
{
}
#endif

#endif /* _KERNEL_BIGREF_INTERNAL_H */
