// SPDX-License-Identifier: GPL-2.0-only
/*
 * extent: runs of granules, first fit by address.
 *
 * Objects live and die with their neighbours in time, not with others of their
 * size, so they stay in the order in which they were allocated.  The fullest
 * chunk that can hold an object gets it, at the lowest address.
 *
 * An object is placed before its pages are populated; until then it only owns
 * offsets.  What is longer than a chunk gets a run of empty chunks.
 */
#include <linux/sched.h>

#include "extent.h"
#include "mark.h"
#include "populate.h"

/**
 * struct pcpu_fit - a search for free granules
 * @nr: granules wanted
 * @align: their alignment, in granules
 */
struct pcpu_fit {
	unsigned int nr;
	unsigned int align;
};

/* Those of @pages in which a run for @fit may end. */
static u64 pcpu_extent_likely(const struct pcpu_chunk *chunk,
			      const struct pcpu_fit *fit, u64 pages)
{
	unsigned int i = min(fls(fit->nr), PCPU_NR_BY_RUN) - 1;
	u64 likely = chunk->by_run[i] | (chunk->headed & chunk->tailed << 1);

	/* What begins with a page goes on only through wholly free ones. */
	if (fit->align == PCPU_PAGE_GRANULES)
		likely &= chunk->headed;
	return pages & likely;
}

/* First fit of @fit within @page of @chunk: a granule, or the page's end. */
static unsigned int pcpu_extent_find_within(struct pcpu_chunk *chunk,
					    const struct pcpu_fit *fit,
					    unsigned int page)
{
	unsigned int last = (page + 1) * PCPU_PAGE_GRANULES, longest = 0;
	unsigned int start = page * PCPU_PAGE_GRANULES, end, fits;

	if (chunk->pages[page].run < fit->nr ||
	    fit->align == PCPU_PAGE_GRANULES)
		return last;
	for_each_clear_bitrange_from(start, end, chunk->used, last) {
		fits = ALIGN(start, fit->align);
		if (fits + fit->nr <= end)
			return fits;
		longest = max(longest, end - start);
	}
	pcpu_page_set_run(chunk, page, longest);
	return last;
}

/* First fit of @fit among @pages of @chunk: a granule, or the chunk's end. */
static unsigned int pcpu_extent_find(struct pcpu_chunk *chunk,
				     const struct pcpu_fit *fit, u64 pages)
{
	u64 likely = pcpu_extent_likely(chunk, fit, pages);
	unsigned int run = 0;

	for (; likely; likely &= likely - 1) {
		unsigned int page = __ffs64(likely);
		struct pcpu_page *pg = &chunk->pages[page];
		unsigned int base = page * PCPU_PAGE_GRANULES, start;

		/* Wholly free pages are likely: @run is the last one's. */
		if (!page || !(pages & BIT_ULL(page - 1)))
			run = 0;
		else if (pg[-1].tail == PCPU_PAGE_GRANULES)
			run += PCPU_PAGE_GRANULES;
		else
			run = pg[-1].tail;

		/* In the run that reaches the page from below, or within it. */
		start = ALIGN(base - run, fit->align);
		if (start + fit->nr <= base + pg->head)
			return start;
		start = pcpu_extent_find_within(chunk, fit, page);
		if (start < base + PCPU_PAGE_GRANULES)
			return start;
	}
	return PCPU_CHUNK_GRANULES;
}

/* Pages that @place may use in @chunk. */
static u64 pcpu_extent_pages(const struct pcpu_chunk *chunk,
			     const struct pcpu_place *place, bool populated)
{
	u64 pages = populated ? chunk->populated : ~0ULL;

	return place->module ? pages : pages & ~chunk->reserved;
}

static unsigned long pcpu_extent_set(struct pcpu_chunk *chunk,
				     unsigned int start, unsigned int nr)
{
	pcpu_chunk_take(chunk, start, nr);
	return pcpu_chunk_off(chunk) +
	       ((unsigned long)start << PCPU_GRANULE_SHIFT);
}

