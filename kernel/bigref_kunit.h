/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bigref: interface between the files of the KUnit tests.
 */
#ifndef _KERNEL_BIGREF_KUNIT_H
#define _KERNEL_BIGREF_KUNIT_H

#include <linux/cpumask.h>

struct kunit;

/* Flags of bigref_init() of the suite that runs; bigref_kunit.c */
extern unsigned int bigref_test_flags;

/* An online CPU, another one for each @i up to their number; their numbers can have gaps. */
static inline unsigned int bigref_test_cpu(unsigned int i)
{
	return cpumask_nth(i % num_online_cpus(), cpu_online_mask);
}

/* bigref_race_kunit.c */
void bigref_test_last_put(struct kunit *test);
void bigref_test_kill_to_zero(struct kunit *test);
void bigref_test_kill_and_destroy(struct kunit *test);
void bigref_test_resurrect_race(struct kunit *test);
void bigref_test_resurrect_load(struct kunit *test);
void bigref_test_nmi(struct kunit *test);

/* bigref_owner_kunit.c */
void bigref_test_deferred(struct kunit *test);
void bigref_test_zeroed(struct kunit *test);
void bigref_test_destroy_frees(struct kunit *test);
void bigref_test_exit(struct kunit *test);
void bigref_test_overflow(struct kunit *test);
void bigref_test_wrap(struct kunit *test);
void bigref_test_carry(struct kunit *test);
void bigref_test_kill(struct kunit *test);
void bigref_test_kill_now(struct kunit *test);
void bigref_test_confirm(struct kunit *test);
void bigref_test_barrier(struct kunit *test);
void bigref_test_switch(struct kunit *test);
void bigref_test_switch_killed(struct kunit *test);
void bigref_test_reinit(struct kunit *test);
void bigref_test_resurrect(struct kunit *test);
void bigref_test_release(struct kunit *test);
void bigref_test_counters_freed(struct kunit *test);
void bigref_test_promoted_freed(struct kunit *test);
void bigref_test_nr_in_use(struct kunit *test);

#define BIGREF_OWNER_CASES				\
	KUNIT_CASE(bigref_test_last_put),		\
	KUNIT_CASE(bigref_test_kill_to_zero),		\
	KUNIT_CASE(bigref_test_kill_and_destroy),	\
	KUNIT_CASE(bigref_test_deferred),		\
	KUNIT_CASE(bigref_test_zeroed),			\
	KUNIT_CASE(bigref_test_destroy_frees),		\
	KUNIT_CASE(bigref_test_exit),			\
	KUNIT_CASE(bigref_test_overflow),		\
	KUNIT_CASE(bigref_test_wrap),			\
	KUNIT_CASE(bigref_test_carry),			\
	KUNIT_CASE(bigref_test_kill),			\
	KUNIT_CASE(bigref_test_kill_now),		\
	KUNIT_CASE(bigref_test_confirm),		\
	KUNIT_CASE(bigref_test_barrier),		\
	KUNIT_CASE(bigref_test_switch),			\
	KUNIT_CASE(bigref_test_switch_killed),		\
	KUNIT_CASE(bigref_test_reinit),			\
	KUNIT_CASE(bigref_test_resurrect),		\
	KUNIT_CASE_SLOW(bigref_test_resurrect_load),	\
	KUNIT_CASE(bigref_test_release),		\
	KUNIT_CASE(bigref_test_nmi),

#endif /* _KERNEL_BIGREF_KUNIT_H */
