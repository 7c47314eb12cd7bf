// SPDX-License-Identifier: GPL-2.0-only
/*
 * pages-nommu: pages.c for kernels without an MMU.  All memory of the area is
 * allocated at boot and pinned: it is neither populated nor depopulated later.
 */
#include <linux/errno.h>
#include <linux/slab.h>

#include "pages.h"

/* All units have memory below this offset. */
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

/* Nothing is left to populate: every free offset has memory. */
bool pcpu_populate_allowed(gfp_t gfp)
{
	return slab_is_available();
}

int pcpu_populate_page(unsigned long off, gfp_t gfp, bool present)
{
	return -ENOMEM;
}

void pcpu_depopulate_page(unsigned long off, struct list_head *pages)
{
}

void pcpu_flush_units(unsigned int low, unsigned int high, unsigned long first,
		      unsigned long end, struct list_head *pages)
{
}
