// SPDX-License-Identifier: GPL-2.0-only
/*
 * populate-nommu: what stands in for populate.c without an MMU.
 *
 * All memory of the area is there from boot on, and pinned: nothing is
 * populated later, and nothing is given back.
 */
#include <linux/errno.h>
#include <linux/slab.h>

#include "populate.h"

/* Offsets below this have memory. */
static unsigned long pcpu_memory_end;

void pcpu_populate_tables_exist(unsigned long end)
{
	pcpu_memory_end = end;
}

int pcpu_populate_tables(unsigned long off, unsigned long size, gfp_t gfp)
{
	return off + size <= pcpu_memory_end ? 0 : -ENOMEM;
}

bool pcpu_metadata_allowed(gfp_t gfp)
{
	return slab_is_available();
}

/* There is nothing to populate: whoever finds room has memory there. */
bool pcpu_populate_allowed(gfp_t gfp)
{
	return slab_is_available();
}

int pcpu_populate_page(unsigned long off, gfp_t gfp)
{
	return -ENOMEM;
}

void pcpu_depopulate_page(unsigned long off, struct list_head *pages)
{
}

void pcpu_depopulate_flush(unsigned long first, unsigned long end,
			   struct list_head *pages)
{
}
