// SPDX-License-Identifier: GPL-2.0-only
/*
 * small: objects of 4 and 8 bytes, which share a granule.
 *
 * A granule that was taken like any other extent is split into equal objects.
 * Those that come back are noted in a mask; when the mask is full, the granule
 * goes back.  Chunks with room in split granules are on a list.
 */
#include <linux/init.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "mark.h"
#include "populate.h"
#include "small.h"

/* Chunks that may have split granules with room; guarded by pcpu_chunk_lock. */
static struct list_head pcpu_small_partial[PCPU_NR_SMALL] = {
	LIST_HEAD_INIT(pcpu_small_partial[0]),
	LIST_HEAD_INIT(pcpu_small_partial[1]),
};

/* The mask of what is free in the granule at @off, or NULL. */
static u8 *pcpu_small_room(struct pcpu_chunk *chunk, unsigned long off)
{
	u8 *rooms = READ_ONCE(chunk->rooms[pcpu_off_to_page(off)]);

	return rooms ? rooms + (offset_in_page(off) >> PCPU_GRANULE_SHIFT) :
		       NULL;
}

/**
 * pcpu_small_prepared - whether the granule at @off can be shared
 * @off: a granule of the caller's
 *
 * Return: true if its page has masks.
 */
bool pcpu_small_prepared(unsigned long off)
{
	return pcpu_small_room(pcpu_chunk_of(off), off);
}

/**
 * pcpu_small_prepare - see that a page can have shared granules
 * @off: a granule of the caller's
 * @gfp: how memory for masks may be allocated
 *
 * Context: any that @gfp allows.
 */
void pcpu_small_prepare(unsigned long off, gfp_t gfp)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	u8 **where = &chunk->rooms[pcpu_off_to_page(off)], *rooms;

	if (READ_ONCE(*where) || !pcpu_metadata_allowed(gfp))
		return;
	rooms = kzalloc(PCPU_PAGE_GRANULES, gfp | __GFP_NOWARN);
	if (rooms && cmpxchg(where, NULL, rooms))
		kfree(rooms);
}

/* Note that the granule at @off has room. */
static void pcpu_small_note(struct pcpu_chunk *chunk, unsigned long off,
			    unsigned int class)
{
	chunk->partial[class] |= BIT_ULL(pcpu_off_to_page(off));
	if (list_empty(&chunk->partial_node[class]))
		list_add(&chunk->partial_node[class],
			 &pcpu_small_partial[class]);
}

/**
 * pcpu_small_split - split a granule
 * @off: the granule, taken by the caller, with memory
 * @class: into objects of this small class; they are the caller's
 *
 * In a page that is not prepared, for want of memory, the granule becomes one
 * object, and the rest of it is wasted.
 *
 * Context: any, no lock needed.
 * Return: how many objects there are.
 */
unsigned int pcpu_small_split(unsigned long off, unsigned int class)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	u8 mark = pcpu_mark_of_split(class);
	unsigned int nr = PCPU_GRANULE / pcpu_class_size(class);

	if (unlikely(!pcpu_small_room(chunk, off))) {
		mark |= PCPU_MARK_LONE;
		nr = 1;
	}
	pcpu_mark_set(chunk, pcpu_off_to_granule(off), mark);
	return nr;
}

/**
 * pcpu_small_any - whether it is worth to look for objects to take
 * @class: their small class
 *
 * Context: any, no lock needed; a hint.
 * Return: true if a split granule may have room for @class.
 */
bool pcpu_small_any(unsigned int class)
{
	return !list_empty(&pcpu_small_partial[class]);
}

/* Take up to @want free objects of the split granule at @off. */
static unsigned int pcpu_small_take_granule(u8 *room, unsigned long off,
					    unsigned int class, u32 *offs,
					    unsigned int want)
{
	unsigned int i, n = 0;

	for (; *room && n < want; *room &= *room - 1) {
		i = __ffs(*room);
		offs[n++] = off + 4 * i;
	}
	return n;
}

/* The same for a page of @chunk. */
static unsigned int pcpu_small_take_page(struct pcpu_chunk *chunk,
					 unsigned int page, unsigned int class,
					 u32 *offs, unsigned int want)
{
	unsigned long base = pcpu_chunk_off(chunk) + (page << PAGE_SHIFT);
	u8 *first = chunk->rooms[page], *end = first + PCPU_PAGE_GRANULES;
	unsigned int n = 0;
	u8 *room = first;

	for (; n < want && room < end; room++) {
		unsigned long off;

		room = memchr_inv(room, 0, end - room);
		if (!room)
			break;
		off = base + ((room - first) << PCPU_GRANULE_SHIFT);
		if ((pcpu_mark_get(chunk, pcpu_off_to_granule(off)) &
		     PCPU_MARK_KIND) == pcpu_mark_of_split(class))
			n += pcpu_small_take_granule(room, off, class,
						     offs + n, want - n);
	}
	/* The mask is a hint: now it is known that nothing is left. */
	if (n < want)
		chunk->partial[class] &= ~BIT_ULL(page);
	return n;
}

/**
 * pcpu_small_take - take free objects of split granules
 * @class: their small class
 * @offs: where to store their offsets
 * @want: how many at most
 *
 * Return: how many.
 */
unsigned int pcpu_small_take(unsigned int class, u32 *offs, unsigned int want)
{
	struct pcpu_chunk *chunk, *next;
	unsigned int n = 0;

	lockdep_assert_held(&pcpu_chunk_lock);

	list_for_each_entry_safe(chunk, next, &pcpu_small_partial[class],
				 partial_node[class]) {
		u64 pages = chunk->partial[class];

		for (; pages && n < want; pages &= pages - 1)
			n += pcpu_small_take_page(chunk, __ffs64(pages), class,
						  offs + n, want - n);
		if (n == want)
			break;
		if (!chunk->partial[class])
			list_del_init(&chunk->partial_node[class]);
	}
	return n;
}

/**
 * pcpu_small_give - give back an object of a split granule
 * @off: its offset
 * @class: its small class
 */
void pcpu_small_give(unsigned long off, unsigned int class)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int granule = pcpu_off_to_granule(off);
	u8 full = pcpu_mark_full(class), nobody = 0, *room = &nobody;

	lockdep_assert_held(&pcpu_chunk_lock);

	if (pcpu_mark_get(chunk, granule) & PCPU_MARK_LONE)
		nobody = full;
	else
		room = pcpu_small_room(chunk, off);
	*room |= pcpu_mark_bit(off);
	if (*room == full) {
		*room = 0;
		pcpu_mark_set(chunk, granule, 0);
		pcpu_chunk_give(chunk, granule, 1);
	} else {
		pcpu_small_note(chunk, off, class);
	}
}
