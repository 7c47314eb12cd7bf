// SPDX-License-Identifier: GPL-2.0-only
/*
 * objmap: which live object begins at a granule; the functions of slow paths.
 */
#include "objmap.h"

/* Write an entry and the digits of a length. */
static void pcpu_objmap_write_long(struct pcpu_chunk *chunk, unsigned int granule,
				   u8 entry, unsigned int granules)
{
	unsigned int i;

	for (i = 0; i < PCPU_OBJMAP_DIGITS; i++, granules >>= 4)
		pcpu_objmap_write(chunk, granule + 1 + i,
				  PCPU_OBJMAP_DIGIT | (granules & 0xf));
	/* Pairs with the cmpxchg in pcpu_objmap_clear(), as in pcpu_objmap_set_wide(). */
	smp_wmb();
	pcpu_objmap_write(chunk, granule, entry);
}

/* Clear the digits. Return the length. */
static unsigned int pcpu_objmap_clear_digits(struct pcpu_chunk *chunk,
					     unsigned int granule)
{
	unsigned int i, granules = pcpu_objmap_read_long(chunk, granule);

	for (i = 1; i <= PCPU_OBJMAP_DIGITS; i++)
		pcpu_objmap_write(chunk, granule + i, 0);
	return granules;
}

/**
 * pcpu_objmap_set_long - set the entry of an object without a class
 * @off: offset of the object, owned by the caller
 * @granules: its length, more than PCPU_CLASS_GRANULES
 */
void pcpu_objmap_set_long(unsigned long off, unsigned int granules)
{
	if (granules <= PCPU_WIDE_MAX)
		pcpu_objmap_set_wide(off, granules);
	else
		pcpu_objmap_write_long(pcpu_chunk_of(off), pcpu_off_to_granule(off),
				       PCPU_OBJMAP_LONG, granules);
}

/**
 * pcpu_objmap_set_module - set the entry of a module's section
 * @off: offset of the section, owned by the caller
 * @granules: its length
 */
void pcpu_objmap_set_module(unsigned long off, unsigned int granules)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int granule = pcpu_off_to_granule(off);

	if (granules > PCPU_OBJMAP_DIGITS)
		pcpu_objmap_write_long(chunk, granule, PCPU_OBJMAP_MODULE_LONG,
				       granules);
	else
		pcpu_objmap_write(chunk, granule, PCPU_OBJMAP_MODULE | granules);
}

/**
 * pcpu_objmap_clear_module - clear the entry of a module's section
 * @off: offset within the area at which the section may begin
 *
 * Context: any.
 * Return: the granules of the section, which the caller owns then, or 0 if no
 * section begins at @off.
 */
unsigned int pcpu_objmap_clear_module(unsigned long off)
{
	unsigned int granule = pcpu_off_to_granule(off);
	struct pcpu_chunk *chunk;
	u8 entry = 0;

	rcu_read_lock();
	chunk = pcpu_chunk_of(off);
	if (chunk && !(off & (PCPU_GRANULE - 1)))
		entry = pcpu_objmap_read(chunk, granule);
	if (!pcpu_objmap_is_module(entry) ||
	    !pcpu_objmap_try_clear(pcpu_objmap_entry(chunk, granule), entry, entry))
		entry = 0;
	rcu_read_unlock();
	if (entry == PCPU_OBJMAP_MODULE_LONG)
		return pcpu_objmap_clear_digits(chunk, granule);
	return entry & ~PCPU_OBJMAP_MODULE;
}

/* The length behind an entry %PCPU_OBJMAP_LONG. */
static unsigned int pcpu_objmap_copy_read_long(const u8 *objmap, unsigned int granule)
{
	unsigned int i, granules = 0;

	for (i = PCPU_OBJMAP_DIGITS; i > 0; i--)
		granules = granules << 4 |
			   (READ_ONCE(objmap[pcpu_objmap_index(granule + i)]) & 0xf);
	return granules;
}

/**
 * pcpu_objmap_read_long - read the length behind an entry
 * @chunk: the chunk of the object
 * @granule: the granule at which the object begins
 *
 * Return: its granules.
 */
unsigned int pcpu_objmap_read_long(struct pcpu_chunk *chunk, unsigned int granule)
{
	return pcpu_objmap_copy_read_long(chunk->objmap, granule);
}

