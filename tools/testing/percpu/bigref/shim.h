/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kernel/bigref.c needs of the kernel, for one thread that plays all CPUs.  With
 * WORD_BITS=32 a long is an int, as on a 32-bit machine; the program is linked below
 * 4 GB, so that a pointer fits.
 */
#ifndef SHIM_H
#define SHIM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#if WORD_BITS == 32
#define long		int
#undef ULONG_MAX
#undef LONG_MAX
#define ULONG_MAX	UINT_MAX
#define LONG_MAX	INT_MAX
#endif

#define BITS_PER_LONG	WORD_BITS
#define CPUS		4
#define CONFIG_SMP	1
#define SHIM_CONFIG_SMP	1
#define SHIM_CONFIG_BIGREF_KUNIT_TEST 0
#define IS_ENABLED(option)	SHIM_##option

#undef __always_inline
#define __percpu
#define __must_check		__attribute__((warn_unused_result))
#define __always_inline		inline __attribute__((always_inline))
#define __aligned(n)		__attribute__((aligned(n)))
#define likely(x)		(x)
#define unlikely(x)		(x)
#define READ_ONCE(x)		(x)
#define WRITE_ONCE(x, value)	((x) = (value))
#define smp_rmb()		((void)0)
#define smp_load_acquire(p)	(*(p))
#define smp_store_release(p, value)	(*(p) = (value))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define BIT(n)			((unsigned long)1 << (n))
#define GENMASK(h, l)		(((unsigned long)-1 >> (BITS_PER_LONG - 1 - (h))) & \
				 ((unsigned long)-1 << (l)))
#define EXPORT_SYMBOL_GPL(name)
#define EXPORT_SYMBOL_IF_KUNIT(name)
#define _RET_IP_		0
#define pr_err(...)		((void)0)
#define dump_stack()		((void)0)
#define DEFINE_RATELIMIT_STATE(name, interval, burst)	int name
#define __ratelimit(state)	(*(state) = 0)
#define RCU_LOCKDEP_WARN(cond, what)	((void)0)
#define preempt_disable()	((void)0)
#define preempt_enable()	((void)0)
#define in_nmi()		false
#define rcu_read_lock()		((void)0)
#define rcu_read_unlock()	((void)0)

typedef unsigned int gfp_t;
struct rcu_head {
	void *func;
};

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	long counter;
} atomic_long_t;

static inline void atomic_inc(atomic_t *v)
{
	v->counter++;
}

static inline int atomic_read(const atomic_t *v)
{
	return v->counter;
}

static inline long atomic_long_read(const atomic_long_t *v)
{
	return v->counter;
}

static inline void atomic_long_set(atomic_long_t *v, long value)
{
	v->counter = value;
}

static inline long atomic_long_add_return(long nr, atomic_long_t *v)
{
	v->counter = (unsigned long)v->counter + nr;
	return v->counter;
}

static inline bool atomic_long_add_negative(long nr, atomic_long_t *v)
{
	return atomic_long_add_return(nr, v) < 0;
}

static inline long atomic_long_xchg(atomic_long_t *v, long value)
{
	long old = v->counter;

	v->counter = value;
	return old;
}

static inline bool atomic_long_try_cmpxchg(atomic_long_t *v, long *old, long value)
{
	if (v->counter != *old) {
		*old = v->counter;
		return false;
	}
	v->counter = value;
	return true;
}

/* The CPU that the thread plays; the copies of a variable stand in an array. */
extern unsigned int shim_cpu;

#define this_cpu_add(pcp, nr)		((void)((&(pcp))[shim_cpu] += (nr)))
#define this_cpu_add_return(pcp, nr)	((&(pcp))[shim_cpu] += (nr))

static inline unsigned long shim_xchg(unsigned long *word, unsigned long value)
{
	unsigned long old = *word;

	*word = value;
	return old;
}

#define this_cpu_xchg(pcp, value)	shim_xchg(&(&(pcp))[shim_cpu], value)

#endif /* SHIM_H */
