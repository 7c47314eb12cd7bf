/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * class: sizes of which caches and the depot keep free objects: 4 and 8 bytes,
 * then every multiple of a granule.
 */
#ifndef _MM_PERCPU_CLASS_H
#define _MM_PERCPU_CLASS_H

#include <linux/math.h>
#include <linux/types.h>

/* The unit of placement, in bytes. */
#define PCPU_GRANULE_SHIFT	4
#define PCPU_GRANULE		(1U << PCPU_GRANULE_SHIFT)

/* Classes below this share a granule: 4 objects of 4 bytes, 2 of 8. */
#define PCPU_NR_SMALL		2

/* Granules of the largest class: larger objects are rare. */
#define PCPU_CLASS_GRANULES	64

#define PCPU_NR_CLASSES		(PCPU_NR_SMALL + PCPU_CLASS_GRANULES)

/* Stands for the lack of a class: the object is longer than all of them. */
#define PCPU_CLASS_LONG		PCPU_NR_CLASSES

/* The class of an object of at most 8 bytes, aligned to at most 8. */
static inline unsigned int pcpu_class_of_small(size_t size, size_t align)
{
	return size > 4 || align > 4;
}

/* The class of @nr granules. */
static inline unsigned int pcpu_class_of_granules(unsigned int nr)
{
	return PCPU_NR_SMALL - 1 + nr;
}

/* The class of @size bytes, not 0, aligned to @align, or PCPU_CLASS_LONG. */
static inline unsigned int pcpu_class_of(size_t size, size_t align)
{
	if (size <= 8 && align <= 8)
		return pcpu_class_of_small(size, align);
	if (unlikely(size > PCPU_CLASS_GRANULES * PCPU_GRANULE))
		return PCPU_CLASS_LONG;
	return pcpu_class_of_granules(DIV_ROUND_UP((unsigned int)size,
						   PCPU_GRANULE));
}

/* Granules of an object of a class that is not small. */
static inline unsigned int pcpu_class_granules(unsigned int class)
{
	return class - (PCPU_NR_SMALL - 1);
}

/* Bytes of an object of a class. */
static inline unsigned int pcpu_class_size(unsigned int class)
{
	if (class < PCPU_NR_SMALL)
		return 4 << class;
	return pcpu_class_granules(class) << PCPU_GRANULE_SHIFT;
}

#endif /* _MM_PERCPU_CLASS_H */
