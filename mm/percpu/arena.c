// SPDX-License-Identifier: GPL-2.0-only
/*
 * arena: free objects that a group of CPUs has at hand.
 *
 * To the chunks an object at hand is in use, to everybody else it is free: it
 * carries no mark.  Freed objects are given out again first, the latest before
 * others.  New ones are cut from a run of granules, whatever their class and
 * CPU, so that what is allocated together lies together: batches for each class
 * would spread it, and 10 of 11 cgroups of the recorded trace would leave 1,196
 * KB instead of 784.  What an arena has too much of goes to the depot by the
 * batch, and from there to the chunks.  What nobody needed for a while the
 * worker gives back, see age.c.
 *
 * Offsets are kept beside the objects and not in them: whoever writes to a
 * freed object must not get at the allocator through it.
 */
#include <linux/cache.h>
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "arena.h"
#include "balance.h"
#include "depot.h"
#include "extent.h"
#include "mark.h"
#include "small.h"

struct pcpu_arena *pcpu_arenas __ro_after_init;
unsigned int pcpu_nr_arenas __ro_after_init;

struct pcpu_arena pcpu_arena_common = { .shared = true };

DEFINE_PER_CPU(struct pcpu_arena *, pcpu_arena_local) = &pcpu_arena_common;

/* Bytes that an arena may hold. */
int pcpu_arena_max_bytes __ro_after_init;

/* How many there may be. */
unsigned int pcpu_arenas_most __initdata = PCPU_MAX_ARENAS;

unsigned int __init pcpu_arenas_wanted(void)
{
	return min(nr_cpu_ids, pcpu_arenas_most);
}

/* How many free objects of a class an arena can hold. */
static unsigned int __init pcpu_stock_most(unsigned int class)
{
	return clamp(PCPU_STOCK_BYTES / pcpu_class_size(class),
		     PCPU_STOCK_MIN, PCPU_STOCK_MAX);
}

/* Free objects that an arena has slots for. */
unsigned int __init pcpu_arena_nr_slots(void)
{
	unsigned int class, nr = 0;

	for (class = 0; class < PCPU_NR_CLASSES; class++)
		nr += pcpu_stock_most(class);
	return nr;
}

static u32 * __init pcpu_arena_init(struct pcpu_arena *arena, u32 *slots)
{
	unsigned int class;

	raw_spin_lock_init(&arena->lock);
	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		struct pcpu_stock *stock = &arena->stocks[class];

		stock->offs = slots;
		stock->most = pcpu_stock_most(class);
		stock->size = pcpu_class_size(class);
		slots += stock->most;
	}
	arena->room = pcpu_arena_max_bytes - PCPU_ROOM_UNWATCHED;
	return slots;
}

/**
 * pcpu_arenas_init - set up the arenas
 * @arenas: zeroed memory
 * @nr: how many
 * @slots: room for @nr times pcpu_arena_nr_slots() offsets
 *
 * Context: boot.
 */
void __init pcpu_arenas_init(struct pcpu_arena *arenas, unsigned int nr,
			     u32 *slots)
{
	unsigned int i;

	pcpu_arena_max_bytes = min(PCPU_ARENA_BYTES,
				   PCPU_ARENAS_BYTES / (int)nr);
	raw_spin_lock_init(&pcpu_arena_common.lock);
	pcpu_arena_common.room = pcpu_arena_max_bytes - PCPU_ROOM_UNWATCHED;
	for (i = 0; i < nr; i++) {
		slots = pcpu_arena_init(&arenas[i], slots);
		arenas[i].shared = nr_cpu_ids > nr;
	}
	pcpu_arenas = arenas;
	pcpu_nr_arenas = nr;
}

/*
 * Own this CPU's arena; turns IRQs off. The arena is noted for the fast paths if
 * they may use it, on the first time: when arenas are set up, CPUs may not have
 * their units yet.
 */
static struct pcpu_arena *pcpu_arena_get(unsigned long *flags)
{
	struct pcpu_arena *arena;
	unsigned long saved;

