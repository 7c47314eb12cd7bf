/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reach: how far the code of modules can name percpu data.  Pure arithmetic.
 *
 * A percpu pointer is the address S of the first static percpu variable plus
 * an offset.  Code at address P names it, with an addend A, by
 *
 *	R_X86_64_64           S + offset + A        64 bits, always fits
 *	R_X86_64_32S          S + offset + A        32 bits, sign-extended
 *	R_X86_64_PC32, PLT32  S + offset + A - P    32 bits, sign-extended
 *
 * and exported symbols of modules are kept as PC32, too.  The loader refuses a
 * 32S that does not fit, but cuts off a PC32 in silence; so the allocator must
 * not give a module an offset that does not fit.
 */
#ifndef _MM_PERCPU_REACH_H
#define _MM_PERCPU_REACH_H

#include <linux/build_bug.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "area.h"

/* What an addend may add beyond an object, to either side. */
#define PCPU_REACH_SLACK	SZ_64K

/* Whether @value is what its lower 32 bits say, sign-extended. */
#define PCPU_FITS_S32(value)	((s64)(value) == (s32)(value))

/**
 * struct pcpu_reach - where the code of modules lies
 * @start: percpu pointer that names offset 0
 * @low: lowest address that code of modules can have
 * @end: where these addresses end
 */
struct pcpu_reach {
	u64 start;
	u64 low;
	u64 end;
};

/* Offsets from 0 on that a field of 32 bits reaches, where @first is 0's. */
static inline u64 pcpu_reach_from(u64 first)
{
	if (!PCPU_FITS_S32(first - PCPU_REACH_SLACK) ||
	    !PCPU_FITS_S32(first + PCPU_REACH_SLACK))
		return 0;
	return S32_MAX - PCPU_REACH_SLACK - (s64)first + 1;
}

/**
 * pcpu_reach_limit - offsets that every module reaches by every relocation
 * @reach: where its code may lie
 *
 * Return: the number of bytes from offset 0 on that are in reach; 0 if not
 * even that is.
 */
static inline u64 pcpu_reach_limit(const struct pcpu_reach *reach)
{
	u64 direct = pcpu_reach_from(reach->start);
	u64 below = pcpu_reach_from(reach->start - reach->low);
	u64 above = pcpu_reach_from(reach->start - (reach->end - 1));

	return min3(direct, below, above);
}

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)

/*
 * The image lies anywhere in the range before the modules', and so does S;
 * before 6.15, S is 0.  At these ends the largest area is in reach: then it is
 * in between, and KASLR cannot matter.  Page tables of 4 or 5 levels do not
 * differ in these addresses.
 */
#define PCPU_REACH_ENDS(start)						\
	(PCPU_FITS_S32((start) - PCPU_REACH_SLACK) &&			\
	 PCPU_FITS_S32((start) + PCPU_AREA_MAX_SIZE + PCPU_REACH_SLACK) && \
	 PCPU_FITS_S32((start) - (MODULES_END - 1) - PCPU_REACH_SLACK) && \
	 PCPU_FITS_S32((start) + PCPU_AREA_MAX_SIZE +			\
		       PCPU_REACH_SLACK - MODULES_VADDR))

static_assert(PCPU_REACH_ENDS(__START_KERNEL_map + SZ_1M));
static_assert(PCPU_REACH_ENDS(__START_KERNEL_map + KERNEL_IMAGE_SIZE));
static_assert(PCPU_REACH_ENDS(0UL));

/* As this kernel was loaded: how much of @size modules may be given. */
static inline unsigned long pcpu_reach_of_modules(unsigned long size)
{
	const struct pcpu_reach reach = {
		.start = (unsigned long)__per_cpu_start,
		.low = MODULES_VADDR,
		.end = MODULES_END,
	};

	return min_t(u64, size, ALIGN_DOWN(pcpu_reach_limit(&reach),
					   PCPU_CHUNK_SIZE));
}

#else

/*
 * Elsewhere @size is the first window, in reach as the kernel's own data at its
 * front are. Or it is a whole mapped area: then the loader checks (arm64), or
 * code has 64 bits for percpu data (loongarch), or 32 bits do: sparc64's loader
 * checks nothing, but the image lies at 4 MB.
 */
static inline unsigned long pcpu_reach_of_modules(unsigned long size)
{
	return size;
}

#endif /* CONFIG_X86_64 && !CONFIG_UML */

#endif /* _MM_PERCPU_REACH_H */
