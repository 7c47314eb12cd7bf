// SPDX-License-Identifier: GPL-2.0-only
/*
 * bin: up to 64 small objects of one size, side by side in one page.
 *
 * Small objects are many and cheap and go by size, in pages of their own: one
 * word says which are free.  A bin takes a run of slots of its page, aligned
 * to its length.  Bins with room that no arena uses at the moment wait on a
 * list for each class, shared by all arenas.
 */
#include <linux/init.h>
#include <linux/slab.h>

#include "bin.h"
#include "populate.h"

#define PCPU_CLASS(_size, _bytes) {					\
	.size = (_size),						\
	.bytes = (_bytes),						\
	.nr = (_bytes) / (_size),					\
	.recip = ((1 << 20) + (_size) - 1) / (_size),			\
}

const struct pcpu_class pcpu_classes[PCPU_NR_CLASSES] = {
	PCPU_CLASS(4, 256),
	PCPU_CLASS(8, 512),
};

/* Bins with room for everyone, the latest first; guarded by pcpu_chunk_lock. */
static struct list_head pcpu_bins_shared[PCPU_NR_CLASSES] = {
	LIST_HEAD_INIT(pcpu_bins_shared[0]),
	LIST_HEAD_INIT(pcpu_bins_shared[1]),
};

/**
 * pcpu_class_of - the class that serves a request
 * @size: bytes, not 0
 * @align: power of two
 *
 * Return: index into pcpu_classes[], or -1 when an extent must serve it.
 */
int pcpu_class_of(size_t size, size_t align)
{
	unsigned int class;

	size = max(size, align);
	for (class = 0; class < PCPU_NR_CLASSES; class++)
		if (size <= pcpu_classes[class].size)
			return class;
	return -1;
}

static unsigned int pcpu_class_slots(unsigned int class)
{
	return max(pcpu_classes[class].bytes >> PCPU_SLOT_SHIFT, 1);
}

/**
 * pcpu_bin_at - the bin that covers an offset
 * @chunk: the offset's chunk
 * @off: offset within the area
 *
 * Context: IRQs off, or pcpu_chunk_lock held, so that @chunk stays.
 * Return: the bin, or NULL when no bin was ever there.
 */
struct pcpu_bin *pcpu_bin_at(struct pcpu_chunk *chunk, unsigned long off)
{
	struct pcpu_bin *bins = READ_ONCE(chunk->bins[pcpu_off_to_page(off)]);

	if (unlikely(!bins))
		return NULL;
	return bins + READ_ONCE(bins[offset_in_page(off) >> PCPU_SLOT_SHIFT].lead);
}

/**
 * pcpu_bin_index - which object of a bin begins at an offset
 * @bin: the bin
 * @off: offset within the area
 *
 * Return: the object's bit in &pcpu_bin.free, or -1 when none begins there.
 */
int pcpu_bin_index(const struct pcpu_bin *bin, unsigned long off)
{
	const struct pcpu_class *class = &pcpu_classes[bin->class];
	u32 in = (off & (PCPU_CHUNK_SIZE - 1)) - bin->off;
	u32 i;

	if (in >= class->bytes)
		return -1;
	i = (in * class->recip) >> 20;
	if (i * class->size != in || i >= class->nr)
		return -1;
	return i;
}

/* Slots at which a run of @nr free slots begins, aligned, of mask @free. */
static u64 pcpu_slot_runs(u64 free, unsigned int nr)
{
	u64 aligned = 1;
	unsigned int n;

	for (n = 1; n < nr; n *= 2)
		free &= free >> n;
	for (; n < 64; n *= 2)
		aligned |= aligned << n;
	return free & aligned;
}

/* Find @nr slots in @chunk: lowest page first. Sets @page and @slot. */
static bool pcpu_chunk_find_slots(struct pcpu_chunk *chunk, unsigned int nr,
				  unsigned int *page, unsigned int *slot)
{
	u64 pages, runs;

	if (chunk->slot_room < nr)
		return false;
	for (pages = chunk->binned; pages; pages &= pages - 1) {
		*page = __ffs64(pages);
		runs = pcpu_slot_runs(chunk->slots[*page], nr);
		if (runs) {
			*slot = __ffs64(runs);
			return true;
		}
	}
	chunk->slot_room = nr / 2;
	return false;
}

