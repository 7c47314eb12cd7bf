// SPDX-License-Identifier: GPL-2.0-only
/*
 * objmap: which live object begins at a granule, functions of slow paths; and granules
 * that are split into objects of 4 or 8 bytes.
 */
#include <linux/cleanup.h>
#include <linux/irqflags.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "chunk.h"
#include "objmap.h"
#include "pages.h"

/*
 * Write an entry and the digits of a length. The section of a module may be so short that
 * digits do not fit: it has an entry without.
 */
void pcpu_objmap_write_long(unsigned long off, u8 entry, unsigned int granules)
{
	unsigned int i, granule = pcpu_off_to_granule(off);
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);

	if (granules <= PCPU_OBJMAP_DIGITS) {
		pcpu_objmap_write(chunk, granule, PCPU_OBJMAP_MODULE | granules);
		return;
	}
	for (i = 0; i < PCPU_OBJMAP_DIGITS; i++, granules >>= 4)
		pcpu_objmap_write(chunk, granule + 1 + i,
				  PCPU_OBJMAP_DIGIT | (granules & 0xf));
	/* Pairs with the cmpxchg in pcpu_objmap_clear(), as in pcpu_objmap_set_wide(). */
	smp_wmb();
	pcpu_objmap_write(chunk, granule, entry);
}

/* The length in the digits behind the entry at @granule. @objmap may be a copy. */
static unsigned int pcpu_objmap_read_digits(const u8 *objmap, unsigned int granule)
{
	unsigned int i, granules = 0;

	for (i = PCPU_OBJMAP_DIGITS; i > 0; i--)
		granules = granules << 4 |
			   (READ_ONCE(*pcpu_objmap_entry(objmap, granule + i)) & 0xf);
	return granules;
}

/* Clear the digits. Return the length. */
static unsigned int pcpu_objmap_clear_digits(struct pcpu_chunk *chunk,
					     unsigned int granule)
{
	unsigned int i, granules = pcpu_objmap_read_digits(chunk->objmap, granule);

	for (i = 1; i <= PCPU_OBJMAP_DIGITS; i++)
		pcpu_objmap_write(chunk, granule + i, 0);
	return granules;
}

/* Set the entry of an object without a class, of more than PCPU_CLASS_GRANULES. */
void pcpu_objmap_set_long(unsigned long off, unsigned int granules)
{
	if (granules <= PCPU_WIDE_MAX)
		pcpu_objmap_set_wide(off, granules);
	else
		pcpu_objmap_write_long(off, PCPU_OBJMAP_LONG, granules);
}

/* Clear @entry of the wide object at @off. Return its granules, or 0 if it is none. */
static unsigned int pcpu_objmap_clear_wide(struct pcpu_chunk *chunk, unsigned long off,
					   u8 entry)
{
	unsigned int granule = pcpu_off_to_granule(off), nr;

	if (off & (PCPU_GRANULE - 1) ||
	    !pcpu_objmap_try_clear(pcpu_objmap_entry(chunk->objmap, granule), entry, entry))
		return 0;
	nr = pcpu_objmap_read_wide(chunk, granule, entry);
	pcpu_objmap_write(chunk, granule + 1, 0);
	return nr;
}

/*
 * Clear the entry of an object that may begin at @off, within the area, and store its
 * class. Return its granules, which the caller owns then, 1 for an object of a split
 * granule, or 0 if no object was live. Any context.
 */
unsigned int pcpu_objmap_clear(unsigned long off, unsigned int *class)
{
	struct pcpu_chunk *chunk;
	u8 *where, bits, entry;

	*class = PCPU_CLASS_LONG;
	/* A chunk that is found with IRQs off does not go away. */
	guard(irqsave)();
	chunk = pcpu_chunk_of(off);
	if (!chunk)
		return 0;
	where = pcpu_objmap_entry(chunk->objmap, off >> PCPU_GRANULE_SHIFT);
	entry = READ_ONCE(*where);
	if (pcpu_objmap_is_wide(entry))
		return pcpu_objmap_clear_wide(chunk, off, entry);
	do {
		entry = READ_ONCE(*where);
		bits = pcpu_objmap_live_bits(entry, off, class);
		if (unlikely(!bits))
			return 0;
	} while (unlikely(!pcpu_objmap_try_clear(where, entry, bits)));
	if (*class == PCPU_CLASS_LONG)
		return pcpu_objmap_clear_digits(chunk, pcpu_off_to_granule(off));
	return *class < PCPU_NR_SMALL ? 1 : pcpu_class_granules(*class);
}

/*
 * The granules of the object that begins at @granule, live or in quarantine; 1 for a
 * split granule; or 0 if no object begins there. @objmap may be a copy.
 */
