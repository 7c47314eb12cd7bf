/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena: free objects that a group of CPUs has at hand.
 */
#ifndef _MM_PERCPU_ARENA_H
#define _MM_PERCPU_ARENA_H

#include <linux/cache.h>
#include <linux/irqflags.h>
#include <linux/percpu-defs.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "class.h"
#include "depot.h"
#include "extent.h"
#include "mark.h"
#include "owner.h"

/*
 * An object costs its size on every CPU, so objects at hand for each CPU would
 * cost memory by the square of CPUs; and the time to clear an object grows
 * with CPUs while that under the lock does not. So there is an arena for each
 * of a few CPUs, and on larger machines several CPUs share one.
 */
#define PCPU_MAX_ARENAS		16

/* Bytes of objects that an arena can hold, on one CPU: in each, and in all. */
#define PCPU_ARENA_BYTES	(64 << 10)
#define PCPU_ARENAS_BYTES	(256 << 10)

/* Bytes of the objects of one class, and the fewest and the most objects. */
#define PCPU_STOCK_BYTES	4096
#define PCPU_STOCK_MIN		4
#define PCPU_STOCK_MAX		(2 * PCPU_BATCH_MAX)

/* Granules that an arena takes from the chunks at once, to cut objects from. */
#define PCPU_RUN_GRANULES	128

/* Granules that such a run has at least, if there is one. */
#define PCPU_RUN_LEAST		16U

/* Objects that have no class, and the granules of the largest. */
#define PCPU_ARENA_LONGS	4
#define PCPU_ARENA_LONG_MAX	(4096 / PCPU_GRANULE)

/**
 * struct pcpu_stock - the free objects of a class
 * @offs: their offsets, the one that came last at the end
 * @nr: how many there are
 * @low: the fewest there were since the worker came by: nobody needed these
 * @most: how many there can be
 * @size: bytes of an object
 */
struct pcpu_stock {
	u32 *offs;
	u16 nr;
	u16 low;
	u16 most;
	u16 size;
};

/**
 * struct pcpu_arena - what a group of CPUs has at hand
 * @lock: guards everything here if the arena is shared; raw, IRQs off, nothing
 *	nests inside
 * @shared: there are more CPUs than arenas
 * @run: granules from which objects of any class are cut, from below
 * @rest: a piece of a run that was skipped to be aligned, for what fits there
 * @run_idle: nobody cut anything from these since the worker came by
 * @longs: the latest free objects without a class
 * @longs_hand: where the next of these goes
 * @longs_idle: nobody left or took one since the worker came by
 * @hand: class at which making room goes on
 * @watched: the worker looks after what is here; else there is nothing
 * @room: bytes of objects that may still come, less PCPU_ROOM_UNWATCHED when
 *	the worker does not know; a fast free has to see but this
 * @stocks: by class; that of %PCPU_CLASS_LONG is always full
 *
 * An arena that is not shared belongs to what runs on its CPU with IRQs off, and
 * needs no lock, which is a third of what a pair of alloc and free would cost:
 * others ask that CPU by an interrupt, see age.c. That of a dead CPU belongs to
 * who took the CPU down.
 */
struct pcpu_arena {
	raw_spinlock_t lock;
	bool shared;
	struct pcpu_run run;
	struct pcpu_run rest;
	bool run_idle;
	bool longs_idle;
	bool watched;
	u8 hand;
	u8 longs_hand;
	s32 room;
	struct pcpu_stock stocks[PCPU_NR_CLASSES + 1];
	struct pcpu_run longs[PCPU_ARENA_LONGS];
} ____cacheline_aligned_in_smp;

#define PCPU_ROOM_UNWATCHED	(1 << 30)

/* Bytes of objects that may still come; or no more, when it is negative. */
static inline int pcpu_arena_room(const struct pcpu_arena *arena)
{
	return arena->room + (arena->watched ? 0 : PCPU_ROOM_UNWATCHED);
}

extern struct pcpu_arena *pcpu_arenas;
extern unsigned int pcpu_nr_arenas;
extern int pcpu_arena_max_bytes;

/*
 * An arena without stocks, whose run is everybody's: what one task allocates lies
 * together, and dies together, although the task moves from CPU to CPU. Nobody
 * waits for it: who finds it locked cuts from the run of his own arena.
 */
extern struct pcpu_arena pcpu_arena_common;

/*
 * The arena that a CPU has to itself. Until the CPU needs it, where arenas are
 * shared, and where some units are nobody's, this is pcpu_arena_common, which
 * has no object and keeps none: that sends all callers to the slow paths.
 */
DECLARE_PER_CPU(struct pcpu_arena *, pcpu_arena_local);

extern unsigned int pcpu_arenas_most;

unsigned int pcpu_arenas_wanted(void);
unsigned int pcpu_arena_nr_slots(void);
void pcpu_arenas_init(struct pcpu_arena *arenas, unsigned int nr, u32 *slots);

/**
 * enum pcpu_kept - what became of a freed object
 * @PCPU_KEPT: it is to be at hand for the next one
 * @PCPU_NOT_KEPT: the caller has it, and gives it back to the chunks
 * @PCPU_NOT_LIVE: there is none; nothing has changed
 */