/**
 * pcpu_bin_carve - make a new bin in a page cut for bins
 * @class: its class
 * @home: the arena it is for
 *
 * Context: takes pcpu_chunk_lock.
 * Return: the bin, moving and wholly free, or NULL when no page has room.
 */
struct pcpu_bin *pcpu_bin_carve(unsigned int class, unsigned int home)
{
	unsigned int i, nr = pcpu_class_slots(class), page, slot;
	struct pcpu_bin *bin = NULL, *bins;
	struct pcpu_chunk *chunk = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	for (i = 0; i < pcpu_chunk_top(); i++) {
		chunk = pcpu_chunk_table[i];
		if (chunk && pcpu_chunk_find_slots(chunk, nr, &page, &slot))
			break;
		chunk = NULL;
	}
	if (!chunk)
		goto out;

	chunk->slots[page] &= ~(GENMASK_ULL(nr - 1, 0) << slot);
	bins = chunk->bins[page];
	bin = &bins[slot];
	bin->free = pcpu_class_mask(class);
	bin->off = (page << PAGE_SHIFT) + (slot << PCPU_SLOT_SHIFT);
	bin->class = class;
	WRITE_ONCE(bin->home, home);
	bin->state = PCPU_BIN_MOVING;
	for (i = slot; i < slot + nr; i++)
		WRITE_ONCE(bins[i].lead, slot);
out:
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return bin;
}

/**
 * pcpu_bin_dissolve - give back the slots of a bin with no live object
 * @bin: the bin, on no list, its home arena's lock held
 *
 * Context: takes pcpu_chunk_lock.
 */
void pcpu_bin_dissolve(struct pcpu_bin *bin)
{
	unsigned int page = bin->off >> PAGE_SHIFT;
	unsigned int slot = bin - bin->chunk->bins[page];
	unsigned int nr = pcpu_class_slots(bin->class);
	struct pcpu_chunk *chunk = bin->chunk;
	unsigned long flags;

	bin->state = PCPU_BIN_NONE;
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	chunk->slots[page] |= GENMASK_ULL(nr - 1, 0) << slot;
	chunk->slot_room = PCPU_PAGE_SLOTS;
	if (chunk->slots[page] == PCPU_ALL_SLOTS)
		pcpu_chunk_uncut(chunk, page);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}

/**
 * pcpu_bin_take_shared - take a bin with room off the shared list
 * @class: its class
 *
 * The bin stays in state %PCPU_BIN_SHARED, and with its old home, until the
 * caller has taken that home's lock; being on no list keeps others off.
 *
 * Context: takes pcpu_chunk_lock.
 * Return: the bin, or NULL.
 */
struct pcpu_bin *pcpu_bin_take_shared(unsigned int class)
{
	struct pcpu_bin *bin;
	unsigned long flags;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	bin = list_first_entry_or_null(&pcpu_bins_shared[class],
				       struct pcpu_bin, node);
	if (bin)
		list_del_init(&bin->node);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return bin;
}

/**
 * pcpu_bin_share - let every arena find a bin with room
 * @bin: the bin, its home arena's lock held
 *
 * Context: takes pcpu_chunk_lock.
 */
void pcpu_bin_share(struct pcpu_bin *bin)
{
	unsigned long flags;

	bin->state = PCPU_BIN_SHARED;
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	list_add(&bin->node, &pcpu_bins_shared[bin->class]);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}

/**
 * pcpu_bin_unshare - take a given bin off the shared list
 * @bin: the bin, in state %PCPU_BIN_SHARED, its home arena's lock held
 *
 * Context: takes pcpu_chunk_lock.
 * Return: %false when another CPU has just taken it.
 */
bool pcpu_bin_unshare(struct pcpu_bin *bin)
{
	unsigned long flags;
	bool listed;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	listed = !list_empty(&bin->node);
	list_del_init(&bin->node);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return listed;
}

