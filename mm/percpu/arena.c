// SPDX-License-Identifier: GPL-2.0-only
/*
 * arena: free objects that a group of CPUs has at hand.
 *
 * To the chunks an object at hand is in use, to everybody else it is free: it
 * carries no mark.  Freed objects are given out again first, the latest before
 * others.  New ones are cut from a run of granules, whatever their class, so
 * that what is allocated together lies together: batches for each class would
 * spread it, and 10 of 11 cgroups of the recorded trace would leave 1,196 KB
 * instead of 772.  Objects go back to the chunks by the batch when an arena is
 * full.  What nobody needed for a while the worker gives back.
 *
 * Offsets are kept beside the objects and not in them: whoever writes to a
 * freed object must not get at the allocator through it.
 */
#include <linux/cpumask.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "arena.h"
#include "extent.h"
#include "mark.h"
#include "small.h"

struct pcpu_arena *pcpu_arenas __ro_after_init;
unsigned int pcpu_nr_arenas __ro_after_init;

/* Bytes that an arena may hold. */
static unsigned int pcpu_arena_max_bytes __ro_after_init;

unsigned int __init pcpu_arenas_wanted(void)
{
	return min(num_possible_cpus(), PCPU_MAX_ARENAS);
}

/**
 * pcpu_arenas_init - set up the arenas
 * @arenas: zeroed memory
 * @nr: how many
 *
 * Context: boot.
 */
void __init pcpu_arenas_init(struct pcpu_arena *arenas, unsigned int nr)
{
	unsigned int i, k;

	for (i = 0; i < nr; i++) {
		raw_spin_lock_init(&arenas[i].lock);
		for (k = PCPU_ARENA_SLOTS; k > 0; k--) {
			arenas[i].slots[k].next = arenas[i].unused;
			arenas[i].unused = k;
		}
		for (k = 0; k < PCPU_NR_CLASSES; k++)
			arenas[i].stocks[k].size = pcpu_class_size(k);
	}
	pcpu_arena_max_bytes = min(PCPU_ARENA_BYTES, PCPU_ARENAS_BYTES / nr);
	pcpu_arenas = arenas;
	pcpu_nr_arenas = nr;
}

static struct pcpu_arena *pcpu_arena_here(void)
{
	unsigned int cpu = raw_smp_processor_id();

	if (unlikely(cpu >= pcpu_nr_arenas))
		cpu %= pcpu_nr_arenas;
	return &pcpu_arenas[cpu];
}

/* Take the object after slot @prev, or the first for 0, from its stock. */
static __always_inline unsigned long
pcpu_arena_remove(struct pcpu_arena *arena, unsigned int class,
		  unsigned int prev)
{
	struct pcpu_stock *stock = &arena->stocks[class];
	u16 *link = prev ? &arena->slots[prev].next : &stock->head;
	unsigned int i = *link;
	struct pcpu_slot *slot = &arena->slots[i];

	lockdep_assert_held(&arena->lock);

	*link = slot->next;
	slot->next = arena->unused;
	arena->unused = i;
	arena->held--;
	arena->bytes -= stock->size;
	if (--stock->nr < stock->low)
		stock->low = stock->nr;
	return slot->off;
}

/* Put a free object into its stock; there is an unused slot. */
static __always_inline void
pcpu_arena_insert(struct pcpu_arena *arena, unsigned int class,
		  unsigned long off)
{
	struct pcpu_stock *stock = &arena->stocks[class];
	unsigned int i = arena->unused;
	struct pcpu_slot *slot = &arena->slots[i];

	lockdep_assert_held(&arena->lock);

	arena->unused = slot->next;
	slot->off = off;
	slot->next = stock->head;
	stock->head = i;
	stock->nr++;
	arena->held++;
	arena->bytes += stock->size;
}

/* An aligned object of @class among the latest few. */
static unsigned long pcpu_arena_find(struct pcpu_arena *arena,
				     unsigned int class, size_t align)
{
	unsigned int i = arena->stocks[class].head, prev = 0, tries = 4;

	lockdep_assert_held(&arena->lock);

	for (; i && tries; tries--) {
		if (!(arena->slots[i].off & (align - 1)))
			return pcpu_arena_remove(arena, class, prev);
		prev = i;
		i = arena->slots[i].next;
	}
	return PCPU_NO_OFF;
}

