// SPDX-License-Identifier: GPL-2.0-only
/*
 * mark: which live object begins at a granule; what is not needed in a hurry.
 */
#include "mark.h"

/**
 * pcpu_mark_give_long - mark an object live that has no class
 * @off: its offset; the object is the caller's
 * @granules: its length, more than PCPU_CLASS_GRANULES
 */
void pcpu_mark_give_long(unsigned long off, unsigned int granules)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int i, granule = pcpu_off_to_granule(off);

	for (i = 0; i < PCPU_MARK_DIGITS; i++, granules >>= 4)
		pcpu_mark_set(chunk, granule + 1 + i,
			      PCPU_MARK_DIGIT | (granules & 0xf));
	pcpu_mark_set(chunk, granule, PCPU_MARK_LONG);
}

/* The length that follows a mark %PCPU_MARK_LONG. */
static unsigned int pcpu_marks_read_long(const u8 *marks, unsigned int granule)
{
	unsigned int i, granules = 0;

	for (i = PCPU_MARK_DIGITS; i > 0; i--)
		granules = granules << 4 |
			   (READ_ONCE(marks[granule + i]) & 0xf);
	return granules;
}

/**
 * pcpu_mark_read_long - the length that follows a mark %PCPU_MARK_LONG
 * @chunk: the object's chunk
 * @granule: where the object begins
 *
 * Return: its granules.
 */
unsigned int pcpu_mark_read_long(struct pcpu_chunk *chunk, unsigned int granule)
{
	return pcpu_marks_read_long(chunk->marks, granule);
}

/**
 * pcpu_mark_take_long - length of an object without class that was taken
 * @off: its offset; pcpu_mark_take() gave it to the caller
 *
 * The digits go; nothing of the object is marked any more.
 *
 * Return: its granules.
 */
unsigned int pcpu_mark_take_long(unsigned long off)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int granule = pcpu_off_to_granule(off);
	unsigned int i, granules = pcpu_mark_read_long(chunk, granule);

	for (i = 1; i <= PCPU_MARK_DIGITS; i++)
		pcpu_mark_set(chunk, granule + i, 0);
	return granules;
}

/**
 * pcpu_marks_length - length of what begins at a granule
 * @marks: the marks of its chunk, or a copy of them
 * @granule: the granule
 *
 * Return: granules of the live object there, 1 for a split granule, or 0.
 */
unsigned int pcpu_marks_length(const u8 *marks, unsigned int granule)
{
	u8 mark = READ_ONCE(marks[granule]);

	if (mark & PCPU_MARK_SPLIT)
		return 1;
	if (mark == PCPU_MARK_LONG)
		return pcpu_marks_read_long(marks, granule);
	return mark <= PCPU_CLASS_GRANULES ? mark : 0;
}

/* Whether @granule, which is in use, lies in a live object. */
static bool pcpu_mark_covered(struct pcpu_chunk *chunk, unsigned int granule)
{
	unsigned int start = granule, length = 0;

	while (!length && start--)
		length = pcpu_mark_length(chunk, start);
	/* Nothing begins before it: the rest of what a lower chunk began. */
	return !length || start + length > granule;
}

/**
 * pcpu_mark_wrong - why pcpu_mark_take() found nothing
 * @chunk: the chunk of @off
 * @off: where no live object begins
 *
 * Slow, and no more than a help for people when others allocate meanwhile.
 *
 * Context: IRQs off, so that @chunk stays; takes pcpu_chunk_lock.
 * Return: what @off is instead of a live object's beginning.
 */
enum pcpu_wrong pcpu_mark_wrong(struct pcpu_chunk *chunk, unsigned long off)
{
	unsigned int granule = pcpu_off_to_granule(off);
	u8 mark = pcpu_mark_get(chunk, granule);
	bool used;

	if (mark & PCPU_MARK_SPLIT)
		return off & (pcpu_class_size(pcpu_mark_split_class(mark)) - 1) ?
			PCPU_WRONG_INTERIOR : PCPU_WRONG_TWICE;
	if (mark)
		return PCPU_WRONG_INTERIOR;

	raw_spin_lock(&pcpu_chunk_lock);
	used = test_bit(granule, chunk->used) &&
	       !(chunk->withheld & BIT_ULL(pcpu_off_to_page(off)));
	raw_spin_unlock(&pcpu_chunk_lock);
	if (!used)
		return PCPU_WRONG_UNUSED;
	return pcpu_mark_covered(chunk, granule) ? PCPU_WRONG_INTERIOR :
						   PCPU_WRONG_TWICE;
}
