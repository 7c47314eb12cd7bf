// SPDX-License-Identifier: GPL-2.0-only
/*
 * table_present: visits of CPU hotplug to the present chunks.
 *
 * Steps under pcpu_chunk_lock: one chunk.
 */
#include "chunk.h"

/* Hold chunk @nr if it is a present one with populated pages. */
static u64 pcpu_chunk_hold(unsigned int nr)
{
	struct pcpu_chunk *chunk;
	unsigned long flags;
	u64 populated = 0;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	chunk = pcpu_chunk_table[nr];
	if (chunk && pcpu_chunk_is_present(chunk))
		populated = chunk->populated;
	if (populated)
		chunk->held = true;
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return populated;
}

/**
 * pcpu_chunks_hold_present - hold the next present chunk with populated pages
 * @from: lowest number to look at
 * @populated: where to store which pages are populated
 *
 * None of these pages is depopulated until pcpu_chunk_unhold(); others may be
 * populated meanwhile. There is one caller at a time.
 *
 * Context: process context; takes pcpu_chunk_lock, for each chunk.
 * Return: the number of the chunk, or -1.
 */
int pcpu_chunks_hold_present(unsigned int from, u64 *populated)
{
	unsigned int nr, end = pcpu_chunk_top();

	for (nr = from; nr < end; nr++) {
		*populated = pcpu_chunk_hold(nr);
		if (*populated)
			return nr;
	}
	return -1;
}

/**
 * pcpu_chunk_unhold - undo pcpu_chunks_hold_present()
 * @nr: number of the chunk
 *
 * Context: process context; takes pcpu_chunk_lock.
 */
void pcpu_chunk_unhold(unsigned int nr)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_chunk_table[nr]->held = false;
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}