/*
 * Whether the arena has room for what a granule is split into, and with @some
 * for many more objects.
 */
static bool pcpu_arena_has_room(struct pcpu_arena *arena, bool some)
{
	unsigned int slots = PCPU_ARENA_SLOTS - 4, bytes = pcpu_arena_max_bytes;

	if (some) {
		slots -= PCPU_FLUSH_MAX;
		bytes -= bytes / 8;
	}
	return arena->held < slots && arena->bytes < bytes;
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

	lockdep_assert_held(&arena->lock);

	if (!skip || skip > PCPU_CLASS_GRANULES || skip + nr > run->nr ||
	    !arena->unused)
		return;
	pcpu_arena_insert(arena, pcpu_class_of(skip << PCPU_GRANULE_SHIFT,
					       PCPU_GRANULE), run->off);
	run->off += skip << PCPU_GRANULE_SHIFT;
	run->nr -= skip;
}

/* Share a granule: return one object, keep the others. */
static unsigned long pcpu_arena_share(struct pcpu_arena *arena,
				      unsigned long off, unsigned int class)
{
	unsigned int i, nr = pcpu_small_split(off, class);

	lockdep_assert_held(&arena->lock);

	for (i = nr; --i > 0;)
		pcpu_arena_insert(arena, class, off + i * pcpu_class_size(class));
	return off;
}

/* Make a new object of @class of what the arena has. */
static unsigned long pcpu_arena_make(struct pcpu_arena *arena,
				     unsigned int class, size_t align)
{
	unsigned int nr = pcpu_class_granules(max(class, PCPU_NR_SMALL));
	unsigned long off;

	lockdep_assert_held(&arena->lock);

	if (unlikely(align > PCPU_GRANULE))
		pcpu_arena_align(arena, nr, align);
	if (class >= PCPU_NR_SMALL)
		return pcpu_arena_cut(arena, nr, align);
	/* The slow path prepares pages for small objects, and finds slots. */
	if (!arena->run.nr || !pcpu_arena_has_room(arena, false) ||
	    !pcpu_small_prepared(arena->run.off) || pcpu_small_any(class))
		return PCPU_NO_OFF;
	off = pcpu_arena_cut(arena, 1, PCPU_GRANULE);
	return pcpu_arena_share(arena, off, class);
}

/**
 * pcpu_arena_alloc - take a free object at hand
 * @class: its class, not %PCPU_CLASS_LONG
 * @align: its alignment
 *
 * Context: any; takes the lock of the CPU's arena.
 * Return: its offset, with memory, or %PCPU_NO_OFF.
 */
unsigned long pcpu_arena_alloc(unsigned int class, size_t align)
{
	struct pcpu_arena *arena = pcpu_arena_here();
	unsigned long flags, off;
	unsigned int i;

	raw_spin_lock_irqsave(&arena->lock, flags);
	i = arena->stocks[class].head;
	if (likely(i && !(arena->slots[i].off & (align - 1)))) {
		off = pcpu_arena_remove(arena, class, 0);
	} else {
		off = pcpu_arena_find(arena, class, align);
		if (off == PCPU_NO_OFF)
			off = pcpu_arena_make(arena, class, align);
	}
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	return off;
}

/* Give objects back to the chunks: all of those of @offs, of @classes. */
static void pcpu_arena_flush(const u32 *offs, const u8 *classes, unsigned int nr)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	for (i = 0; i < nr; i++) {
		if (classes[i] < PCPU_NR_SMALL)
			pcpu_small_give(offs[i], classes[i]);
		else
			pcpu_extent_give(offs[i], pcpu_class_granules(classes[i]));
	}
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}

