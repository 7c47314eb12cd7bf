/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cache: free objects that each CPU keeps, and the depot: batches of objects on their way
 * from one cache to another.
 */
#ifndef _MM_PERCPU_CACHE_H
#define _MM_PERCPU_CACHE_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/irqflags.h>
#include <linux/percpu-defs.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "chunk.h"
#include "objmap.h"

/* Objects of a batch, at most. */
#define PCPU_BATCH_MAX		32

/* Objects that a free returns to the chunks if the depot is full, at most. */
#define PCPU_PART_MAX		4

/* Number of batches in the depot, at most. */
#define PCPU_DEPOT_BATCHES	256

/* Bytes of objects, on one CPU, that the depot may hold in any case. */
#define PCPU_DEPOT_BYTES	(32U << 10)

/**
 * struct pcpu_batch - free objects of one class that the caller owns
 * @class: their class, not %PCPU_CLASS_LONG
 * @nr: number of objects
 * @offs: their offsets; the object map has no entries for them
 */
struct pcpu_batch {
	unsigned int class;
	unsigned int nr;
	u32 offs[PCPU_BATCH_MAX];
};

/**
 * struct pcpu_depot_batch - a batch in the depot
 * @next: index of the next batch of the class, or of the next unused one; or 0
 * @nr: number of objects
 * @offs: their offsets
 */
struct pcpu_depot_batch {
	u16 next;
	u16 nr;
	u32 offs[PCPU_BATCH_MAX];
};

/**
 * struct pcpu_depot_class - the objects of a class
 * @head: index of the batch with the last ones, or 0; may be read without the lock
 * @nr: number of objects
 * @low: minimum of @nr since the last trim: so many objects were idle
 */
struct pcpu_depot_class {
	u16 head;
	u16 nr;
	u16 low;
};

/**
 * struct pcpu_depot - objects that no cache has capacity for
 * @classes: by class
 * @unused: index of the first unused batch, or 0; may be read without the lock
 * @bytes: bytes of all objects, on one CPU; may be read without the lock
 * @batches: the batches; index 0 stands for none
 *
 * Guarded by pcpu_depot_lock.
 */
struct pcpu_depot {
	struct pcpu_depot_class classes[PCPU_NR_CLASSES];
	u16 unused;
	unsigned long bytes;
	struct pcpu_depot_batch batches[PCPU_DEPOT_BATCHES + 1];
};

extern struct pcpu_depot *pcpu_depot;

void pcpu_depot_init(struct pcpu_depot *depot);
void pcpu_depot_put(struct pcpu_batch *batch);
void pcpu_depot_get(struct pcpu_batch *batch);
bool pcpu_depot_get_idle(struct pcpu_batch *batch);
bool pcpu_depot_track(void);

/* Return true if pcpu_depot_get() may find a batch of @class; a hint. */
static inline bool pcpu_depot_has(unsigned int class)
{
	return READ_ONCE(pcpu_depot->classes[class].head);
}

/*
 * Return true if the depot takes no batch, otherwise any one. Exact with its lock held.
 * The limit in bytes on one CPU includes a 32nd of the populated memory.
 */
static inline bool pcpu_depot_is_full(void)
{
	unsigned long limit = PCPU_DEPOT_BYTES +
			      READ_ONCE(pcpu_nr_populated) * (PAGE_SIZE / 32);

	return !READ_ONCE(pcpu_depot->unused) ||
	       READ_ONCE(pcpu_depot->bytes) >= limit;
}

/*
 * Bytes of objects, on one CPU: in a cache, and in all caches. A cached object costs
 * its size on every CPU, so all caches have one budget for any number of CPUs.
 */
#define PCPU_CACHE_BYTES	(64 << 10)
#define PCPU_CACHES_BYTES	(256 << 10)

/* Least and most bytes that a cache takes from the budget at once. */
#define PCPU_SHARE_STEP_MIN	256
#define PCPU_SHARE_STEP_MAX	4096

/* Bytes of the objects of a magazine, and its least and largest capacity. */
#define PCPU_MAGAZINE_BYTES	4096
#define PCPU_MAGAZINE_MIN	4
#define PCPU_MAGAZINE_MAX	(2 * PCPU_BATCH_MAX)

/*
 * Granules of the longest object that a cache keeps. The fast paths find those of up to
 * PCPU_WIDE_MAX.
 */
#define PCPU_CACHED_MAX		1024

