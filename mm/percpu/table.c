// SPDX-License-Identifier: GPL-2.0-only
/*
 * table: all chunks: their life, what is allocated from them, and what the worker and
 * CPU hotplug claim for a while.
 *
 * Only this file takes pcpu_chunk_lock. The functions of chunk.c, place.c and objmap.c are
 * called with the lock held, and each critical section is one function of this file, for
 * callers in any context unless its comment says otherwise. Memory is allocated outside.
 * A function that visits many chunks releases the lock after PCPU_LOCK_CHUNKS of them, or
 * after each chunk that it changes.
 */
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include <trace/events/percpu.h>

#include "chunk.h"
#include "objmap.h"
#include "pages.h"

/* Bounds: see Documentation/mm/percpu.rst, "Locks". */
DEFINE_RAW_SPINLOCK(pcpu_chunk_lock);

/* Chunk numbers in use or claimed; guarded by pcpu_chunk_lock. */
static unsigned long *pcpu_chunk_nrs __ro_after_init;

/* Claims that end soon: a full area may have space then. Guarded by pcpu_chunk_lock. */
static unsigned int pcpu_claims;

/* Chunks that are looked at before the lock is released. */
#define PCPU_LOCK_CHUNKS	32

/* Release the lock for a moment if @i is a multiple of PCPU_LOCK_CHUNKS. */
static void pcpu_chunk_lock_break(unsigned int i, unsigned long *flags)
{
	if (i % PCPU_LOCK_CHUNKS)
		return;
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, *flags);
	raw_spin_lock_irqsave(&pcpu_chunk_lock, *flags);
}

/* The error of a request that finds no space. */
static int pcpu_no_space(void)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	return pcpu_claims ? -EBUSY : -ENOSPC;
}

/*
 * Set up the table in zeroed memory: @table for pcpu_area_nr_chunks() pointers and @nrs
 * for as many bits; and the slots. At boot, before any other function of this file.
 */
void __init pcpu_chunk_table_init(struct pcpu_chunk **table, unsigned long *nrs,
				  struct pcpu_slots *slots)
{
	unsigned int i;

	for (i = 0; i < PCPU_NR_SLOTS; i++)
		INIT_LIST_HEAD(&slots->by_free[i].chunks);
	INIT_LIST_HEAD(&slots->present.chunks);
	pcpu_slots = slots;
	pcpu_chunk_table = table;
	pcpu_chunk_nrs = nrs;
}

/* Reserve @nr numbers that no chunk will have. At boot, before pcpu_chunk_create(). */
void __init pcpu_chunk_reserve_nrs(unsigned int first, unsigned int nr)
{
	bitmap_set(pcpu_chunk_nrs, first, nr);
}

/*
 * One more than the highest chunk number in use, or 0: exact with the lock held,
 * otherwise a bound.
 */
unsigned int pcpu_chunk_top(void)
{
	unsigned int last;

	/* Without the lock, numbers may come and go. */
	last = data_race(find_last_bit(pcpu_chunk_nrs, pcpu_area_nr_chunks()));
	return last == pcpu_area_nr_chunks() ? 0 : last + 1;
}

/*
 * Return 0 if a number below @limit is free, else -EBUSY if one may be soon, or -ENOSPC.
 */
int pcpu_chunk_creatable(unsigned int limit)
{
	guard(raw_spinlock_irqsave)(&pcpu_chunk_lock);
	return find_first_zero_bit(pcpu_chunk_nrs, limit) < limit ? 0 : pcpu_no_space();
}

/* Make a chunk visible to placement and to lookups. */
static void pcpu_chunk_publish(struct pcpu_chunk *chunk)
{
	lockdep_assert_held(&pcpu_chunk_lock);

	__set_bit(chunk->nr, pcpu_chunk_nrs);
	/* Pairs with the address dependency of pcpu_chunk_of(). */
	smp_store_release(&pcpu_chunk_table[chunk->nr], chunk);
	pcpu_chunk_set_slot(chunk);
	pcpu_counts.chunks++;
	pcpu_counts.max_chunks = max(pcpu_counts.max_chunks,
				     pcpu_counts.chunks);
	/* Nothing of it is counted yet. Pinned pages have memory from the start. */
	chunk->empty = 0;
	pcpu_chunk_set_masks(chunk, chunk->pinned, PCPU_ALL_PAGES);
}

