/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mark: one byte for each granule of a chunk says which live object begins
 * there.  Giving an object out sets its mark, and a free takes it away by one
 * atomic operation without a lock: of two frees of one object only one finds the
 * mark, and a pointer to anything else finds none.
 *
 *	0		no live object begins here
 *	1..64		one of so many granules does
 *	0x41		a longer one does; the next marks are digits of its length
 *	0x60..0x6f	such a digit
 *	0x71..0x76	a module's section of so many granules begins here
 *	0x77		a longer one does; digits follow
 *	0x78		an object that is checked, see debug.c; digits follow
 *	0x79		the same, freed and in quarantine
 *	0x80 | mask	a granule of four objects of 4 bytes; mask: live ones
 *	0xc0 | mask	a granule of two objects of 8 bytes, with every other bit
 *	... | 0x20	the same, but only that one object is anybody's
 *
 * To a plain free what follows the digits in this table is nothing live: only
 * the module loader gives back a module's section, and debug.c what it checks.
 *
 * A byte belongs to whoever owns the granule, and is touched by no one else
 * but wrong frees, which look and let be.
 */
#ifndef _MM_PERCPU_MARK_H
#define _MM_PERCPU_MARK_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>

#include "chunk.h"
#include "class.h"

#define PCPU_MARK_LONG		(PCPU_CLASS_GRANULES + 1)
#define PCPU_MARK_DIGIT		0x60
#define PCPU_MARK_MODULE	0x70
#define PCPU_MARK_MODULE_LONG	0x77
#define PCPU_MARK_DEBUG		0x78
#define PCPU_MARK_RETIRED	0x79
#define PCPU_MARK_SPLIT		0x80
#define PCPU_MARK_KIND		0xc0
#define PCPU_MARK_LONE		0x20

static_assert(PCPU_MARK_LONG < PCPU_MARK_DIGIT);

/* Digits of a length: four bits each, the lowest first. */
#define PCPU_MARK_DIGITS	6

unsigned int pcpu_marks_length(const u8 *marks, unsigned int granule);

/*
 * Where the mark of a granule lies; it may be counted from the area's beginning,
 * too.  Neighbours are often objects of two CPUs, who both write marks all the
 * time: no two granules within 3 KB have theirs in one cache line.
 */
static inline unsigned int pcpu_mark_index(unsigned int granule)
{
	return granule * 81 % PCPU_CHUNK_GRANULES;
}

static inline u8 *pcpu_mark_at(const struct pcpu_chunk *chunk,
			       unsigned int granule)
{
	return &chunk->marks[pcpu_mark_index(granule)];
}

static inline u8 pcpu_mark_get(const struct pcpu_chunk *chunk,
			       unsigned int granule)
{
	return READ_ONCE(*pcpu_mark_at(chunk, granule));
}

/*
 * Set a mark that nobody else may change: that of a granule without one. Where
 * an atomic operation on a byte is one on its word, perhaps under a lock, a plain
 * store to the byte beside it could be lost.
 */
static inline void pcpu_mark_set(struct pcpu_chunk *chunk, unsigned int granule,
				 u8 mark)
{
	u8 *where = pcpu_mark_at(chunk, granule), old;

	if (!IS_ENABLED(CONFIG_ARCH_NEED_CMPXCHG_1_EMU)) {
		WRITE_ONCE(*where, mark);
		return;
	}
	old = READ_ONCE(*where);
	while (unlikely(!try_cmpxchg(where, &old, mark)))
		;
}

/* Bits of a mark that owners of other objects may change. */
static inline void pcpu_mark_add(struct pcpu_chunk *chunk, unsigned int granule,
				 u8 bits)
{
	u8 *where = pcpu_mark_at(chunk, granule), old = READ_ONCE(*where);

	while (unlikely(!try_cmpxchg(where, &old, old | bits)))
		;
}

/* The mark of a granule split into objects of a small @class, none live. */
static inline u8 pcpu_mark_of_split(unsigned int class)
{
	return PCPU_MARK_SPLIT | class << 6;
}

static inline unsigned int pcpu_mark_split_class(u8 mark)
{
	return (mark >> 6) & 1;
}

/* The bit of the object at @off in the mask of its split granule. */
static inline u8 pcpu_mark_bit(unsigned long off)
{
	return 1 << ((off & (PCPU_GRANULE - 1)) / 4);
}

/* All bits of such a mask. */
static inline u8 pcpu_mark_full(unsigned int class)
{
	return class ? 0x5 : 0xf;
}

/* Live objects of a split granule with this mark. */
static inline unsigned int pcpu_mark_nr_live(u8 mark)
{
	return hweight8(mark & pcpu_mark_full(pcpu_mark_split_class(mark)));
}

