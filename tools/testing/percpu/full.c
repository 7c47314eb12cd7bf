// SPDX-License-Identifier: GPL-2.0-only
/*
 * full: an area without free offsets but one aligned hole, or without memory for more
 * pages. A search stops to read pages in vain after some, but does not fail then.
 *
 *	full [memory]
 *
 *	| 16 |   freed   | 16 | 16 |   freed   | 16 | ...	groups of the same length
 *	                      ^ half a group before it is free
 *				if the second 16 bytes are freed, too
 */
#include <shim.h>

#include "bed.h"
#include "layout.h"

#define AREA	(16UL << 20)
#define MAX	(AREA / 16)

static void *small[MAX], *wide[MAX];
static unsigned int nr_small, nr_wide;

/* Bytes of a group; half of it is the length and the alignment of a hole. */
static unsigned int group = 128;

static void fail(const char *what)
{
	fprintf(stderr, "full: %s\n", what);
	exit(1);
}

static void *alloc(size_t size, size_t align)
{
	return pcpu_alloc_noprof(size, align, false, GFP_KERNEL);
}

static void *alloc_nowait(size_t size, size_t align)
{
	return pcpu_alloc_noprof(size, align, false, GFP_NOWAIT);
}

static void settle(void)
{
	const char *why = bed_settle();

	if (why)
		fail(why);
}

static void fill(unsigned int most)
{
	void *ptr;

	while (nr_wide < most && (ptr = alloc(16, 1))) {
		small[nr_small++] = ptr;
		ptr = alloc(group - 32, 1);
		if (!ptr)
			break;
		wide[nr_wide++] = ptr;
		ptr = alloc(16, 1);
		if (!ptr)
			break;
		small[nr_small++] = ptr;
	}
}

static void free_wide(void)
{
	while (nr_wide)
		free_percpu(wide[--nr_wide]);
	settle();
}

/* Free a small object at the end of a group: a hole. Return its offset. */
static unsigned long make_hole(unsigned int from)
{
	unsigned long off;
	unsigned int i;

	for (i = from; i < nr_small; i++) {
		if (!small[i])
			continue;
		off = pcpu_area_ptr_to_off(small[i]);
		if (off % group != group - 16)
			continue;
		free_percpu(small[i]);
		small[i] = NULL;
		settle();
		return off + 16 - group / 2;
	}
	fail("no object lies at the end of a group");
	return 0;
}

static void no_offsets(void)
{
	unsigned int third, i;

	fill(MAX);
	if (!bed_full())
		fail("an allocation failed before the area was full");
	free_wide();
	/* What the first chunk has left over. */
	while (alloc(group / 2, group / 2))
		;
	for (third = 0; third < 3; third++) {
		make_hole(nr_small / 3 * third);
		if (!alloc(group / 2, group / 2))
			fail("the only hole was not found");
		for (i = 0; i < 3; i++)
			if (alloc(group / 2, group / 2))
				fail("more objects than holes");
	}
}

static void no_memory(void)
{
	unsigned long hole;
	bool found = false;
	void *ptr;

	/* The reserve has less places than there are chunks before the hole. */
	group = 1024;
	fill(AREA / group / 8 * 7);
	free_wide();
	hole = make_hole(nr_small / 4 * 3);
	bed_fail_populate_after(0);
	/* The reserve comes first. */
	while ((ptr = alloc_nowait(group / 2, group / 2)))
		found |= pcpu_area_ptr_to_off(ptr) == hole;
	if (!found)
		fail("a hole in a populated page was not found");
}

int main(int argc, char **argv)
{
	bed_size = AREA;
	bed_boot(1, 4096, 4096);
	if (argc > 1)
		no_memory();
	else
		no_offsets();
	printf("full: %u objects, all holes found\n", nr_small);
	return 0;
}
