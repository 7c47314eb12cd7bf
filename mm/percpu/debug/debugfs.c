// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: the directory percpu/, and percpu_stats beside it.
 *
 *	stats    layout, counters, caches and chunks, as text; percpu_stats has
 *		 the same contents, and the field names of mm/percpu-stats.c
 *	caches   a row for each CPU's cache, the shared run and the depot
 *	map      what each granule of each chunk is used for
 *
 * The last two are parsed by programs, such as tools/mm/percpu-view: a line
 * that begins with # names the columns, and new columns are added at the end.
 *
 * Each chunk is copied first, so that no lock is held while it is printed. The
 * object map changes without a lock: an object that is allocated or freed
 * concurrently may be missing, and a long one may have a wrong length.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../cache.h"
#include "../chunk.h"
#include "../objmap.h"
#include "../pages.h"
#include "bad_free.h"
#include "hooks.h"
#include "redzone.h"

/* What granules are used for, as printed in map */
#define PCPU_USE_BARE		'-'	/* free, not populated */
#define PCPU_USE_FREE		'.'	/* free */
#define PCPU_USE_RESERVED	'r'	/* free, but for modules only */
#define PCPU_USE_WITHHELD	'w'	/* in a withheld page */
#define PCPU_USE_STATIC		's'	/* static percpu data */
#define PCPU_USE_CACHED		'h'	/* in a cache, or in the depot */
#define PCPU_USE_OBJECT		'o'	/* an object that begins here */
#define PCPU_USE_CONTINUATION	'c'	/* of an object in a lower chunk */
#define PCPU_USE_RETIRED	'z'	/* a freed object in quarantine */
#define PCPU_USE_SMALL		'q'	/* split into small objects */

/**
 * struct pcpu_span - adjacent granules with the same use
 * @start: the first one
 * @nr: number of granules, within the chunk
 * @use: PCPU_USE_*
 * @entry: entry of @start in the object map
 */
struct pcpu_span {
	unsigned int start;
	unsigned int nr;
	char use;
	u8 entry;
};

/**
 * struct pcpu_snapshot - copy of a chunk
 * @from: the chunk; not valid when the copy is read
 * @chunk: its copy, with pointers that must not be followed
 * @continuation: granules at the beginning that belong to an object of a lower
 *	chunk
 * @objmap: object map; copied without a lock, after @chunk
 */
struct pcpu_snapshot {
	const struct pcpu_chunk *from;
	struct pcpu_chunk chunk;
	unsigned int continuation;
	u8 objmap[PCPU_OBJMAP_SIZE];
};

/**
 * struct pcpu_chunk_sums - sums over a chunk
 * @objects: live objects that begin in it
 * @lowest: bytes of the smallest one, or %UINT_MAX
 * @highest: bytes of the largest one, or 0
 * @free: free granules that are not reserved
 * @longest: longest run of @free granules
 * @first: the first of @free granules
 * @frag: @free granules below a used one
 * @longest_frag: longest run of @frag granules
 * @small_free: bytes of split granules that are not live
 */
struct pcpu_chunk_sums {
	unsigned int objects;
	unsigned int lowest;
	unsigned int highest;
	unsigned int free;
	unsigned int longest;
	unsigned int first;
	unsigned int frag;
	unsigned int longest_frag;
	unsigned int small_free;
};

static void pcpu_snapshot_copy_locked(void *data)
{
	struct pcpu_snapshot *snap = data;

	/* Some masks change without the lock. */
	data_race(memcpy(&snap->chunk, snap->from, sizeof(snap->chunk)));
}

/*
 * Granules at the beginning of @chunk that belong to an object of a lower chunk: only the
 * last object that begins below can be long enough.
 */
static unsigned int pcpu_snapshot_continuation(struct pcpu_chunk *chunk)
{
	unsigned long off, end, begin = pcpu_chunk_off(chunk);
	unsigned int length = pcpu_objmap_find(chunk, 0, &off);

	end = off + ((unsigned long)length << PCPU_GRANULE_SHIFT);
	return length && end > begin ?
	       min(end - begin, PCPU_CHUNK_SIZE) >> PCPU_GRANULE_SHIFT : 0;
}

