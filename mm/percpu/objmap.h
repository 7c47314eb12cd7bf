/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * objmap: one byte per granule of a chunk says which live object begins there.
 *
 * An allocation sets the entry of its object, and a free clears it by one atomic
 * operation without a lock: of two frees of an object only one finds the entry, and
 * a pointer to anything else finds none.
 *
 *	0		no live object begins here
 *	1..64		an object of so many granules
 *	0x41		a longer object; the next entries are digits of its length
 *	0x44..0x4f	a wide object: the nibble and one digit are its length less 1
 *	0x60..0x6f	a digit
 *	0x71..0x76	a module's section of so many granules, or in a present chunk an
 *			object of pcpu_alloc_present()
 *	0x77		a longer section; digits follow
 *	0x78		an object that percpu_debug= checks; digits follow
 *	0x79		such an object after its free, in quarantine
 *	0x80 | mask	a granule of four objects of 4 bytes; mask: live ones
 *	0xc0 | mask	a granule of two objects of 8 bytes, every other bit
 *	... | 0x20	such a granule with one usable object: the page has no free
 *			masks, see pcpu_small_split()
 *
 * free_percpu() treats the values 0x60..0x79 as "no live object":
 * pcpu_free_module() frees module sections, debug/redzone.c checked objects.
 *
 * Only the owner of a granule writes its entry, except that owners of the objects in
 * a split granule change their bits by atomic operations. An invalid free only reads
 * it.
 */
#ifndef _MM_PERCPU_OBJMAP_H
#define _MM_PERCPU_OBJMAP_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>

#include "chunk.h"
#include "layout.h"

#define PCPU_OBJMAP_LONG	(PCPU_CLASS_GRANULES + 1)
#define PCPU_OBJMAP_WIDE	0x40
#define PCPU_OBJMAP_DIGIT	0x60
#define PCPU_OBJMAP_MODULE	0x70
#define PCPU_OBJMAP_MODULE_LONG	0x77
#define PCPU_OBJMAP_DEBUG	0x78
#define PCPU_OBJMAP_RETIRED	0x79
#define PCPU_OBJMAP_SPLIT	0x80
#define PCPU_OBJMAP_KIND	0xc0
#define PCPU_OBJMAP_LONE	0x20

/* The longest wide object in granules; the shortest is longer than all classes. */
#define PCPU_WIDE_MAX		256
#define PCPU_WIDE_BYTES		(PCPU_WIDE_MAX * PCPU_GRANULE)

static_assert(PCPU_OBJMAP_LONG < (PCPU_OBJMAP_WIDE | PCPU_CLASS_GRANULES >> 4));
/* Eight bits have the length less one. */
static_assert(PCPU_WIDE_MAX <= 256);

/* Digits of a length: four bits each, the lowest first. */
#define PCPU_OBJMAP_DIGITS	6

unsigned int pcpu_objmap_copy_length(const u8 *objmap, unsigned int granule);

/*
 * The entry of a granule, counted from the beginning of the chunk or of the area, in the
 * object map of a chunk or in a copy of it. Adjacent objects are often used by two CPUs: no
 * two granules within 3 KB have their entries in one cache line.
 */
static inline u8 *pcpu_objmap_entry(const u8 *objmap, unsigned int granule)
{
	return (u8 *)&objmap[granule * 81 % PCPU_CHUNK_GRANULES];
}

static inline u8 pcpu_objmap_read(const struct pcpu_chunk *chunk,
				  unsigned int granule)
{
	return READ_ONCE(*pcpu_objmap_entry(chunk->objmap, granule));
}

/*
 * Write an entry that only the caller may change. Where an atomic operation on a byte
 * is emulated by one on its word, a plain store to an adjacent byte could be lost.
 */
static inline void pcpu_objmap_write(struct pcpu_chunk *chunk, unsigned int granule,
				     u8 entry)
{
	u8 *where = pcpu_objmap_entry(chunk->objmap, granule), old;

	if (!IS_ENABLED(CONFIG_ARCH_NEED_CMPXCHG_1_EMU)) {
		WRITE_ONCE(*where, entry);
		return;
	}
	old = READ_ONCE(*where);
	while (unlikely(!try_cmpxchg(where, &old, entry)))
		;
}

/* The entry of a granule that is split into objects of @class, none live. */
static inline u8 pcpu_objmap_split(unsigned int class)
{
	return PCPU_OBJMAP_SPLIT | class << 6;
}

static inline unsigned int pcpu_objmap_split_class(u8 entry)
{
	return (entry >> 6) & 1;
}

/* The bit of the object at @off in the entry of its split granule. */
static inline u8 pcpu_objmap_bit(unsigned long off)
{
	return 1 << ((off & (PCPU_GRANULE - 1)) / 4);
}

/* The bits of all objects of a split granule. */
static inline u8 pcpu_objmap_full(unsigned int class)
{
	return class ? 0x5 : 0xf;
}

/* The number of live objects of a split granule. */
static inline unsigned int pcpu_objmap_nr_live(u8 entry)
{
	return hweight8(entry & pcpu_objmap_full(pcpu_objmap_split_class(entry)));
}

/*
 * Set the entry of a small object that the caller owns. Other bits of the entry may change
 * concurrently.
 */