/* Among @pages of @chunk there is no run for @fit, wherever it may begin. */
static void pcpu_extent_missed(struct pcpu_chunk *chunk,
			       const struct pcpu_fit *fit, u64 pages)
{
	if (pages == ~0ULL)
		chunk->max_run = min(chunk->max_run, fit->nr - 1);
	/* What is reserved is looked for among all pages. */
	if (!(chunk->populated & ~chunk->reserved & ~pages))
		chunk->populated_run = min(chunk->populated_run, fit->nr - 1);
}

/* pcpu_extent_find(), and remember for the next search what was seen. */
static unsigned int pcpu_extent_search(struct pcpu_chunk *chunk,
				       const struct pcpu_fit *fit, u64 pages)
{
	unsigned int start = pcpu_extent_find(chunk, fit, pages);

	if (start == PCPU_CHUNK_GRANULES && fit->align == 1)
		pcpu_extent_missed(chunk, fit, pages);
	return start;
}

static unsigned long pcpu_extent_try(struct pcpu_chunk *chunk,
				     const struct pcpu_place *place,
				     const struct pcpu_fit *fit, bool populated)
{
	u64 pages = pcpu_extent_pages(chunk, place, populated);
	unsigned int start;

	if (chunk->max_run < fit->nr ||
	    (populated && chunk->populated_run < fit->nr))
		return PCPU_NO_OFF;
	start = pcpu_extent_search(chunk, fit, pages);
	if (start == PCPU_CHUNK_GRANULES)
		return PCPU_NO_OFF;
	return pcpu_extent_set(chunk, start, fit->nr);
}

/* In a chunk of @shelf; a miss tells what its longest run may be. */
static unsigned long pcpu_extent_place_on(struct pcpu_shelf *shelf,
					  const struct pcpu_place *place,
					  const struct pcpu_fit *fit,
					  bool populated)
{
	unsigned int *run = populated ? &shelf->populated_run : &shelf->max_run;
	unsigned int longest = 0;
	struct pcpu_chunk *chunk;
	unsigned long off;

	if (*run < fit->nr)
		return PCPU_NO_OFF;
	list_for_each_entry(chunk, &shelf->chunks, list) {
		off = pcpu_extent_try(chunk, place, fit, populated);
		if (off != PCPU_NO_OFF)
			return off;
		longest = max(longest, populated ? chunk->populated_run :
						   chunk->max_run);
	}
	*run = longest;
	return PCPU_NO_OFF;
}

/* In the fullest chunk that can hold it. */
static unsigned long pcpu_extent_place(const struct pcpu_place *place,
				       const struct pcpu_fit *fit,
				       bool populated)
{
	unsigned long off;
	unsigned int i;

	pcpu_for_each_shelf(i, fit->nr / PCPU_PAGE_GRANULES) {
		off = pcpu_extent_place_on(&pcpu_shelves->by_free[i], place, fit,
					   populated);
		if (off != PCPU_NO_OFF)
			return off;
	}
	return PCPU_NO_OFF;
}

/* Why modules find no room, by the option that would make some. */
static const char *pcpu_extent_why_module(void)
{
	return pcpu_area_modules_near() ?
	       "no room in reach of modules, raise percpu_reserve=" :
	       "no room in reach of modules, see percpu_area=";
}

/* Take or give back granules that may go on in following chunks. */
static __always_inline void
pcpu_extent_each_part(unsigned long off, unsigned int nr,
		      void (*act)(struct pcpu_chunk *chunk, unsigned int start,
				  unsigned int nr))
{
	unsigned int start = pcpu_off_to_granule(off);
	unsigned int i = off >> PCPU_CHUNK_SHIFT;

	for (; nr; i++, start = 0) {
		unsigned int part = min(nr, PCPU_CHUNK_GRANULES - start);

		act(pcpu_chunk_table[i], start, part);
		nr -= part;
	}
}

/* Whether nothing lies in the page at @off, which has memory. */
static bool pcpu_extent_page_empty(unsigned long off)
{
	struct pcpu_chunk *chunk = pcpu_chunk_table[off >> PCPU_CHUNK_SHIFT];

	return chunk && (chunk->empty & chunk->populated &
			 BIT_ULL(pcpu_off_to_page(off)));
}