static void pcpu_chunk_trace_create(const struct pcpu_chunk *chunk)
{
	trace_percpu_create_chunk((void *)pcpu_area_off_to_addr(pcpu_chunk_off(chunk)));
}

/*
 * Publish a chunk of the first window, with its masks of pinned and reserved pages set.
 * Its first @static_granules are static data, which has no entry in the object map; the
 * pages @withheld never get memory. At boot.
 */
void pcpu_chunk_add_first(struct pcpu_chunk *chunk, unsigned int static_granules,
			  u64 withheld)
{
	scoped_guard(raw_spinlock_irqsave, &pcpu_chunk_lock) {
		pcpu_chunk_publish(chunk);
		if (static_granules)
			pcpu_range_alloc(chunk, 0, static_granules);
		if (withheld)
			pcpu_chunk_withhold(chunk, withheld);
	}
	pcpu_chunk_trace_create(chunk);
}

/* A chunk for the next caller of pcpu_chunk_new(), without a number, or NULL. */
struct pcpu_chunk *pcpu_chunk_ready;

/* Allocate the description of a chunk. __GFP_ZERO would clear all of the slab object. */
static struct pcpu_chunk *pcpu_chunk_alloc(gfp_t gfp)
{
	struct pcpu_chunk *chunk = kmalloc(sizeof(*chunk), gfp);
	void *objmap = kmalloc(PCPU_OBJMAP_SIZE, gfp);

	if (!chunk || !objmap) {
		kfree(objmap);
		kfree(chunk);
		return NULL;
	}
	memset(chunk, 0, sizeof(*chunk));
	memset(objmap, 0, PCPU_OBJMAP_SIZE);
	pcpu_chunk_init(chunk, 0, objmap);
	return chunk;
}

/* Allocate the description of the next chunk, if a number is free. */
void pcpu_chunk_prepare(gfp_t gfp)
{
	struct pcpu_chunk *chunk;

	if (READ_ONCE(pcpu_chunk_ready) || pcpu_chunk_creatable(pcpu_area_nr_chunks()))
		return;
	chunk = pcpu_chunk_alloc(gfp);
	if (chunk && cmpxchg(&pcpu_chunk_ready, NULL, chunk))
		pcpu_chunk_free_rcu(&chunk->rcu);
}

/*
 * Allocate a chunk and its page tables. Return it, or NULL without memory. The tables come
 * first, as they stay: a chunk that is ready is left for a caller that gets these.
 */
static struct pcpu_chunk *pcpu_chunk_new(unsigned int nr, gfp_t gfp, bool present)
{
	struct pcpu_chunk *chunk;

	if (pcpu_populate_tables((unsigned long)nr << PCPU_CHUNK_SHIFT,
				 PCPU_CHUNK_SIZE, gfp))
		return NULL;
	/* As for pages: the percpu allocator warns itself if the caller gets nothing. */
	if (!gfpflags_allow_blocking(gfp))
		gfp |= __GFP_NOWARN;
	chunk = xchg(&pcpu_chunk_ready, NULL) ?: pcpu_chunk_alloc(gfp);
	if (!chunk)
		return NULL;
	chunk->nr = nr;
	chunk->present = present;
	return chunk;
}

/* Claim the lowest free number of a chunk. Return it, or as pcpu_no_space(). */
static int pcpu_chunk_claim_nr(void)
{
	unsigned int nr;

	guard(raw_spinlock_irqsave)(&pcpu_chunk_lock);
	nr = find_first_zero_bit(pcpu_chunk_nrs, pcpu_area_nr_chunks());
	if (nr == pcpu_area_nr_chunks())
		return pcpu_no_space();
	__set_bit(nr, pcpu_chunk_nrs);
	pcpu_claims++;
	return nr;
}

