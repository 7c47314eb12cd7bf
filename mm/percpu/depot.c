// SPDX-License-Identifier: GPL-2.0-only
/*
 * depot: batches of free objects on their way from one cache to another.
 *
 * Without the depot, objects that are freed on a different CPU, or in large
 * bursts, would go through the chunk lock one by one. Its limit grows with the
 * populated memory.
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
 * two batches, or a step per class.
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

/* The limit in bytes on one CPU; it includes an eighth of the populated memory. */
static unsigned long pcpu_depot_max_bytes(void)
{
	return PCPU_DEPOT_BYTES +
	       READ_ONCE(pcpu_nr_populated) * (PAGE_SIZE / 8);
}

/* Remove the last batch of a class that has one. */
static void pcpu_depot_pop(unsigned int class, struct pcpu_batch *batch)
{
	struct pcpu_depot_class *stack = &pcpu_depot->classes[class];
	unsigned int i = stack->head;
	struct pcpu_depot_batch *from = &pcpu_depot->batches[i];

	lockdep_assert_held(&pcpu_depot_lock);

	WRITE_ONCE(stack->head, from->next);
	if (!stack->head)
		__clear_bit(class, pcpu_depot->filled);
	from->next = pcpu_depot->unused;
	pcpu_depot->unused = i;
	batch->class = class;
	batch->nr = from->nr;
	memcpy(batch->offs, from->offs, from->nr * sizeof(*batch->offs));
	pcpu_depot->bytes -= from->nr * pcpu_class_size(class);
	stack->nr--;
	stack->low = min(stack->low, stack->nr);
}

/* Return true if the limit leaves no capacity for @batch. */
static bool pcpu_depot_is_full(const struct pcpu_batch *batch)
{
	lockdep_assert_held(&pcpu_depot_lock);

	return !pcpu_depot->unused ||
	       pcpu_depot->bytes + batch->nr * pcpu_class_size(batch->class) >
	       pcpu_depot_max_bytes();
}

/* Remove a batch of the next class that has any. Return false if none has. */
static bool pcpu_depot_evict(struct pcpu_batch *batch)
{
	unsigned int class;

	lockdep_assert_held(&pcpu_depot_lock);

	class = find_next_bit_wrap(pcpu_depot->filled, PCPU_NR_CLASSES,
				   pcpu_depot->next_class);
	if (class >= PCPU_NR_CLASSES)
		return false;
	pcpu_depot->next_class = (class + 1) % PCPU_NR_CLASSES;
	pcpu_depot_pop(class, batch);
	return true;
}

static void pcpu_depot_push(const struct pcpu_batch *batch)
{
	struct pcpu_depot_class *stack = &pcpu_depot->classes[batch->class];
	unsigned int i = pcpu_depot->unused;
	struct pcpu_depot_batch *to = &pcpu_depot->batches[i];

	lockdep_assert_held(&pcpu_depot_lock);

	pcpu_depot->unused = to->next;
	memcpy(to->offs, batch->offs, batch->nr * sizeof(*to->offs));
	to->nr = batch->nr;
	to->next = stack->head;
	WRITE_ONCE(stack->head, i);
	__set_bit(batch->class, pcpu_depot->filled);
	stack->nr++;
	pcpu_depot->bytes += batch->nr * pcpu_class_size(batch->class);
}

/**
 * pcpu_depot_put - add a batch
 * @batch: the batch, not empty; empty afterwards, or set to a batch that the
 *	caller owns now
 *
 * A full depot evicts another batch, so that what was added long ago does not
 * keep out what is freed now.
 *
 * Context: any; takes pcpu_depot_lock.
 */
void pcpu_depot_put(struct pcpu_batch *batch)
{
	struct pcpu_batch other;
	unsigned long flags;

	other.nr = 0;
	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	if (pcpu_depot_is_full(batch))
		pcpu_depot_evict(&other);
	if (!pcpu_depot_is_full(batch)) {
		pcpu_depot_push(batch);
		batch->nr = 0;
	} else if (other.nr) {
		pcpu_depot_push(&other);
		other.nr = 0;
	}
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
	if (other.nr) {
		batch->class = other.class;
		batch->nr = other.nr;
		memcpy(batch->offs, other.offs,
		       other.nr * sizeof(*batch->offs));
	}
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
	if (!pcpu_depot_has(batch->class))
		return;
	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	if (pcpu_depot->classes[batch->class].head)
		pcpu_depot_pop(batch->class, batch);
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
}

/**
 * pcpu_depot_get_idle - remove a batch that was idle since the last trim
 * @batch: the class to begin with; the batch is stored here
 *
 * Context: any; takes pcpu_depot_lock.
 * Return: false if no class from @batch->class on has an idle batch.
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
		/* This batch was one of the idle ones. */
		pcpu_depot->classes[class].low--;
		pcpu_depot_pop(class, batch);
	}
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
	return batch->nr;
}

/**
 * pcpu_depot_track - count idle batches from now on
 *
 * Context: any; takes pcpu_depot_lock.
 * Return: true if the depot has a batch.
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
