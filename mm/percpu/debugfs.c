// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: what people and percpu-view look at, the folder percpu/.
 *
 * All but "stats" is for programs as well: a line that begins with # names the
 * columns, and columns are only ever added at the end.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/seq_file.h>

#include "arena.h"
#include "debugfs.h"
#include "mark.h"
#include "snapshot.h"

static void *pcpu_chunks_start(struct seq_file *m, loff_t *pos)
{
	if (!*pos)
		return SEQ_START_TOKEN;
	return *pos <= pcpu_area_nr_chunks() ? pos : NULL;
}

static void *pcpu_chunks_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return *pos <= pcpu_area_nr_chunks() ? pos : NULL;
}

static void pcpu_chunks_stop(struct seq_file *m, void *v)
{
}

/* The chunk that position @v stands for, copied; or NULL if there is none. */
static struct pcpu_snapshot *pcpu_chunks_at(struct seq_file *m, void *v)
{
	struct pcpu_snapshot *snap = m->private;

	return pcpu_snapshot_take(snap, *(loff_t *)v - 1) ? snap : NULL;
}

/* On some architectures hweight64() is a long. */
static unsigned int pcpu_pages_in(u64 pages)
{
	return hweight64(pages);
}

static int pcpu_chunks_show(struct seq_file *m, void *v)
{
	struct pcpu_chunk_sums sums;
	struct pcpu_snapshot *snap;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "# chunk offset populated_pages empty_pages withheld_pages objects free_bytes held_bytes small_free_bytes longest_free_bytes\n");
		return 0;
	}
	snap = pcpu_chunks_at(m, v);
	if (!snap)
		return 0;
	pcpu_snapshot_sum(snap, &sums);
	seq_printf(m, "%u %lu %u %u %u %u %u %u %u %u\n", snap->nr,
		   (unsigned long)snap->nr << PCPU_CHUNK_SHIFT,
		   pcpu_pages_in(snap->populated),
		   pcpu_pages_in(snap->populated & snap->empty),
		   pcpu_pages_in(snap->withheld), sums.objects,
		   sums.free << PCPU_GRANULE_SHIFT,
		   sums.held << PCPU_GRANULE_SHIFT, sums.small_free,
		   sums.longest << PCPU_GRANULE_SHIFT);
	return 0;
}

/* What a span is on the map. */
static const char pcpu_map_letters[] = {
	[PCPU_USE_BARE] = '-',
	[PCPU_USE_FREE] = '.',
	[PCPU_USE_RESERVED] = 'r',
	[PCPU_USE_WITHHELD] = 'w',
	[PCPU_USE_STATIC] = 's',
	[PCPU_USE_HELD] = 'h',
	[PCPU_USE_OBJECT] = 'o',
	[PCPU_USE_REST] = 'c',
	[PCPU_USE_RETIRED] = 'z',
	[PCPU_USE_SMALL] = 'q',
};

static void pcpu_map_header(struct seq_file *m)
{
	seq_printf(m, "# percpu-map 1 page %lu granule %u chunk %lu units %u static %lu\n",
		   PAGE_SIZE, PCPU_GRANULE, PCPU_CHUNK_SIZE,
		   pcpu_nr_units(), pcpu_area.static_size);
	seq_puts(m, "# chunk populated_pages spans, each a letter and granules: - no memory, . free, r reserved, w withheld, s static, h at hand, o object, c of a lower chunk's object, z in quarantine, q small objects: a granule each with how many of how many live\n");
}

static int pcpu_map_show(struct seq_file *m, void *v)
{
	struct pcpu_snapshot *snap;
	struct pcpu_span span = { };
	unsigned int class;

	if (v == SEQ_START_TOKEN) {
		pcpu_map_header(m);
		return 0;
	}
	snap = pcpu_chunks_at(m, v);
	if (!snap)
		return 0;
	seq_printf(m, "%u %016llx", snap->nr, snap->populated);
	while (pcpu_snapshot_next(snap, &span)) {
		seq_printf(m, " %c%u", pcpu_map_letters[span.use], span.nr);
		if (span.use != PCPU_USE_SMALL)
			continue;
		class = pcpu_mark_split_class(span.mark);
		seq_printf(m, ":%u/%u",
			   pcpu_mark_nr_live(span.mark),
			   PCPU_GRANULE / pcpu_class_size(class));
	}
	seq_putc(m, '\n');
	return 0;
}

static const struct seq_operations pcpu_chunks_sops = {
	.start = pcpu_chunks_start,
	.next = pcpu_chunks_next,
	.stop = pcpu_chunks_stop,
	.show = pcpu_chunks_show,
};

static const struct seq_operations pcpu_map_sops = {
	.start = pcpu_chunks_start,
	.next = pcpu_chunks_next,
	.stop = pcpu_chunks_stop,
	.show = pcpu_map_show,
};

static int pcpu_chunks_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &pcpu_chunks_sops,
				sizeof(struct pcpu_snapshot));
}

static int pcpu_map_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &pcpu_map_sops,
				sizeof(struct pcpu_snapshot));
}

