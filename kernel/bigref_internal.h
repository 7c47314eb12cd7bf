/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the exact count (bigref.c), its percpu mode (bigref_percpu.c), what
 * that counts in (bigref_counters.c), and the tests.
 */
#ifndef _KERNEL_BIGREF_INTERNAL_H
#define _KERNEL_BIGREF_INTERNAL_H

#include <linux/bigref.h>

enum bigref_zone {
	BIGREF_ZONE_EXACT,
	BIGREF_ZONE_BIASED,
	BIGREF_ZONE_ZERO,
	BIGREF_ZONE_DEAD,
	BIGREF_ZONE_SATURATED,
	BIGREF_ZONE_UNDER,
	BIGREF_ZONE_OVER,
};

#define BIGREF_DEAD		(-5 * __BIGREF_UNIT)
#define BIGREF_SATURATED	(-13 * (__BIGREF_UNIT / 2))

enum bigref_zone bigref_zone(long count);
bool bigref_unbias(struct bigref *ref, unsigned long sum);
void bigref_misuse(struct bigref *ref, const char *what, void *caller);

/* For the tests */
extern atomic_t bigref_nr_reports;

#ifdef CONFIG_SMP
/**
 * struct bigref_record - what a disown needs
 * @rcu: its grace periods
 * @ref: who is disowned
 * @done: called then
 */
struct bigref_record {
	struct rcu_head rcu;
	struct bigref *ref;
	bigref_func_t *done;
};

/* bigref_counters.c */
unsigned long __percpu *bigref_counters_get(gfp_t gfp);
void bigref_counters_put(unsigned long __percpu *counters);
struct bigref_record *bigref_record_of(unsigned long __percpu *counters);
unsigned long __percpu *bigref_counters_of(struct bigref_record *record);
unsigned long bigref_sum(unsigned long __percpu *counters);
unsigned long bigref_sum_used(unsigned long __percpu *counters,
			      unsigned long *used);
void bigref_clear(unsigned long __percpu *counters);

/* bigref_percpu.c */
unsigned long __percpu *bigref_counters(unsigned long mode);
void bigref_note_get(struct bigref *ref);
void bigref_mark_dead(struct bigref *ref);
void bigref_mark_over(struct bigref *ref);
bool bigref_is_disowned(struct bigref *ref);

/* For the tests */
extern bool bigref_no_percpu;
void bigref_enqueue(struct bigref *ref);
bool bigref_may_queue(void);
unsigned int bigref_nr_in_use(void);
unsigned int bigref_nr_at_hand(void);
void bigref_counters_trim(void);
bool bigref_is_percpu(struct bigref *ref);
void bigref_flush(void);
#else
static inline void bigref_note_get(struct bigref *ref)
{
}

static inline void bigref_mark_dead(struct bigref *ref)
{
}

static inline void bigref_mark_over(struct bigref *ref)
{
}

/* What @count tells is all there is to know. */
static inline bool bigref_is_disowned(struct bigref *ref)
{
	return false;
}
#endif

#endif /* _KERNEL_BIGREF_INTERNAL_H */
