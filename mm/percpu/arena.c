// SPDX-License-Identifier: GPL-2.0-only
/*
 * arena: the bins that one group of CPUs allocates small objects from.
 *
 * The life of a bin: carved (moving) -> current bin of an arena -> full, when
 * its last object goes -> at the next free current again if the arena has none
 * of its class, else shared -> taken by the arena that needs one next (moving),
 * or dissolved when its last object comes back.  It is guarded by the lock of
 * its home arena all the time; that changes only on the way out of the shared
 * list, under the lock of the old home, while nobody can allocate from it.
 */
#include <linux/cpumask.h>
#include <linux/smp.h>

#include "arena.h"
#include "owner.h"

struct pcpu_arena *pcpu_arenas __ro_after_init;
unsigned int pcpu_nr_arenas __ro_after_init;

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
	unsigned int i;

	for (i = 0; i < nr; i++) {
		raw_spin_lock_init(&arenas[i].lock);
		arenas[i].nr = i;
	}
	pcpu_arenas = arenas;
	pcpu_nr_arenas = nr;
}

static unsigned int pcpu_arena_here(void)
{
	unsigned int cpu = raw_smp_processor_id();

	return cpu < pcpu_nr_arenas ? cpu : cpu % pcpu_nr_arenas;
}

/* Take the lock that guards @bin. */
static struct pcpu_arena *pcpu_arena_lock_home(struct pcpu_bin *bin)
{
	for (;;) {
		struct pcpu_arena *arena = &pcpu_arenas[READ_ONCE(bin->home)];

		raw_spin_lock(&arena->lock);
		/* Pairs with rehome: what the old home's lock guarded is seen. */
		if (likely(smp_load_acquire(&bin->home) == arena->nr))
			return arena;
		raw_spin_unlock(&arena->lock);
	}
}

/* Take the lowest free object of the arena's current bin of @class. */
static unsigned long pcpu_arena_take(struct pcpu_arena *arena,
				     unsigned int class)
{
	struct pcpu_bin *bin = arena->current_bin[class];
	unsigned int i;

	lockdep_assert_held(&arena->lock);

	if (!bin)
		return PCPU_NO_OFF;
	i = __ffs64(bin->free);
	bin->free &= bin->free - 1;
	if (!bin->free) {
		bin->state = PCPU_BIN_FULL;
		arena->current_bin[class] = NULL;
	}
	return pcpu_chunk_off(bin->chunk) + bin->off +
	       i * pcpu_classes[class].size;
}

/* Make a shared bin that is on no list any more at home in arena @to. */
static void pcpu_arena_rehome(struct pcpu_bin *bin, unsigned int to)
{
	struct pcpu_arena *from;
	unsigned long flags;

	local_irq_save(flags);
	from = pcpu_arena_lock_home(bin);
	bin->state = PCPU_BIN_MOVING;
	/* Pairs with lock_home, whose caller may hold the new lock already. */
	smp_store_release(&bin->home, to);
	raw_spin_unlock(&from->lock);
	local_irq_restore(flags);
}

/* Give a moving bin to its home arena, or to all if that has one by now. */
static void pcpu_arena_adopt(struct pcpu_bin *bin)
{
	struct pcpu_arena *arena = &pcpu_arenas[bin->home];
	unsigned long flags;

	raw_spin_lock_irqsave(&arena->lock, flags);
	if (!arena->current_bin[bin->class]) {
		arena->current_bin[bin->class] = bin;
		bin->state = PCPU_BIN_CURRENT;
	} else if (bin->free == pcpu_class_mask(bin->class)) {
		pcpu_bin_dissolve(bin);
	} else {
		pcpu_bin_share(bin);
	}
	raw_spin_unlock_irqrestore(&arena->lock, flags);
}

/* Get @arena a bin of @class from wherever there is one. */
static bool pcpu_arena_refill(struct pcpu_arena *arena, unsigned int class,
			      gfp_t gfp, const char **why)
{
	struct pcpu_bin *bin;

	for (;;) {
		bin = pcpu_bin_take_shared(class);
		if (bin) {
			pcpu_arena_rehome(bin, arena->nr);
			break;
		}
		bin = pcpu_bin_carve(class, arena->nr);
		if (bin)
			break;
		if (!pcpu_bin_add_page(gfp, why))
			return false;
	}
	pcpu_arena_adopt(bin);
	return true;
}

