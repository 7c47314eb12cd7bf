/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the sources of bigref need of the kernel, for one thread that plays all CPUs.  With
 * WORD_BITS=32 a long is an int, as on a 32-bit machine; the program is linked below
 * 4 GB, so that a pointer fits.
 *
 * shim_step() runs before each access to a shared word and around each section with a
 * lock: there the program can play what another CPU does meanwhile.
 */
#ifndef SHIM_H
#define SHIM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
#define noinline
#define READ_ONCE(x)		(*({ shim_step(); &(x); }))
#define WRITE_ONCE(x, value)	(*({ shim_step(); &(x); }) = (value))
#define smp_rmb()		((void)0)
#define smp_load_acquire(p)	READ_ONCE(*(p))
#define smp_store_release(p, value)	WRITE_ONCE(*(p), value)
#define container_of(p, type, member)	((type *)((char *)(p) - offsetof(type, member)))
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
#define in_nmi()		false
#define rcu_barrier()		shim_rcu_barrier()
#define WARN_ON_ONCE(cond)	(cond)
#define might_sleep()		((void)0)
#define lockdep_assert_held(lock)	((void)0)
#define EBUSY			16
#define EINVAL			22
#define GFP_KERNEL		0
#define HZ			100
#define INITIAL_JIFFIES		0
#define jiffies			0
#define time_in_range(now, from, to)	false
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define FIELD_MAX(mask)		((mask) / ((mask) & -(mask)))
#define FIELD_GET(mask, word)	(((word) & (mask)) / ((mask) & -(mask)))
#define FIELD_PREP(mask, value)	((value) * ((mask) & -(mask)))

/* RCU read-side critical sections of this CPU: no grace period ends in one. */
extern unsigned int shim_nr_readers;

/* Locks that this CPU holds: no other CPU can take one. */
extern unsigned int shim_nr_locked;

#define preempt_disable()	((void)shim_nr_readers++)
#define preempt_enable()	((void)shim_nr_readers--)
#define rcu_read_lock()		preempt_disable()
#define rcu_read_unlock()	preempt_enable()

static inline unsigned int shim_guard_preempt(void)
{
	return shim_nr_readers++;
}

static inline void shim_guard_ends(unsigned int *before)
{
	shim_nr_readers = *before;
}

#define guard(lock)		unsigned int __attribute__((cleanup(shim_guard_ends))) \
				shim_guarded = shim_guard_##lock

/* Locks are never contended, and no work is run. */
#define DEFINE_RAW_SPINLOCK(name)	int name
#define raw_spin_lock_irqsave(lock, flags)	(shim_step(), (flags) = (*(lock))++, \
						 (void)shim_nr_locked++)
#define raw_spin_unlock_irqrestore(lock, flags)	(*(lock) = (flags), shim_nr_locked--, \
						 shim_step())
#define raw_spin_trylock_irqsave(lock, flags)	((flags) = (*(lock))++, ++shim_nr_locked)
struct work_struct {
	void (*fn)(struct work_struct *work);
};
struct irq_work {
	void (*fn)(struct irq_work *work);
};
#define DECLARE_WORK(name, function)	struct work_struct name = { function }
#define DEFINE_IRQ_WORK(name, function)	struct irq_work name = { function }
#define schedule_work(work)	((void)(work))
#define flush_work(work)	((void)(work))
#define irq_work_queue(work)	((void)(work))
#define irq_work_sync(work)	((void)(work))

/* A wait that is not over, sleeping or spinning, would never end. */
#define DECLARE_WAIT_QUEUE_HEAD(name)	int name
#define wq_has_sleeper(queue)	(shim_step(), true)
#define wake_up_all(queue)	shim_wake()
#define wait_event(queue, cond)	((cond) ? (void)0 : shim_stuck())
#define cpu_relax()		shim_stuck()
#define call_rcu_hurry(head, func)	shim_call_rcu(head, func)

typedef unsigned int gfp_t;
struct rcu_head {
	void (*func)(struct rcu_head *rcu);
};

typedef void (*rcu_callback_t)(struct rcu_head *rcu);

/* Functions of the program */
void shim_step(void);
void shim_wake(void);
void shim_stuck(void);
void shim_call_rcu(struct rcu_head *rcu, void (*func)(struct rcu_head *rcu));
void shim_rcu_barrier(void);

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
	shim_step();
	return v->counter;
}

#define atomic_long_read_acquire(v)	atomic_long_read(v)

static inline void atomic_long_set(atomic_long_t *v, long value)
{
	shim_step();
	v->counter = value;
}

static inline long atomic_long_add_return(long nr, atomic_long_t *v)
{
	shim_step();
	v->counter = (unsigned long)v->counter + nr;
	return v->counter;
}

static inline bool atomic_long_add_negative(long nr, atomic_long_t *v)
{
	return atomic_long_add_return(nr, v) < 0;
}

static inline long atomic_long_xchg(atomic_long_t *v, long value)
{
	long old;

	shim_step();
	old = v->counter;
	v->counter = value;
	return old;
}

static inline bool atomic_long_try_cmpxchg(atomic_long_t *v, long *old, long value)
{
	shim_step();
	if (v->counter != *old) {
		*old = v->counter;
		return false;
	}
	v->counter = value;
	return true;
}

#define try_cmpxchg(word, old, value)				\
({								\
	bool same;						\
								\
	shim_step();						\
	same = *(word) == *(old);				\
	if (same)						\
		*(word) = (value);				\
	else							\
		*(old) = *(word);				\
	same;							\
})
#define try_cmpxchg_relaxed	try_cmpxchg

/* The CPU that the thread plays; the copies of a variable stand in an array. */
extern unsigned int shim_cpu;
extern unsigned long counters[CPUS];

#define raw_smp_processor_id()	shim_cpu
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
