// SPDX-License-Identifier: GPL-2.0-only
/*
 * place: where an extent is allocated: in the fullest chunk that can hold it, at
 * the lowest address.
 *
 * Objects are sorted by the time of their allocation and not by size, because
 * objects that are allocated together are often freed together.
 *
 * A search skips what its hints bound below its length, see Documentation/mm/percpu.rst,
 * "Run hints".
 */
#include "chunk.h"

/* Those of @pages in which a run for @fit may end. */
static u64 pcpu_fit_likely(const struct pcpu_chunk *chunk,
			   const struct pcpu_fit *fit, u64 pages)
{
	unsigned int i = min(fls(fit->nr), PCPU_NR_BY_RUN) - 1;
	/* Longer than a page: it ends at the beginning of a page, whatever the hints say. */
	u64 within = fit->nr > PCPU_PAGE_GRANULES ? chunk->empty : chunk->by_run[i];
	u64 likely = within | (chunk->headed & chunk->tailed << 1);

	/* A run from the beginning of a page on needs the head of each page. */
	if (fit->align == PCPU_PAGE_GRANULES)
		likely &= chunk->headed;
	return pages & likely;
}

/* Bits of a word at which a run may begin that is aligned to @align granules. */
static unsigned long pcpu_word_aligned(unsigned int granule, unsigned int align)
{
	if (align < BITS_PER_LONG)
		return ~0UL / ((1UL << align) - 1);
	return !(granule & (align - 1));
}

/*
 * The bits of @free at which @nr free granules begin, up to BITS_PER_LONG; @next has
 * the free granules of the next word. @bound is raised to a bound of the runs.
 */
static unsigned long pcpu_word_runs(unsigned long free, unsigned long next,
				    unsigned int nr, unsigned int *bound)
{
	unsigned int have, more;

	for (have = 1; free && have < nr; have += more) {
		more = min(have, nr - have);
		free &= free >> more | next << (BITS_PER_LONG - more);
		next &= next >> more;
	}
	*bound = max(*bound, free ? UINT_MAX : have - 1);
	return free;
}

/* First fit of up to BITS_PER_LONG granules among @words of a page. */
static unsigned int pcpu_find_short(const unsigned long *words,
				    const struct pcpu_fit *fit,
				    unsigned int *bound)
{
	unsigned int i;

	for (i = 0; i < PCPU_PAGE_GRANULES; i += BITS_PER_LONG, words++) {
		unsigned long next = i + BITS_PER_LONG < PCPU_PAGE_GRANULES ?
				     ~words[1] : 0;
		unsigned long runs = pcpu_word_runs(~words[0], next, fit->nr,
						    bound) &
				     pcpu_word_aligned(i, fit->align);

		if (runs)
			return i + __ffs(runs);
	}
	return PCPU_PAGE_GRANULES;
}

/* First fit of more granules: two misses skip @nr granules, at least. */
static unsigned int pcpu_find_wide(const unsigned long *words, unsigned int nr,
				   unsigned int align)
{
	unsigned int start = 0, end, base, last;

	while ((end = start + nr) <= PCPU_PAGE_GRANULES) {
		base = round_down(start, BITS_PER_LONG);
		last = find_last_bit(words + BIT_WORD(start), end - base);
		if (last == end - base || base + last < start)
			return start;
		start = ALIGN(base + last + 1, align);
	}
	return PCPU_PAGE_GRANULES;
}

/* First fit within @page of @chunk: a granule, or the end of the page. */
static unsigned int pcpu_find_in_page(struct pcpu_chunk *chunk,
				      const struct pcpu_fit *fit,
				      unsigned int page)
{
	unsigned int first = page * PCPU_PAGE_GRANULES, start, bound = 0;
	unsigned int run = chunk->pages[page].run;
	unsigned long *words = &chunk->used[BIT_WORD(first)];

	if (run < fit->nr || fit->align == PCPU_PAGE_GRANULES)
		return first + PCPU_PAGE_GRANULES;
	if (fit->nr <= BITS_PER_LONG) {
		start = pcpu_find_short(words, fit, &bound);
	} else {
		start = pcpu_find_wide(words, fit->nr, fit->align);
		/* A run that is not aligned keeps the bound. */
		bound = start == PCPU_PAGE_GRANULES &&
			(fit->align == 1 || pcpu_find_wide(words, fit->nr, 1) == start) ?
			fit->nr - 1 : run;
	}
	if (start == PCPU_PAGE_GRANULES && bound < run)
		pcpu_page_set_run(chunk, page, bound);
	return first + start;
}

