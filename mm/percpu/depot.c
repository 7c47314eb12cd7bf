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
#include <linux/bitmap.h>
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

/* Take the batch of @class that came last; there is one. */
static unsigned int pcpu_depot_pop(unsigned int class, u32 *offs)
{
	struct pcpu_depot_class *stack = &pcpu_depot->classes[class];
	unsigned int i = stack->head;
	struct pcpu_batch *batch = &pcpu_depot->batches[i];

	lockdep_assert_held(&pcpu_depot_lock);

	WRITE_ONCE(stack->head, batch->next);
	if (!stack->head)
		__clear_bit(class, pcpu_depot->filled);
	batch->next = pcpu_depot->unused;
	pcpu_depot->unused = i;
	memcpy(offs, batch->offs, batch->nr * sizeof(*offs));
	pcpu_depot->bytes -= batch->nr * pcpu_class_size(class);
	if (--stack->nr < stack->low)
		stack->low = stack->nr;
	return batch->nr;
}

/* Whether one more batch would be too much. */
static bool pcpu_depot_is_full(unsigned int bytes)
{
	lockdep_assert_held(&pcpu_depot_lock);

	return !pcpu_depot->unused ||
	       pcpu_depot->bytes + bytes > pcpu_depot_max_bytes();
}

/* Choose a batch to go for another: of the next class that has any. */
static unsigned int pcpu_depot_evict(unsigned int *class, u32 *offs)
{
	lockdep_assert_held(&pcpu_depot_lock);

	*class = find_next_bit_wrap(pcpu_depot->filled, PCPU_NR_CLASSES,
				    pcpu_depot->hand);
	if (*class >= PCPU_NR_CLASSES)
		return 0;
	pcpu_depot->hand = (*class + 1) % PCPU_NR_CLASSES;
	return pcpu_depot_pop(*class, offs);
}

static void pcpu_depot_push(unsigned int class, const u32 *offs,
			    unsigned int nr)
{
	struct pcpu_depot_class *stack = &pcpu_depot->classes[class];
	unsigned int i = pcpu_depot->unused;
	struct pcpu_batch *batch = &pcpu_depot->batches[i];

	lockdep_assert_held(&pcpu_depot_lock);

	pcpu_depot->unused = batch->next;
	memcpy(batch->offs, offs, nr * sizeof(*offs));
	batch->nr = nr;
	batch->next = stack->head;
	WRITE_ONCE(stack->head, i);
	__set_bit(class, pcpu_depot->filled);
	stack->nr++;
	pcpu_depot->bytes += nr * pcpu_class_size(class);
}

/**
 * pcpu_depot_put - leave a batch to whom it may serve
 * @class: class of the objects; set to that of what comes back
 * @offs: their offsets, with room for PCPU_BATCH_MAX; the objects are the
 *	caller's, and carry no mark
 * @nr: how many, at most PCPU_BATCH_MAX
 *
 * When the depot is full another batch comes back instead: what was left here
 * long ago does not keep out what is freed now.
 *
 * Context: any.
 * Return: how many objects come back, and are the caller's.
 */
unsigned int pcpu_depot_put(unsigned int *class, u32 *offs, unsigned int nr)
{
	unsigned int bytes = nr * pcpu_class_size(*class);
	unsigned int back = 0, other = *class;
	u32 others[PCPU_BATCH_MAX];
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	if (pcpu_depot_is_full(bytes))
		back = pcpu_depot_evict(&other, others);
	if (!pcpu_depot_is_full(bytes)) {
		pcpu_depot_push(*class, offs, nr);
		nr = 0;
	} else if (back) {
		pcpu_depot_push(other, others, back);
		back = 0;
	}
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
	if (!back)
		return nr;
	memcpy(offs, others, back * sizeof(*offs));
	*class = other;
	return back;
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

	raw_spin_lock_irqsave(&pcpu_depot_lock, flags);
	while (*class < PCPU_NR_CLASSES && !pcpu_depot->classes[*class].low)
		(*class)++;
	if (*class < PCPU_NR_CLASSES) {
		/* What is taken now was not needed before. */
		pcpu_depot->classes[*class].low--;
		nr = pcpu_depot_pop(*class, offs);
	}
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
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
		pcpu_depot->classes[i].low = pcpu_depot->classes[i].nr;
	any = pcpu_depot->bytes;
	raw_spin_unlock_irqrestore(&pcpu_depot_lock, flags);
	return any;
}
