// SPDX-License-Identifier: GPL-2.0-only
/*
 * sites: who owns most, by the place in the code that allocated it.  Allocation
 * profiling knows that of each object that was allocated while it was on, and
 * percpu_debug= of what it checks.
 */
#include <linux/cleanup.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>

#include <asm/sections.h>

#include "debug.h"
#include "debugfs.h"
#include "mark.h"
#include "owner.h"
#include "snapshot.h"

/* Call sites that are told apart; further ones are summed up. */
#define PCPU_SITES_MAX	1024

/**
 * struct pcpu_site - what a place in the code owns
 * @tag: the place as allocation profiling has it, or NULL
 * @ip: the place as an address, or 0; without both nobody knows
 * @objects: live objects
 * @bytes: their bytes on one CPU
 */
struct pcpu_site {
	const void *tag;
	unsigned long ip;
	unsigned long objects;
	unsigned long bytes;
};

/**
 * struct pcpu_sites - what all own
 * @nr: places known
 * @sites: these, in any order; the last one is for what has no room
 * @snap: the chunk that is looked at
 */
struct pcpu_sites {
	unsigned int nr;
	struct pcpu_site sites[PCPU_SITES_MAX + 1];
	struct pcpu_snapshot snap;
};

/* Count an object of the place @key. */
static void pcpu_sites_add(struct pcpu_sites *sites,
			   const struct pcpu_site *key, unsigned long bytes)
{
	struct pcpu_site *site = sites->sites;
	unsigned int i;

	for (i = 0; i < sites->nr; i++, site++)
		if (site->tag == key->tag && site->ip == key->ip)
			break;
	if (i == sites->nr && sites->nr < PCPU_SITES_MAX) {
		sites->nr++;
		*site = *key;
	}
	site->objects++;
	site->bytes += bytes;
}

#ifdef CONFIG_MEM_ALLOC_PROFILING

/* Where an object was allocated, or NULL. It may be going away. */
static const void *pcpu_sites_tag(struct pcpu_chunk *chunk, unsigned long off)
{
	struct pcpu_owner *owner = pcpu_owner_at(chunk, off);
	struct codetag *tag = owner ? READ_ONCE(owner->tag.ct) : NULL;

	/* Small numbers say that there is none by intent. */
	return (unsigned long)tag < PAGE_SIZE ? NULL : tag;
}

/* The strings of a module that is gone are gone, too. */
static bool pcpu_sites_readable(const char *string)
{
	unsigned long addr = (unsigned long)string;

	return is_kernel_rodata(addr) || __module_address(addr);
}

/*
 * What allocation profiling has on a place; false if it is not there any more, as
 * a module that went meanwhile. By words, as in pcpu_debug_fetch().
 */
static bool pcpu_sites_read_tag(struct codetag *to, const struct codetag *from)
{
	unsigned long i;

	static_assert(!(sizeof(*to) % sizeof(i)));
	for (i = 0; i < sizeof(*to); i += sizeof(i))
		if (copy_from_kernel_nofault((void *)to + i,
					     (const void *)from + i, sizeof(i)))
			return false;
	return pcpu_sites_readable(to->filename) &&
	       pcpu_sites_readable(to->function);
}

static void pcpu_sites_name(struct seq_file *m, const struct pcpu_site *site)
{
	struct codetag tag;

	guard(rcu)();
	if (pcpu_sites_read_tag(&tag, site->tag))
		seq_printf(m, "%s:%u func:%s\n", tag.filename, tag.lineno,
			   tag.function);
	else
		seq_puts(m, "a module that is gone\n");
}

#else

static const void *pcpu_sites_tag(struct pcpu_chunk *chunk, unsigned long off)
{
	return NULL;
}

static void pcpu_sites_name(struct seq_file *m, const struct pcpu_site *site)
{
}

#endif /* CONFIG_MEM_ALLOC_PROFILING */

/* Where the object at @off was allocated. */
static struct pcpu_site pcpu_sites_key(struct pcpu_chunk *chunk,
				       unsigned long off)
{
	struct pcpu_site key = { .tag = pcpu_sites_tag(chunk, off) };
	struct pcpu_record record;

	if (!key.tag && pcpu_debug_read(off, &record))
		key.ip = record.alloc.ip;
	return key;
}

/* Count the small objects of a split granule. */
static void pcpu_sites_read_small(struct pcpu_sites *sites,
				  struct pcpu_chunk *chunk, unsigned long off,
				  u8 mark)
{
	unsigned int size = pcpu_class_size(pcpu_mark_split_class(mark));
	struct pcpu_site key = { };
	unsigned int i;

	for (i = 0; i < PCPU_GRANULE; i += size) {
		if (!(mark & pcpu_mark_bit(i)))
			continue;
		key.tag = pcpu_sites_tag(chunk, off + i);
		pcpu_sites_add(sites, &key, size);
	}
}

static void pcpu_sites_read(struct pcpu_sites *sites, unsigned int nr)
{
	struct pcpu_span span = { };
	struct pcpu_chunk *chunk;
	struct pcpu_site key;

	guard(rcu)();
	chunk = READ_ONCE(pcpu_chunk_table[nr]);
	if (!chunk || !pcpu_snapshot_take(&sites->snap, nr))
		return;
	while (pcpu_snapshot_next(&sites->snap, &span)) {
		unsigned long off = pcpu_chunk_off(chunk) +
				    (span.start << PCPU_GRANULE_SHIFT);

		if (span.use == PCPU_USE_SMALL)
			pcpu_sites_read_small(sites, chunk, off, span.mark);
		if (span.use != PCPU_USE_OBJECT)
			continue;
		key = pcpu_sites_key(chunk, off);
		pcpu_sites_add(sites, &key, pcpu_snapshot_bytes(&sites->snap,
								&span));
	}
}

static int pcpu_sites_compare(const void *a, const void *b)
{
	const struct pcpu_site *first = a, *second = b;

	if (first->bytes == second->bytes)
		return 0;
	return first->bytes < second->bytes ? 1 : -1;
}

static void pcpu_sites_row(struct seq_file *m, const struct pcpu_site *site,
			   const char *name)
{
	if (!site->objects)
		return;
	seq_printf(m, "%lu %lu ", site->bytes, site->objects);
	if (site->tag)
		pcpu_sites_name(m, site);
	else if (site->ip)
		seq_printf(m, "%pS\n", (void *)site->ip);
	else
		seq_printf(m, "%s\n", name);
}

/**
 * pcpu_owners_show - write who owns most
 * @m: where to
 * @v: unused
 *
 * Context: process context.
 * Return: 0 or -ENOMEM.
 */
int pcpu_owners_show(struct seq_file *m, void *v)
{
	struct pcpu_sites *sites = kvzalloc(sizeof(*sites), GFP_KERNEL);
	unsigned int i;

	if (!sites)
		return -ENOMEM;
	for (i = 0; i < pcpu_area_nr_chunks(); i++) {
		pcpu_sites_read(sites, i);
		cond_resched();
	}
	sort(sites->sites, sites->nr, sizeof(*sites->sites),
	     pcpu_sites_compare, NULL);
	seq_puts(m, "# bytes_per_cpu objects site\n");
	for (i = 0; i < sites->nr; i++)
		pcpu_sites_row(m, &sites->sites[i], "unknown");
	pcpu_sites_row(m, &sites->sites[PCPU_SITES_MAX], "others");
	kvfree(sites);
	return 0;
}
