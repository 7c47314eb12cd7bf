// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_counter_cache: memory of percpu counters.
 *
 * The copies of a free object are zero. Only CPUs in fbc->touched can have changed a
 * copy of the counter, so that destruction clears no others. A CPU is noted, modulo
 * PERCPU_TOUCHED_BITS, before its copy changes from zero, by a task that cannot
 * migrate in between: a copy that is not zero belongs to a CPU that is noted.
 *
 * Counters that are created together share an object: a copy has one s32 for each, and
 * the next power of two in all.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/percpu_cache.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/sprintf.h>

#include "percpu_counter_cache.h"

#ifdef PERCPU_COUNTER_ADD
/* Add @amount and the copy of this CPU to the sum of the counter. */
static noinline void add_to_sum(struct percpu_counter *fbc, s64 amount)
{
	unsigned long flags;
	s32 count;

	raw_spin_lock_irqsave(&fbc->lock, flags);
	/* The copy may have changed since, or be that of another CPU. */
	count = __this_cpu_read(*fbc->counters);
	fbc->count += count + amount;
	__this_cpu_sub(*fbc->counters, count);
	raw_spin_unlock_irqrestore(&fbc->lock, flags);
}

/* Change a copy from zero: its CPU is noted before, and the task does not leave it. */
static __always_inline bool try_add_to_zero(struct percpu_counter *fbc, s32 *count,
					    s64 amount)
{
	bool done;

	preempt_disable_notrace();
	percpu_counter_touch(fbc);
	done = this_cpu_try_cmpxchg(*fbc->counters, count, (s32)amount);
	preempt_enable_notrace();
	return done;
}

/**
 * percpu_counter_add_batch - add to a counter
 * @fbc: the counter
 * @amount: what to add
 * @batch: a copy of this amount or more, of either sign, is added to the sum of all
 *
 * A copy that is not zero belongs to a CPU that is noted, also if the task has migrated
 * since it was read. No register is saved, as add_to_sum() is not inline.
 *
 * Context: any, except NMI.
 */
void percpu_counter_add_batch(struct percpu_counter *fbc, s64 amount, s32 batch)
{
	s32 count = this_cpu_read(*fbc->counters);
	bool done;

	do {
		if (unlikely(abs(count + amount) >= batch)) {
			add_to_sum(fbc, amount);
			return;
		}
		if (likely(count))
			done = this_cpu_try_cmpxchg(*fbc->counters, &count,
						    (s32)(count + amount));
		else
			done = try_add_to_zero(fbc, &count, amount);
	} while (!done);
}
#endif

/* Caches for 1, 2, 4 ... counters; those for more than 8 are created when needed. */
#define NR_CACHES	17
#define NR_EARLY	4

static struct percpu_cache *counter_caches[NR_CACHES];

/* Serializes the creation of caches. */
static DEFINE_MUTEX(counter_caches_mutex);

/* Create the cache, if no other task does. Return NULL if there is no memory. */
static struct percpu_cache *create_cache(unsigned int order)
{
	struct percpu_cache *cache;
	char name[32];

	guard(mutex)(&counter_caches_mutex);
	if (counter_caches[order])
		return counter_caches[order];
	snprintf(name, sizeof(name), "percpu_counter-%u", 1U << order);
	cache = percpu_cache_create(name, sizeof(s32) << order, sizeof(s32), NULL, 0);
	if (IS_ERR(cache))
		return NULL;
	/* Pairs with smp_load_acquire() in cache_of(). */
	smp_store_release(&counter_caches[order], cache);
	return cache;
}

/* The cache for @nr counters. NULL if there is none, and it cannot be created. */
static struct percpu_cache *cache_of(u32 nr, gfp_t gfp)
{
	unsigned int order = order_base_2(nr), noio;
	struct percpu_cache *cache;

	if (WARN_ON_ONCE(!nr || order >= NR_CACHES))
		return NULL;
	/* Pairs with smp_store_release() in create_cache(). */
	cache = smp_load_acquire(&counter_caches[order]);
	if (likely(cache) || !gfpflags_allow_blocking(gfp))
		return cache;
	/* The caller may have forbidden I/O. */
	noio = memalloc_noio_save();
	cache = create_cache(order);
	memalloc_noio_restore(noio);
	return cache;
}

/* Before percpu_counter_cache_fold() can find the counter. */
static __always_inline void counter_begin(struct percpu_counter *fbc, s64 amount,
					  struct lock_class_key *key)
{
	raw_spin_lock_init(&fbc->lock);
	lockdep_set_class(&fbc->lock, key);
	fbc->count = amount;
	atomic_set(&fbc->touched, 0);
}

