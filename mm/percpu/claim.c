// SPDX-License-Identifier: GPL-2.0-only
/*
 * claim: chunks and pages that the worker or CPU hotplug has claimed for a while.
 *
 * A claim takes one critical section, and another one ends it. In between, memory is
 * allocated, mapped or freed without a lock, and no allocation uses what is claimed.
 *
 * Steps under pcpu_chunk_lock: the pages of one chunk, or PCPU_LOCK_CHUNKS chunks that
 * are looked at.
 */
#include <trace/events/percpu.h>

#include "chunk.h"

/**
 * pcpu_chunks_claim_bare - claim an empty page to populate it
 * @page: where to store which
 *
 * Context: any; takes pcpu_chunk_lock.
 * Return: the lowest chunk with such a page, the page withheld, or NULL.
 */
struct pcpu_chunk *pcpu_chunks_claim_bare(unsigned int *page)
{
	struct pcpu_chunk *chunk;
	unsigned long flags;
	unsigned int i;
	u64 bare = 0;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	for (i = 0; i < pcpu_chunk_top(); i++) {
		pcpu_chunk_lock_break(i, &flags);
		chunk = pcpu_chunk_table[i];
		bare = chunk && !pcpu_chunk_is_present(chunk) ?
		       chunk->empty & ~chunk->populated & ~chunk->reserved : 0;
		if (bare)
			break;
	}
	if (bare) {
		*page = __ffs64(bare);
		pcpu_chunk_withhold(chunk, BIT_ULL(*page));
		pcpu_claims++;
	}
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return bare ? chunk : NULL;
}

/*
 * The populated empty pages of @chunk, which may be NULL, and in @most how many of
 * them can be given back if @excess pages of other than present chunks can.
 */
static u64 pcpu_chunk_excess(const struct pcpu_chunk *chunk, long excess, long *most)
{
	*most = excess;
	if (!chunk)
		return 0;
	if (pcpu_chunk_is_present(chunk))
		*most = chunk->held ? 0 : PCPU_CHUNK_PAGES;
	return *most > 0 ? pcpu_chunk_spare(chunk) & ~chunk->pinned : 0;
}

/**
 * pcpu_chunks_claim_spare - claim empty pages to give their memory back
 * @keep: number of populated empty pages that must stay; none of a present chunk must
 * @pages: where to store which
 *
 * Context: any; takes pcpu_chunk_lock.
 * Return: the chunk with the highest number that has such pages, its highest
 * ones withheld and no longer populated, or NULL.
 */
struct pcpu_chunk *pcpu_chunks_claim_spare(long keep, u64 *pages)
{
	struct pcpu_chunk *chunk = NULL;
	unsigned long flags;
	unsigned int i;
	u64 spare = 0;
	long most = 0;

	*pages = 0;
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	for (i = pcpu_chunk_top(); i-- > 0 && !spare;) {
		pcpu_chunk_lock_break(i, &flags);
		if (pcpu_counts_excess(keep) <= 0 && !pcpu_counts.present_empty)
			break;
		chunk = pcpu_chunk_table[i];
		spare = pcpu_chunk_excess(chunk, pcpu_counts_excess(keep), &most);
	}
	for (; spare && most > 0; most--) {
		*pages |= BIT_ULL(fls64(spare) - 1);
		spare &= ~*pages;
	}
	if (*pages) {
		pcpu_chunk_withhold(chunk, *pages);
		pcpu_chunk_set_masks(chunk, chunk->populated & ~*pages,
				     chunk->empty);
		pcpu_claims++;
	}
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return *pages ? chunk : NULL;
}

/**
 * pcpu_chunk_unclaim - let allocations use claimed pages again
 * @chunk: the chunk
 * @pages: mask of pages, all that one call has claimed
 *
 * Context: any; takes pcpu_chunk_lock.
 */
void pcpu_chunk_unclaim(struct pcpu_chunk *chunk, u64 pages)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_chunk_release(chunk, pages);
	pcpu_claims--;
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}

/* Return true if @chunk is empty and may go while @keep others must stay. */
static bool pcpu_chunk_is_removable(const struct pcpu_chunk *chunk, unsigned int keep)
{
	if (!chunk || !pcpu_chunk_is_loose(chunk))
		return false;
	return pcpu_chunk_is_present(chunk) ? !chunk->held :
					      pcpu_counts.empty_chunks > keep;
}

/**
 * pcpu_chunk_remove_empty - take the empty chunk of the highest number out
 * @keep: number of empty chunks that must stay; no present chunk must
 * @populated: where to store which of its pages are populated; these are no
 *	longer counted
 *
 * Lookups without a lock may still see the chunk until pcpu_chunk_discard() has
 * waited for them.
 *
 * Context: any; takes pcpu_chunk_lock.
 * Return: the chunk, all its pages withheld, or NULL.
 */
struct pcpu_chunk *pcpu_chunk_remove_empty(unsigned int keep, u64 *populated)
{
	struct pcpu_chunk *chunk = NULL;
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	if (pcpu_counts.empty_chunks <= keep && !pcpu_counts.present_chunks)
		goto out;
	for (i = pcpu_chunk_top(); i-- > 0;) {
		pcpu_chunk_lock_break(i, &flags);
		chunk = pcpu_chunk_table[i];
		if (pcpu_chunk_is_removable(chunk, keep))
			break;
		chunk = NULL;
	}
	if (chunk) {
		*populated = chunk->populated;
		pcpu_chunk_withhold(chunk, ~0ULL);
		pcpu_chunk_set_masks(chunk, 0, 0);
		list_del_init(&chunk->list);
		WRITE_ONCE(pcpu_chunk_table[i], NULL);
		pcpu_counts.chunks--;
		pcpu_claims++;
	}
out:
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return chunk;
}

/**
 * pcpu_chunk_discard - free a chunk that is out of the table
 * @chunk: from pcpu_chunk_remove_empty(), its pages given back
 *
 * Context: any; takes pcpu_chunk_lock. The memory is freed by RCU.
 */
void pcpu_chunk_discard(struct pcpu_chunk *chunk)
{
	unsigned long flags;

	trace_percpu_destroy_chunk((void *)pcpu_area_off_to_addr(pcpu_chunk_off(chunk)));
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	__clear_bit(chunk->nr, pcpu_chunk_nrs);
	pcpu_claims--;
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	call_rcu(&chunk->rcu, pcpu_chunk_free_rcu);
}

#ifdef CONFIG_PERCPU_PRESENT

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

#endif /* CONFIG_PERCPU_PRESENT */