/* Objects without a class that a cache keeps, at most. */
#define PCPU_CACHE_WIDES	4
static_assert(!(PCPU_CACHE_WIDES & (PCPU_CACHE_WIDES - 1)));

/**
 * struct pcpu_magazine - free objects of one class
 * @offs: their offsets, the last freed one at the end
 * @nr: number of objects
 * @low: minimum of @nr since the last trim: so many were idle
 * @max: capacity in objects
 * @size: bytes of an object
 */
struct pcpu_magazine {
	u32 *offs;
	u16 nr;
	u16 low;
	u16 max;
	u16 size;
};

/**
 * struct pcpu_cache - free objects that a CPU keeps
 *
 * Made when the CPU comes online for the first time, and never freed. Owned by the
 * code that runs on its CPU with IRQs off, without a lock; the cache of a dead CPU
 * by the CPU hotplug callback. The cache of an isolated CPU is owned by the holder
 * of @lock, so that it is trimmed without an interrupt of that CPU.
 */
struct pcpu_cache {
	/** @lock: owns a locked cache; raw, IRQs off, no lock nests inside */
	raw_spinlock_t lock;
	/** @locked: the CPU is or was isolated; never becomes false again */
	bool locked;
	/** @run: free granules to cut objects of any class from */
	struct pcpu_run run;
	/** @leftover: a part of an earlier run, skipped for alignment */
	struct pcpu_run leftover;
	/** @last_cpu: the CPU that cut from @run last */
	unsigned int last_cpu;
	/** @run_idle: @run and @leftover are unused since the last trim */
	bool run_idle;
	/** @wides_idle: @wides is unused since the last trim */
	bool wides_idle;
	/** @tracked: the worker trims the cache; otherwise it is empty */
	bool tracked;
	/** @next_class: where the search for a class to evict goes on */
	u8 next_class;
	/** @next_wide: the element of @wides behind the last freed object */
	u8 next_wide;
	/**
	 * @capacity: remaining capacity in bytes, may be negative. 0 while the cache
	 * is not tracked, so that the fast free fails.
	 */
	s32 capacity;
	/** @share: bytes taken from the budget: cached ones and @capacity */
	s32 share;
	/** @magazines: by class; that of %PCPU_CLASS_LONG has no capacity */
	struct pcpu_magazine magazines[PCPU_NR_CLASSES + 1];
	/** @wides: the last freed objects without a class, of up to %PCPU_CACHED_MAX */
	struct pcpu_run wides[PCPU_CACHE_WIDES];
	/** @offs: memory of the magazines */
	u32 offs[];
} ____cacheline_aligned_in_smp;

/* The caches by unit; %NULL before the CPU of the unit came online. */
extern struct pcpu_cache **pcpu_caches;

/* The bytes of the budget that no cache has taken. */
extern atomic_t pcpu_caches_left;

/*
 * Holds the run that all CPUs allocate from, so that objects that a task allocates
 * together are adjacent even if the task migrates. Allocations only try the lock: on
 * contention a CPU uses the run of its own cache.
 */
extern struct pcpu_cache pcpu_cache_common;

/*
 * Points to pcpu_cache_common on an isolated CPU, and early in boot. pcpu_cache_common has no
 * capacity, so the fast paths fail.
 */
DECLARE_PER_CPU(struct pcpu_cache *, pcpu_cache_local);

/* The cache of a unit, or %NULL. */
static inline struct pcpu_cache *pcpu_cache_of_unit(unsigned int unit)
{
	/* Pairs with smp_store_release() in pcpu_cache_create(). */
	return smp_load_acquire(&pcpu_caches[unit]);
}

/* The cache of a possible CPU, or %NULL. */
static inline struct pcpu_cache *pcpu_cache_of_cpu(unsigned int cpu)
{
	return pcpu_cache_of_unit(pcpu_cpu_unit(cpu));
}

unsigned long pcpu_cache_alloc_slow(unsigned int class, size_t align,
				    gfp_t gfp);
void pcpu_cache_free_full(unsigned long off, struct pcpu_cache *cache,
			  struct pcpu_magazine *mag, unsigned long flags);
void pcpu_cache_free_slow(unsigned long off, unsigned int class);
unsigned long pcpu_cache_alloc_wide(unsigned int nr, size_t align);
bool pcpu_cache_free_wide(unsigned long off);
void pcpu_cache_free_wide_slow(struct pcpu_run *run);
unsigned int pcpu_magazine_pop_batch(struct pcpu_cache *cache,
				     struct pcpu_magazine *mag, u32 *offs,
				     unsigned int nr);

