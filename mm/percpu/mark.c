// SPDX-License-Identifier: GPL-2.0-only
/*
 * mark: which live object begins at a granule; what is not needed in a hurry.
 */
#include "mark.h"

/* Set a mark that a length follows. */
static void pcpu_mark_set_long(struct pcpu_chunk *chunk, unsigned int granule,
			       u8 mark, unsigned int granules)
{
	unsigned int i;

	for (i = 0; i < PCPU_MARK_DIGITS; i++, granules >>= 4)
		pcpu_mark_set(chunk, granule + 1 + i,
			      PCPU_MARK_DIGIT | (granules & 0xf));
	pcpu_mark_set(chunk, granule, mark);
}

/* Take the digits away; return the length that they said. */
static unsigned int pcpu_mark_take_digits(struct pcpu_chunk *chunk,
					  unsigned int granule)
{
	unsigned int i, granules = pcpu_mark_read_long(chunk, granule);

	for (i = 1; i <= PCPU_MARK_DIGITS; i++)
		pcpu_mark_set(chunk, granule + i, 0);
	return granules;
}

/**
 * pcpu_mark_give_long - mark an object live that has no class
 * @off: its offset; the object is the caller's
 * @granules: its length, more than PCPU_CLASS_GRANULES
 */
void pcpu_mark_give_long(unsigned long off, unsigned int granules)
{
	pcpu_mark_set_long(pcpu_chunk_of(off), pcpu_off_to_granule(off),
			   PCPU_MARK_LONG, granules);
}

/**
 * pcpu_mark_give_module - mark a module's section live
 * @off: its offset; the section is the caller's
 * @granules: its length
 */
void pcpu_mark_give_module(unsigned long off, unsigned int granules)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int granule = pcpu_off_to_granule(off);

	if (granules > PCPU_MARK_DIGITS)
		pcpu_mark_set_long(chunk, granule, PCPU_MARK_MODULE_LONG,
				   granules);
	else
		pcpu_mark_set(chunk, granule, PCPU_MARK_MODULE | granules);
}

/**
 * pcpu_mark_take_module - take a module's section away from the module
 * @off: where it may begin, within the area
 *
 * Context: any. If there is one, nobody else gives it back.
 * Return: its granules, or 0 when no module's section begins at @off.
 */
unsigned int pcpu_mark_take_module(unsigned long off)
{
	unsigned int granule = pcpu_off_to_granule(off);
	struct pcpu_chunk *chunk;
	u8 mark = 0;

	rcu_read_lock();
	chunk = pcpu_chunk_of(off);
	if (chunk && !(off & (PCPU_GRANULE - 1)))
		mark = pcpu_mark_get(chunk, granule);
	if (!pcpu_mark_is_module(mark) ||
	    !pcpu_mark_try_take(pcpu_mark_at(chunk, granule), mark, mark))
		mark = 0;
	rcu_read_unlock();
	if (mark == PCPU_MARK_MODULE_LONG)
		return pcpu_mark_take_digits(chunk, granule);
	return mark & ~PCPU_MARK_MODULE;
}

/* The length that follows a mark %PCPU_MARK_LONG. */
static unsigned int pcpu_marks_read_long(const u8 *marks, unsigned int granule)
{
	unsigned int i, granules = 0;

	for (i = PCPU_MARK_DIGITS; i > 0; i--)
		granules = granules << 4 |
			   (READ_ONCE(marks[pcpu_mark_index(granule + i)]) & 0xf);
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
	return pcpu_mark_take_digits(pcpu_chunk_of(off),
				     pcpu_off_to_granule(off));
}

/**
 * pcpu_marks_length - length of what begins at a granule
 * @marks: the marks of its chunk, or a copy of them
 * @granule: the granule
 *
 * Return: granules of the object there, live or retired, 1 for a split granule,
 * or 0.
 */
unsigned int pcpu_marks_length(const u8 *marks, unsigned int granule)
{
	u8 mark = READ_ONCE(marks[pcpu_mark_index(granule)]);

	if (mark & PCPU_MARK_SPLIT)
		return 1;
	if (pcpu_mark_has_digits(mark))
		return pcpu_marks_read_long(marks, granule);
	if (pcpu_mark_is_module(mark))
		return mark & ~PCPU_MARK_MODULE;
	return mark <= PCPU_CLASS_GRANULES ? mark : 0;
}

/**
 * pcpu_mark_give_debug - mark an object live that is checked
 * @off: its offset; the object is the caller's
 * @granules: its length, more than PCPU_MARK_DIGITS
 */
void pcpu_mark_give_debug(unsigned long off, unsigned int granules)
{
	pcpu_mark_set_long(pcpu_chunk_of(off), pcpu_off_to_granule(off),
			   PCPU_MARK_DEBUG, granules);
}

/**
 * pcpu_mark_turn - change the mark of an object with digits
 * @off: where it may begin, within the area
 * @from: the mark that it must have
 * @to: the one that it gets
 *
 * Context: any. Of two that do the same only one succeeds.
 * Return: its granules, or 0 when there is no such mark at @off.
 */
unsigned int pcpu_mark_turn(unsigned long off, u8 from, u8 to)
{
	unsigned int granules = 0, granule = pcpu_off_to_granule(off);
	struct pcpu_chunk *chunk;

	rcu_read_lock();
	chunk = pcpu_chunk_of(off);
	if (chunk && !(off & (PCPU_GRANULE - 1)) &&
	    pcpu_mark_get(chunk, granule) == from &&
	    try_cmpxchg(pcpu_mark_at(chunk, granule), &from, to))
		granules = pcpu_mark_read_long(chunk, granule);
	rcu_read_unlock();
	return granules;
}

/**
 * pcpu_mark_take_retired - take away the mark of an object in quarantine
 * @off: its offset; the object is the caller's
 */
void pcpu_mark_take_retired(unsigned long off)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int granule = pcpu_off_to_granule(off);

	pcpu_mark_set(chunk, granule, 0);
	pcpu_mark_take_digits(chunk, granule);
}