/* Copy chunk @nr; return false if it does not exist. */
static bool pcpu_snapshot_copy(struct pcpu_snapshot *snap, unsigned int nr)
{
	struct pcpu_chunk *chunk;

	guard(rcu)();
	chunk = READ_ONCE(pcpu_chunk_table[nr]);
	if (!chunk)
		return false;
	snap->from = chunk;
	pcpu_chunks_inspect(pcpu_snapshot_copy_locked, snap);
	/* Entries change without a lock. */
	data_race(memcpy(snap->objmap, chunk->objmap, PCPU_OBJMAP_SIZE));
	snap->continuation = 0;
	if (test_bit(0, snap->chunk.used) && !snap->objmap[0] &&
	    !(snap->chunk.withheld & 1))
		snap->continuation = pcpu_snapshot_continuation(chunk);
	return true;
}

/* Use of a granule that does not belong to an object */
static char pcpu_snapshot_use(const struct pcpu_snapshot *snap, unsigned int g)
{
	unsigned long off = pcpu_chunk_off(&snap->chunk) +
			    ((unsigned long)g << PCPU_GRANULE_SHIFT);
	u64 page = BIT_ULL(g / PCPU_PAGE_GRANULES);

	if (pcpu_off_is_static(off))
		return PCPU_USE_STATIC;
	if (snap->chunk.withheld & page)
		return PCPU_USE_WITHHELD;
	if (test_bit(g, snap->chunk.used))
		return PCPU_USE_CACHED;
	if (!(snap->chunk.populated & page))
		return PCPU_USE_BARE;
	return snap->chunk.reserved & page ? PCPU_USE_RESERVED : PCPU_USE_FREE;
}

/* Replace @span, initially zero, by the next one; return false at the end. */
static bool pcpu_snapshot_next(const struct pcpu_snapshot *snap,
			       struct pcpu_span *span)
{
	unsigned int g = span->start + span->nr, nr;

	if (g >= PCPU_CHUNK_GRANULES)
		return false;
	span->start = g;
	span->entry = *pcpu_objmap_entry(snap->objmap, g);
	nr = pcpu_objmap_copy_length(snap->objmap, g);
	if (span->entry & PCPU_OBJMAP_SPLIT) {
		span->use = PCPU_USE_SMALL;
	} else if (nr) {
		span->use = span->entry == PCPU_OBJMAP_RETIRED ?
			    PCPU_USE_RETIRED : PCPU_USE_OBJECT;
	} else if (!g && snap->continuation) {
		span->use = PCPU_USE_CONTINUATION;
		nr = snap->continuation;
	} else {
		span->use = pcpu_snapshot_use(snap, g);
		do {
			nr++;
		} while (g + nr < PCPU_CHUNK_GRANULES &&
			 !*pcpu_objmap_entry(snap->objmap, g + nr) &&
			 pcpu_snapshot_use(snap, g + nr) == span->use);
	}
	span->nr = min(nr, PCPU_CHUNK_GRANULES - g);
	return true;
}

/* Bytes of each of the live objects in @span, and their number */
static unsigned int pcpu_span_size(const struct pcpu_snapshot *snap,
				   const struct pcpu_span *span,
				   unsigned int *nr)
{
	*nr = 0;
	if (span->use == PCPU_USE_SMALL) {
		*nr = pcpu_objmap_nr_live(span->entry);
		return pcpu_class_size(pcpu_objmap_split_class(span->entry));
	}
	if (span->use != PCPU_USE_OBJECT)
		return 0;
	*nr = 1;
	return pcpu_objmap_copy_length(snap->objmap, span->start) << PCPU_GRANULE_SHIFT;
}

static struct pcpu_chunk_sums
pcpu_snapshot_sum(const struct pcpu_snapshot *snap)
{
	struct pcpu_chunk_sums sums = {
		.lowest = UINT_MAX,
		.first = PCPU_CHUNK_GRANULES,
	};
	struct pcpu_span span = { };
	unsigned int nr, size, run = 0;

	while (pcpu_snapshot_next(snap, &span)) {
		if (span.use == PCPU_USE_FREE || span.use == PCPU_USE_BARE) {
			sums.first = min(sums.first, span.start);
			sums.free += span.nr;
			run += span.nr;
			sums.longest = max(sums.longest, run);
			continue;
		}
		sums.frag += run;
		sums.longest_frag = max(sums.longest_frag, run);
		run = 0;
		size = pcpu_span_size(snap, &span, &nr);
		sums.objects += nr;
		if (span.use == PCPU_USE_SMALL)
			sums.small_free += PCPU_GRANULE - nr * size;
		if (!nr)
			continue;
		sums.lowest = min(sums.lowest, size);
		sums.highest = max(sums.highest, size);
	}
	return sums;
}