/* Choose what has to go for others: half of a class, then of the next. */
static unsigned int pcpu_arena_evict(struct pcpu_arena *arena, u32 *offs,
				     u8 *classes)
{
	unsigned int n = 0;

	lockdep_assert_held(&arena->lock);

	while (n < PCPU_FLUSH_MAX && !pcpu_arena_has_room(arena, true)) {
		unsigned int class = arena->hand;
		unsigned int nr = DIV_ROUND_UP(arena->stocks[class].nr, 2);

		for (; nr && n < PCPU_FLUSH_MAX; nr--) {
			classes[n] = class;
			offs[n++] = pcpu_arena_remove(arena, class, 0);
		}
		arena->hand = class + 1 < PCPU_NR_CLASSES ? class + 1 : 0;
	}
	return n;
}

/* Keep an object in an arena that has no room: others go back. */
static noinline enum pcpu_kept pcpu_arena_exchange(unsigned long off,
						   unsigned int class)
{
	struct pcpu_arena *arena = pcpu_arena_here();
	u32 offs[PCPU_FLUSH_MAX];
	u8 classes[PCPU_FLUSH_MAX];
	unsigned long flags;
	unsigned int n = 0;

	raw_spin_lock_irqsave(&arena->lock, flags);
	if (!pcpu_arena_has_room(arena, false))
		n = pcpu_arena_evict(arena, offs, classes);
	pcpu_arena_insert(arena, class, off);
	arena->watched = true;
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	if (n)
		pcpu_arena_flush(offs, classes, n);
	return PCPU_KEPT_TELL;
}

/**
 * pcpu_arena_free - free an object, and keep it at hand
 * @off: where it may begin
 * @class: where to store its class
 * @owner: where to store who paid for it
 *
 * Context: any; takes the lock of the CPU's arena, and after it perhaps
 * pcpu_chunk_lock.
 * Return: what became of it.
 */
enum pcpu_kept pcpu_arena_free(unsigned long off, unsigned int *class,
			       struct pcpu_owner *owner)
{
	struct pcpu_arena *arena = pcpu_arena_here();
	enum pcpu_kept kept = PCPU_KEPT;
	struct pcpu_chunk *chunk;
	unsigned long flags;

	/* With IRQs off no chunk that is looked at can go away. */
	raw_spin_lock_irqsave(&arena->lock, flags);
	chunk = pcpu_chunk_of(off);
	if (unlikely(!chunk || !pcpu_mark_take(chunk, off, class))) {
		kept = PCPU_NOT_LIVE;
		goto out;
	}
	*owner = pcpu_owner_take(chunk, off);
	if (unlikely(*class == PCPU_CLASS_LONG ||
		     pcpu_chunk_is_reserved(chunk, off) ||
		     !pcpu_arena_has_room(arena, false))) {
		kept = PCPU_NOT_KEPT;
		goto out;
	}
	pcpu_arena_insert(arena, *class, off);
	if (unlikely(!arena->watched)) {
		arena->watched = true;
		kept = PCPU_KEPT_TELL;
	}
out:
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	if (unlikely(kept == PCPU_NOT_KEPT && *class != PCPU_CLASS_LONG &&
		     !pcpu_chunk_is_reserved(chunk, off)))
		return pcpu_arena_exchange(off, *class);
	return kept;
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
	unsigned int i, nr;
	unsigned long flags;
	u32 offs[16];

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	nr = pcpu_small_take(class, offs, ARRAY_SIZE(offs));
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	if (!nr)
		return PCPU_NO_OFF;

	raw_spin_lock_irqsave(&arena->lock, flags);
	for (i = nr; i > 1 && arena->unused; i--)
		pcpu_arena_insert(arena, class, offs[i - 1]);
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	/* What finds no slot goes back. */
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	for (; i > 1; i--)
		pcpu_small_give(offs[i - 1], class);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return offs[0];
}

