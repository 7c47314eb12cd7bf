// SPDX-License-Identifier: GPL-2.0-only
/*
 * full: an area without free offsets but one aligned hole. A search stops to read
 * pages in vain after some, but says that the area is full only if it is.
 *
 *	| 16 |   96, freed   | 16 | 16 |   96, freed   | 16 | ...	128 bytes each
 *	     ^ 16                 ^ 128, 64 bytes before it are free
 *				    if the second 16 bytes are freed, too
 */
#include <shim.h>

#include "bed.h"
#include "layout.h"

#define AREA	(16UL << 20)
#define MAX	(AREA / 16)

static void *small[MAX], *wide[MAX];
static unsigned int nr_small, nr_wide;

static void fail(const char *what)
{
	fprintf(stderr, "full: %s\n", what);
	exit(1);
}

static void *alloc(size_t size, size_t align)
{
	return pcpu_alloc_noprof(size, align, false, GFP_KERNEL);
}

static void settle(void)
{
	const char *why = bed_settle();

	if (why)
		fail(why);
}

static void fill(void)
{
	void *ptr;

	while ((ptr = alloc(16, 1))) {
		small[nr_small++] = ptr;
		ptr = alloc(96, 1);
		if (!ptr)
			break;
		wide[nr_wide++] = ptr;
		ptr = alloc(16, 1);
		if (!ptr)
			break;
		small[nr_small++] = ptr;
	}
	if (!bed_full())
		fail("an allocation failed before the area was full");
}

static void free_wide(void)
{
	while (nr_wide)
		free_percpu(wide[--nr_wide]);
	settle();
}

/* Free a small object so that 64 bytes before its end are free and aligned. */
static void make_hole(unsigned int from)
{
	unsigned int i;

	for (i = from; i < nr_small; i++) {
		if (!small[i] || pcpu_area_ptr_to_off(small[i]) % 128 != 112)
			continue;
		free_percpu(small[i]);
		small[i] = NULL;
		settle();
		return;
	}
	fail("no object lies before 128 bytes");
}

int main(void)
{
	unsigned int third, i;

	bed_size = AREA;
	bed_boot(1, 4096, 4096);
	fill();
	free_wide();
	/* What the first chunk has left over. */
	while (alloc(64, 64))
		;
	for (third = 0; third < 3; third++) {
		make_hole(nr_small / 3 * third);
		if (!alloc(64, 64))
			fail("the only hole was not found");
		for (i = 0; i < 3; i++)
			if (alloc(64, 64))
				fail("more objects than holes");
	}
	printf("full: %u objects, 3 holes found\n", nr_small);
	return 0;
}