/* Live objects of at most @limit bytes */
static unsigned int pcpu_snapshot_count(const struct pcpu_snapshot *snap,
					unsigned int limit)
{
	unsigned int nr, count = 0;
	struct pcpu_span span = { };

	while (pcpu_snapshot_next(snap, &span))
		if (pcpu_span_size(snap, &span, &nr) <= limit)
			count += nr;
	return count;
}

/* Position 0 is the header of a file, position n the chunk n - 1. */
static void *pcpu_chunks_at(loff_t pos, void *v)
{
	if (!pos)
		return SEQ_START_TOKEN;
	return pos <= pcpu_area_nr_chunks() ? v : NULL;
}

static void *pcpu_chunks_start(struct seq_file *m, loff_t *pos)
{
	struct pcpu_snapshot *snap = kvzalloc(sizeof(*snap), GFP_KERNEL);

	m->private = snap;
	return snap ? pcpu_chunks_at(*pos, pos) : ERR_PTR(-ENOMEM);
}

static void *pcpu_chunks_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return pcpu_chunks_at(*pos, pos);
}

static void pcpu_chunks_stop(struct seq_file *m, void *v)
{
	kvfree(m->private);
	m->private = NULL;
}

/* Copy of the chunk at position @v, or NULL if it does not exist */
static struct pcpu_snapshot *pcpu_chunks_get(struct seq_file *m, void *v)
{
	struct pcpu_snapshot *snap = m->private;

	return pcpu_snapshot_copy(snap, *(loff_t *)v - 1) ? snap : NULL;
}

static int pcpu_map_show(struct seq_file *m, void *v)
{
	struct pcpu_snapshot *snap;
	struct pcpu_span span = { };
	unsigned int class;

	if (v == SEQ_START_TOKEN) {
		seq_printf(m, "# percpu-map 1 page %lu granule %u chunk %lu units %u static %lu\n",
			   PAGE_SIZE, PCPU_GRANULE, PCPU_CHUNK_SIZE,
			   pcpu_nr_units, pcpu_area.static_size);
		seq_puts(m, "# chunk populated_pages spans, each a letter and granules: - not populated, . free, r reserved, w withheld, s static, h cached, o object, c continuation of a lower chunk's object, z in quarantine, q small objects: live/total of a granule\n");
		return 0;
	}
	snap = pcpu_chunks_get(m, v);
	if (!snap)
		return 0;
	seq_printf(m, "%u %016llx", snap->chunk.nr, snap->chunk.populated);
	while (pcpu_snapshot_next(snap, &span)) {
		seq_printf(m, " %c%u", span.use, span.nr);
		if (span.use != PCPU_USE_SMALL)
			continue;
		class = pcpu_objmap_split_class(span.entry);
		seq_printf(m, ":%u/%u", pcpu_objmap_nr_live(span.entry),
			   PCPU_GRANULE / pcpu_class_size(class));
	}
	seq_putc(m, '\n');
	return 0;
}

static unsigned int pcpu_cache_run_bytes(const struct pcpu_cache *cache)
{
	/* The owner of the cache may change both. */
	return data_race(cache->run.nr + cache->leftover.nr) <<
	       PCPU_GRANULE_SHIFT;
}

static unsigned long pcpu_depot_bytes(void)
{
	/* Written under pcpu_depot_lock */
	return data_race(pcpu_depot->bytes);
}