/*
 * Create the chunk with the lowest free number, in any context that @gfp allows.
 * @present: it is for objects of present CPUs. Return it, or ERR_PTR(): -ENOSPC if all
 * numbers are in use, -EBUSY if chunks or pages may become free soon, or -ENOMEM.
 */
struct pcpu_chunk *pcpu_chunk_create(gfp_t gfp, bool present)
{
	int nr = pcpu_chunk_claim_nr();
	struct pcpu_chunk *chunk;

	if (nr < 0)
		return ERR_PTR(nr);
	chunk = pcpu_chunk_new(nr, gfp, present);
	scoped_guard(raw_spinlock_irqsave, &pcpu_chunk_lock) {
		pcpu_claims--;
		if (chunk)
			pcpu_chunk_publish(chunk);
		else
			__clear_bit(nr, pcpu_chunk_nrs);
	}
	if (!chunk)
		return ERR_PTR(-ENOMEM);
	pcpu_chunk_trace_create(chunk);
	return chunk;
}

/* Return true if an object over a chunk in size could use number @i. */
static bool pcpu_chunk_is_claimable(unsigned int i)
{
	struct pcpu_chunk *chunk = pcpu_chunk_table[i];

	lockdep_assert_held(&pcpu_chunk_lock);

	return !test_bit(i, pcpu_chunk_nrs) ||
	       (chunk && chunk->empty == PCPU_ALL_PAGES && !chunk->reserved && !chunk->present);
}

/*
 * Find the lowest run of @nr numbers from @first on, in one window and below @limit,
 * that are free or belong to empty chunks. Return the first, -ENOSPC, or -EBUSY if
 * there may be such a run soon.
 */
static long pcpu_chunks_find_run(unsigned int first, unsigned int nr,
				 unsigned int limit)
{
	unsigned int per_window = pcpu_area_window_size() >> PCPU_CHUNK_SHIFT;
	unsigned long flags;
	long found = -1;
	unsigned int i;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	for (i = first; i < limit && found < 0; i++) {
		pcpu_chunk_lock_break(i, &flags);
		if (i % per_window == 0)
			first = i;
		if (!pcpu_chunk_is_claimable(i))
			first = i + 1;
		else if (i + 1 - first == nr)
			found = first;
	}
	if (found < 0)
		found = pcpu_no_space();
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return found;
}

/* Claim number @i; a chunk that exists is withheld. */
static bool pcpu_chunk_claim(unsigned int i)
{
	guard(raw_spinlock_irqsave)(&pcpu_chunk_lock);
	if (!pcpu_chunk_is_claimable(i))
		return false;
	if (pcpu_chunk_table[i])
		pcpu_chunk_withhold(pcpu_chunk_table[i], PCPU_ALL_PAGES);
	__set_bit(i, pcpu_chunk_nrs);
	pcpu_claims++;
	return true;
}

/* Undo pcpu_chunk_claim() for @nr numbers; chunks created since stay, empty. */
static void pcpu_chunks_unclaim_run(unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		guard(raw_spinlock_irqsave)(&pcpu_chunk_lock);
		if (pcpu_chunk_table[i])
			pcpu_chunk_release(pcpu_chunk_table[i], PCPU_ALL_PAGES);
		else
			__clear_bit(i, pcpu_chunk_nrs);
		pcpu_claims--;
	}
}

/* Claim the lowest run of @nr numbers below @limit. Return as the search for it. */
static long pcpu_chunks_claim_run(unsigned int nr, unsigned int limit)
{
	long first = pcpu_chunks_find_run(0, nr, limit);
	unsigned int i;

	while (first >= 0) {
		for (i = 0; i < nr && pcpu_chunk_claim(first + i); i++)
			;
		if (i == nr)
			break;
		/* Another CPU was first to use this number: go on behind it. */
		pcpu_chunks_unclaim_run(first, i);
		first = pcpu_chunks_find_run(first + i + 1, nr, limit);
	}
	return first;
}