/* Mark a small object live; it is the caller's. */
static inline void pcpu_mark_give_small(unsigned long off)
{
	pcpu_mark_add(pcpu_chunk_of(off), off >> PCPU_GRANULE_SHIFT,
		      pcpu_mark_bit(off));
}

/* The same for one of @nr granules, up to %PCPU_CLASS_GRANULES. */
static inline void pcpu_mark_give_granules(unsigned long off, unsigned int nr)
{
	pcpu_mark_set(pcpu_chunk_of(off), off >> PCPU_GRANULE_SHIFT, nr);
}

/**
 * pcpu_mark_give - mark an object live
 * @off: its offset; the object is the caller's
 * @class: its class, not %PCPU_CLASS_LONG
 */
static inline void pcpu_mark_give(unsigned long off, unsigned int class)
{
	if (class < PCPU_NR_SMALL)
		pcpu_mark_give_small(off);
	else
		pcpu_mark_give_granules(off, pcpu_class_granules(class));
}

/* The bits that a free at @off takes from @mark, or 0 if nothing live is. */
static inline u8 pcpu_mark_taken(u8 mark, unsigned long off, unsigned int *class)
{
	if (likely(mark - 1U < PCPU_MARK_LONG)) {
		*class = pcpu_class_of_granules(mark);
		return off & (PCPU_GRANULE - 1) ? 0 : mark;
	}
	if (!(mark & PCPU_MARK_SPLIT) || off & 3)
		return 0;
	*class = pcpu_mark_split_class(mark);
	return mark & pcpu_mark_bit(off);
}

/* Take @bits from a mark if it still is @mark. */
static inline bool pcpu_mark_try_take(u8 *where, u8 mark, u8 bits)
{
	return try_cmpxchg(where, &mark, mark & ~bits);
}

/**
 * pcpu_mark_take - take a live object away from whoever owns it
 * @chunk: the chunk of @off
 * @off: where the object may begin
 * @class: where to store the object's class
 *
 * Context: any, IRQs off so that @chunk stays.
 * Return: %true when it was live; it is the caller's now.
 */
static inline bool pcpu_mark_take(struct pcpu_chunk *chunk, unsigned long off,
				  unsigned int *class)
{
	u8 *where = pcpu_mark_at(chunk, off >> PCPU_GRANULE_SHIFT);
	u8 bits, mark;

	do {
		mark = READ_ONCE(*where);
		bits = pcpu_mark_taken(mark, off, class);
		if (unlikely(!bits))
			return false;
	} while (unlikely(!pcpu_mark_try_take(where, mark, bits)));
	return true;
}

static inline bool pcpu_mark_is_module(u8 mark)
{
	return mark > PCPU_MARK_MODULE && mark <= PCPU_MARK_MODULE_LONG;
}

/* Whether the digits of a length follow @mark. */
static inline bool pcpu_mark_has_digits(u8 mark)
{
	return mark == PCPU_MARK_LONG ||
	       (mark >= PCPU_MARK_MODULE_LONG && mark <= PCPU_MARK_RETIRED);
}

/* Whether an object that is checked begins with @mark, live or not. */
static inline bool pcpu_mark_is_debug(u8 mark)
{
	return mark == PCPU_MARK_DEBUG || mark == PCPU_MARK_RETIRED;
}

/* Granules of the object that begins at @granule, live or retired, or 0. */
static inline unsigned int pcpu_mark_length(const struct pcpu_chunk *chunk,
					    unsigned int granule)
{
	return pcpu_marks_length(chunk->marks, granule);
}

/* Whether an object begins at @off; only its owner can rely on it. */
static inline bool pcpu_mark_live(const struct pcpu_chunk *chunk,
				  unsigned long off)
{
	unsigned int class;

	return pcpu_mark_taken(pcpu_mark_get(chunk, pcpu_off_to_granule(off)),
			       off, &class);
}

void pcpu_mark_give_long(unsigned long off, unsigned int granules);
unsigned int pcpu_mark_read_long(struct pcpu_chunk *chunk, unsigned int granule);
unsigned int pcpu_mark_take_long(unsigned long off);
void pcpu_mark_give_module(unsigned long off, unsigned int granules);
unsigned int pcpu_mark_take_module(unsigned long off);
void pcpu_mark_give_debug(unsigned long off, unsigned int granules);
unsigned int pcpu_mark_turn(unsigned long off, u8 from, u8 to);
void pcpu_mark_take_retired(unsigned long off);

#endif /* _MM_PERCPU_MARK_H */