static int pcpu_caches_show(struct seq_file *m, void *v)
{
	unsigned int unit, objects;
	struct pcpu_cache *cache;
	unsigned long bytes;

	seq_puts(m, "# cpu objects bytes run_bytes share_bytes tracked\n");
	for_each_pcpu_unit(unit) {
		cache = pcpu_cache_of_unit(unit);
		if (!cache)
			continue;
		bytes = 0;
		objects = pcpu_cache_count(cache, &bytes);
		seq_printf(m, "%u %u %lu %u %d %d\n", pcpu_unit_cpu(unit),
			   objects, bytes, pcpu_cache_run_bytes(cache),
			   /* The owner of the cache may change it. */
			   data_race(cache->share), READ_ONCE(cache->tracked));
	}
	seq_printf(m, "common - 0 %u - %d\n",
		   pcpu_cache_run_bytes(&pcpu_cache_common),
		   READ_ONCE(pcpu_cache_common.tracked));
	seq_printf(m, "depot - %lu 0 - -\n", pcpu_depot_bytes());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pcpu_caches);

static void pcpu_stats_row(struct seq_file *m, const char *name, long value)
{
	seq_printf(m, "  %-20s: %12ld\n", name, value);
}

/* The smallest, the median and the largest size of the live objects of a chunk */
static void pcpu_stats_sizes(struct seq_file *m, const struct pcpu_snapshot *snap,
			     const struct pcpu_chunk_sums *sums)
{
	unsigned int low = sums->objects ? sums->lowest : 0, high = sums->highest, mid;

	pcpu_stats_row(m, "cur_min_alloc", low);
	/* The median is the lowest size that half of the objects do not exceed. */
	while (low < high) {
		mid = low + (high - low) / 2;
		if (pcpu_snapshot_count(snap, mid) >= DIV_ROUND_UP(sums->objects, 2))
			high = mid;
		else
			low = mid + 1;
	}
	pcpu_stats_row(m, "cur_med_alloc", low);
	pcpu_stats_row(m, "cur_max_alloc", sums->highest);
	pcpu_stats_row(m, "max_alloc_size", sums->highest);
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
	pcpu_stats_row(m, "nr_units", pcpu_nr_units);
	pcpu_stats_row(m, "unit_size", pcpu_area.size);
	pcpu_stats_row(m, "unit_stride", pcpu_area.stride);
	pcpu_stats_row(m, "static_size", pcpu_area.static_size);
	pcpu_stats_row(m, "reserved_size", pcpu_area.reserved_size);
	pcpu_stats_row(m, "dyn_size", pcpu_area.size - pcpu_area.first -
		       pcpu_area.static_size - pcpu_area.reserved_size);
	pcpu_stats_row(m, "atom_size", PAGE_SIZE);
	pcpu_stats_row(m, "alloc_size", pcpu_area.stride);
	pcpu_stats_row(m, "chunk_size", PCPU_CHUNK_SIZE);
	pcpu_stats_row(m, "max_object", pcpu_area.max_object);
	seq_putc(m, '\n');
}

static void pcpu_stats_counters(struct seq_file *m)
{
	/* Frees first, so that each free that is read has its allocation. */
	long nr_free = atomic_long_read(&pcpu_stats.nr_free);
	long nr_alloc = atomic_long_read(&pcpu_stats.nr_alloc);
	unsigned long min_size = READ_ONCE(pcpu_stats.min_size);

	pcpu_stats_row(m, "nr_alloc", nr_alloc);
	pcpu_stats_row(m, "nr_dealloc", nr_free);
	pcpu_stats_row(m, "nr_cur_alloc", nr_alloc - nr_free);
	pcpu_stats_row(m, "nr_max_alloc", atomic_long_read(&pcpu_stats.nr_max));
	pcpu_stats_row(m, "min_alloc_size", min_size == ULONG_MAX ? 0 : min_size);
	pcpu_stats_row(m, "max_alloc_size", READ_ONCE(pcpu_stats.max_size));
}

static void pcpu_stats_global(struct seq_file *m)
{
	/* Written under pcpu_chunk_lock */
	struct pcpu_counts counts = data_race(pcpu_counts);

	pcpu_stats_title(m, "Global Stats");
	if (IS_ENABLED(CONFIG_PERCPU_STATS))
		pcpu_stats_counters(m);
	pcpu_stats_row(m, "invalid_frees", pcpu_bad_free_count());
	pcpu_stats_row(m, "damages", pcpu_debug_begun() ? pcpu_debug_count() : 0);
	pcpu_stats_row(m, "nr_chunks", counts.chunks);
	pcpu_stats_row(m, "nr_max_chunks", counts.max_chunks);
	pcpu_stats_row(m, "empty_pop_pages", counts.empty);
	pcpu_stats_row(m, "populated_pages", READ_ONCE(pcpu_nr_populated));
	/* Populated pages of present chunks, and the number of units with memory there */
	if (IS_ENABLED(CONFIG_PERCPU_PRESENT)) {
		pcpu_stats_row(m, "present_pages", READ_ONCE(pcpu_nr_present));
		pcpu_stats_row(m, "present_units", READ_ONCE(pcpu_nr_present_units));
	}
	seq_putc(m, '\n');
}

