// SPDX-License-Identifier: GPL-2.0-only
/*
 * arena: free objects that a group of CPUs has at hand.
 *
 * To the chunks an object at hand is in use, to everybody else it is free: it
 * carries no mark.  Freed objects are given out again first, the latest before
 * others.  New ones are cut from a run of granules, whatever their class, so
 * that what is allocated together lies together: batches for each class would
 * spread it, and 10 of 11 cgroups of the recorded trace would leave 1,196 KB
 * instead of 772.  What an arena has too much of goes to the depot by the
 * batch, and from there to the chunks.  What nobody needed for a while the
 * worker gives back.
 *
 * Offsets are kept beside the objects and not in them: whoever writes to a
 * freed object must not get at the allocator through it.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "arena.h"
#include "depot.h"
#include "extent.h"
#include "mark.h"
#include "small.h"

struct pcpu_arena *pcpu_arenas __ro_after_init;
unsigned int pcpu_nr_arenas __ro_after_init;

struct pcpu_arena pcpu_arena_none;

DEFINE_PER_CPU(struct pcpu_arena *, pcpu_arena_local) = &pcpu_arena_none;

/* Bytes that an arena may hold. */
int pcpu_arena_max_bytes __ro_after_init;

unsigned int __init pcpu_arenas_wanted(void)
{
	return min(num_possible_cpus(), PCPU_MAX_ARENAS);
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
	raw_spin_lock_init(&pcpu_arena_none.lock);
	for (i = 0; i < nr; i++)
		slots = pcpu_arena_init(&arenas[i], slots);
	pcpu_arenas = arenas;
	pcpu_nr_arenas = nr;
}

/*
 * The CPU's arena. It is noted where the fast paths find it, on the first
 * time: when arenas are set up, CPUs may not have their units yet.
 */
static struct pcpu_arena *pcpu_arena_here(void)
{
	struct pcpu_arena *arena = raw_cpu_read(pcpu_arena_local);
	unsigned long flags;

	if (likely(arena != &pcpu_arena_none))
		return arena;
	local_irq_save(flags);
	arena = &pcpu_arenas[raw_smp_processor_id() % pcpu_nr_arenas];
	raw_cpu_write(pcpu_arena_local, arena);
	local_irq_restore(flags);
	return arena;
}

/* The worker is going to look after the arena. */
static void pcpu_arena_set_watched(struct pcpu_arena *arena, bool watched)
{
	lockdep_assert_held(&arena->lock);

	if (arena->watched == watched)
		return;
	arena->watched = watched;
	arena->room += watched ? PCPU_ROOM_UNWATCHED : -PCPU_ROOM_UNWATCHED;
}

/* Give objects back to the chunks. */
static void pcpu_arena_flush(unsigned int class, const u32 *offs,
			     unsigned int nr)
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
static void pcpu_arena_stash(struct pcpu_arena *arena, unsigned int class,
			     u32 *offs, unsigned int nr)
{
	struct pcpu_stock *stock = &arena->stocks[class];
	unsigned long flags;

	if (!nr)
		return;
	raw_spin_lock_irqsave(&arena->lock, flags);
	while (nr && stock->nr < stock->most && pcpu_arena_room(arena) >= 0)
		pcpu_stock_push(arena, stock, offs[--nr]);
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	pcpu_arena_pass_on(class, offs, nr);
}

/* Take up to @nr objects, those that came last; return how many. */
static unsigned int pcpu_stock_split(struct pcpu_arena *arena,
				     struct pcpu_stock *stock, u32 *offs,
				     unsigned int nr)
{
	lockdep_assert_held(&arena->lock);

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

	lockdep_assert_held(&arena->lock);

	for (i = stock->nr; i-- > 0 && tries; tries--) {
		if (!(stock->offs[i] & (align - 1))) {
			swap(stock->offs[i], stock->offs[stock->nr - 1]);
			return pcpu_stock_pop(arena, stock);
		}
	}
	return PCPU_NO_OFF;
}