/* Get a small object, and keep what shares its granule. */
static unsigned long pcpu_arena_refill_small(struct pcpu_arena *arena,
					     unsigned int class, gfp_t gfp,
					     const char **why)
{
	unsigned long flags, off = PCPU_NO_OFF;
	u32 offs[PCPU_FLUSH_MAX];
	u8 classes[PCPU_FLUSH_MAX];
	unsigned int n = 0;

	if (pcpu_small_any(class))
		off = pcpu_arena_take_small(arena, class);
	if (off != PCPU_NO_OFF)
		return off;
	off = pcpu_arena_granules(arena, 1, PCPU_GRANULE, gfp, why);
	if (off == PCPU_NO_OFF)
		return off;
	pcpu_small_prepare(off, gfp);

	raw_spin_lock_irqsave(&arena->lock, flags);
	if (unlikely(!pcpu_arena_has_room(arena, false)))
		n = pcpu_arena_evict(arena, offs, classes);
	off = pcpu_arena_share(arena, off, class);
	raw_spin_unlock_irqrestore(&arena->lock, flags);
	if (unlikely(n))
		pcpu_arena_flush(offs, classes, n);
	return off;
}

/**
 * pcpu_arena_refill - get an object when there is none at hand
 * @class: its class, not %PCPU_CLASS_LONG
 * @align: its alignment
 * @gfp: how memory may be allocated
 * @why: where to store the reason of a failure
 *
 * Context: any that @gfp allows; takes pcpu_chunk_lock and an arena's lock,
 * one after the other.
 * Return: the object's offset, with memory, or %PCPU_NO_OFF.
 */
unsigned long pcpu_arena_refill(unsigned int class, size_t align, gfp_t gfp,
				const char **why)
{
	struct pcpu_arena *arena = pcpu_arena_here();

	if (class < PCPU_NR_SMALL)
		return pcpu_arena_refill_small(arena, class, gfp, why);
	return pcpu_arena_granules(arena, pcpu_class_granules(class), align,
				   gfp, why);
}

/* Choose what nobody needed since the last time, up to a batch of it. */
static unsigned int pcpu_arena_stale(struct pcpu_arena *arena, u32 *offs,
				     u8 *classes)
{
	unsigned int class, n = 0;

	lockdep_assert_held(&arena->lock);

	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		while (arena->stocks[class].low && n < PCPU_FLUSH_MAX) {
			/* Removal counts it for needed unless told before. */
			arena->stocks[class].low--;
			classes[n] = class;
			offs[n++] = pcpu_arena_remove(arena, class, 0);
		}
	}
	return n;
}

/* From now on count what is needed. */
static void pcpu_arena_watch(struct pcpu_arena *arena)
{
	unsigned int class;

	lockdep_assert_held(&arena->lock);

	for (class = 0; class < PCPU_NR_CLASSES; class++)
		arena->stocks[class].low = arena->stocks[class].nr;
	arena->run_idle = true;
	arena->watched = arena->held || arena->run.nr;
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
	u32 offs[PCPU_FLUSH_MAX];
	u8 classes[PCPU_FLUSH_MAX];
	unsigned long flags;
	unsigned int n;
	bool more;

	pcpu_arena_age_run(arena, all);
	if (all) {
		raw_spin_lock_irqsave(&arena->lock, flags);
		pcpu_arena_watch(arena);
		raw_spin_unlock_irqrestore(&arena->lock, flags);
	}
	do {
		raw_spin_lock_irqsave(&arena->lock, flags);
		n = pcpu_arena_stale(arena, offs, classes);
		if (n < PCPU_FLUSH_MAX)
			pcpu_arena_watch(arena);
		more = arena->watched;
		raw_spin_unlock_irqrestore(&arena->lock, flags);
		if (n)
			pcpu_arena_flush(offs, classes, n);
	} while (n == PCPU_FLUSH_MAX);
	return more;
}

/**
 * pcpu_arenas_age - give back objects that nobody needs
 * @all: whether anybody needed them or not
 *
 * Context: any; takes each arena's lock, and pcpu_chunk_lock.
 * Return: whether some are left, so that it is worth to come again.
 */
bool pcpu_arenas_age(bool all)
{
	bool more = false;
	unsigned int i;

	for (i = 0; i < pcpu_nr_arenas; i++)
		more |= pcpu_arena_age(&pcpu_arenas[i], all);
	return more;
}