/*
 * Claim @nr adjacent chunks below number @limit for one large object, in any context
 * that @gfp allows. All their pages are withheld; pcpu_chunks_alloc_claimed() is next.
 * Return the number of the first one, -ENOSPC, -EBUSY if there may be enough adjacent
 * chunks soon, or -ENOMEM.
 */
long pcpu_chunks_create_run(unsigned int nr, unsigned int limit, gfp_t gfp)
{
	long first = pcpu_chunks_claim_run(nr, limit);
	struct pcpu_chunk *chunk;
	unsigned int i;

	if (first < 0)
		return first;
	for (i = first; i < first + nr; i++) {
		/* Only the owner of a claimed number changes its entry. */
		if (pcpu_chunk_table[i])
			continue;
		chunk = pcpu_chunk_new(i, gfp, false);
		if (!chunk) {
			pcpu_chunks_unclaim_run(first, nr);
			return -ENOMEM;
		}
		scoped_guard(raw_spinlock_irqsave, &pcpu_chunk_lock) {
			pcpu_chunk_publish(chunk);
			pcpu_chunk_withhold(chunk, PCPU_ALL_PAGES);
		}
		pcpu_chunk_trace_create(chunk);
	}
	return first;
}

/*
 * For each chunk that a range of granules lies in, call @act with its part, under
 * the lock.
 */
static __always_inline void
pcpu_chunks_each_part(unsigned long off, unsigned int nr,
		      void (*act)(struct pcpu_chunk *chunk, unsigned int start,
				  unsigned int nr))
{
	unsigned int start = pcpu_off_to_granule(off);
	unsigned int i = off >> PCPU_CHUNK_SHIFT;

	for (; nr; i++, start = 0) {
		unsigned int part = min(nr, PCPU_CHUNK_GRANULES - start);

		guard(raw_spinlock_irqsave)(&pcpu_chunk_lock);
		act(pcpu_chunk_table[i], start, part);
		nr -= part;
	}
}

/*
 * Allocate a run in the chunks that exist, in populated pages if possible unless it is for
 * a module. The old run in @run, if any, is freed before in any case. The lock is released
 * in between if many chunks are searched. Return true if there is a run, and in @cut
 * whether a thorough search may find more.
 */
bool pcpu_chunks_alloc_run(const struct pcpu_fit *fit, struct pcpu_run *run, bool *cut)
{
	struct pcpu_search search = { };
	struct pcpu_run old = *run;
	enum pcpu_found found;

	run->nr = 0;
	do {
		guard(raw_spinlock_irqsave)(&pcpu_chunk_lock);
		if (old.nr)
			pcpu_range_free(pcpu_chunk_of(old.off),
					pcpu_off_to_granule(old.off), old.nr);
		old.nr = 0;
		if (fit->kind == PCPU_KIND_MODULE)
			found = pcpu_place_module(fit, pcpu_chunk_top(),
						  &search, run);
		else
			found = pcpu_place_run(fit, &search, run);
	} while (unlikely(found == PCPU_FOUND_LATER));
	*cut = search.cut;
	return found == PCPU_FOUND;
}

/* Keep the granules of a withheld chunk that are wanted, and release the rest. */
static void pcpu_chunk_alloc_claimed(struct pcpu_chunk *chunk,
				     unsigned int start, unsigned int nr)
{
	WRITE_ONCE(chunk->withheld, 0);
	pcpu_claims--;
	if (nr < PCPU_CHUNK_GRANULES)
		pcpu_range_free(chunk, start + nr, PCPU_CHUNK_GRANULES - nr);
}

/*
 * Allocate @nr granules of the chunks that pcpu_chunks_create_run() has claimed; those
 * that follow in the last chunk are free for others. The lock is taken for each chunk.
 */