/* Cut @nr granules, aligned, from the arena's run. */
static unsigned long pcpu_arena_cut(struct pcpu_arena *arena, unsigned int nr,
				    size_t align)
{
	struct pcpu_run *run = &arena->run;
	unsigned long off = run->off;

	lockdep_assert_held(&arena->lock);

	if (nr > run->nr || off & (align - 1))
		return PCPU_NO_OFF;
	run->off += nr << PCPU_GRANULE_SHIFT;
	run->nr -= nr;
	arena->run_idle = false;
	return off;
}

/* Skip what keeps the run from being aligned: an object of another class. */
static void pcpu_arena_align(struct pcpu_arena *arena, unsigned int nr,
			     size_t align)
{
	struct pcpu_run *run = &arena->run;
	unsigned int skip = (-run->off & (align - 1)) >> PCPU_GRANULE_SHIFT;
	struct pcpu_stock *stock;

	lockdep_assert_held(&arena->lock);

	if (!skip || skip > PCPU_CLASS_GRANULES || skip + nr > run->nr)
		return;
	stock = &arena->stocks[pcpu_class_of(skip << PCPU_GRANULE_SHIFT,
					     PCPU_GRANULE)];
	if (stock->nr == stock->most)
		return;
	pcpu_stock_push(arena, stock, run->off);
	run->off += skip << PCPU_GRANULE_SHIFT;
	run->nr -= skip;
}

/* Find an object in what the arena has, or cut one from its run. */
static unsigned long pcpu_arena_make(struct pcpu_arena *arena,
				     unsigned int class, size_t align)
{
	unsigned long flags, off;

	raw_spin_lock_irqsave(&arena->lock, flags);
	off = pcpu_stock_find(arena, &arena->stocks[class], align);
	if (off == PCPU_NO_OFF && class >= PCPU_NR_SMALL &&
	    !pcpu_depot_has(class)) {
		unsigned int nr = pcpu_class_granules(class);

		if (unlikely(align > PCPU_GRANULE))
			pcpu_arena_align(arena, nr, align);
		off = pcpu_arena_cut(arena, nr, align);
	}
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	return off;
}

/* Get a batch from the depot: return one aligned object, keep the others. */
static noinline unsigned long pcpu_arena_restock(struct pcpu_arena *arena,
						 unsigned int class,
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
	pcpu_arena_stash(arena, class, offs, nr);
	return off;
}

/*
 * The class that has to go for others: of the next few that which has most,
 * so that classes take turns but those with little are spared.
 */