/* Clear @entry of the wide object at @off. Return its granules, or 0 if it is none. */
static unsigned int pcpu_objmap_clear_wide(struct pcpu_chunk *chunk, unsigned long off,
					   u8 entry)
{
	unsigned int granule = pcpu_off_to_granule(off), nr;

	if (off & (PCPU_GRANULE - 1) ||
	    !pcpu_objmap_try_clear(pcpu_objmap_entry(chunk, granule), entry, entry))
		return 0;
	nr = pcpu_objmap_read_wide(chunk, granule, entry);
	pcpu_objmap_write(chunk, granule + 1, 0);
	return nr;
}

/**
 * pcpu_objmap_clear - clear the entry of a live object
 * @chunk: the chunk of @off
 * @off: offset at which the object may begin
 * @class: where to store the class of the object
 *
 * Context: any, IRQs off so that @chunk stays.
 * Return: granules of the object, which the caller owns then, 1 for an object of a
 * split granule, or 0 if no object was live.
 */
unsigned int pcpu_objmap_clear(struct pcpu_chunk *chunk, unsigned long off,
			       unsigned int *class)
{
	u8 *where = pcpu_objmap_entry(chunk, off >> PCPU_GRANULE_SHIFT);
	u8 bits, entry = READ_ONCE(*where);

	*class = PCPU_CLASS_LONG;
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

/**
 * pcpu_objmap_copy_length - length of the object that begins at a granule
 * @objmap: the object map of its chunk, or a copy of it
 * @granule: the granule
 *
 * Return: granules of the object, live or in quarantine; 1 for a split granule; or
 * 0 if no object begins there.
 */
unsigned int pcpu_objmap_copy_length(const u8 *objmap, unsigned int granule)
{
	u8 entry = READ_ONCE(objmap[pcpu_objmap_index(granule)]);

	if (entry & PCPU_OBJMAP_SPLIT)
		return 1;
	if (pcpu_objmap_is_wide(entry))
		return pcpu_objmap_wide_length(entry,
				READ_ONCE(objmap[pcpu_objmap_index(granule + 1)]));
	if (pcpu_objmap_has_digits(entry))
		return pcpu_objmap_copy_read_long(objmap, granule);
	if (pcpu_objmap_is_module(entry))
		return entry & ~PCPU_OBJMAP_MODULE;
	return entry <= PCPU_CLASS_GRANULES ? entry : 0;
}

/**
 * pcpu_objmap_set_debug - set the entry of an object that is checked
 * @off: offset of the object, owned by the caller
 * @granules: its length, more than PCPU_OBJMAP_DIGITS
 */
void pcpu_objmap_set_debug(unsigned long off, unsigned int granules)
{
	pcpu_objmap_write_long(pcpu_chunk_of(off), pcpu_off_to_granule(off),
			       PCPU_OBJMAP_DEBUG, granules);
}

/**
 * pcpu_objmap_cmpxchg - change the entry of an object with digits
 * @off: offset within the area at which the object may begin
 * @from: the value that the entry must have
 * @to: the value to write
 *
 * Context: any. Of two concurrent calls only one succeeds.
 * Return: the granules of the object, or 0 if the entry is not @from.
 */
unsigned int pcpu_objmap_cmpxchg(unsigned long off, u8 from, u8 to)
{
	unsigned int granules = 0, granule = pcpu_off_to_granule(off);
	struct pcpu_chunk *chunk;

	rcu_read_lock();
	chunk = pcpu_chunk_of(off);
	if (chunk && !(off & (PCPU_GRANULE - 1)) &&
	    pcpu_objmap_read(chunk, granule) == from &&
	    try_cmpxchg(pcpu_objmap_entry(chunk, granule), &from, to))
		granules = pcpu_objmap_read_long(chunk, granule);
	rcu_read_unlock();
	return granules;
}

/**
 * pcpu_objmap_clear_retired - clear the entry of an object in quarantine
 * @off: offset of the object, owned by the caller
 */
void pcpu_objmap_clear_retired(unsigned long off)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int granule = pcpu_off_to_granule(off);

	pcpu_objmap_write(chunk, granule, 0);
	pcpu_objmap_clear_digits(chunk, granule);
}