void pcpu_chunks_alloc_claimed(unsigned int first, unsigned int nr)
{
	pcpu_chunks_each_part((unsigned long)first << PCPU_CHUNK_SHIFT, nr,
			      pcpu_chunk_alloc_claimed);
}

/*
 * Free @nr granules, not 0, that the caller owns and that the object map has no entry
 * for. The lock is taken for each chunk that they lie in.
 */
void pcpu_chunks_free(unsigned long off, unsigned int nr)
{
	pcpu_chunks_each_part(off, nr, pcpu_range_free);
}

/*
 * Free @nr objects of one class that the caller owns and that the object map has no
 * entries for, in @nr steps.
 */
void pcpu_chunks_free_batch(unsigned int class, const u32 *offs,
			    unsigned int nr)
{
	unsigned int granules = pcpu_class_granules(class), i, n;

	guard(raw_spinlock_irqsave)(&pcpu_chunk_lock);
	for (i = 0; i < nr; i += n) {
		n = 1;
		if (class < PCPU_NR_SMALL)
			n = pcpu_small_free(offs + i, nr - i, class);
		else
			pcpu_range_free(pcpu_chunk_of(offs[i]),
					pcpu_off_to_granule(offs[i]), granules);
	}
}

/* Allocate up to @nr free objects of split granules. Return their number. */
unsigned int pcpu_chunks_alloc_small(unsigned int class, u32 *offs,
				     unsigned int nr)
{
	guard(raw_spinlock_irqsave)(&pcpu_chunk_lock);
	return pcpu_small_alloc(class, offs, nr);
}

/*
 * Say that @pages are populated; the caller owns granules in each of them. If @run, which
 * lies in these pages, has less than @max granules, the free ones behind it are appended, up
 * to the end of its page. It may be NULL.
 */
void pcpu_chunk_publish_pages(struct pcpu_chunk *chunk, u64 pages, struct pcpu_run *run,
			      unsigned int max)
{
	unsigned int nr = run ? run->nr : max, end, limit;

	end = nr < max ? pcpu_off_to_granule(run->off) + nr : 0;
	guard(raw_spinlock_irqsave)(&pcpu_chunk_lock);
	pcpu_chunk_set_masks(chunk, chunk->populated | pages, chunk->empty);
	if (nr >= max)
		return;
	limit = min(end - nr + max, round_up(end, PCPU_PAGE_GRANULES));
	limit = find_next_bit(chunk->used, limit, end);
	if (limit > end)
		pcpu_range_alloc(chunk, end, limit - end);
	run->nr += limit - end;
}

/*
 * Claims take one critical section, and another one ends them. In between, memory is
 * allocated, mapped or freed without a lock, and no allocation uses what is claimed.
 */

/*
 * Claim an empty page to populate it. Return the lowest chunk with such a page, which is
 * withheld and stored in @page, or NULL.
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
		bare = chunk && !chunk->present ?
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

/* Return true if @chunk may be given back as a whole, so that @keep empty ones stay. */
static bool pcpu_chunk_is_removable(const struct pcpu_chunk *chunk, unsigned int keep)
{
	return pcpu_chunk_is_loose(chunk) && (chunk->present || pcpu_counts.empty_chunks > keep);
}

/*
 * Populated empty pages of @chunk that can be given back: the highest ones, up to @most
 * unless it is a present chunk.
 */
static u64 pcpu_chunk_excess(const struct pcpu_chunk *chunk, long most)
{
	u64 pages = pcpu_chunk_spare(chunk) & ~chunk->pinned;
	long nr = hweight64(pages);

	if (chunk->present)
		return pages;
	for (most = max(most, 0L); nr > most; nr--)
		pages &= pages - 1;
	return pages;
}

/*
 * Claim what can be given back of the chunk with the highest number that has anything, so
 * that @keep_pages of the reserve and @keep_chunks empty chunks stay; of present chunks
 * none need. Return the chunk, or NULL, and in @pages those that lose their memory; they
 * are withheld, and no longer populated. A chunk that is given back as a whole is out of
 * the table; lookups without a lock may still see it until pcpu_chunk_unclaim() has waited
 * for them.
 */
