// SPDX-License-Identifier: GPL-2.0-only
/*
 * depot: batches of free objects on their way from one cache to another.
 *
 * Without the depot, objects that are freed on a different CPU, or in large
 * bursts, would go through the chunk lock one by one. Its limit grows with the
 * populated memory.
 *
 * A batch is kept in parts: a free that finds the depot full adds one part, and frees
 * the objects of another one to the chunks.
 */
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "chunk.h"
#include "depot.h"

struct pcpu_depot *pcpu_depot __ro_after_init;

/*
 * Guards *pcpu_depot; raw, IRQs off, no lock nests inside. Bound: the copies of
 * five parts, or a step per class.
 */
static DEFINE_RAW_SPINLOCK(pcpu_depot_lock);

/**
 * pcpu_depot_init - set up the depot
 * @depot: zeroed memory
 *
 * Context: boot.
 */
void __init pcpu_depot_init(struct pcpu_depot *depot)
{
	unsigned int i;

	for (i = PCPU_DEPOT_PARTS; i > 0; i--) {
		depot->parts[i].next = depot->unused;
		depot->unused = i;
	}
	pcpu_depot = depot;
}

/* The limit in bytes on one CPU; it includes an eighth of the populated memory. */
static unsigned long pcpu_depot_max_bytes(void)
{
	return PCPU_DEPOT_BYTES +
	       READ_ONCE(pcpu_nr_populated) * (PAGE_SIZE / 8);
}

/* Remove the last part of a class that has one, and append it to @batch. */
static void pcpu_depot_pop(unsigned int class, struct pcpu_batch *batch)
{
	struct pcpu_depot_class *stack = &pcpu_depot->classes[class];
	unsigned int i = stack->head;
	struct pcpu_depot_part *from = &pcpu_depot->parts[i];

	lockdep_assert_held(&pcpu_depot_lock);

	WRITE_ONCE(stack->head, from->next);
	if (!stack->head)
		__clear_bit(class, pcpu_depot->filled);
	from->next = pcpu_depot->unused;
	pcpu_depot->unused = i;
	batch->class = class;
	memcpy(batch->offs + batch->nr, from->offs, from->nr * sizeof(*batch->offs));
	batch->nr += from->nr;
	pcpu_depot->bytes -= from->nr * pcpu_class_size(class);
	stack->nr--;
	stack->low = min(stack->low, stack->nr);
}

/* Return true if the limit leaves no capacity for @nr objects of @class. */
static bool pcpu_depot_is_full(unsigned int class, unsigned int nr)
{
	lockdep_assert_held(&pcpu_depot_lock);

	return !pcpu_depot->unused ||
	       pcpu_depot->bytes + nr * pcpu_class_size(class) >
	       pcpu_depot_max_bytes();
}

/* Remove a part of the next class that has any. */
static void pcpu_depot_evict(struct pcpu_batch *batch)
{
	unsigned int class;

	lockdep_assert_held(&pcpu_depot_lock);

	class = find_next_bit_wrap(pcpu_depot->filled, PCPU_NR_CLASSES,
				   pcpu_depot->next_class);
	if (class >= PCPU_NR_CLASSES)
		return;
	pcpu_depot->next_class = (class + 1) % PCPU_NR_CLASSES;
	pcpu_depot_pop(class, batch);
}

/* Move objects of @batch to the depot, the last ones first, while there is space. */
static void pcpu_depot_push(struct pcpu_batch *batch)
{
	struct pcpu_depot_class *stack = &pcpu_depot->classes[batch->class];
	unsigned int i, nr = (batch->nr - 1) % PCPU_PART_MAX + 1;
	struct pcpu_depot_part *to;

	lockdep_assert_held(&pcpu_depot_lock);

	for (; batch->nr && !pcpu_depot_is_full(batch->class, nr);
	     nr = PCPU_PART_MAX) {
		i = pcpu_depot->unused;
		to = &pcpu_depot->parts[i];
		pcpu_depot->unused = to->next;
		batch->nr -= nr;
		memcpy(to->offs, batch->offs + batch->nr, nr * sizeof(*to->offs));
		to->nr = nr;
		to->next = stack->head;
		WRITE_ONCE(stack->head, i);
		stack->nr++;
		pcpu_depot->bytes += nr * pcpu_class_size(batch->class);
	}
	if (stack->head)
		__set_bit(batch->class, pcpu_depot->filled);
}

/**
 * pcpu_depot_put - add a batch
 * @batch: the batch, not empty; what is left in it afterwards is still the caller's
 * @evicted: set to a batch that the caller owns now, or to an empty one
 *
 * A full depot evicts another batch, so that what was added long ago does not
 * keep out what is freed now. For a batch of up to pcpu_depot_batch_max() objects no more
 * come back than it has, or than a part has if that is more.
 *
 * Context: any; takes pcpu_depot_lock.
 */
void pcpu_depot_put(struct pcpu_batch *batch, struct pcpu_batch *evicted)
{
	unsigned long flags;

	evicted->nr = 0;
	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	pcpu_depot_push(batch);
	WRITE_ONCE(pcpu_depot->full, batch->nr);
	if (batch->nr) {
		pcpu_depot_evict(evicted);
		pcpu_depot_push(batch);
		if (batch->nr && evicted->nr)
			pcpu_depot_push(evicted);
	}
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
}

/**
 * pcpu_depot_get - remove a batch
 * @batch: its class; the batch is stored here, empty if there is none
 *
 * Context: any; takes pcpu_depot_lock.
 */
void pcpu_depot_get(struct pcpu_batch *batch)
{
	unsigned long flags;
	unsigned int i;

	batch->nr = 0;
	if (!pcpu_depot_has(batch->class))
		return;
	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	/* Other parts of the batch are behind a full one. */
	while ((i = pcpu_depot->classes[batch->class].head) &&
	       !(batch->nr % PCPU_PART_MAX) &&
	       batch->nr + pcpu_depot->parts[i].nr <= PCPU_BATCH_MAX)
		pcpu_depot_pop(batch->class, batch);
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
}

/**
 * pcpu_depot_get_idle - remove a part that was idle since the last trim
 * @batch: the class to begin with; the batch is stored here
 *
 * Context: any; takes pcpu_depot_lock.
 * Return: false if no class from @batch->class on has an idle part.
 */
bool pcpu_depot_get_idle(struct pcpu_batch *batch)
{
	unsigned int class = batch->class;
	unsigned long flags;

	batch->nr = 0;
	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	while (class < PCPU_NR_CLASSES && !pcpu_depot->classes[class].low)
		class++;
	if (class < PCPU_NR_CLASSES) {
		/* This part was one of the idle ones. */
		pcpu_depot->classes[class].low--;
		pcpu_depot_pop(class, batch);
	}
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
	return batch->nr;
}

/**
 * pcpu_depot_track - count idle parts from now on
 *
 * Context: any; takes pcpu_depot_lock.
 * Return: true if the depot has an object.
 */
bool pcpu_depot_track(void)
{
	unsigned long flags;
	unsigned int i;
	bool any;

	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	for (i = 0; i < PCPU_NR_CLASSES; i++)
		pcpu_depot->classes[i].low = pcpu_depot->classes[i].nr;
	any = pcpu_depot->bytes;
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
	return any;
}