/*
 * For modules where they reach only the first window: the lowest run of empty
 * pages. What is left for them there is no whole chunks, and need not begin
 * where a chunk does.
 */
static unsigned long pcpu_extent_place_pages(const struct pcpu_fit *fit)
{
	unsigned long bytes = (unsigned long)fit->nr << PCPU_GRANULE_SHIFT;
	unsigned long off, first = 0;

	lockdep_assert_held(&pcpu_chunk_lock);

	for (off = 0; off < pcpu_area.module_limit; off += PAGE_SIZE) {
		if (!pcpu_extent_page_empty(off)) {
			first = off + PAGE_SIZE;
		} else if (off + PAGE_SIZE - first >= bytes) {
			pcpu_extent_each_part(first, fit->nr, pcpu_chunk_take);
			return first;
		}
	}
	return PCPU_NO_OFF;
}

/* For modules: at the lowest offset, and within their reach. */
static unsigned long pcpu_extent_place_low(const struct pcpu_place *place,
					   const struct pcpu_fit *fit)
{
	unsigned int i, nr = min(pcpu_chunk_top(),
				 pcpu_area.module_limit >> PCPU_CHUNK_SHIFT);
	struct pcpu_chunk *chunk;
	unsigned long off;

	for (i = 0; i < nr; i++) {
		chunk = pcpu_chunk_table[i];
		if (!chunk)
			continue;
		off = pcpu_extent_try(chunk, place, fit, false);
		if (off != PCPU_NO_OFF)
			return off;
	}
	return pcpu_area_modules_near() ? pcpu_extent_place_pages(fit) :
					  PCPU_NO_OFF;
}

static void pcpu_extent_take_withheld(struct pcpu_chunk *chunk,
				      unsigned int start, unsigned int nr)
{
	pcpu_chunk_release(chunk, ~0ULL);
	pcpu_chunk_take(chunk, start, nr);
}

/*
 * Lay an object of @nr granules from the beginning of chunk @first on. All
 * its chunks are withheld by us; what the last one has left is for others.
 */
static unsigned long pcpu_extent_lay(unsigned int first, unsigned int nr)
{
	unsigned long off = (unsigned long)first << PCPU_CHUNK_SHIFT;

	lockdep_assert_held(&pcpu_chunk_lock);

	pcpu_extent_each_part(off, nr, pcpu_extent_take_withheld);
	return off;
}

/* A module's long section, where only the first window is in reach. */
static unsigned long pcpu_extent_place_near(const struct pcpu_fit *fit,
					    const char **why)
{
	unsigned long flags, off;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	off = pcpu_extent_place_pages(fit);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	if (off == PCPU_NO_OFF)
		*why = pcpu_extent_why_module();
	return off;
}

/* Place what does not fit into a chunk. */
static unsigned long pcpu_extent_place_long(const struct pcpu_place *place,
					    const struct pcpu_fit *fit,
					    gfp_t gfp, const char **why)
{
	unsigned long flags, off, limit = pcpu_area.size;
	unsigned int first;

	if (place->module && pcpu_area_modules_near())
		return pcpu_extent_place_near(fit, why);
	if (place->module)
		limit = min(limit, pcpu_area.module_limit);
	if (!pcpu_chunks_create_run(DIV_ROUND_UP(fit->nr, PCPU_CHUNK_GRANULES),
				    limit, gfp, &first, why))
		return PCPU_NO_OFF;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	off = pcpu_extent_lay(first, fit->nr);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return off;
}

/* Place what fits into a chunk, in a new one if need be. */
static unsigned long pcpu_extent_place_short(const struct pcpu_place *place,
					     const struct pcpu_fit *fit,
					     gfp_t gfp, const char **why)
{
	bool may_populate = pcpu_populate_allowed(gfp);
	unsigned long flags, off;

	for (;;) {
		raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
		if (place->module && may_populate)
			off = pcpu_extent_place_low(place, fit);
		else
			off = pcpu_extent_place(place, fit, true);
		if (off == PCPU_NO_OFF && may_populate && !place->module)
			off = pcpu_extent_place(place, fit, false);
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
		if (off != PCPU_NO_OFF)
			return off;
		if (!may_populate) {
			*why = "no populated room left, and may not populate";
			return PCPU_NO_OFF;
		}
		if (place->module &&
		    !pcpu_chunk_creatable(pcpu_area.module_limit >>
					  PCPU_CHUNK_SHIFT)) {
			*why = pcpu_extent_why_module();
			return PCPU_NO_OFF;
		}
		if (!pcpu_chunk_create(gfp, why))
			return PCPU_NO_OFF;
	}
}