static void pcpu_bins_init(struct pcpu_bin *bins, struct pcpu_chunk *chunk)
{
	unsigned int i;

	for (i = 0; i < PCPU_PAGE_SLOTS; i++) {
		INIT_LIST_HEAD(&bins[i].node);
		bins[i].chunk = chunk;
		bins[i].lead = i;
	}
}

/* Descriptors for the slots of @page, unless it has them already. */
static bool pcpu_bins_alloc(struct pcpu_chunk *chunk, unsigned int page,
			    gfp_t gfp)
{
	struct pcpu_bin *bins;

	if (READ_ONCE(chunk->bins[page]))
		return true;
	if (!pcpu_metadata_allowed(gfp))
		return false;
	bins = kcalloc(PCPU_PAGE_SLOTS, sizeof(*bins), gfp);
	if (!bins)
		return false;
	pcpu_bins_init(bins, chunk);
	/* The page is withheld by the caller: nobody else gets here. */
	smp_store_release(&chunk->bins[page], bins);
	return true;
}

/**
 * pcpu_bins_early - descriptors for pages mapped at boot
 * @chunk: a chunk of the first window
 * @pages: its pages that need descriptors
 * @mem: zeroed room for PCPU_PAGE_SLOTS descriptors for each of them
 *
 * Context: boot, before slab is up.
 * Return: the unused rest of @mem.
 */
struct pcpu_bin * __init pcpu_bins_early(struct pcpu_chunk *chunk, u64 pages,
					 void *mem)
{
	struct pcpu_bin *bins = mem;

	for (; pages; pages &= pages - 1) {
		pcpu_bins_init(bins, chunk);
		chunk->bins[__ffs64(pages)] = bins;
		bins += PCPU_PAGE_SLOTS;
	}
	return bins;
}

/* See that a withheld page has memory and descriptors. */
static bool pcpu_bin_prepare_page(struct pcpu_chunk *chunk, unsigned int page,
				  gfp_t gfp, const char **why)
{
	unsigned long off = pcpu_chunk_off(chunk) + (page << PAGE_SHIFT);

	if (!pcpu_bins_alloc(chunk, page, gfp)) {
		*why = "no memory to describe bins";
		return false;
	}
	if (chunk->populated & BIT_ULL(page))
		return true;
	if (!pcpu_populate_allowed(gfp)) {
		*why = "no populated page left, and may not populate";
		return false;
	}
	if (pcpu_populate_page(off, gfp)) {
		*why = "no pages to populate";
		return false;
	}
	return true;
}

/**
 * pcpu_bin_add_page - cut one more page into room for bins
 * @gfp: how memory may be allocated for it
 * @why: where to store the reason of a failure
 *
 * Context: any that @gfp allows; takes pcpu_chunk_lock.
 * Return: %true when bins can be carved again.
 */
bool pcpu_bin_add_page(gfp_t gfp, const char **why)
{
	struct pcpu_chunk *chunk;
	unsigned long flags;
	unsigned int page;
	bool ok;

again:
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	/* The reserve is for those who cannot wait; others leave it alone. */
	chunk = gfpflags_allow_blocking(gfp) && pcpu_populate_allowed(gfp) ?
		NULL : pcpu_chunk_claim_page(true, &page);
	if (!chunk && pcpu_populate_allowed(gfp))
		chunk = pcpu_chunk_claim_page(false, &page);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	if (!chunk) {
		if (!pcpu_populate_allowed(gfp)) {
			*why = "no populated page left, and may not populate";
			return false;
		}
		if (!pcpu_chunk_create(gfp, why))
			return false;
		goto again;
	}

	ok = pcpu_bin_prepare_page(chunk, page, gfp, why);

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	if (ok)
		pcpu_chunk_set_populated(chunk, BIT_ULL(page), true);
	pcpu_chunk_release(chunk, BIT_ULL(page));
	if (ok)
		pcpu_chunk_cut(chunk, page);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return ok;
}