	local_irq_save(saved);
	*flags = saved;
	arena = raw_cpu_read(pcpu_arena_local);
	if (likely(arena != &pcpu_arena_common))
		return arena;
	arena = &pcpu_arenas[raw_smp_processor_id() % pcpu_nr_arenas];
	if (!arena->shared && !pcpu_area.sparse)
		raw_cpu_write(pcpu_arena_local, arena);
	pcpu_arena_own(arena);
	return arena;
}

static void pcpu_arena_put(struct pcpu_arena *arena, unsigned long flags)
{
	pcpu_arena_disown(arena);
	local_irq_restore(flags);
}

/**
 * pcpu_arena_set_watched - note whether the worker looks after an arena
 * @arena: the arena, owned
 * @watched: whether it does
 */
void pcpu_arena_set_watched(struct pcpu_arena *arena, bool watched)
{
	pcpu_arena_assert_owned(arena);

	if (arena->watched == watched)
		return;
	WRITE_ONCE(arena->watched, watched);
	arena->room += watched ? PCPU_ROOM_UNWATCHED : -PCPU_ROOM_UNWATCHED;
}

/* Own the arena whose run is to be cut from; turns IRQs off. */
static struct pcpu_arena *pcpu_arena_get_run(unsigned long *flags)
{
	unsigned long saved;

	local_irq_save(saved);
	*flags = saved;
	if (likely(raw_spin_trylock(&pcpu_arena_common.lock)))
		return &pcpu_arena_common;
	local_irq_restore(saved);
	return pcpu_arena_get(flags);
}

/* Let go of an arena that has got something: the worker looks after it. */
static void pcpu_arena_put_watched(struct pcpu_arena *arena,
				   unsigned long flags)
{
	bool tell = !arena->watched;

	pcpu_arena_set_watched(arena, true);
	pcpu_arena_put(arena, flags);
	if (tell)
		pcpu_balance_kick();
}

/**
 * pcpu_arena_flush - give objects back to the chunks
 * @class: their class
 * @offs: their offsets; they are the caller's
 * @nr: how many
 *
 * Context: any; takes pcpu_chunk_lock.
 */
void pcpu_arena_flush(unsigned int class, const u32 *offs, unsigned int nr)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	for (i = 0; i < nr; i++) {
		if (class < PCPU_NR_SMALL)
			pcpu_small_give(offs[i], class);
		else
			pcpu_extent_give(offs[i], pcpu_class_granules(class));
	}
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}

/*
 * Let go of objects, up to a batch; return whether the chunks got any. @offs
 * has room for %PCPU_BATCH_MAX, and is used.
 */
static bool pcpu_arena_pass_on(unsigned int class, u32 *offs, unsigned int nr)
{
	if (nr)
		nr = pcpu_depot_put(&class, offs, nr);
	if (nr)
		pcpu_arena_flush(class, offs, nr);
	return nr;
}

/*
 * Keep objects as far as there is room, and pass on the others. The lowest of
 * @offs will be given out first. @offs has room for %PCPU_BATCH_MAX, and is
 * used.
 */
static void pcpu_arena_stash(unsigned int class, u32 *offs, unsigned int nr)
{
	struct pcpu_arena *arena;
	struct pcpu_stock *stock;
	unsigned long flags;

	if (!nr)
		return;
	arena = pcpu_arena_get(&flags);
	stock = &arena->stocks[class];
	while (nr && stock->nr < stock->most && pcpu_arena_room(arena) >= 0)
		pcpu_stock_push(arena, stock, offs[--nr]);
	pcpu_arena_put_watched(arena, flags);
	pcpu_arena_pass_on(class, offs, nr);
}

/**
 * pcpu_stock_split - take the objects that came last
 * @arena: the arena, owned
 * @stock: one of its stocks
 * @offs: where to store the offsets, room for %PCPU_BATCH_MAX
 * @nr: how many at most
 *
 * Return: how many.
 */