static const struct file_operations pcpu_chunks_fops = {
	.owner = THIS_MODULE,
	.open = pcpu_chunks_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static const struct file_operations pcpu_map_fops = {
	.owner = THIS_MODULE,
	.open = pcpu_map_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static unsigned int pcpu_arena_run_bytes(const struct pcpu_arena *arena)
{
	return (pcpu_glance(arena->run.nr) + pcpu_glance(arena->rest.nr)) <<
	       PCPU_GRANULE_SHIFT;
}

static int pcpu_arenas_show(struct seq_file *m, void *v)
{
	unsigned int i;

	seq_puts(m, "# arena objects bytes run_bytes room_bytes watched\n");
	for (i = 0; i < pcpu_nr_arenas; i++) {
		struct pcpu_arena *arena = &pcpu_arenas[i];
		unsigned long bytes = 0;
		unsigned int objects = pcpu_arena_held(arena, &bytes);

		seq_printf(m, "%u %u %lu %u %d %d\n", i, objects, bytes,
			   pcpu_arena_run_bytes(arena),
			   pcpu_arena_room(arena), pcpu_glance(arena->watched));
	}
	seq_printf(m, "common - 0 %u - %d\n",
		   pcpu_arena_run_bytes(&pcpu_arena_common),
		   pcpu_glance(pcpu_arena_common.watched));
	seq_printf(m, "depot - %lu 0 - -\n", pcpu_glance(pcpu_depot->bytes));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pcpu_arenas);

/**
 * struct pcpu_debugfs_bins - objects by class; the last are those without one
 * @live: live objects
 * @bytes: their bytes
 */
struct pcpu_debugfs_bins {
	unsigned long live[PCPU_NR_CLASSES + 1];
	unsigned long bytes[PCPU_NR_CLASSES + 1];
};

static void pcpu_bins_add(struct pcpu_debugfs_bins *bins, unsigned int class,
			  unsigned int nr, unsigned long bytes)
{
	bins->live[class] += nr;
	bins->bytes[class] += bytes;
}

static void pcpu_bins_read(struct pcpu_debugfs_bins *bins,
			   const struct pcpu_snapshot *snap)
{
	struct pcpu_span span = { };
	unsigned int class, live;

	while (pcpu_snapshot_next(snap, &span)) {
		unsigned long bytes = span.nr << PCPU_GRANULE_SHIFT;

		if (span.use == PCPU_USE_SMALL) {
			class = pcpu_mark_split_class(span.mark);
			live = pcpu_mark_nr_live(span.mark);
			pcpu_bins_add(bins, class, live,
				      live * pcpu_class_size(class));
		} else if (span.use == PCPU_USE_OBJECT) {
			class = pcpu_class_of(bytes, PCPU_GRANULE);
			pcpu_bins_add(bins, class, 1, bytes);
		} else if (span.use == PCPU_USE_REST) {
			pcpu_bins_add(bins, PCPU_CLASS_LONG, 0, bytes);
		}
	}
}

/* Objects of a class that arenas have at hand. */
static unsigned int pcpu_bins_held(unsigned int class)
{
	unsigned int i, nr = 0;

	for (i = 0; i < pcpu_nr_arenas; i++)
		nr += pcpu_glance(pcpu_arenas[i].stocks[class].nr);
	return nr;
}

static void pcpu_bins_row(struct seq_file *m,
			  const struct pcpu_debugfs_bins *bins,
			  unsigned int class)
{
	unsigned int held = pcpu_bins_held(class);
	unsigned int batches = pcpu_glance(pcpu_depot->classes[class].nr);

	if (bins->live[class] || held || batches)
		seq_printf(m, "%u %lu %lu %u %u\n", pcpu_class_size(class),
			   bins->live[class], bins->bytes[class], held,
			   batches);
}

static int pcpu_bins_show(struct seq_file *m, void *v)
{
	struct {
		struct pcpu_debugfs_bins bins;
		struct pcpu_snapshot snap;
	} *work = kvzalloc(sizeof(*work), GFP_KERNEL);
	unsigned int i;

	if (!work)
		return -ENOMEM;
	for (i = 0; i < pcpu_area_nr_chunks(); i++) {
		if (pcpu_snapshot_take(&work->snap, i))
			pcpu_bins_read(&work->bins, &work->snap);
		cond_resched();
	}
	seq_puts(m, "# size objects bytes at_hand depot_batches\n");
	for (i = 0; i < PCPU_NR_CLASSES; i++)
		pcpu_bins_row(m, &work->bins, i);
	seq_printf(m, "long %lu %lu 0 0\n", work->bins.live[PCPU_CLASS_LONG],
		   work->bins.bytes[PCPU_CLASS_LONG]);
	kvfree(work);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pcpu_bins);

DEFINE_SHOW_ATTRIBUTE(pcpu_report);
DEFINE_SHOW_ATTRIBUTE(pcpu_owners);

static int __init pcpu_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("percpu", NULL);

	debugfs_create_file("stats", 0444, dir, NULL, &pcpu_report_fops);
	debugfs_create_file("chunks", 0444, dir, NULL, &pcpu_chunks_fops);
	debugfs_create_file("bins", 0444, dir, NULL, &pcpu_bins_fops);
	debugfs_create_file("arenas", 0444, dir, NULL, &pcpu_arenas_fops);
	debugfs_create_file("owners", 0400, dir, NULL, &pcpu_owners_fops);
	debugfs_create_file("map", 0444, dir, NULL, &pcpu_map_fops);
	/* The name that it has had since 2017. */
	debugfs_create_file("percpu_stats", 0444, NULL, NULL,
			    &pcpu_report_fops);
	return 0;
}
late_initcall(pcpu_debugfs_init);