unsigned int pcpu_objmap_copy_length(const u8 *objmap, unsigned int granule)
{
	u8 entry = READ_ONCE(*pcpu_objmap_entry(objmap, granule));

	if (entry & PCPU_OBJMAP_SPLIT)
		return 1;
	if (pcpu_objmap_is_wide(entry))
		return pcpu_objmap_wide_length(entry,
				READ_ONCE(*pcpu_objmap_entry(objmap, granule + 1)));
	if (pcpu_objmap_has_digits(entry))
		return pcpu_objmap_read_digits(objmap, granule);
	if (pcpu_objmap_is_module(entry))
		return entry & ~PCPU_OBJMAP_MODULE;
	return entry <= PCPU_CLASS_GRANULES ? entry : 0;
}

/*
 * Find the last object that begins at or below granule @granule of @chunk, also in lower
 * chunks, up to one that does not exist. Return its granules and store its offset, or 0.
 * Under RCU. Slow: within a long object, the object map has no entry.
 */
unsigned int pcpu_objmap_find(struct pcpu_chunk *chunk, unsigned int granule,
			      unsigned long *off)
{
	unsigned int length;

	while (!(length = pcpu_objmap_length(chunk, granule))) {
		if (granule--)
			continue;
		do {
			chunk = chunk->nr ? READ_ONCE(pcpu_chunk_table[chunk->nr - 1]) : NULL;
			if (!chunk)
				return 0;
			/* Entries change without a lock. */
		} while (!data_race(memchr_inv(chunk->objmap, 0, PCPU_OBJMAP_SIZE)));
		granule = PCPU_CHUNK_GRANULES - 1;
	}
	*off = pcpu_chunk_off(chunk) + ((unsigned long)granule << PCPU_GRANULE_SHIFT);
	return length;
}

/*
 * Change the entry at @off, within the area, of an object with digits or, with @from
 * %PCPU_OBJMAP_MODULE_LONG, of any section; clear entry and digits if @to is 0. Of two
 * concurrent calls only one succeeds. Return the granules of the object, or 0 if the entry is
 * not @from. Any context.
 */
unsigned int pcpu_objmap_cmpxchg(unsigned long off, u8 from, u8 to)
{
	unsigned int granule = pcpu_off_to_granule(off);
	struct pcpu_chunk *chunk;
	u8 entry;

	guard(rcu)();
	chunk = pcpu_chunk_of(off);
	if (!chunk || off & (PCPU_GRANULE - 1))
		return 0;
	entry = pcpu_objmap_read(chunk, granule);
	if (from == PCPU_OBJMAP_MODULE_LONG && pcpu_objmap_is_module(entry))
		from = entry;
	if (entry != from || !try_cmpxchg(pcpu_objmap_entry(chunk->objmap, granule), &entry, to))
		return 0;
	if (!pcpu_objmap_has_digits(from))
		return from & ~PCPU_OBJMAP_MODULE;
	return to ? pcpu_objmap_read_digits(chunk->objmap, granule) :
		    pcpu_objmap_clear_digits(chunk, granule);
}

/*
 * Split granules. Each is an extent of one granule for its chunk. A mask has a bit for
 * each of its objects that is free; when all are, the granule is freed. Chunks with free
 * small objects are on a list, and a search visits no page without.
 */

/* Chunks that have free small objects; guarded by pcpu_chunk_lock. */
static struct list_head pcpu_small_partial[PCPU_NR_SMALL] = {
	LIST_HEAD_INIT(pcpu_small_partial[0]),
	LIST_HEAD_INIT(pcpu_small_partial[1]),
};

/* The mask of free objects in the granule at @off, or NULL. */
static u8 *pcpu_small_free_mask(struct pcpu_chunk *chunk, unsigned long off)
{
	u8 *masks = READ_ONCE(chunk->free_masks[pcpu_off_to_page(off)]);

	return masks ? masks + (offset_in_page(off) >> PCPU_GRANULE_SHIFT) :
		       NULL;
}

/*
 * Allocate the free masks of the page of a granule that the caller owns, unless it has
 * them.
 */
void pcpu_small_prepare(unsigned long off, gfp_t gfp)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	u8 **where = &chunk->free_masks[pcpu_off_to_page(off)], *masks;

	if (READ_ONCE(*where) || !pcpu_metadata_allowed(gfp))
		return;
	masks = kzalloc(PCPU_PAGE_GRANULES, gfp | __GFP_NOWARN);
	if (masks && cmpxchg(where, NULL, masks))
		kfree(masks);
}

/* Note that one granule less of @page has free objects. */
static void pcpu_small_remove_partial(struct pcpu_chunk *chunk,
				      unsigned int page, unsigned int class)
{
	if (--chunk->pages[page].partial[class])
		return;
	chunk->partial[class] &= ~BIT_ULL(page);
	if (!chunk->partial[class])
		list_del_init(&chunk->partial_node[class]);
}