unsigned int pcpu_stock_split(struct pcpu_arena *arena,
			      struct pcpu_stock *stock, u32 *offs,
			      unsigned int nr)
{
	pcpu_arena_assert_owned(arena);

	nr = min3(nr, (unsigned int)stock->nr, PCPU_BATCH_MAX);
	stock->nr -= nr;
	memcpy(offs, stock->offs + stock->nr, nr * sizeof(*offs));
	stock->low = min(stock->low, stock->nr);
	arena->room += nr * stock->size;
	return nr;
}

/* Take an aligned object among the latest few. */
static unsigned long pcpu_stock_find(struct pcpu_arena *arena,
				     struct pcpu_stock *stock, size_t align)
{
	unsigned int i, tries = 4;

	pcpu_arena_assert_owned(arena);

	for (i = stock->nr; i-- > 0 && tries; tries--) {
		if (!(stock->offs[i] & (align - 1))) {
			swap(stock->offs[i], stock->offs[stock->nr - 1]);
			return pcpu_stock_pop(arena, stock);
		}
	}
	return PCPU_NO_OFF;
}

/* Cut @nr granules, aligned, from a run; what was before them goes to @skipped. */
static unsigned long pcpu_run_cut(struct pcpu_run *run, unsigned int nr,
				  size_t align, struct pcpu_run *skipped)
{
	unsigned int skip = (-run->off & (align - 1)) >> PCPU_GRANULE_SHIFT;
	unsigned long off = run->off + (skip << PCPU_GRANULE_SHIFT);

	if (skip + nr > run->nr)
		return PCPU_NO_OFF;
	skipped->off = run->off;
	skipped->nr = skip;
	run->off = off + (nr << PCPU_GRANULE_SHIFT);
	run->nr -= skip + nr;
	return off;
}

/*
 * Keep what was skipped for the small objects that come with a large one: as a
 * hole it would get those of strangers. The smaller piece stays in @skipped.
 */
static void pcpu_arena_leave(struct pcpu_arena *arena, struct pcpu_run *skipped)
{
	pcpu_arena_assert_owned(arena);

	if (skipped->nr > arena->rest.nr)
		swap(arena->rest, *skipped);
}

/* Cut @nr granules, aligned; what is in @skipped then is the caller's. */
static unsigned long pcpu_arena_cut(struct pcpu_arena *arena, unsigned int nr,
				    size_t align, struct pcpu_run *skipped)
{
	unsigned long off;

	pcpu_arena_assert_owned(arena);

	off = pcpu_run_cut(&arena->rest, nr, align, skipped);
	if (off == PCPU_NO_OFF) {
		off = pcpu_run_cut(&arena->run, nr, align, skipped);
		pcpu_arena_leave(arena, skipped);
	}
	if (off != PCPU_NO_OFF)
		arena->run_idle = false;
	return off;
}

/* Whose CPU cut from the run of all arenas last; guarded by its lock. */
static unsigned int pcpu_arena_cutter;

/* Whether the last one was another CPU; from now on it is this one. */
static bool pcpu_arena_change_cutter(const struct pcpu_arena *arena)
{
	unsigned int cpu = raw_smp_processor_id();
	bool other;

	if (arena != &pcpu_arena_common)
		return false;
	other = pcpu_arena_cutter != cpu;
	pcpu_arena_cutter = cpu;
	return other;
}

/* Give back a run that nobody has. */
static void pcpu_run_free(const struct pcpu_run *run)
{
	if (unlikely(run->nr))
		pcpu_extent_free(run->off, run->nr);
}

/* The same, but objects of two CPUs share no cache line: both clear all copies. */
static unsigned long pcpu_arena_cut_apart(struct pcpu_arena *arena,
					  unsigned int nr, size_t align,
					  struct pcpu_run *skipped)
{
	unsigned long off = PCPU_NO_OFF;

	if (pcpu_arena_change_cutter(arena) && align < L1_CACHE_BYTES)
		off = pcpu_arena_cut(arena, nr, L1_CACHE_BYTES, skipped);
	return off != PCPU_NO_OFF ? off :
				    pcpu_arena_cut(arena, nr, align, skipped);
}