static unsigned int pcpu_arena_victim(struct pcpu_arena *arena)
{
	unsigned int i, bytes, most = 0, victim = arena->hand;

	lockdep_assert_held(&arena->lock);

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

/* Keep an object although something is in the way: others go for it. */
static noinline enum pcpu_kept pcpu_arena_exchange(unsigned long off,
						   unsigned int class)
{
	struct pcpu_arena *arena = pcpu_arena_here();
	struct pcpu_stock *stock = &arena->stocks[class];
	unsigned int nr = 0, victim = class;
	u32 offs[PCPU_BATCH_MAX];
	unsigned long flags;
	bool tell;

	raw_spin_lock_irqsave(&arena->lock, flags);
	tell = !arena->watched;
	pcpu_arena_set_watched(arena, true);
	if (arena->room < 0 && stock->nr < stock->most)
		victim = pcpu_arena_victim(arena);
	if (arena->room < 0 || stock->nr == stock->most)
		nr = pcpu_stock_split(arena, &arena->stocks[victim], offs,
				      DIV_ROUND_UP(arena->stocks[victim].nr, 2));
	pcpu_stock_push(arena, stock, off);
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	tell |= pcpu_arena_pass_on(victim, offs, nr);
	return tell ? PCPU_KEPT_TELL : PCPU_KEPT;
}

/**
 * pcpu_arena_free - free an object that pcpu_arena_keep() did not
 * @off: where it may begin
 * @class: where to store its class
 * @owner: where to store who paid for it
 *
 * Context: any; takes the lock of the CPU's arena, and after it perhaps the
 * depot's or pcpu_chunk_lock.
 * Return: what became of it.
 */
enum pcpu_kept pcpu_arena_free(unsigned long off, unsigned int *class,
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
	if (*class == PCPU_CLASS_LONG || reserved)
		return PCPU_NOT_KEPT;
	return pcpu_arena_exchange(off, *class);
}

/* Cut @nr granules from the arena's run, or swap it for one that has them. */
static unsigned long pcpu_arena_new_run(struct pcpu_arena *arena,
					unsigned int nr, size_t align)
{
	struct pcpu_run run, old = { };
	unsigned long flags, off;

	raw_spin_lock_irqsave(&arena->lock, flags);
	off = pcpu_arena_cut(arena, nr, align);
	if (off == PCPU_NO_OFF)
		swap(arena->run, old);
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	if (off != PCPU_NO_OFF)
		return off;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_extent_give(old.off, old.nr);
	pcpu_extent_take_run(nr, align, PCPU_RUN_GRANULES, &run);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	if (!run.nr)
		return PCPU_NO_OFF;

	off = run.off;
	run.off += nr << PCPU_GRANULE_SHIFT;
	run.nr -= nr;
	raw_spin_lock_irqsave(&arena->lock, flags);
	/* The arena may have got one from another CPU meanwhile. */
	swap(arena->run, run);
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	if (unlikely(run.nr))
		pcpu_extent_free(run.off, run.nr);
	return off;
}

/* Get granules, in a new page if need be. */
static unsigned long pcpu_arena_granules(struct pcpu_arena *arena,
					 unsigned int nr, size_t align,
					 gfp_t gfp, const char **why)
{
	unsigned long off = pcpu_arena_new_run(arena, nr, align);
	struct pcpu_place place = {
		.size = nr << PCPU_GRANULE_SHIFT,
		.align = align,
	};

	return off != PCPU_NO_OFF ? off : pcpu_extent_alloc(&place, gfp, why);
}

/* Take small objects that came back, and keep all but one. */
static unsigned long pcpu_arena_take_small(struct pcpu_arena *arena,
					   unsigned int class)
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
	pcpu_arena_stash(arena, class, offs, nr);
	return off;
}

/* Get a small object, and keep what shares its granule. */
static unsigned long pcpu_arena_make_small(struct pcpu_arena *arena,
					   unsigned int class, gfp_t gfp,
					   const char **why)
{
	unsigned long off = PCPU_NO_OFF;
	u32 offs[PCPU_BATCH_MAX];
	unsigned int i, nr;

	if (pcpu_small_any(class))
		off = pcpu_arena_take_small(arena, class);
	if (off != PCPU_NO_OFF)
		return off;
	off = pcpu_arena_granules(arena, 1, PCPU_GRANULE, gfp, why);
	if (off == PCPU_NO_OFF)
		return off;
	pcpu_small_prepare(off, gfp);
	nr = pcpu_small_split(off, class);
	for (i = 1; i < nr; i++)
		offs[i - 1] = off + i * pcpu_class_size(class);
	pcpu_arena_stash(arena, class, offs, nr - 1);
	return off;
}

/**
 * pcpu_arena_refill - get an object when there is none on top
 * @class: its class, not %PCPU_CLASS_LONG
 * @align: its alignment
 * @gfp: how memory may be allocated
 * @why: where to store the reason of a failure
 *
 * Context: any that @gfp allows; takes an arena's lock, the depot's and
 * pcpu_chunk_lock, one after the other.
 * Return: the object's offset, with memory, or %PCPU_NO_OFF.
 */
