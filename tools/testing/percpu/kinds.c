// SPDX-License-Identifier: GPL-2.0-only
/*
 * kinds: a full area with one empty chunk, which a request of the other kind needs: for
 * objects of present CPUs, or for any.
 */
#include <linux/percpu-present.h>

#include <shim.h>

#include "chunk.h"
#include "strict_bed.h"

#define SIZE	(1UL << 20)
#define MAX	4096

static const struct strict_layout layout = {
	.name = "kinds",
	.cpus = 2,
	.step = 1,
	.size = SIZE,
	.windows = 1,
	.static_size = 64 << 10,
	.populated = 256 << 10,
	.module_limit = SIZE,
};

static void *objects[MAX];

static void *alloc(bool present)
{
	return present ? pcpu_alloc_present(PAGE_SIZE, PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN) :
			 pcpu_alloc_noprof(PAGE_SIZE, PAGE_SIZE, false,
					   GFP_KERNEL | __GFP_NOWARN);
}

/* Both kinds of sections are freed alike. */
static void release(void *ptr, bool present)
{
	if (present)
		pcpu_free_module(ptr);
	else
		free_percpu(ptr);
}

/* Fill the area with objects, free those of the last chunk, ask for the other kind. */
static void ask_for_other(bool present)
{
	static const struct strict_rules rules;
	unsigned int nr = 0, i;

	strict_boot(&layout, &rules);
	while (nr < MAX && (objects[nr] = alloc(present)))
		nr++;
	for (i = 0; i < nr; i++)
		if (pcpu_area_ptr_to_off(objects[i]) >> PCPU_CHUNK_SHIFT ==
		    pcpu_area_nr_chunks() - 1)
			release(objects[i], present);
	for (i = 0; i < 20; i++)
		strict_work();
	if (!alloc(!present)) {
		fprintf(stderr, "kinds: an empty chunk did not change its kind: %s\n",
			strict_message);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	ask_for_other(argc > 1);
	printf("kinds: a chunk has changed its kind\n");
	return 0;
}