/*
 * First fit among @pages of @chunk, of which @likely are read: a granule, or the end of
 * the chunk.
 */
static unsigned int pcpu_find(struct pcpu_chunk *chunk, const struct pcpu_fit *fit,
			      u64 pages, u64 likely)
{
	unsigned int run = 0;

	for (; likely; likely &= likely - 1) {
		unsigned int page = __ffs64(likely);
		struct pcpu_page *pg = &chunk->pages[page];
		unsigned int base = page * PCPU_PAGE_GRANULES, start;

		/*
		 * @run: free granules before the page. A wholly free page is
		 * likely, so the last page was visited if it is one.
		 */
		if (!page || !(pages & BIT_ULL(page - 1)))
			run = 0;
		else if (pg[-1].tail == PCPU_PAGE_GRANULES)
			run += PCPU_PAGE_GRANULES;
		else
			run = pg[-1].tail;

		start = ALIGN(base - run, fit->align);
		if (start + fit->nr <= base + pg->head)
			return start;
		start = pcpu_find_in_page(chunk, fit, page);
		if (start < base + PCPU_PAGE_GRANULES)
			return start;
	}
	return PCPU_CHUNK_GRANULES;
}

/*
 * The end of the run that begins at granule @start. Where the pages need not be
 * populated, it is as short as @fit allows: see pcpu_extent_alloc_run().
 */
static unsigned int pcpu_run_end(struct pcpu_chunk *chunk,
				 const struct pcpu_fit *fit, unsigned int start,
				 u64 pages)
{
	unsigned int end = start + fit->nr, limit = start + fit->max;
	u64 stop = ~pages & ~0ULL << start / PCPU_PAGE_GRANULES;

	if (!fit->populated || limit == end)
		return end;
	if (stop)
		limit = min_t(unsigned int, limit,
			      __ffs64(stop) * PCPU_PAGE_GRANULES);
	limit = min_t(unsigned int, limit, PCPU_CHUNK_GRANULES);
	return find_next_bit(chunk->used, limit, end);
}

/* Note that @chunk has no run for @fit among @pages, and lower its hints. */
static void pcpu_fit_failed(struct pcpu_chunk *chunk,
			    const struct pcpu_fit *fit, u64 pages)
{
	if (fit->align > 1) {
		chunk->missed = (struct pcpu_missed) {
			.pages = pages, .nr = fit->nr, .align = fit->align,
		};
		return;
	}
	if (pages == PCPU_ALL_PAGES)
		chunk->max_run = min(chunk->max_run, fit->nr - 1);
	/* Searches for modules only use the hint for all pages. */
	if (!(chunk->populated & ~chunk->reserved & ~pages))
		chunk->populated_run = min(chunk->populated_run, fit->nr - 1);
}

/*
 * Steps of a search under the lock: one per chunk and one per page that is read. A chunk
 * that was read in vain costs a quarter of them more.
 */
#define PCPU_SEARCH_STEPS	64

/*
 * A pass that has read so many pages in vain reads those of no other chunk; it then takes
 * what needs no reading, unless it is thorough.
 */
#define PCPU_SEARCH_PAGES	64

/*
 * Allocate a run in @chunk. The lock must be released before if that can take more pages
 * than are left, but a search that has just begun may read all pages of a chunk.
 */
static enum pcpu_found pcpu_place_in_chunk(struct pcpu_chunk *chunk,
					   const struct pcpu_fit *fit,
					   struct pcpu_search *search,
					   struct pcpu_run *run)
{
	const struct pcpu_missed *missed = &chunk->missed;
	unsigned int start, hint = chunk->max_run;
	u64 pages, likely;