unsigned long pcpu_arena_refill(unsigned int class, size_t align, gfp_t gfp,
				const char **why)
{
	struct pcpu_arena *arena = pcpu_arena_here();
	unsigned long off;

	off = pcpu_arena_make(arena, class, align);
	if (off == PCPU_NO_OFF && pcpu_depot_has(class))
		off = pcpu_arena_restock(arena, class, align);
	if (off != PCPU_NO_OFF)
		return off;
	if (class < PCPU_NR_SMALL)
		return pcpu_arena_make_small(arena, class, gfp, why);
	return pcpu_arena_granules(arena, pcpu_class_granules(class), align,
				   gfp, why);
}

/*
 * Take what nobody needed since the last time, up to a batch of a class, from
 * @class on; set it to the class of what was taken.
 */
static unsigned int pcpu_arena_take_stale(struct pcpu_arena *arena,
					  unsigned int *class, u32 *offs)
{
	struct pcpu_stock *stock;
	unsigned int nr = 0;
	unsigned long flags;
	u16 low;

	raw_spin_lock_irqsave(&arena->lock, flags);
	while (*class < PCPU_NR_CLASSES && !arena->stocks[*class].low)
		(*class)++;
	if (*class < PCPU_NR_CLASSES) {
		stock = &arena->stocks[*class];
		low = stock->low;
		nr = pcpu_stock_split(arena, stock, offs, low);
		/* What goes now was not needed before. */
		stock->low = low - nr;
	}
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	return nr;
}

/* From now on count what is needed; return whether to come again. */
static bool pcpu_arena_watch(struct pcpu_arena *arena)
{
	unsigned int class, held;
	unsigned long flags;

	raw_spin_lock_irqsave(&arena->lock, flags);
	held = arena->run.nr;
	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		arena->stocks[class].low = arena->stocks[class].nr;
		held |= arena->stocks[class].nr;
	}
	arena->run_idle = true;
	pcpu_arena_set_watched(arena, held);
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	return held;
}

/* Give back the run if nobody uses it. */
static void pcpu_arena_age_run(struct pcpu_arena *arena, bool all)
{
	struct pcpu_run run = { };
	unsigned long flags;

	raw_spin_lock_irqsave(&arena->lock, flags);
	if (all || arena->run_idle)
		swap(arena->run, run);
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	if (run.nr)
		pcpu_extent_free(run.off, run.nr);
}

static bool pcpu_arena_age(struct pcpu_arena *arena, bool all)
{
	u32 offs[PCPU_BATCH_MAX];
	unsigned int nr, class = 0;

	pcpu_arena_age_run(arena, all);
	if (all)
		pcpu_arena_watch(arena);
	while ((nr = pcpu_arena_take_stale(arena, &class, offs)))
		pcpu_arena_flush(class, offs, nr);
	return pcpu_arena_watch(arena);
}

static bool pcpu_depot_age(bool all)
{
	unsigned int nr, class = 0;
	u32 offs[PCPU_BATCH_MAX];

	if (all)
		pcpu_depot_watch();
	while ((nr = pcpu_depot_take_stale(&class, offs)))
		pcpu_arena_flush(class, offs, nr);
	return pcpu_depot_watch();
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
	unsigned int class, nr, sum = 0;

	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		nr = READ_ONCE(arena->stocks[class].nr);
		sum += nr;
		*bytes += nr * pcpu_class_size(class);
	}
	return sum;
}

/**
 * pcpu_arenas_age - give back objects that nobody needs
 * @all: whether anybody needed them or not
 *
 * Context: any; takes each arena's lock, the depot's, and pcpu_chunk_lock.
 * Return: whether some are left, so that it is worth to come again.
 */
bool pcpu_arenas_age(bool all)
{
	bool more = false;
	unsigned int i;

	for (i = 0; i < pcpu_nr_arenas; i++)
		more |= pcpu_arena_age(&pcpu_arenas[i], all);
	return pcpu_depot_age(all) || more;
}
