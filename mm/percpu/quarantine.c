// SPDX-License-Identifier: GPL-2.0-only
/*
 * quarantine: freed objects that nobody is given for a while, so that whoever
 * still writes to one spoils the poison in it and not somebody's data.
 *
 * The oldest goes when there are too many, or when memory is short.
 */
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "area.h"
#include "quarantine.h"

#define PCPU_QUARANTINE_SLOTS	4096

/**
 * struct pcpu_inmate - an object in quarantine
 * @off: its offset
 * @room: its bytes on one CPU
 */
struct pcpu_inmate {
	u32 off;
	u32 room;
};

/**
 * struct pcpu_quarantine - all of them
 * @lock: guards what follows; raw, IRQs off, nothing nests inside
 * @first: slot of the oldest
 * @nr: how many there are
 * @bytes: what they take on one CPU
 * @limit: what they may take
 * @ring: a ring of them
 */
struct pcpu_quarantine {
	raw_spinlock_t lock;
	unsigned int first;
	unsigned int nr;
	unsigned long bytes;
	unsigned long limit;
	struct pcpu_inmate ring[PCPU_QUARANTINE_SLOTS];
};

/* Made when it is first wanted, and kept. */
static struct pcpu_quarantine *pcpu_quarantine;

/**
 * pcpu_quarantine_init - begin to keep freed objects
 * @bytes: how much of them, on one CPU
 *
 * Context: process context.
 * Return: %false without memory; then none is kept.
 */
bool pcpu_quarantine_init(unsigned long bytes)
{
	if (!pcpu_quarantine) {
		struct pcpu_quarantine *q = kvzalloc(sizeof(*q), GFP_KERNEL);

		if (!q)
			return false;
		raw_spin_lock_init(&q->lock);
		/* Pairs with the address dependency of those who use it. */
		smp_store_release(&pcpu_quarantine, q);
	}
	WRITE_ONCE(pcpu_quarantine->limit, bytes);
	return true;
}

/**
 * pcpu_quarantine_pop - take the oldest object
 * @all: whether or not there are too many
 *
 * Context: any.
 * Return: its offset; the object is the caller's. %PCPU_NO_OFF if all may stay.
 */
unsigned long pcpu_quarantine_pop(bool all)
{
	struct pcpu_quarantine *q = READ_ONCE(pcpu_quarantine);
	unsigned long flags, off = PCPU_NO_OFF;

	if (!q)
		return off;
	raw_spin_lock_irqsave(&q->lock, flags);
	if (q->nr && (all || q->bytes > q->limit ||
		      q->nr == PCPU_QUARANTINE_SLOTS)) {
		off = q->ring[q->first].off;
		q->bytes -= q->ring[q->first].room;
		q->first = (q->first + 1) % PCPU_QUARANTINE_SLOTS;
		q->nr--;
	}
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return off;
}

/**
 * pcpu_quarantine_push - keep a freed object for a while
 * @off: its offset; the object is the caller's
 * @room: its bytes on one CPU
 *
 * Context: any.
 * Return: %false when it is too large, or there is no quarantine.
 */
bool pcpu_quarantine_push(unsigned long off, size_t room)
{
	struct pcpu_quarantine *q = READ_ONCE(pcpu_quarantine);
	bool kept = false;
	unsigned long flags;

	if (!q)
		return false;
	raw_spin_lock_irqsave(&q->lock, flags);
	if (q->nr < PCPU_QUARANTINE_SLOTS && room <= q->limit) {
		q->ring[(q->first + q->nr++) % PCPU_QUARANTINE_SLOTS] =
			(struct pcpu_inmate) { .off = off, .room = room };
		q->bytes += room;
		kept = true;
	}
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return kept;
}

/**
 * pcpu_quarantine_held - how much is in it
 * @bytes: where to store the bytes on one CPU
 *
 * Return: the objects.
 */
unsigned long pcpu_quarantine_held(unsigned long *bytes)
{
	struct pcpu_quarantine *q = READ_ONCE(pcpu_quarantine);

	*bytes = q ? pcpu_glance(q->bytes) : 0;
	return q ? pcpu_glance(q->nr) : 0;
}