/* Cut an object from a run that is there. */
static unsigned long pcpu_arena_cut_next(unsigned int nr, size_t align)
{
	struct pcpu_run skipped = { };
	struct pcpu_arena *arena;
	unsigned long flags, off;

	arena = pcpu_arena_get_run(&flags);
	off = pcpu_arena_cut_apart(arena, nr, align, &skipped);
	pcpu_arena_put(arena, flags);
	pcpu_run_free(&skipped);
	return off;
}

/* Find an object in what the arena has, or cut one from a run. */
static unsigned long pcpu_arena_make(unsigned int class, size_t align)
{
	struct pcpu_arena *arena;
	unsigned long flags, off;

	arena = pcpu_arena_get(&flags);
	off = pcpu_stock_find(arena, &arena->stocks[class], align);
	pcpu_arena_put(arena, flags);
	if (off != PCPU_NO_OFF || class < PCPU_NR_SMALL || pcpu_depot_has(class))
		return off;
	return pcpu_arena_cut_next(pcpu_class_granules(class), align);
}

/* Get a batch from the depot: return one aligned object, keep the others. */
static noinline unsigned long pcpu_arena_restock(unsigned int class,
						 size_t align)
{
	unsigned long off = PCPU_NO_OFF;
	u32 offs[PCPU_BATCH_MAX];
	unsigned int i, nr;

	nr = pcpu_depot_take(class, offs);
	for (i = nr; i-- > 0;) {
		if (!(offs[i] & (align - 1))) {
			off = offs[i];
			offs[i] = offs[--nr];
			break;
		}
	}
	pcpu_arena_stash(class, offs, nr);
	return off;
}

/*
 * The class that has to go for others: of the next few that which has most,
 * so that classes take turns but those with little are spared.
 */
static unsigned int pcpu_arena_victim(struct pcpu_arena *arena)
{
	unsigned int i, bytes, most = 0, victim = arena->hand;

	pcpu_arena_assert_owned(arena);

	for (i = 0; i < PCPU_NR_CLASSES && (i < 8 || !most); i++) {
		struct pcpu_stock *stock = &arena->stocks[arena->hand];

		bytes = stock->nr * stock->size;
		if (bytes > most) {
			most = bytes;
			victim = arena->hand;
		}
		arena->hand = (arena->hand + 1) % PCPU_NR_CLASSES;
	}
	return victim;
}

/**
 * pcpu_arena_claim - free an object that pcpu_arena_keep() did not
 * @off: where it may begin
 * @class: where to store its class
 * @owner: where to store who paid for it
 *
 * Context: any.
 * Return: %PCPU_NOT_LIVE when there is none. Else it is the caller's:
 * %PCPU_KEPT says that it is for pcpu_arena_exchange(), %PCPU_NOT_KEPT that it
 * is for the chunks.
 */
enum pcpu_kept pcpu_arena_claim(unsigned long off, unsigned int *class,
				struct pcpu_owner *owner)
{
	struct pcpu_chunk *chunk;
	unsigned long flags;
	bool live, reserved;

	/* With IRQs off no chunk that is looked at can go away. */
	local_irq_save(flags);
	chunk = pcpu_chunk_of(off);
	live = chunk && pcpu_mark_take(chunk, off, class);
	if (live) {
		*owner = pcpu_owner_take(chunk, off);
		reserved = pcpu_chunk_is_reserved(chunk, off);
	}
	local_irq_restore(flags);
	if (!live)
		return PCPU_NOT_LIVE;
	return *class == PCPU_CLASS_LONG || reserved ? PCPU_NOT_KEPT :
						       PCPU_KEPT;
}

/**
 * pcpu_arena_exchange - keep an object although something is in the way
 * @off: its offset; it is the caller's, and carries no mark
 * @class: its class
 *
 * Others go for it.
 *
 * Context: any; owns the CPU's arena for a moment, and takes perhaps the depot's
 * lock or pcpu_chunk_lock after that.
 */