/**
 * pcpu_arena_alloc - place a small object
 * @class: from pcpu_class_of()
 * @gfp: how memory may be allocated when no bin has room
 * @why: where to store the reason of a failure
 *
 * Context: any that @gfp allows; takes the arena's lock and pcpu_chunk_lock.
 * Return: the object's offset, its memory populated but not cleared, or
 * %PCPU_NO_OFF.
 */
unsigned long pcpu_arena_alloc(unsigned int class, gfp_t gfp,
			       const char **why)
{
	struct pcpu_arena *arena;
	unsigned long flags, off;

	for (;;) {
		local_irq_save(flags);
		arena = &pcpu_arenas[pcpu_arena_here()];
		raw_spin_lock(&arena->lock);
		off = pcpu_arena_take(arena, class);
		raw_spin_unlock(&arena->lock);
		local_irq_restore(flags);
		if (likely(off != PCPU_NO_OFF))
			return off;
		if (!pcpu_arena_refill(arena, class, gfp, why))
			return PCPU_NO_OFF;
	}
}

/* After an object came back: find the bin the place it now belongs to. */
static void pcpu_arena_settle(struct pcpu_arena *arena, struct pcpu_bin *bin)
{
	switch (bin->state) {
	case PCPU_BIN_FULL:
		if (arena->current_bin[bin->class]) {
			pcpu_bin_share(bin);
		} else {
			arena->current_bin[bin->class] = bin;
			bin->state = PCPU_BIN_CURRENT;
		}
		break;
	case PCPU_BIN_SHARED:
		if (bin->free == pcpu_class_mask(bin->class) &&
		    pcpu_bin_unshare(bin))
			pcpu_bin_dissolve(bin);
		break;
	default:
		break;
	}
}

/**
 * pcpu_arena_free - give back a small object
 * @chunk: the chunk of @off
 * @off: offset of the object, in a page cut into bins
 * @size: where to store its bytes
 * @owner: where to store who paid for it
 *
 * Context: any, IRQs off; takes the home arena's lock and pcpu_chunk_lock.
 * Return: %PCPU_FREE_OK, or what is wrong; then nothing has changed.
 */
enum pcpu_wrong pcpu_arena_free(struct pcpu_chunk *chunk, unsigned long off,
				size_t *size, struct pcpu_owner *owner)
{
	enum pcpu_wrong wrong = PCPU_FREE_OK;
	struct pcpu_arena *arena;
	struct pcpu_bin *bin;
	u64 bit;
	int i;

	bin = pcpu_bin_at(chunk, off);
	if (unlikely(!bin))
		return PCPU_WRONG_UNUSED;

	arena = pcpu_arena_lock_home(bin);
	i = pcpu_bin_index(bin, off);
	bit = 1ULL << (i & 63);
	if (unlikely(bin->state == PCPU_BIN_NONE)) {
		wrong = PCPU_WRONG_UNUSED;
	} else if (unlikely(i < 0)) {
		wrong = PCPU_WRONG_INTERIOR;
	} else if (unlikely(bin->free & bit)) {
		wrong = PCPU_WRONG_TWICE;
	} else {
		*owner = pcpu_owner_take(chunk, off);
		bin->free |= bit;
		*size = pcpu_classes[bin->class].size;
		if (bin->state != PCPU_BIN_CURRENT)
			pcpu_arena_settle(arena, bin);
	}
	raw_spin_unlock(&arena->lock);
	return wrong;
}

/**
 * pcpu_arenas_trim - dissolve current bins with no live object
 *
 * Context: takes each arena's lock and pcpu_chunk_lock.
 */
void pcpu_arenas_trim(void)
{
	unsigned long flags;
	unsigned int i, c;

	for (i = 0; i < pcpu_nr_arenas; i++) {
		struct pcpu_arena *arena = &pcpu_arenas[i];

		raw_spin_lock_irqsave(&arena->lock, flags);
		for (c = 0; c < PCPU_NR_CLASSES; c++) {
			struct pcpu_bin *bin = arena->current_bin[c];

			if (!bin || bin->free != pcpu_class_mask(c))
				continue;
			arena->current_bin[c] = NULL;
			pcpu_bin_dissolve(bin);
		}
		raw_spin_unlock_irqrestore(&arena->lock, flags);
	}
}