static inline void pcpu_objmap_set_small(unsigned long off)
{
	u8 *where = pcpu_objmap_entry(pcpu_chunk_of(off)->objmap, off >> PCPU_GRANULE_SHIFT);
	u8 bit = pcpu_objmap_bit(off), old = READ_ONCE(*where);

	while (unlikely(!try_cmpxchg(where, &old, old | bit)))
		;
}

/* Set the entry of an object of @nr granules, up to %PCPU_CLASS_GRANULES. */
static inline void pcpu_objmap_set_granules(unsigned long off, unsigned int nr)
{
	pcpu_objmap_write(pcpu_chunk_of(off), off >> PCPU_GRANULE_SHIFT, nr);
}

/* Return true if one digit follows @entry. */
static inline bool pcpu_objmap_is_wide(u8 entry)
{
	return entry >= (PCPU_OBJMAP_WIDE | PCPU_CLASS_GRANULES >> 4) &&
	       entry < PCPU_OBJMAP_WIDE + (PCPU_WIDE_MAX >> 4);
}

static inline unsigned int pcpu_objmap_wide_length(u8 entry, u8 digit)
{
	return ((entry & 0xf) << 4 | (digit & 0xf)) + 1;
}

/* Set the entry of an object over a class, of up to %PCPU_WIDE_MAX granules. */
static inline void pcpu_objmap_set_wide(unsigned long off, unsigned int nr)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int granule = off >> PCPU_GRANULE_SHIFT, length = nr - 1;

	pcpu_objmap_write(chunk, granule + 1, PCPU_OBJMAP_DIGIT | (length & 0xf));
	/*
	 * Pairs with the cmpxchg in pcpu_cache_free_wide(): a second free that clears
	 * the entry reads the digit afterwards.
	 */
	smp_wmb();
	pcpu_objmap_write(chunk, granule, PCPU_OBJMAP_WIDE | length >> 4);
}

/*
 * The bits of @entry that a free at @off clears, or 0 if no live object is there or a
 * wide one.
 */
static inline u8 pcpu_objmap_live_bits(u8 entry, unsigned long off, unsigned int *class)
{
	if (likely(entry - 1U < PCPU_OBJMAP_LONG)) {
		*class = pcpu_class_of_granules(entry);
		return off & (PCPU_GRANULE - 1) ? 0 : entry;
	}
	if (!(entry & PCPU_OBJMAP_SPLIT) || off & 3)
		return 0;
	*class = pcpu_objmap_split_class(entry);
	return entry & pcpu_objmap_bit(off);
}

/* Clear @bits if the entry is still @entry. Return true if it was. */
static inline bool pcpu_objmap_try_clear(u8 *where, u8 entry, u8 bits)
{
	return try_cmpxchg(where, &entry, entry & ~bits);
}

/* Read the granules of the wide object that begins at @granule with @entry. */
static inline unsigned int pcpu_objmap_read_wide(const struct pcpu_chunk *chunk,
						 unsigned int granule, u8 entry)
{
	return pcpu_objmap_wide_length(entry, pcpu_objmap_read(chunk, granule + 1));
}

static inline bool pcpu_objmap_is_module(u8 entry)
{
	return entry > PCPU_OBJMAP_MODULE && entry <= PCPU_OBJMAP_MODULE_LONG;
}

/* Return true if all digits of a length follow @entry. */
static inline bool pcpu_objmap_has_digits(u8 entry)
{
	return entry == PCPU_OBJMAP_LONG ||
	       (entry >= PCPU_OBJMAP_MODULE_LONG && entry <= PCPU_OBJMAP_RETIRED);
}

/* Return true if @entry is that of a checked object, live or in quarantine. */
static inline bool pcpu_objmap_is_debug(u8 entry)
{
	return entry == PCPU_OBJMAP_DEBUG || entry == PCPU_OBJMAP_RETIRED;
}

/* The granules of the object that begins at @granule, live or freed, or 0. */
static inline unsigned int pcpu_objmap_length(const struct pcpu_chunk *chunk,
					      unsigned int granule)
{
	return pcpu_objmap_copy_length(chunk->objmap, granule);
}

unsigned int pcpu_objmap_find(struct pcpu_chunk *chunk, unsigned int granule,
			      unsigned long *off);
void pcpu_objmap_write_long(unsigned long off, u8 entry, unsigned int granules);
void pcpu_objmap_set_long(unsigned long off, unsigned int granules);
unsigned int pcpu_objmap_clear(unsigned long off, unsigned int *class);
unsigned int pcpu_objmap_cmpxchg(unsigned long off, u8 from, u8 to);

/* Granules that are split into objects of 4 or 8 bytes. */

void pcpu_small_prepare(unsigned long off, gfp_t gfp);
unsigned int pcpu_small_split(unsigned long off, unsigned int class);
bool pcpu_small_available(unsigned int class);

/* With pcpu_chunk_lock held */
unsigned int pcpu_small_alloc(unsigned int class, u32 *offs, unsigned int want);
unsigned int pcpu_small_free(const u32 *offs, unsigned int nr, unsigned int class);

#endif /* _MM_PERCPU_OBJMAP_H */