static void pcpu_stats_caches(struct seq_file *m)
{
	unsigned long objects = 0, bytes = 0;
	unsigned int unit, nr = 0;
	struct pcpu_cache *cache;

	for_each_pcpu_unit(unit) {
		cache = pcpu_cache_of_unit(unit);
		if (!cache)
			continue;
		objects += pcpu_cache_count(cache, &bytes);
		nr++;
	}
	pcpu_stats_title(m, "Caches");
	pcpu_stats_row(m, "nr_caches", nr);
	pcpu_stats_row(m, "objects_cached", objects);
	pcpu_stats_row(m, "bytes_cached", bytes);
	pcpu_stats_row(m, "bytes_in_depot", pcpu_depot_bytes());
	seq_putc(m, '\n');
}

static int pcpu_stats_show(struct seq_file *m, void *v)
{
	struct pcpu_chunk_sums sums;
	struct pcpu_snapshot *snap;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "Percpu Memory Statistics\n");
		pcpu_stats_layout(m);
		pcpu_stats_global(m);
		pcpu_stats_caches(m);
		pcpu_stats_title(m, "Per Chunk Stats");
		return 0;
	}
	snap = pcpu_chunks_get(m, v);
	if (!snap)
		return 0;
	sums = pcpu_snapshot_sum(snap);
	seq_printf(m, "Chunk %u:%s\n", snap->chunk.nr,
		   snap->chunk.nr ? "" : " <- First Chunk");
	pcpu_stats_row(m, "populated_pages", hweight64(snap->chunk.populated));
	pcpu_stats_row(m, "empty_pop_pages",
		       hweight64(snap->chunk.empty & snap->chunk.populated));
	pcpu_stats_row(m, "nr_alloc", sums.objects);
	pcpu_stats_row(m, "first_bit",
		       sums.first << (PCPU_GRANULE_SHIFT - PCPU_MIN_ALLOC_SHIFT));
	pcpu_stats_row(m, "free_bytes", snap->chunk.nr_free << PCPU_GRANULE_SHIFT);
	pcpu_stats_row(m, "contig_bytes", sums.longest << PCPU_GRANULE_SHIFT);
	pcpu_stats_row(m, "sum_frag", sums.frag << PCPU_GRANULE_SHIFT);
	pcpu_stats_row(m, "max_frag", sums.longest_frag << PCPU_GRANULE_SHIFT);
	pcpu_stats_sizes(m, snap, &sums);
	pcpu_stats_row(m, "small_free_bytes", sums.small_free);
	seq_putc(m, '\n');
	return 0;
}

#define PCPU_CHUNKS_SEQ_ATTRIBUTE(name)					\
static const struct seq_operations name##_sops = {			\
	.start = pcpu_chunks_start,					\
	.next = pcpu_chunks_next,					\
	.stop = pcpu_chunks_stop,					\
	.show = name##_show,						\
};									\
DEFINE_SEQ_ATTRIBUTE(name)

PCPU_CHUNKS_SEQ_ATTRIBUTE(pcpu_map);
PCPU_CHUNKS_SEQ_ATTRIBUTE(pcpu_stats);

static int __init pcpu_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("percpu", NULL);

	debugfs_create_file("stats", 0444, dir, NULL, &pcpu_stats_fops);
	debugfs_create_file("caches", 0444, dir, NULL, &pcpu_caches_fops);
	debugfs_create_file("map", 0444, dir, NULL, &pcpu_map_fops);
	debugfs_create_file("percpu_stats", 0444, NULL, NULL, &pcpu_stats_fops);
	return 0;
}
late_initcall(pcpu_debugfs_init);
