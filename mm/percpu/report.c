// SPDX-License-Identifier: GPL-2.0-only
/*
 * report: all about the area on one page, for people.  It is what
 * CONFIG_PERCPU_STATS has always shown, and more.
 */
#include <linux/cleanup.h>
#include <linux/init.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>

#include "arena.h"
#include "debug.h"
#include "debugfs.h"
#include "mark.h"
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
	pcpu_stats_row(m, "nr_units", num_possible_cpus());
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
	pcpu_stats_row(m, "nr_chunks", READ_ONCE(pcpu_counts.chunks));
	pcpu_stats_row(m, "nr_max_chunks", READ_ONCE(pcpu_counts.max_chunks));
	pcpu_stats_row(m, "empty_pop_pages", READ_ONCE(pcpu_counts.empty));
	pcpu_stats_row(m, "populated_pages", READ_ONCE(pcpu_counts.populated));
	seq_putc(m, '\n');
}

/**
 * struct pcpu_chunk_stats - a chunk, as it is shown
 * @populated: pages with memory
 * @empty: populated pages with nothing in them
 * @free_bytes: bytes that are free for any object
 * @nr_objects: live objects that begin here
 * @small_free_bytes: bytes free in granules split into small objects
 */
struct pcpu_chunk_stats {
	unsigned int populated;
	unsigned int empty;
	unsigned int free_bytes;
	unsigned int nr_objects;
	unsigned int small_free_bytes;
};

/* Count what the marks say, without a lock. */
static void pcpu_stats_read_marks(struct pcpu_chunk *chunk,
				  struct pcpu_chunk_stats *st)
{
	unsigned int g;
	u8 mark, *rooms;

	for (g = 0; g < PCPU_CHUNK_GRANULES; g++) {
		mark = pcpu_mark_get(chunk, g);
		if (!(mark & PCPU_MARK_SPLIT)) {
			st->nr_objects += mark && mark <= PCPU_MARK_LONG;
			continue;
		}
		st->nr_objects += hweight8(mark & ~PCPU_MARK_KIND &
					   ~PCPU_MARK_LONE);
		rooms = READ_ONCE(chunk->rooms[g / PCPU_PAGE_GRANULES]);
		if (rooms)
			st->small_free_bytes +=
				hweight8(READ_ONCE(rooms[g % PCPU_PAGE_GRANULES])) *
				pcpu_class_size(pcpu_mark_split_class(mark));
	}
}

static bool pcpu_stats_read_chunk(unsigned int nr, struct pcpu_chunk_stats *st)
{
	struct pcpu_chunk *chunk;

	guard(rcu)();
	chunk = READ_ONCE(pcpu_chunk_table[nr]);
	if (!chunk)
		return false;
	scoped_guard(raw_spinlock_irqsave, &pcpu_chunk_lock) {
		st->populated = hweight64(chunk->populated);
		st->empty = hweight64(chunk->empty & chunk->populated);
		st->free_bytes = chunk->nr_free << PCPU_GRANULE_SHIFT;
	}
	pcpu_stats_read_marks(chunk, st);
	return true;
}

static void pcpu_stats_chunk(struct seq_file *m, unsigned int nr)
{
	struct pcpu_chunk_stats st = { };

	if (!pcpu_stats_read_chunk(nr, &st))
		return;
	seq_printf(m, "Chunk %u:%s\n", nr, nr ? "" : " <- First Chunk");
	pcpu_stats_row(m, "populated_pages", st.populated);
	pcpu_stats_row(m, "empty_pop_pages", st.empty);
	pcpu_stats_row(m, "nr_objects", st.nr_objects);
	pcpu_stats_row(m, "free_bytes", st.free_bytes);
	pcpu_stats_row(m, "small_free_bytes", st.small_free_bytes);
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
	pcpu_stats_row(m, "bytes_in_depot", READ_ONCE(pcpu_depot->bytes));
	seq_putc(m, '\n');
}

static int pcpu_report_show(struct seq_file *m, void *v)
{
	unsigned int nr;

	seq_puts(m, "Percpu Memory Statistics\n");
	pcpu_stats_layout(m);
	pcpu_stats_global(m);
	pcpu_stats_arenas(m);
	pcpu_stats_title(m, "Per Chunk Stats");
	for (nr = 0; nr < pcpu_area_nr_chunks(); nr++)
		pcpu_stats_chunk(m, nr);
	return 0;
}

static int pcpu_report_open(struct inode *inode, struct file *file)
{
	return single_open(file, pcpu_report_show, NULL);
}

const struct file_operations pcpu_report_fops = {
	.owner = THIS_MODULE,
	.open = pcpu_report_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};