/*
 * Split a granule that the caller owns into objects of @class, which the caller owns as
 * well. Return their number. If the page has no free masks, for lack of memory, the
 * granule becomes a single object and the rest of it is wasted. Any context, no lock
 * needed.
 */
unsigned int pcpu_small_split(unsigned long off, unsigned int class)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	u8 entry = pcpu_objmap_split(class);
	unsigned int nr = PCPU_GRANULE / pcpu_class_size(class);

	if (unlikely(!pcpu_small_free_mask(chunk, off))) {
		entry |= PCPU_OBJMAP_LONE;
		nr = 1;
	}
	pcpu_objmap_write(chunk, pcpu_off_to_granule(off), entry);
	return nr;
}

/*
 * Return true if a split granule may have a free object of @class: a hint, no lock
 * needed.
 */
bool pcpu_small_available(unsigned int class)
{
	return !list_empty(&pcpu_small_partial[class]);
}

/* Allocate up to @want objects of a page of @chunk that has some. */
static unsigned int pcpu_small_alloc_page(struct pcpu_chunk *chunk,
					  unsigned int page, unsigned int class,
					  u32 *offs, unsigned int want)
{
	unsigned long base = pcpu_chunk_off(chunk) + (page << PAGE_SHIFT);
	u8 *first = chunk->free_masks[page], *end = first + PCPU_PAGE_GRANULES;
	unsigned int n = 0;
	u8 *mask = first;

	for (; n < want && chunk->pages[page].partial[class]; mask++) {
		unsigned long off;

		mask = memchr_inv(mask, 0, end - mask);
		if (!mask)
			break;
		off = base + ((mask - first) << PCPU_GRANULE_SHIFT);
		if ((pcpu_objmap_read(chunk, pcpu_off_to_granule(off)) &
		     PCPU_OBJMAP_KIND) != pcpu_objmap_split(class))
			continue;
		for (; *mask && n < want; *mask &= *mask - 1)
			offs[n++] = off + 4 * __ffs(*mask);
		if (!*mask)
			pcpu_small_remove_partial(chunk, page, class);
	}
	return n;
}

/* Pages that are read for one call of pcpu_small_alloc(). */
#define PCPU_SMALL_PAGES	2

/*
 * Allocate up to @want free objects of split granules. Return their number; 0 only if
 * there is none. Bound: a step per granule of PCPU_SMALL_PAGES pages.
 */
unsigned int pcpu_small_alloc(unsigned int class, u32 *offs, unsigned int want)
{
	struct pcpu_chunk *chunk;
	unsigned int n = 0, i;

	lockdep_assert_held(&pcpu_chunk_lock);

	for (i = 0; i < PCPU_SMALL_PAGES && n < want; i++) {
		chunk = list_first_entry_or_null(&pcpu_small_partial[class],
						 struct pcpu_chunk,
						 partial_node[class]);
		if (!chunk)
			break;
		n += pcpu_small_alloc_page(chunk, __ffs64(chunk->partial[class]),
					   class, offs + n, want - n);
	}
	return n;
}

/*
 * Free objects of one split granule: that at offs[0], and those after it that are in the
 * same granule. Return their number.
 */
unsigned int pcpu_small_free(const u32 *offs, unsigned int nr, unsigned int class)
{
	unsigned long off = offs[0];
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int granule = pcpu_off_to_granule(off), n;
	unsigned int page = pcpu_off_to_page(off);
	u8 full = pcpu_objmap_full(class), lone = 0, *mask = &lone;
	u8 bits = pcpu_objmap_bit(off);
	bool partial;

	lockdep_assert_held(&pcpu_chunk_lock);

	for (n = 1; n < nr && (offs[n] ^ off) < PCPU_GRANULE; n++)
		bits |= pcpu_objmap_bit(offs[n]);
	if (pcpu_objmap_read(chunk, granule) & PCPU_OBJMAP_LONE)
		lone = full;
	else
		mask = pcpu_small_free_mask(chunk, off);
	/* A lone object is not free on its own. */
	partial = mask != &lone && *mask;
	*mask |= bits;
	if (*mask == full) {
		*mask = 0;
		if (partial)
			pcpu_small_remove_partial(chunk, page, class);
		pcpu_objmap_write(chunk, granule, 0);
		pcpu_range_free(chunk, granule, 1);
	} else if (!partial && !chunk->pages[page].partial[class]++) {
		chunk->partial[class] |= BIT_ULL(page);
		if (list_empty(&chunk->partial_node[class]))
			list_add(&chunk->partial_node[class], &pcpu_small_partial[class]);
	}
	return n;
}