	if (fit->populated)
		hint = min(hint, chunk->populated_run);
	if (hint < fit->nr)
		return PCPU_FOUND_NONE;
	pages = fit->kind == PCPU_KIND_MODULE ? PCPU_ALL_PAGES :
		(fit->populated ? chunk->populated : PCPU_ALL_PAGES) & ~chunk->reserved;
	if (unlikely(search->read >= PCPU_SEARCH_PAGES) && !fit->thorough) {
		search->cut = true;
		/* The first place of an empty page fits, if the page is long enough. */
		pages &= chunk->empty;
		if (!pages || (fit->nr > PCPU_PAGE_GRANULES && pages != PCPU_ALL_PAGES))
			return PCPU_FOUND_NONE;
	}
	/* A search for an aligned run that has failed fails again. */
	if (unlikely(missed->nr && fit->nr >= missed->nr &&
		     fit->align >= missed->align && !(pages & ~missed->pages)))
		return PCPU_FOUND_NONE;
	likely = pcpu_fit_likely(chunk, fit, pages);
	if (search->left < PCPU_SEARCH_STEPS - 1 &&
	    (int)hweight64(likely) > search->left)
		return PCPU_FOUND_LATER;
	start = pcpu_find(chunk, fit, pages, likely);
	if (start == PCPU_CHUNK_GRANULES) {
		search->read += hweight64(likely);
		search->left -= hweight64(likely) + PCPU_SEARCH_STEPS / 4;
		pcpu_fit_failed(chunk, fit, pages);
		return PCPU_FOUND_NONE;
	}
	run->nr = pcpu_run_end(chunk, fit, start, pages) - start;
	run->off = pcpu_chunk_off(chunk) + (start << PCPU_GRANULE_SHIFT);
	pcpu_range_alloc(chunk, start, run->nr);
	return PCPU_FOUND;
}

/*
 * Let the list of @slot begin with @chunk, for the next time. Another search that is
 * in the slot may miss chunks: it must not lower the hint.
 */
static void pcpu_slot_turn(struct pcpu_slot *slot, struct pcpu_chunk *chunk,
			   struct pcpu_search *search)
{
	list_rotate_to_front(&chunk->list, &slot->chunks);
	if (search->raised == slot->raised)
		search->raised++;
	slot->raised++;
}

/*
 * Allocate a run in a chunk of @slot, or lower the hint of @slot.
 *
 * The lock may be released in between: the list is turned then so that it begins
 * with the chunk that comes next, and ends with those that were seen.
 */
static enum pcpu_found pcpu_place_in_slot(struct pcpu_slot *slot,
					  const struct pcpu_fit *fit,
					  struct pcpu_search *search,
					  struct pcpu_run *run)
{
	/* Written under pcpu_chunk_lock. 0 is the id of no search. */
	static u64 last_id;
	unsigned int *hint = fit->populated ? &slot->populated_run : &slot->max_run;
	struct pcpu_chunk *chunk;

	if (*hint < fit->nr)
		goto out;
	if (!search->id) {
		search->id = ++last_id;
		search->raised = slot->raised;
		search->longest = 0;
		search->nr_seen = 0;
	}
	list_for_each_entry(chunk, &slot->chunks, list) {
		enum pcpu_found found = PCPU_FOUND_NONE;

		/* As other searches turn the list, too, the count ends this one. */
		if ((chunk->seen == search->id && search->raised == slot->raised) ||
		    search->nr_seen > 2 * pcpu_counts.chunks)
			break;
		if (search->left-- <= 0)
			found = PCPU_FOUND_LATER;
		else if (chunk->seen != search->id)
			found = pcpu_place_in_chunk(chunk, fit, search, run);
		if (found == PCPU_FOUND)
			return found;
		if (found == PCPU_FOUND_LATER) {
			pcpu_slot_turn(slot, chunk, search);
			return found;
		}
		search->nr_seen++;
		chunk->seen = search->id;
		search->longest = max(search->longest, fit->populated ?
				      chunk->populated_run : chunk->max_run);
	}
	/* Otherwise chunks with higher hints may have come in since. */
	if (search->raised == slot->raised)
		*hint = search->longest;
out:
	search->id = 0;
	return PCPU_FOUND_NONE;
}

/* Allocate a run in the fullest chunk that has one, from slot @search->at on. */
static enum pcpu_found pcpu_place(const struct pcpu_fit *fit,
				  struct pcpu_search *search,
				  struct pcpu_run *run)
{
	enum pcpu_found found;
	unsigned int i;

	if (fit->kind == PCPU_KIND_PRESENT)
		return pcpu_place_in_slot(&pcpu_slots->present, fit, search, run);
	i = max(search->at, fit->nr / PCPU_PAGE_GRANULES);
	for (; (i = find_next_bit(pcpu_slots->filled, PCPU_NR_SLOTS, i)) < PCPU_NR_SLOTS; i++) {
		if (list_empty(&pcpu_slots->by_free[i].chunks)) {
			__clear_bit(i, pcpu_slots->filled);
			continue;
		}
		/* The slot in which the search was may have no chunk any more. */
		if (i != search->at)
			search->id = 0;
		search->at = i;
		found = pcpu_place_in_slot(&pcpu_slots->by_free[i], fit, search, run);
		if (found != PCPU_FOUND_NONE)
			return found;
	}
	search->at = 0;
	search->id = 0;
	return PCPU_FOUND_NONE;
}