enum pcpu_kept {
	PCPU_KEPT,
	PCPU_NOT_KEPT,
	PCPU_NOT_LIVE,
};

unsigned long pcpu_arena_refill(unsigned int class, size_t align, gfp_t gfp,
				const char **why);
enum pcpu_kept pcpu_arena_claim(unsigned long off, unsigned int *class,
				struct pcpu_owner *owner);
void pcpu_arena_exchange(unsigned long off, unsigned int class);
unsigned long pcpu_arena_take_long(unsigned int nr, size_t align);
bool pcpu_arena_keep_long(struct pcpu_run *run);
unsigned int pcpu_arena_held(const struct pcpu_arena *arena,
			     unsigned long *bytes);
unsigned int pcpu_stock_split(struct pcpu_arena *arena,
			      struct pcpu_stock *stock, u32 *offs,
			      unsigned int nr);
void pcpu_arena_set_watched(struct pcpu_arena *arena, bool watched);
void pcpu_arena_flush(unsigned int class, const u32 *offs, unsigned int nr);

/* Say that the caller owns an arena. */
static __always_inline void
pcpu_arena_assert_owned(const struct pcpu_arena *arena)
{
	if (arena->shared)
		lockdep_assert_held(&arena->lock);
	else
		lockdep_assert_irqs_disabled();
}

/* Own an arena: with IRQs off, that of this CPU, or one that is shared. */
static __always_inline void pcpu_arena_own(struct pcpu_arena *arena)
{
	if (unlikely(arena->shared))
		raw_spin_lock(&arena->lock);
}

static __always_inline void pcpu_arena_disown(struct pcpu_arena *arena)
{
	if (unlikely(arena->shared))
		raw_spin_unlock(&arena->lock);
}

/* Take the object that came last. There is one. */
static __always_inline unsigned long pcpu_stock_pop(struct pcpu_arena *arena,
						    struct pcpu_stock *stock)
{
	unsigned long off = stock->offs[stock->nr - 1UL];
	u16 nr = stock->nr - 1;

	pcpu_arena_assert_owned(arena);

	stock->nr = nr;
	if (unlikely(stock->low > nr))
		stock->low = nr;
	arena->room += stock->size;
	return off;
}

/* Put a free object on top. There is room. */
static __always_inline void pcpu_stock_push(struct pcpu_arena *arena,
					    struct pcpu_stock *stock,
					    unsigned long off)
{
	unsigned long nr = stock->nr;

	pcpu_arena_assert_owned(arena);

	stock->offs[nr] = off;
	stock->nr = nr + 1;
	arena->room -= stock->size;
}

/**
 * pcpu_arena_take - take a free object at hand
 * @class: its class, not %PCPU_CLASS_LONG
 * @align: its alignment; a constant 1 for what the class has anyway
 *
 * Context: any; turns IRQs off for a moment.
 * Return: its offset, with memory, or %PCPU_NO_OFF when it is not that easy.
 */
static __always_inline unsigned long pcpu_arena_take(unsigned int class,
						     size_t align)
{
	unsigned long flags, off = PCPU_NO_OFF;
	struct pcpu_arena *arena;
	struct pcpu_stock *stock;

	local_irq_save(flags);
	arena = raw_cpu_read(pcpu_arena_local);
	stock = &arena->stocks[class];
	if (likely(stock->nr &&
		   !(stock->offs[stock->nr - 1UL] & (align - 1))))
		off = pcpu_stock_pop(arena, stock);
	local_irq_restore(flags);
	return off;
}

/**
 * pcpu_arena_keep - free an object, and keep it at hand
 * @off: where it may begin, within the area
 *
 * Context: any; turns IRQs off for a moment.
 * Return: whether that was done; else nothing was, and pcpu_arena_claim() knows
 * what to do.
 */
static __always_inline bool pcpu_arena_keep(unsigned long off)
{
	struct pcpu_arena *arena;
	struct pcpu_stock *stock;
	struct pcpu_chunk *chunk;
	unsigned long flags;
	unsigned int class;
	bool kept = false;
	u8 *where, mark, bits;

	/* With IRQs off no chunk that is looked at can go away. */
	local_irq_save(flags);
	arena = raw_cpu_read(pcpu_arena_local);
	chunk = pcpu_chunk_of(off);
	if (unlikely(!chunk || test_bit(pcpu_off_to_page(off), chunk->odd)))
		goto out;
	where = pcpu_mark_at(chunk, off >> PCPU_GRANULE_SHIFT);
	mark = READ_ONCE(*where);
	bits = pcpu_mark_taken(mark, off, &class);
	if (unlikely(!bits))
		goto out;
	stock = &arena->stocks[class];
	if (unlikely(stock->nr >= stock->most || arena->room < 0))
		goto out;
	if (unlikely(!pcpu_mark_try_take(where, mark, bits)))
		goto out;
	pcpu_stock_push(arena, stock, off);
	kept = true;
out:
	local_irq_restore(flags);
	return kept;
}

#endif /* _MM_PERCPU_ARENA_H */