struct pcpu_chunk *pcpu_chunks_claim_spare(long keep_pages, unsigned int keep_chunks,
					   u64 *pages)
{
	struct pcpu_chunk *chunk;
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	for (i = pcpu_chunk_top(); i-- > 0;) {
		pcpu_chunk_lock_break(i, &flags);
		if (pcpu_counts_excess(keep_pages) <= 0 && !pcpu_counts.present_empty &&
		    pcpu_counts.empty_chunks <= keep_chunks && !pcpu_counts.present_chunks)
			break;
		chunk = pcpu_chunk_table[i];
		if (!chunk || chunk->held)
			continue;
		if (pcpu_chunk_is_removable(chunk, keep_chunks)) {
			*pages = chunk->populated;
			pcpu_chunk_withhold(chunk, PCPU_ALL_PAGES);
			pcpu_chunk_set_masks(chunk, 0, 0);
			list_del_init(&chunk->list);
			WRITE_ONCE(pcpu_chunk_table[i], NULL);
			pcpu_counts.chunks--;
			goto found;
		}
		*pages = pcpu_chunk_excess(chunk, pcpu_counts_excess(keep_pages));
		if (*pages) {
			pcpu_chunk_withhold(chunk, *pages);
			pcpu_chunk_set_masks(chunk, chunk->populated & ~*pages, chunk->empty);
			goto found;
		}
	}
	chunk = NULL;
found:
	pcpu_claims += !!chunk;
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return chunk;
}

/*
 * End the claim of a chunk: allocations may use @pages again, all that one call has claimed.
 * A chunk that is out of the table, and has no pages now, is freed by RCU.
 */
void pcpu_chunk_unclaim(struct pcpu_chunk *chunk, u64 pages)
{
	bool removed = READ_ONCE(pcpu_chunk_table[chunk->nr]) != chunk;

	if (removed)
		trace_percpu_destroy_chunk((void *)pcpu_area_off_to_addr(pcpu_chunk_off(chunk)));
	scoped_guard(raw_spinlock_irqsave, &pcpu_chunk_lock) {
		if (removed)
			__clear_bit(chunk->nr, pcpu_chunk_nrs);
		else
			pcpu_chunk_release(chunk, pages);
		pcpu_claims--;
	}
	if (removed)
		call_rcu(&chunk->rcu, pcpu_chunk_free_rcu);
}

#ifdef CONFIG_PERCPU_PRESENT

/*
 * Hold the next present chunk from number @from on that has populated pages, and store
 * which. None of these is depopulated until pcpu_chunk_unhold(); others may be populated
 * meanwhile. There is one caller at a time, in process context. Return the number of the
 * chunk, or -1.
 */
int pcpu_chunks_hold_present(unsigned int from, u64 *populated)
{
	unsigned int nr, end = pcpu_chunk_top();
	struct pcpu_chunk *chunk;

	for (nr = from; nr < end; nr++) {
		guard(raw_spinlock_irqsave)(&pcpu_chunk_lock);
		chunk = pcpu_chunk_table[nr];
		if (!chunk || !chunk->present || !chunk->populated)
			continue;
		chunk->held = true;
		*populated = chunk->populated;
		return nr;
	}
	return -1;
}

/* Undo pcpu_chunks_hold_present(). */
void pcpu_chunk_unhold(unsigned int nr)
{
	guard(raw_spinlock_irqsave)(&pcpu_chunk_lock);
	pcpu_chunk_table[nr]->held = false;
}

#endif /* CONFIG_PERCPU_PRESENT */

/*
 * Call @look with the lock held, so that no chunk changes. For diagnostics only: the
 * bound is that of @look.
 */
void pcpu_chunks_inspect(void (*look)(void *data), void *data)
{
	guard(raw_spinlock_irqsave)(&pcpu_chunk_lock);
	look(data);
}
