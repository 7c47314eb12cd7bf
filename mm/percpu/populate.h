/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * populate: pages and page tables behind offsets.  The only room that uses
 * the page allocator and writes page tables.
 */
#ifndef _MM_PERCPU_POPULATE_H
#define _MM_PERCPU_POPULATE_H

#include <linux/list.h>
#include <linux/types.h>

int pcpu_populate_tables(unsigned long off, unsigned long size, gfp_t gfp);
void pcpu_populate_tables_exist(unsigned long end);

bool pcpu_metadata_allowed(gfp_t gfp);
bool pcpu_populate_allowed(gfp_t gfp);
int pcpu_populate_page(unsigned long off, gfp_t gfp);
void pcpu_depopulate_page(unsigned long off, struct list_head *pages);
void pcpu_depopulate_flush(unsigned long first, unsigned long end,
			   struct list_head *pages);

#endif /* _MM_PERCPU_POPULATE_H */
