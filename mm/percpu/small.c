// SPDX-License-Identifier: GPL-2.0-only
/*
 * small: granules that are split into objects of 4 or 8 bytes.
 *
 * A split granule is an extent of one granule for its chunk. A mask has a bit for
 * each of its objects that is free; when all are, the granule is freed. Chunks
 * with free small objects are on a list, and a search visits no page without.
 */
#include <linux/init.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "chunk.h"
#include "objmap.h"
#include "pages.h"

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

/**
 * pcpu_small_prepare - allocate the free masks of a page, unless it has them
 * @off: offset of a granule that the caller owns
 * @gfp: flags to allocate them with
 *
 * Context: any that @gfp allows.
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

/* Note that one more granule of @page has free objects. */
static void pcpu_small_add_partial(struct pcpu_chunk *chunk, unsigned int page,
				   unsigned int class)
{
	if (chunk->pages[page].partial[class]++)
		return;
	chunk->partial[class] |= BIT_ULL(page);
	if (list_empty(&chunk->partial_node[class]))
		list_add(&chunk->partial_node[class],
			 &pcpu_small_partial[class]);
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

/**
 * pcpu_small_split - split a granule into objects
 * @off: offset of a granule that the caller owns, populated
 * @class: small class of the objects; the caller owns them
 *
 * If the page has no free masks, for lack of memory, the granule becomes a single
 * object and the rest of it is wasted.
 *
 * Context: any, no lock needed.
 * Return: number of objects.
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

/**
 * pcpu_small_available - test whether pcpu_small_alloc() may find an object
 * @class: small class of the object
 *
 * Context: any, no lock needed; the result is a hint.
 * Return: true if a split granule may have a free object of @class.
 */
bool pcpu_small_available(unsigned int class)
{
	return !list_empty(&pcpu_small_partial[class]);
}

/* Allocate up to @want objects of the split granule at @off. */
static unsigned int pcpu_small_alloc_granule(u8 *mask, unsigned long off,
					     u32 *offs, unsigned int want)
{
	unsigned int i, n = 0;

	for (; *mask && n < want; *mask &= *mask - 1) {
		i = __ffs(*mask);
		offs[n++] = off + 4 * i;
	}
	return n;
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
		n += pcpu_small_alloc_granule(mask, off, offs + n, want - n);
		if (!*mask)
			pcpu_small_remove_partial(chunk, page, class);
	}
	return n;
}

/* Pages that are read for one call of pcpu_small_alloc(). */
#define PCPU_SMALL_PAGES	2

/**
 * pcpu_small_alloc - allocate free objects of split granules
 * @class: their small class
 * @offs: where to store their offsets
 * @want: number of objects, at most
 *
 * Bound: a step per granule of PCPU_SMALL_PAGES pages.
 *
 * Context: pcpu_chunk_lock held.
 * Return: number of objects; 0 only if there is none.
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

/**
 * pcpu_small_free - free an object of a split granule
 * @off: offset of the object
 * @class: its small class
 *
 * Context: pcpu_chunk_lock held.
 */
void pcpu_small_free(unsigned long off, unsigned int class)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int granule = pcpu_off_to_granule(off);
	unsigned int page = pcpu_off_to_page(off);
	u8 full = pcpu_objmap_full(class), lone = 0, *mask = &lone;
	bool partial;

	lockdep_assert_held(&pcpu_chunk_lock);

	if (pcpu_objmap_read(chunk, granule) & PCPU_OBJMAP_LONE)
		lone = full;
	else
		mask = pcpu_small_free_mask(chunk, off);
	/* A lone object is not free on its own. */
	partial = mask != &lone && *mask;
	*mask |= pcpu_objmap_bit(off);
	if (*mask == full) {
		*mask = 0;
		if (partial)
			pcpu_small_remove_partial(chunk, page, class);
		pcpu_objmap_write(chunk, granule, 0);
		pcpu_range_free(chunk, granule, 1);
	} else if (!partial) {
		pcpu_small_add_partial(chunk, page, class);
	}
}
