// SPDX-License-Identifier: GPL-2.0-only
/*
 * depot: batches of free objects on their way from one cache to another.
 *
 * Without the depot, objects that are freed on a different CPU, or in large
 * bursts, would go through the chunk lock one by one. Its limit grows with the
 * populated memory.
 *
 * A full depot takes nothing until objects are allocated from it or trimmed: the frees
 * that come next go to the chunks, see pcpu_cache_free_full().
 */
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "depot.h"

struct pcpu_depot *pcpu_depot __ro_after_init;

/*
 * Guards *pcpu_depot; raw, IRQs off, no lock nests inside. Bound: a copy of a batch,
 * or a step per class.
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

	for (i = PCPU_DEPOT_BATCHES; i > 0; i--) {
		depot->batches[i].next = depot->unused;
		depot->unused = i;
	}
	pcpu_depot = depot;
}

/* Remove the last objects of a class that has some, at most @max and of one batch. */
static void pcpu_depot_pop(unsigned int class, unsigned int max,
			   struct pcpu_batch *batch)
{
	struct pcpu_depot_class *stack = &pcpu_depot->classes[class];
	unsigned int i = stack->head;
	struct pcpu_depot_batch *from = &pcpu_depot->batches[i];
	unsigned int nr = min(from->nr, max);

	lockdep_assert_held(&pcpu_depot_lock);

	from->nr -= nr;
	memcpy(batch->offs, from->offs + from->nr, nr * sizeof(*batch->offs));
	batch->class = class;
	batch->nr = nr;
	WRITE_ONCE(pcpu_depot->bytes, pcpu_depot->bytes - nr * pcpu_class_size(class));
	stack->nr -= nr;
	stack->low = min(stack->low, stack->nr);
	if (from->nr)
		return;
	WRITE_ONCE(stack->head, from->next);
	from->next = pcpu_depot->unused;
	WRITE_ONCE(pcpu_depot->unused, i);
}

/* Add an unused batch, of which there is one, to those of a class. */
static struct pcpu_depot_batch *pcpu_depot_add_batch(unsigned int class)
{
	struct pcpu_depot_class *stack = &pcpu_depot->classes[class];
	unsigned int i = pcpu_depot->unused;
	struct pcpu_depot_batch *head = &pcpu_depot->batches[i];

	lockdep_assert_held(&pcpu_depot_lock);

	WRITE_ONCE(pcpu_depot->unused, head->next);
	head->next = stack->head;
	WRITE_ONCE(stack->head, i);
	return head;
}

/* Move the last @nr objects of @batch to @to. */
static void pcpu_depot_move(struct pcpu_depot_batch *to, struct pcpu_batch *batch,
			    unsigned int nr)
{
	batch->nr -= nr;
	memcpy(to->offs + to->nr, batch->offs + batch->nr, nr * sizeof(*to->offs));
	to->nr += nr;
}

/* Move all objects of @batch to the depot, the last ones first. */
static void pcpu_depot_push(struct pcpu_batch *batch)
{
	struct pcpu_depot_class *stack = &pcpu_depot->classes[batch->class];
	struct pcpu_depot_batch *to = &pcpu_depot->batches[stack->head];
	unsigned int nr = batch->nr, space = PCPU_BATCH_MAX - to->nr;

	lockdep_assert_held(&pcpu_depot_lock);

	if (stack->head && space)
		pcpu_depot_move(to, batch, min(nr, space));
	if (batch->nr)
		pcpu_depot_move(pcpu_depot_add_batch(batch->class), batch, batch->nr);
	stack->nr += nr;
	WRITE_ONCE(pcpu_depot->bytes,
		   pcpu_depot->bytes + nr * pcpu_class_size(batch->class));
}

/**
 * pcpu_depot_put - add a batch, unless the depot is full
 * @batch: the batch, not empty; empty afterwards if it was added
 *
 * Context: any; takes pcpu_depot_lock.
 */
void pcpu_depot_put(struct pcpu_batch *batch)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	if (!pcpu_depot_is_full())
		pcpu_depot_push(batch);
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

	batch->nr = 0;
	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	if (pcpu_depot_has(batch->class))
		pcpu_depot_pop(batch->class, PCPU_BATCH_MAX, batch);
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
}

/**
 * pcpu_depot_get_idle - remove objects that were idle since the last trim
 * @batch: the class to begin with; the batch is stored here
 *
 * Context: any; takes pcpu_depot_lock.
 * Return: false if no class from @batch->class on has an idle object.
 */
bool pcpu_depot_get_idle(struct pcpu_batch *batch)
{
	unsigned int low, class = batch->class;
	unsigned long flags;

	batch->nr = 0;
	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	while (class < PCPU_NR_CLASSES && !pcpu_depot->classes[class].low)
		class++;
	if (class < PCPU_NR_CLASSES) {
		low = pcpu_depot->classes[class].low;
		pcpu_depot_pop(class, min(low, PCPU_BATCH_MAX), batch);
		/* The objects taken were idle ones. */
		pcpu_depot->classes[class].low = low - batch->nr;
	}
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
	return batch->nr;
}

/**
 * pcpu_depot_track - count idle objects from now on
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
