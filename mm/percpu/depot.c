// SPDX-License-Identifier: GPL-2.0-only
/*
 * depot: batches of free objects on their way from one arena to another.
 *
 * Who frees on another CPU than the one that allocates, or frees many and then
 * allocates many, would pass every object through the chunks.  A batch changes
 * hands for the price of a copy.
 *
 * The depot may hold more when more is in use: what is freed of much is likely
 * to be wanted again, and of little memory not much may be idle.
 */
#include <linux/spinlock.h>
#include <linux/string.h>

#include "chunk.h"
#include "depot.h"

struct pcpu_depot *pcpu_depot __ro_after_init;

/* Guards *pcpu_depot. Raw, IRQs off, nothing nests inside. */
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

/* Bytes that the depot may hold: an eighth of what has memory. */
static unsigned long pcpu_depot_max_bytes(void)
{
	return PCPU_DEPOT_BYTES +
	       READ_ONCE(pcpu_counts.populated) * (PAGE_SIZE / 8);
}

/**
 * pcpu_depot_put - leave a batch to whom it may serve
 * @class: class of the objects
 * @offs: their offsets; the objects are the caller's, and carry no mark
 * @nr: how many, at most PCPU_BATCH_MAX
 *
 * Context: any.
 * Return: %false when there is no room; the objects are the caller's still.
 */
bool pcpu_depot_put(unsigned int class, const u32 *offs, unsigned int nr)
{
	unsigned long flags, bytes = nr * pcpu_class_size(class);
	struct pcpu_depot_class *stack = &pcpu_depot->classes[class];
	struct pcpu_batch *batch;
	unsigned int i;

	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	i = pcpu_depot->unused;
	if (!i || pcpu_depot->bytes + bytes > pcpu_depot_max_bytes()) {
		raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
		return false;
	}
	batch = &pcpu_depot->batches[i];
	pcpu_depot->unused = batch->next;
	memcpy(batch->offs, offs, nr * sizeof(*offs));
	batch->nr = nr;
	batch->next = stack->head;
	WRITE_ONCE(stack->head, i);
	stack->nr++;
	pcpu_depot->bytes += bytes;
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
	return true;
}

/* Take the batch of @class that came last; there is one. */
static unsigned int pcpu_depot_pop(unsigned int class, u32 *offs)
{
	struct pcpu_depot_class *stack = &pcpu_depot->classes[class];
	unsigned int i = stack->head;
	struct pcpu_batch *batch = &pcpu_depot->batches[i];

	lockdep_assert_held(&pcpu_depot_lock);

	WRITE_ONCE(stack->head, batch->next);
	batch->next = pcpu_depot->unused;
	pcpu_depot->unused = i;
	memcpy(offs, batch->offs, batch->nr * sizeof(*offs));
	pcpu_depot->bytes -= batch->nr * pcpu_class_size(class);
	if (--stack->nr < stack->low)
		stack->low = stack->nr;
	return batch->nr;
}

/**
 * pcpu_depot_take - get a batch
 * @class: its class
 * @offs: where to store the offsets, room for PCPU_BATCH_MAX
 *
 * Context: any.
 * Return: how many; they are the caller's.
 */
unsigned int pcpu_depot_take(unsigned int class, u32 *offs)
{
	unsigned int nr = 0;
	unsigned long flags;

	if (!pcpu_depot_has(class))
		return 0;
	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	if (pcpu_depot->classes[class].head)
		nr = pcpu_depot_pop(class, offs);
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
	return nr;
}

/**
 * pcpu_depot_take_stale - get a batch that nobody needed for a while
 * @class: where to begin; set to the class of the batch
 * @offs: where to store the offsets, room for PCPU_BATCH_MAX
 *
 * Context: any.
 * Return: how many; 0 when there is no such batch from @class on.
 */
unsigned int pcpu_depot_take_stale(unsigned int *class, u32 *offs)
{
	unsigned int nr = 0;
	unsigned long flags;

	for (; *class < PCPU_NR_CLASSES; (*class)++) {
		struct pcpu_depot_class *stack = &pcpu_depot->classes[*class];

		if (!READ_ONCE(stack->low))
			continue;
		raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
		if (stack->low) {
			/* What is taken now was not needed before. */
			stack->low--;
			nr = pcpu_depot_pop(*class, offs);
		}
		raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
		if (nr)
			break;
	}
	return nr;
}

/**
 * pcpu_depot_watch - count from now on what is needed
 *
 * Context: any.
 * Return: whether there is anything.
 */
bool pcpu_depot_watch(void)
{
	unsigned long flags;
	unsigned int i;
	bool any;

	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	for (i = 0; i < PCPU_NR_CLASSES; i++)
		WRITE_ONCE(pcpu_depot->classes[i].low,
			   pcpu_depot->classes[i].nr);
	any = pcpu_depot->bytes;
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
	return any;
}