void pcpu_arena_exchange(unsigned long off, unsigned int class)
{
	unsigned int nr = 0, victim = class;
	u32 offs[PCPU_BATCH_MAX];
	struct pcpu_arena *arena;
	struct pcpu_stock *stock;
	unsigned long flags;

	arena = pcpu_arena_get(&flags);
	stock = &arena->stocks[class];
	if (pcpu_arena_room(arena) < 0 && stock->nr < stock->most)
		victim = pcpu_arena_victim(arena);
	if (pcpu_arena_room(arena) < 0 || stock->nr == stock->most)
		nr = pcpu_stock_split(arena, &arena->stocks[victim], offs,
				      DIV_ROUND_UP(arena->stocks[victim].nr, 2));
	pcpu_stock_push(arena, stock, off);
	pcpu_arena_put_watched(arena, flags);
	if (pcpu_arena_pass_on(victim, offs, nr))
		pcpu_balance_kick();
}

/*
 * Granules of a run from which what has to be skipped can be kept, and which is
 * not a hole that one object fills: what is allocated next shall come from it, too.
 */
static unsigned int pcpu_run_wanted(unsigned int nr, size_t align)
{
	if (align > PCPU_GRANULE && align <= L1_CACHE_BYTES)
		nr += (align >> PCPU_GRANULE_SHIFT) - 1;
	return max(nr, PCPU_RUN_LEAST);
}

/* Cut @nr granules from a run, or swap it for one that has them. */
static unsigned long pcpu_arena_new_run(unsigned int nr, size_t align)
{
	struct pcpu_run run = { }, old = { }, skipped = { };
	unsigned long flags, off;
	struct pcpu_arena *arena;

	arena = pcpu_arena_get_run(&flags);
	off = pcpu_arena_cut_apart(arena, nr, align, &skipped);
	if (off == PCPU_NO_OFF)
		swap(arena->run, old);
	pcpu_arena_put(arena, flags);
	if (off != PCPU_NO_OFF) {
		pcpu_run_free(&skipped);
		return off;
	}

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_extent_give(old.off, old.nr);
	pcpu_extent_take_run(nr, align, pcpu_run_wanted(nr, align),
			     PCPU_RUN_GRANULES, &run);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	off = pcpu_run_cut(&run, nr, align, &skipped);
	if (off == PCPU_NO_OFF)
		return off;

	arena = pcpu_arena_get_run(&flags);
	/* The arena may have got one meanwhile, or be another one. */
	swap(arena->run, run);
	pcpu_arena_leave(arena, &skipped);
	pcpu_arena_change_cutter(arena);
	pcpu_arena_put_watched(arena, flags);
	pcpu_run_free(&run);
	pcpu_run_free(&skipped);
	return off;
}

/* Get granules, in a new page if need be. */
static unsigned long pcpu_arena_granules(unsigned int nr, size_t align,
					 gfp_t gfp, const char **why)
{
	unsigned long off = pcpu_arena_new_run(nr, align);
	struct pcpu_place place = {
		.size = nr << PCPU_GRANULE_SHIFT,
		.align = align,
	};

	return off != PCPU_NO_OFF ? off : pcpu_extent_alloc(&place, gfp, why);
}

/* Take small objects that came back, and keep all but one. */
static unsigned long pcpu_arena_take_small(unsigned int class)
{
	u32 offs[PCPU_BATCH_MAX];
	unsigned long flags;
	unsigned long off;
	unsigned int nr;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	nr = pcpu_small_take(class, offs, ARRAY_SIZE(offs));
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	if (!nr)
		return PCPU_NO_OFF;
	off = offs[--nr];
	pcpu_arena_stash(class, offs, nr);
	return off;
}

/* Get a small object, and keep what shares its granule. */
static unsigned long pcpu_arena_make_small(unsigned int class, gfp_t gfp,
					   const char **why)
{
	unsigned long off = PCPU_NO_OFF;
	u32 offs[PCPU_BATCH_MAX];
	unsigned int i, nr;

	if (pcpu_small_any(class))
		off = pcpu_arena_take_small(class);
	if (off != PCPU_NO_OFF)
		return off;
	off = pcpu_arena_granules(1, PCPU_GRANULE, gfp, why);
	if (off == PCPU_NO_OFF)
		return off;
	pcpu_small_prepare(off, gfp);
	nr = pcpu_small_split(off, class);
	for (i = 1; i < nr; i++)
		offs[i - 1] = off + i * pcpu_class_size(class);
	pcpu_arena_stash(class, offs, nr - 1);
	return off;
}