/* Put memory behind pages @pages of the chunk at @base, and publish it. */
static bool pcpu_extent_populate_pages(unsigned long base, u64 pages, gfp_t gfp)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(base);
	unsigned long flags;
	unsigned int page;

	pages &= ~READ_ONCE(chunk->populated);
	for (; pages; pages &= pages - 1) {
		page = __ffs64(pages);
		if (pcpu_populate_page(base + (page << PAGE_SHIFT), gfp))
			return false;
		raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
		pcpu_chunk_set_populated(chunk, BIT_ULL(page), true);
		raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
		if (gfpflags_allow_blocking(gfp))
			cond_resched();
	}
	return true;
}

/* Put memory behind a placed extent where there is none. */
static bool pcpu_extent_populate(unsigned long off, size_t size, gfp_t gfp)
{
	unsigned long base = round_down(off, PCPU_CHUNK_SIZE);
	unsigned long end = off + size;

	for (; base < end; base += PCPU_CHUNK_SIZE) {
		unsigned long first = max(off, base);
		unsigned long last = min(end, base + PCPU_CHUNK_SIZE) - 1;
		u64 pages = pcpu_page_mask(pcpu_off_to_page(first),
					   pcpu_off_to_page(last));

		if (!pcpu_extent_populate_pages(base, pages, gfp))
			return false;
	}
	return true;
}

/**
 * pcpu_extent_alloc - place and populate a large object
 * @place: what and where
 * @gfp: how memory may be allocated for it
 * @why: where to store the reason of a failure
 *
 * Context: any that @gfp allows; takes pcpu_chunk_lock.
 * Return: the object's offset, populated but not cleared, or %PCPU_NO_OFF.
 */
unsigned long pcpu_extent_alloc(const struct pcpu_place *place, gfp_t gfp,
				const char **why)
{
	struct pcpu_fit fit = {
		.nr = DIV_ROUND_UP(place->size, PCPU_GRANULE),
		.align = max(place->align >> PCPU_GRANULE_SHIFT, 1UL),
	};
	unsigned long off;

	if (fit.nr <= PCPU_CHUNK_GRANULES) {
		off = pcpu_extent_place_short(place, &fit, gfp, why);
	} else if (pcpu_populate_allowed(gfp)) {
		off = pcpu_extent_place_long(place, &fit, gfp, why);
	} else {
		*why = "longer than a chunk, and may not populate";
		return PCPU_NO_OFF;
	}
	if (off == PCPU_NO_OFF)
		return off;

	if (!pcpu_extent_populate(off, place->size, gfp)) {
		pcpu_extent_free(off, fit.nr);
		*why = "no pages to populate";
		return PCPU_NO_OFF;
	}
	return off;
}

/* Where the free run at granule @start ends, among @pages, or at @end. */
static unsigned int pcpu_extent_run_end(struct pcpu_chunk *chunk,
					unsigned int start, unsigned int end,
					u64 pages)
{
	u64 stop = ~pages & ~0ULL << start / PCPU_PAGE_GRANULES;

	if (stop)
		end = min_t(unsigned int, end,
			    __ffs64(stop) * PCPU_PAGE_GRANULES);
	end = min_t(unsigned int, end, PCPU_CHUNK_GRANULES);
	return find_next_bit(chunk->used, end, start);
}

/* Take a run from @chunk, where it has memory. */
static bool pcpu_extent_try_run(struct pcpu_chunk *chunk,
				const struct pcpu_fit *fit, unsigned int most,
				struct pcpu_run *run)
{
	u64 pages = chunk->populated & ~chunk->reserved;
	unsigned int start, end;