static __always_inline void
pcpu_cache_assert_owned(const struct pcpu_cache *cache)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;
	if (READ_ONCE(cache->locked))
		lockdep_assert_held(&cache->lock);
	else
		lockdep_assert_irqs_disabled();
}

/* Take the last object of a magazine that is not empty. */
static __always_inline unsigned long
pcpu_magazine_pop(struct pcpu_cache *cache, struct pcpu_magazine *mag)
{
	unsigned long off = mag->offs[mag->nr - 1UL];
	u16 nr = mag->nr - 1;

	pcpu_cache_assert_owned(cache);

	mag->nr = nr;
	if (unlikely(mag->low > nr))
		mag->low = nr;
	cache->capacity += mag->size;
	return off;
}

/* Add an object to a magazine that is not full. */
static __always_inline void pcpu_magazine_push(struct pcpu_cache *cache,
					       struct pcpu_magazine *mag,
					       unsigned long off)
{
	unsigned long nr = mag->nr;

	pcpu_cache_assert_owned(cache);

	mag->offs[nr] = off;
	mag->nr = nr + 1;
	cache->capacity -= mag->size;
}

/*
 * Allocate the last freed object of @class, not PCPU_CLASS_LONG. @align: a constant 1 if
 * every object of the class has the alignment. Any context. Return its offset, populated,
 * or PCPU_NO_OFF if there is none or it is not aligned.
 */
static __always_inline unsigned long pcpu_cache_alloc_fast(unsigned int class,
							   size_t align)
{
	unsigned long flags, off = PCPU_NO_OFF;
	struct pcpu_cache *cache;
	struct pcpu_magazine *mag;

	local_irq_save(flags);
	cache = raw_cpu_read(pcpu_cache_local);
	mag = &cache->magazines[class];
	if (likely(mag->nr && !(mag->offs[mag->nr - 1UL] & (align - 1))))
		off = pcpu_magazine_pop(cache, mag);
	local_irq_restore(flags);
	return off;
}

/*
 * Free an object that may begin at @off, within the area, to the cache of this CPU. Where
 * the cache has no capacity, the object is exchanged for others: a call at the end, so that
 * other frees save no registers for it.
 *
 * Any context. Return true if a live object with a class begins at @off and the CPU uses
 * its cache without a lock. Otherwise nothing has changed, and the free takes the slow
 * path.
 */
static __always_inline bool pcpu_cache_free_fast(unsigned long off)
{
	struct pcpu_cache *cache;
	struct pcpu_magazine *mag;
	struct pcpu_chunk *chunk;
	unsigned long flags;
	unsigned int class;
	bool freed = false;
	u8 *where, entry, bits;

	/* A chunk that is found with IRQs off does not go away. */
	local_irq_save(flags);
	cache = raw_cpu_read(pcpu_cache_local);
	chunk = pcpu_chunk_of(off);
	if (unlikely(!chunk ||
		     test_bit(pcpu_off_to_page(off), chunk->slow_free)))
		goto out;
	where = pcpu_objmap_entry(chunk->objmap, off >> PCPU_GRANULE_SHIFT);
	entry = READ_ONCE(*where);
	bits = pcpu_objmap_live_bits(entry, off, &class);
	if (unlikely(!bits))
		goto out;
	mag = &cache->magazines[class];
	if (unlikely(mag->nr >= mag->max || cache->capacity <= 0)) {
		/* The cache of all CPUs and longer objects have no magazine. */
		if (!mag->max || !pcpu_objmap_try_clear(where, entry, bits))
			goto out;
		pcpu_cache_free_full(off, cache, mag, flags);
		return true;
	}
	if (unlikely(!pcpu_objmap_try_clear(where, entry, bits)))
		goto out;
	pcpu_magazine_push(cache, mag, off);
	freed = true;
out:
	local_irq_restore(flags);
	return freed;
}

/* trim.c: the life of a cache. */

size_t pcpu_cache_size(void);
void pcpu_caches_init(struct pcpu_cache **caches, struct pcpu_cache *boot);
int pcpu_cache_create(unsigned int cpu);
unsigned int pcpu_cache_count(const struct pcpu_cache *cache, unsigned long *bytes);
bool pcpu_caches_trim(void);
void pcpu_caches_drain(void);
void pcpu_caches_drain_some(void);
bool pcpu_caches_isolated(void);

#endif /* _MM_PERCPU_CACHE_H */