/**
 * pcpu_arena_refill - get an object when there is none on top
 * @class: its class, not %PCPU_CLASS_LONG
 * @align: its alignment
 * @gfp: how memory may be allocated
 * @why: where to store the reason of a failure
 *
 * Context: any that @gfp allows; owns the CPU's arena for moments, and takes the
 * depot's lock and pcpu_chunk_lock, one after the other.
 * Return: the object's offset, with memory, or %PCPU_NO_OFF.
 */
unsigned long pcpu_arena_refill(unsigned int class, size_t align, gfp_t gfp,
				const char **why)
{
	unsigned long off;

	off = pcpu_arena_make(class, align);
	if (off == PCPU_NO_OFF && pcpu_depot_has(class))
		off = pcpu_arena_restock(class, align);
	if (off != PCPU_NO_OFF)
		return off;
	if (class < PCPU_NR_SMALL)
		return pcpu_arena_make_small(class, gfp, why);
	return pcpu_arena_granules(pcpu_class_granules(class), align, gfp, why);
}

/**
 * pcpu_arena_take_long - take a free object that has no class
 * @nr: its granules, exactly
 * @align: its alignment
 *
 * Context: any; owns the CPU's arena for a moment.
 * Return: its offset, with memory, or %PCPU_NO_OFF when there is none.
 */
unsigned long pcpu_arena_take_long(unsigned int nr, size_t align)
{
	unsigned long flags, off = PCPU_NO_OFF;
	struct pcpu_arena *arena;
	unsigned int i;

	if (nr > PCPU_ARENA_LONG_MAX)
		return off;
	arena = pcpu_arena_get(&flags);
	for (i = 0; i < PCPU_ARENA_LONGS; i++) {
		struct pcpu_run *run = &arena->longs[i];

		if (run->nr != nr || run->off & (align - 1))
			continue;
		off = run->off;
		run->nr = 0;
		arena->longs_hand = i;
		arena->longs_idle = false;
		break;
	}
	pcpu_arena_put(arena, flags);
	return off;
}

/**
 * pcpu_arena_keep_long - keep a free object that has no class
 * @run: the object; set to one that has to go for it, or to none
 *
 * Context: any; owns the CPU's arena for a moment.
 * Return: whether it was kept.
 */
bool pcpu_arena_keep_long(struct pcpu_run *run)
{
	struct pcpu_arena *arena;
	unsigned long flags;

	if (run->nr > PCPU_ARENA_LONG_MAX)
		return false;
	arena = pcpu_arena_get(&flags);
	swap(arena->longs[arena->longs_hand], *run);
	arena->longs_hand = (arena->longs_hand + 1) % PCPU_ARENA_LONGS;
	arena->longs_idle = false;
	pcpu_arena_put_watched(arena, flags);
	return true;
}

/**
 * pcpu_arena_held - what an arena has at hand
 * @arena: the arena
 * @bytes: where to add the bytes of the objects, on one CPU
 *
 * Context: any, no lock needed; what others do meanwhile may be missed.
 * Return: the objects.
 */
unsigned int pcpu_arena_held(const struct pcpu_arena *arena,
			     unsigned long *bytes)
{
	unsigned int class, i, nr, sum = 0;

	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		nr = pcpu_glance(arena->stocks[class].nr);
		sum += nr;
		*bytes += nr * pcpu_class_size(class);
	}
	for (i = 0; i < PCPU_ARENA_LONGS; i++) {
		nr = pcpu_glance(arena->longs[i].nr);
		sum += !!nr;
		*bytes += nr << PCPU_GRANULE_SHIFT;
	}
	return sum;
}
