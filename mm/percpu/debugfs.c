// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: what people look at, and the counters behind it.
 */
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>

#include "arena.h"
#include "mark.h"
#include "stats.h"

/**
 * struct pcpu_tally - lifetime counters
 * @nr_alloc: objects allocated
 * @nr_free: objects freed
 * @nr_max: the most that were live at once
 * @min_size: smallest request, in bytes
 * @max_size: largest request, in bytes
 */
struct pcpu_tally {
	atomic_long_t nr_alloc;
	atomic_long_t nr_free;
	atomic_long_t nr_max;
	unsigned long min_size;
	unsigned long max_size;
};

static struct pcpu_tally pcpu_tally = {
	.min_size = ULONG_MAX,
};

/**
 * pcpu_stats_alloc - count an allocation
 * @size: bytes asked for
 */
void pcpu_stats_alloc(size_t size)
{
	long cur = atomic_long_inc_return(&pcpu_tally.nr_alloc) -
		   atomic_long_read(&pcpu_tally.nr_free);
	long max = atomic_long_read(&pcpu_tally.nr_max);

	while (cur > max &&
	       !atomic_long_try_cmpxchg(&pcpu_tally.nr_max, &max, cur))
		;
	if (size < READ_ONCE(pcpu_tally.min_size))
		WRITE_ONCE(pcpu_tally.min_size, size);
	if (size > READ_ONCE(pcpu_tally.max_size))
		WRITE_ONCE(pcpu_tally.max_size, size);
}

/**
 * pcpu_stats_free - count a free
 */
void pcpu_stats_free(void)
{
	atomic_long_inc(&pcpu_tally.nr_free);
}

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
	/* Frees first, so that no free of an uncounted object shows. */
	long nr_free = atomic_long_read(&pcpu_tally.nr_free);
	long nr_alloc = atomic_long_read(&pcpu_tally.nr_alloc);
	unsigned long min_size = READ_ONCE(pcpu_tally.min_size);

	pcpu_stats_title(m, "Global Stats");
	pcpu_stats_row(m, "nr_alloc", nr_alloc);
	pcpu_stats_row(m, "nr_dealloc", nr_free);
	pcpu_stats_row(m, "nr_cur_alloc", nr_alloc - nr_free);
	pcpu_stats_row(m, "nr_max_alloc", atomic_long_read(&pcpu_tally.nr_max));
	pcpu_stats_row(m, "nr_chunks", READ_ONCE(pcpu_counts.chunks));
	pcpu_stats_row(m, "nr_max_chunks", READ_ONCE(pcpu_counts.max_chunks));
	pcpu_stats_row(m, "min_alloc_size",
		       min_size == ULONG_MAX ? 0 : min_size);
	pcpu_stats_row(m, "max_alloc_size", READ_ONCE(pcpu_tally.max_size));
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
DEFINE_SHOW_ATTRIBUTE(pcpu_report);

static int __init pcpu_debugfs_init(void)
{
	debugfs_create_file("percpu_stats", 0444, NULL, NULL,
			    &pcpu_report_fops);
	return 0;
}
late_initcall(pcpu_debugfs_init);