	if (chunk->populated_run < fit->nr)
		return false;
	start = pcpu_extent_search(chunk, fit, pages);
	if (start == PCPU_CHUNK_GRANULES)
		return false;
	end = pcpu_extent_run_end(chunk, start, start + max(most, fit->nr),
				  pages);
	run->nr = end - start;
	run->off = pcpu_extent_set(chunk, start, run->nr);
	return true;
}

/* Take a run from a chunk of @shelf; a miss tells what its longest may be. */
static bool pcpu_extent_take_run_on(struct pcpu_shelf *shelf,
				    const struct pcpu_fit *fit,
				    unsigned int most, struct pcpu_run *run)
{
	unsigned int longest = 0;
	struct pcpu_chunk *chunk;

	list_for_each_entry(chunk, &shelf->chunks, list) {
		if (pcpu_extent_try_run(chunk, fit, most, run))
			return true;
		longest = max(longest, chunk->populated_run);
	}
	shelf->populated_run = longest;
	return false;
}

/* The first chunk of @shelf that may have a run of @nr granules with memory. */
static struct pcpu_chunk *pcpu_extent_chunk_for(struct pcpu_shelf *shelf,
						unsigned int nr)
{
	struct pcpu_chunk *chunk;

	if (shelf->populated_run < nr)
		return NULL;
	list_for_each_entry(chunk, &shelf->chunks, list) {
		if (chunk->populated_run >= nr)
			return chunk;
	}
	return NULL;
}

/**
 * pcpu_extent_take_run - take a run of free granules that has memory already
 * @nr: granules that it must have, aligned
 * @align: power of two, at most PAGE_SIZE
 * @wanted: granules that it should have; aligned, unless an aligned object can be
 *	cut from so many anyway
 * @most: granules that it may have
 * @run: where to store it; empty when there is none
 *
 * The run is where an object of @wanted granules would have been placed, else one
 * of @nr.
 */
void pcpu_extent_take_run(unsigned int nr, size_t align, unsigned int wanted,
			  unsigned int most, struct pcpu_run *run)
{
	struct pcpu_fit fit = {
		.nr = nr,
		.align = max(align >> PCPU_GRANULE_SHIFT, 1UL),
	};
	struct pcpu_fit better = {
		.nr = wanted,
		.align = wanted < nr + fit.align - 1 ? fit.align : 1,
	};
	struct pcpu_chunk *fallback = NULL;
	unsigned int i;

	lockdep_assert_held(&pcpu_chunk_lock);

	run->nr = 0;
	pcpu_for_each_shelf(i, nr / PCPU_PAGE_GRANULES) {
		struct pcpu_shelf *shelf = &pcpu_shelves->by_free[i];

		if (shelf->populated_run < (fallback ? wanted : nr))
			continue;
		if (pcpu_extent_take_run_on(shelf, &better, most, run))
			return;
		if (!fallback)
			fallback = pcpu_extent_chunk_for(shelf, nr);
	}
	if (fallback)
		pcpu_extent_try_run(fallback, &fit, most, run);
}

/* Give back granules that go on in following chunks, or none. */
static noinline void pcpu_extent_give_parts(unsigned long off, unsigned int nr)
{
	pcpu_extent_each_part(off, nr, pcpu_chunk_give);
}

/**
 * pcpu_extent_give - give back granules
 * @off: first offset; the granules are the caller's, and carry no mark
 * @nr: how many, or none; they may go on in following chunks
 */
void pcpu_extent_give(unsigned long off, unsigned int nr)
{
	unsigned int start = pcpu_off_to_granule(off);

	lockdep_assert_held(&pcpu_chunk_lock);

	if (likely(nr && start + nr <= PCPU_CHUNK_GRANULES))
		pcpu_chunk_give(pcpu_chunk_of(off), start, nr);
	else
		pcpu_extent_give_parts(off, nr);
}

/**
 * pcpu_extent_free - give back an object that has no class
 * @off: its offset; it is the caller's, and carries no mark
 * @nr: its granules
 *
 * Context: any; takes pcpu_chunk_lock.
 */
void pcpu_extent_free(unsigned long off, unsigned int nr)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_extent_give(off, nr);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}