/*
 * Allocate a run. In turn: a populated run of the better length, a populated one that
 * fits, any that fits if @fit allows it. The first one need not be aligned if @fit fits
 * into any such run.
 *
 * Bound: PCPU_SEARCH_STEPS chunks and pages, but a whole chunk in any case; and a
 * step per slot in each pass. If that is not enough, the result is PCPU_FOUND_LATER.
 */
enum pcpu_found pcpu_place_run(const struct pcpu_fit *fit, struct pcpu_search *search,
			       struct pcpu_run *run)
{
	unsigned int last = fit->populated ? 1 : 2;
	enum pcpu_found found;

	lockdep_assert_held(&pcpu_chunk_lock);

	search->left = PCPU_SEARCH_STEPS;
	for (;; search->pass++, search->read = 0, search->cut = false) {
		struct pcpu_fit better = *fit;

		if (search->pass < 2)
			better.populated = true;
		if (!search->pass) {
			better.nr = min(fit->wanted, fit->max);
			if (better.nr >= fit->nr + fit->align - 1)
				better.align = 1;
		}
		found = pcpu_place(&better, search, run);
		/* The second pass would be the first one again. */
		if (found == PCPU_FOUND_NONE && !search->pass && better.nr == fit->nr)
			search->pass++;
		if (found != PCPU_FOUND_NONE || search->pass == last)
			return found;
	}
}

/* Allocate granules of adjacent chunks. */
static void pcpu_place_parts(unsigned long off, unsigned int nr)
{
	unsigned int start, part;

	for (; nr; nr -= part, off += part << PCPU_GRANULE_SHIFT) {
		start = pcpu_off_to_granule(off);
		part = min(nr, PCPU_CHUNK_GRANULES - start);
		pcpu_range_alloc(pcpu_chunk_of(off), start, part);
	}
}

/*
 * Allocate the lowest run of empty pages that holds @nr granules, where modules reach the
 * first window only: its pages are no whole chunks, so the run may begin anywhere, and
 * cross chunks. Bound: a step per page of the first window.
 */
static enum pcpu_found pcpu_place_module_pages(unsigned int nr, struct pcpu_run *run)
{
	unsigned long bytes = (unsigned long)nr << PCPU_GRANULE_SHIFT;
	unsigned long off, first = 0;
	struct pcpu_chunk *chunk;

	for (off = 0; off < pcpu_area.module_limit; off += PAGE_SIZE) {
		chunk = pcpu_chunk_table[off >> PCPU_CHUNK_SHIFT];
		if (!chunk ||
		    !(chunk->empty & chunk->populated & BIT_ULL(pcpu_off_to_page(off)))) {
			first = off + PAGE_SIZE;
		} else if (off + PAGE_SIZE - first >= bytes) {
			*run = (struct pcpu_run) { .off = first, .nr = nr };
			pcpu_place_parts(first, nr);
			return PCPU_FOUND;
		}
	}
	return PCPU_FOUND_NONE;
}

/*
 * Allocate a run for a module at the lowest offset, below chunk number @end; where modules
 * reach the first window only, also a run of empty pages of several chunks. Bound: as that
 * of pcpu_place_run(), and a step per page of such a window.
 */
enum pcpu_found pcpu_place_module(const struct pcpu_fit *fit, unsigned int end,
				  struct pcpu_search *search,
				  struct pcpu_run *run)
{
	struct pcpu_chunk *chunk;
	enum pcpu_found found;

	lockdep_assert_held(&pcpu_chunk_lock);

	end = min(end, pcpu_area.module_limit >> PCPU_CHUNK_SHIFT);
	search->left = PCPU_SEARCH_STEPS;
	for (; search->at < end; search->at++) {
		chunk = pcpu_chunk_table[search->at];
		if (search->left-- <= 0)
			return PCPU_FOUND_LATER;
		if (!chunk || chunk->present)
			continue;
		found = pcpu_place_in_chunk(chunk, fit, search, run);
		if (found != PCPU_FOUND_NONE)
			return found;
	}
	return pcpu_modules_in_first_window() ? pcpu_place_module_pages(fit->nr, run) :
						PCPU_FOUND_NONE;
}
