/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pages: pages and page tables behind offsets.  Only pages.c calls the page
 * allocator for memory of the area and writes page tables after boot.
 */
#ifndef _MM_PERCPU_PAGES_H
#define _MM_PERCPU_PAGES_H

#include <linux/errno.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/types.h>

struct page;

#ifdef CONFIG_MMU

int pcpu_populate_tables(unsigned long off, unsigned long size, gfp_t gfp);
void pcpu_populate_tables_exist(unsigned long end);

bool pcpu_metadata_allowed(gfp_t gfp);
bool pcpu_populate_allowed(gfp_t gfp);
int pcpu_populate_page(unsigned long off, gfp_t gfp, bool present);
void pcpu_depopulate_page(unsigned long off, struct list_head *pages);
void pcpu_flush_units(unsigned int low, unsigned int high, unsigned long first,
		      unsigned long end, struct list_head *pages);

#else /* !CONFIG_MMU */

/*
 * All memory of the area is allocated at boot and pinned: every free offset has memory,
 * nothing is populated or depopulated later, and no chunk is added.
 */
static inline int pcpu_populate_tables(unsigned long off, unsigned long size, gfp_t gfp)
{
	return 0;
}

static inline void pcpu_populate_tables_exist(unsigned long end) { }

static inline bool pcpu_metadata_allowed(gfp_t gfp)
{
	return slab_is_available();
}

static inline bool pcpu_populate_allowed(gfp_t gfp)
{
	return slab_is_available();
}

static inline int pcpu_populate_page(unsigned long off, gfp_t gfp, bool present)
{
	return -ENOMEM;
}

static inline void pcpu_depopulate_page(unsigned long off, struct list_head *pages) { }

static inline void pcpu_flush_units(unsigned int low, unsigned int high,
				    unsigned long first, unsigned long end,
				    struct list_head *pages) { }

#endif /* CONFIG_MMU */

/*
 * The units of CPUs that have memory in present chunks, by a bit each, and their
 * number. NULL before present.c has set it up. Bits change in CPU hotplug only.
 */
extern unsigned long *pcpu_present_units;
extern unsigned int pcpu_nr_present_units;

struct page *pcpu_get_unit_page(unsigned int unit, gfp_t gfp);
int pcpu_populate_unit(unsigned long off, unsigned int unit, gfp_t gfp);
void pcpu_depopulate_unit(unsigned long off, unsigned int unit,
			  struct list_head *pages);

/* present.c: objects that have memory only on CPUs that have been online. */
bool pcpu_addr_is_absent(unsigned long addr, unsigned long *off, unsigned int *cpu);

#endif /* _MM_PERCPU_PAGES_H */
