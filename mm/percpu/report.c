// SPDX-License-Identifier: GPL-2.0-only
/*
 * report: all about the area on one page, for people.  It is what
 * CONFIG_PERCPU_STATS has always shown, and more.
 */
#include <linux/bitops.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "arena.h"
#include "debug.h"
#include "debugfs.h"
#include "snapshot.h"
#include "stats.h"
#include "wrong.h"

static void pcpu_stats_row(struct seq_file *m, const char *name, long value)
{
	seq_printf(m, "  %-20s: %12ld\n", name, value);
}

static void pcpu_stats_title(struct seq_file *m, const char *title)
{
	seq_printf(m, "%s:\n----------------------------------------\n", title);
}

static void pcpu_stats_layout(struct seq_file *m)
{
	pcpu_stats_title(m, "Allocation Info");
	seq_printf(m, "  %-20s: %12s\n", "layout", pcpu_area.name);
	seq_printf(m, "  %-20s: %12s\n", "first_chunk",
		   pcpu_area.linear_size ? "linear" :
		   pcpu_area.huge ? "large-pages" : "pages");
	pcpu_stats_row(m, "nr_units", pcpu_nr_units());
	pcpu_stats_row(m, "unit_size", pcpu_area.size);
	pcpu_stats_row(m, "unit_stride", pcpu_area.stride);
	pcpu_stats_row(m, "static_size", pcpu_area.static_size);
	pcpu_stats_row(m, "reserved_size", pcpu_area.reserved_size);
	pcpu_stats_row(m, "chunk_size", PCPU_CHUNK_SIZE);
	pcpu_stats_row(m, "max_object", pcpu_area_max_object());
	seq_putc(m, '\n');
}

static void pcpu_stats_global(struct seq_file *m)
{
	struct pcpu_stats stats;

	pcpu_stats_title(m, "Global Stats");
	if (pcpu_stats_read(&stats)) {
		pcpu_stats_row(m, "nr_alloc", stats.nr_alloc);
		pcpu_stats_row(m, "nr_dealloc", stats.nr_free);
		pcpu_stats_row(m, "nr_cur_alloc", stats.nr_alloc - stats.nr_free);
		pcpu_stats_row(m, "nr_max_alloc", stats.nr_max);
		pcpu_stats_row(m, "min_alloc_size", stats.min_size);
		pcpu_stats_row(m, "max_alloc_size", stats.max_size);
	}
	pcpu_stats_row(m, "wrong_frees", pcpu_wrong_count());
	pcpu_stats_row(m, "damages", pcpu_debug_count());
	pcpu_stats_row(m, "nr_chunks", pcpu_glance(pcpu_counts.chunks));
	pcpu_stats_row(m, "nr_max_chunks", pcpu_glance(pcpu_counts.max_chunks));
	pcpu_stats_row(m, "empty_pop_pages", READ_ONCE(pcpu_counts.empty));
	pcpu_stats_row(m, "populated_pages", READ_ONCE(pcpu_counts.populated));
	seq_putc(m, '\n');
}

static void pcpu_stats_chunk(struct seq_file *m,
			     const struct pcpu_snapshot *snap)
{
	struct pcpu_chunk_sums sums;

	pcpu_snapshot_sum(snap, &sums);
	seq_printf(m, "Chunk %u:%s\n", snap->nr,
		   snap->nr ? "" : " <- First Chunk");
	pcpu_stats_row(m, "populated_pages", hweight64(snap->populated));
	pcpu_stats_row(m, "empty_pop_pages",
		       hweight64(snap->empty & snap->populated));
	pcpu_stats_row(m, "nr_objects", sums.objects);
	pcpu_stats_row(m, "free_bytes", snap->nr_free << PCPU_GRANULE_SHIFT);
	pcpu_stats_row(m, "small_free_bytes", sums.small_free);
	seq_putc(m, '\n');
}

/* What is free, but at hand of a group of CPUs. */
static void pcpu_stats_arenas(struct seq_file *m)
{
	unsigned long objects = 0, bytes = 0;
	unsigned int i;

	for (i = 0; i < pcpu_nr_arenas; i++)
		objects += pcpu_arena_held(&pcpu_arenas[i], &bytes);
	pcpu_stats_title(m, "Arenas");
	pcpu_stats_row(m, "nr_arenas", pcpu_nr_arenas);
	pcpu_stats_row(m, "objects_at_hand", objects);
	pcpu_stats_row(m, "bytes_at_hand", bytes);
	pcpu_stats_row(m, "bytes_in_depot", pcpu_glance(pcpu_depot->bytes));
	seq_putc(m, '\n');
}

/**
 * pcpu_report_show - write the report
 * @m: where to
 * @v: unused
 *
 * Context: process context.
 * Return: 0 or -ENOMEM.
 */
int pcpu_report_show(struct seq_file *m, void *v)
{
	struct pcpu_snapshot *snap = kvzalloc(sizeof(*snap), GFP_KERNEL);
	unsigned int nr;

	if (!snap)
		return -ENOMEM;
	seq_puts(m, "Percpu Memory Statistics\n");
	pcpu_stats_layout(m);
	pcpu_stats_global(m);
	pcpu_stats_arenas(m);
	pcpu_stats_title(m, "Per Chunk Stats");
	/* What overflows is written once more, with more room. */
	for (nr = 0; nr < pcpu_area_nr_chunks() && !seq_has_overflowed(m); nr++) {
		if (pcpu_snapshot_take(snap, nr))
			pcpu_stats_chunk(m, snap);
		cond_resched();
	}
	kvfree(snap);
	return 0;
}
