/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena: free objects that a group of CPUs has at hand.
 */
#ifndef _MM_PERCPU_ARENA_H
#define _MM_PERCPU_ARENA_H

#include <linux/cache.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "class.h"
#include "extent.h"
#include "owner.h"

/*
 * An object costs its size on every CPU, so objects at hand for each CPU would
 * cost memory by the square of CPUs; and the time to clear an object grows
 * with CPUs while that under the lock does not.
 */
#define PCPU_MAX_ARENAS		16

/* Objects that an arena can hold, and their bytes: in each, and in all. */
#define PCPU_ARENA_SLOTS	512
#define PCPU_ARENA_BYTES	(64U << 10)
#define PCPU_ARENAS_BYTES	(256U << 10)

/* Objects that go back to the chunks at once. */
#define PCPU_FLUSH_MAX		32

/* Granules that an arena takes from the chunks at once, to cut objects from. */
#define PCPU_RUN_GRANULES	128

/**
 * struct pcpu_slot - a free object at hand
 * @off: its offset
 * @next: slot of the next one of its class, or the next unused slot; 0: none
 */
struct pcpu_slot {
	u32 off;
	u16 next;
};

/**
 * struct pcpu_stock - the free objects of a class
 * @head: slot of the one that came last, or 0
 * @nr: how many there are
 * @low: the fewest there were since the worker came by: nobody needed these
 * @size: bytes of an object
 */
struct pcpu_stock {
	u16 head;
	u16 nr;
	u16 low;
	u16 size;
};

/**
 * struct pcpu_arena - what a group of CPUs has at hand
 * @lock: guards everything here; raw, IRQs off, nothing nests inside
 * @run: granules from which objects of any class are cut, from below
 * @run_idle: nobody cut anything from it since the worker came by
 * @unused: first unused slot, or 0
 * @held: slots in use
 * @bytes: bytes of all objects here, on one CPU
 * @hand: class at which making room goes on
 * @watched: the worker knows that there is something here
 * @stocks: by class
 * @slots: the objects; number 0 is none
 */
struct pcpu_arena {
	raw_spinlock_t lock;
	struct pcpu_run run;
	bool run_idle;
	u16 unused;
	u16 held;
	u32 bytes;
	u8 hand;
	bool watched;
	struct pcpu_stock stocks[PCPU_NR_CLASSES];
	struct pcpu_slot slots[PCPU_ARENA_SLOTS + 1];
} ____cacheline_aligned_in_smp;

extern struct pcpu_arena *pcpu_arenas;
extern unsigned int pcpu_nr_arenas;

unsigned int pcpu_arenas_wanted(void);
void pcpu_arenas_init(struct pcpu_arena *arenas, unsigned int nr);

/**
 * enum pcpu_kept - what became of a freed object
 * @PCPU_KEPT: it is at hand for the next one
 * @PCPU_KEPT_TELL: the same, and the worker ought to know
 * @PCPU_NOT_KEPT: the caller has it, and gives it back to the chunks
 * @PCPU_NOT_LIVE: there is none; nothing has changed
 */
enum pcpu_kept {
	PCPU_KEPT,
	PCPU_KEPT_TELL,
	PCPU_NOT_KEPT,
	PCPU_NOT_LIVE,
};

unsigned long pcpu_arena_alloc(unsigned int class, size_t align);
unsigned long pcpu_arena_refill(unsigned int class, size_t align, gfp_t gfp,
				const char **why);
enum pcpu_kept pcpu_arena_free(unsigned long off, unsigned int *class,
			       struct pcpu_owner *owner);
bool pcpu_arenas_age(bool all);

#endif /* _MM_PERCPU_ARENA_H */