static noinline int init_some(struct percpu_counter *fbc, s64 amount, gfp_t gfp,
			      u32 nr_counters, struct lock_class_key *key)
{
	struct percpu_cache *cache = cache_of(nr_counters, gfp);
	s32 __percpu *counters = NULL;
	u32 i;

	for (i = 0; i < nr_counters; i++)
		counter_begin(&fbc[i], amount, key);
	if (likely(cache))
		counters = percpu_cache_alloc_owner(cache, gfp, fbc);
	if (unlikely(!counters)) {
		fbc[0].counters = NULL;
		return -ENOMEM;
	}
	for (i = 0; i < nr_counters; i++)
		fbc[i].counters = counters + i;
	return 0;
}

/**
 * percpu_counter_cache_init - create counters
 * @fbc: the counters
 * @amount: their value
 * @gfp: allocation flags
 * @nr_counters: their number
 * @key: lockdep class of their locks
 *
 * A single counter needs no loop, and no search for a cache.
 *
 * Context: any that @gfp allows, except NMI.
 * Return: 0 or -ENOMEM.
 */
int percpu_counter_cache_init(struct percpu_counter *fbc, s64 amount, gfp_t gfp,
			      u32 nr_counters, struct lock_class_key *key)
{
	struct percpu_cache *cache = READ_ONCE(counter_caches[0]);

	if (unlikely(nr_counters != 1 || !cache))
		return init_some(fbc, amount, gfp, nr_counters, key);
	counter_begin(fbc, amount, key);
	fbc->counters = percpu_cache_alloc_owner(cache, gfp, fbc);
	return likely(fbc->counters) ? 0 : -ENOMEM;
}

/**
 * percpu_counter_cache_destroy - destroy counters
 * @fbc: the counters
 * @nr_counters: their number, as they were created
 *
 * Clears the copies of the CPUs that changed a counter.
 *
 * Context: any, except NMI.
 */
void percpu_counter_cache_destroy(struct percpu_counter *fbc, u32 nr_counters)
{
	s32 __percpu *counters = fbc[0].counters;
	unsigned int order, cpu;
	u32 i;

	for (i = 0; i < nr_counters; i++) {
		percpu_counter_for_each_cpu(cpu, &fbc[i]) {
			s32 *count = per_cpu_ptr(fbc[i].counters, cpu);

			*count = 0;
		}
		fbc[i].counters = NULL;
	}
	order = order_base_2(nr_counters);
	percpu_cache_free(counter_caches[order], counters);
}

/**
 * struct dead_cpu - argument of fold_copy()
 * @cpu: the CPU
 * @nr: number of counters that the object has space for
 * @only: the counters to fold, or NULL for all
 */
struct dead_cpu {
	unsigned int cpu;
	unsigned int nr;
	struct percpu_counter *only;
};

/*
 * Fold the copy of a dead CPU into the counters. Counters of which it is zero may not
 * exist, as there may be less of them than the object has space for.
 */
static void fold_copy(void __percpu *ptr, void *owner, void *arg)
{
	struct percpu_counter *fbc = owner;
	struct dead_cpu *dead = arg;
	s32 *count = per_cpu_ptr((s32 __percpu *)ptr, dead->cpu);
	unsigned int i;

	if (dead->only && dead->only != fbc)
		return;
	for (i = 0; i < dead->nr; i++) {
		if (!count[i])
			continue;
		raw_spin_lock(&fbc[i].lock);
		fbc[i].count += count[i];
		count[i] = 0;
		raw_spin_unlock(&fbc[i].lock);
	}
}

/**
 * percpu_counter_cache_fold - fold the copies of a CPU into counters
 * @cpu: the CPU, which does not change the copies
 * @only: counters that were created together, or NULL for all
 *
 * IRQs are off for the counters of one object at a time.
 *
 * Context: process context, may sleep.
 */
void percpu_counter_cache_fold(unsigned int cpu, struct percpu_counter *only)
{
	struct dead_cpu dead = { .cpu = cpu, .only = only };
	struct percpu_cache *cache;
	unsigned int order;

	for (order = 0; order < NR_CACHES; order++) {
		/* Pairs with smp_store_release() in create_cache(). */
		cache = smp_load_acquire(&counter_caches[order]);
		dead.nr = 1U << order;
		if (cache)
			percpu_cache_for_each(cache, fold_copy, &dead);
	}
}

/* Callers that may not sleep find these. */
static int __init percpu_counter_cache_startup(void)
{
	unsigned int order;

	for (order = 0; order < NR_EARLY; order++)
		WARN_ON(!create_cache(order));
	return 0;
}
core_initcall(percpu_counter_cache_startup);
