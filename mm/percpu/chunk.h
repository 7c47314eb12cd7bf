/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chunk: windows of offsets, which of their granules are used, and what their
 * pages are used for.
 *
 * chunk.c knows one chunk, place.c searches chunks, objmap.c splits granules, and
 * table.c has all chunks.  Only table.c takes pcpu_chunk_lock, for its callers.
 */
#ifndef _MM_PERCPU_CHUNK_H
#define _MM_PERCPU_CHUNK_H

#include <linux/bitmap.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "layout.h"

#define PCPU_PAGE_GRANULES	(PAGE_SIZE >> PCPU_GRANULE_SHIFT)
#define PCPU_CHUNK_GRANULES	(PCPU_CHUNK_PAGES * PCPU_PAGE_GRANULES)

struct pcpu_owner;
struct work_struct;

/* Page masks by the length of runs: 2^0 to 2^7 granules. */
#define PCPU_NR_BY_RUN		8

/* A page that is wholly free is in each of them. */
static_assert(PCPU_PAGE_GRANULES >= 1 << (PCPU_NR_BY_RUN - 1));

/**
 * struct pcpu_run - adjacent granules
 * @off: offset of the first
 * @nr: number of granules; 0 if there are none
 */
struct pcpu_run {
	u32 off;
	u32 nr;
};

static inline int pcpu_run_bytes(const struct pcpu_run *run)
{
	return run->nr << PCPU_GRANULE_SHIFT;
}

/**
 * struct pcpu_page - hints for the search in one page
 * @head: free granules at the beginning of the page; exact
 * @tail: free granules at the end of the page; exact
 * @run: upper bound of the free runs within the page, in granules
 * @partial: split granules with free objects, by class; exact
 *
 * Guarded by &pcpu_chunk_lock.
 */
struct pcpu_page {
	u16 head;
	u16 tail;
	u16 run;
	u16 partial[PCPU_NR_SMALL];
};

/**
 * struct pcpu_chunk - state of PCPU_CHUNK_PAGES pages of offsets
 *
 * Guarded by &pcpu_chunk_lock unless a member says otherwise. The run hints are
 * upper bounds: Documentation/mm/percpu.rst, "Run hints", tells which function
 * may lower or must raise each of them.
 */
struct pcpu_chunk {
	/** @nr: the chunk begins at offset @nr << PCPU_CHUNK_SHIFT; constant */
	unsigned int nr;
	/**
	 * @present: for objects with memory only on CPUs that have been online, and
	 * for no others; constant
	 */
	bool present;
	/** @held: no page is depopulated, as CPU hotplug visits the chunk */
	bool held;
	/** @nr_free: number of clear bits in @used */
	unsigned int nr_free;
	/** @max_run: upper bound of the free runs, in granules */
	unsigned int max_run;
	/** @populated_run: upper bound of the free runs in populated pages */
	unsigned int populated_run;
	/**
	 * @populated: pages with memory in every unit; may be read unlocked. It and
	 * @empty change in pcpu_chunk_set_masks() only.
	 */
	u64 populated;
	/** @pinned: populated pages that are never given back; constant */
	u64 pinned;
	/**
	 * @withheld: pages that no range may use: linear memory that does not
	 * exist, or pages that are being populated or given back. All their
	 * granules are set in @used.
	 */
	u64 withheld;
	/** @reserved: pages that only module data may use; constant */
	u64 reserved;
	/** @empty: pages with no bit set in @used */
	u64 empty;
	/** @headed: pages with a free first granule, i.e. with @head not 0 */
	u64 headed;
	/** @tailed: pages with a free last granule, i.e. with @tail not 0 */
	u64 tailed;
	/**
	 * @missed: an aligned run that a search has not found, and nothing was
	 * freed since; @missed.nr is 0 if there is none
	 */
	struct pcpu_missed {
		u64 pages;
		u32 nr;
		u16 align;
	} missed;
	/** @seen: the last search that has looked at the chunk */
	u64 seen;
	/** @by_run: pages with a @run of at least 2^i granules */
	u64 by_run[PCPU_NR_BY_RUN];
	/** @slot: the slot of &pcpu_slots that @nr_free or @present selects */
	struct pcpu_slot *slot;
	/** @list: in @slot */
	struct list_head list;
	/** @rcu: frees the structure after all lookups without a lock */
	struct rcu_head rcu;
	/**
	 * @slow_free: pages with objects that the fast path must not free, as
	 * they have owners. Bits are only set, atomically.
	 */
	DECLARE_BITMAP(slow_free, PCPU_CHUNK_PAGES);
	/**
	 * @populating: a bit for each page that a caller which must not sleep is
	 * populating, then one for each page that another caller is populating;
	 * changes atomically
	 */
	DECLARE_BITMAP(populating, 2 * PCPU_CHUNK_PAGES);
	/** @objmap: the object map, see objmap.h; no lock */
	u8 *objmap;
	/** @partial: pages that have free small objects, by class */
	u64 partial[PCPU_NR_SMALL];
	/** @partial_node: in the list of chunks with bits in @partial */
	struct list_head partial_node[PCPU_NR_SMALL];
	/**
	 * @free_masks: one byte per granule of a page, a mask of the free objects
	 * of a split granule. Set once by cmpxchg, read without a lock, freed
	 * with the chunk.
	 */
	u8 *free_masks[PCPU_CHUNK_PAGES];
	/**
	 * @owners: one entry per 8 bytes of a page, see account.c. Set once by
	 * cmpxchg, read without a lock, freed with the chunk.
	 */
	struct pcpu_owner *owners[PCPU_CHUNK_PAGES];
	/** @pages: hints for each page */
	struct pcpu_page pages[PCPU_CHUNK_PAGES];
	/** @used: granules that are allocated or withheld */
	DECLARE_BITMAP(used, PCPU_CHUNK_GRANULES);
};

/**
 * struct pcpu_slot - chunks with a similar number of free granules
 * @chunks: these chunks, linked by their @list
 * @max_run: upper bound of the @max_run of these chunks
 * @populated_run: upper bound of the @populated_run of these chunks
 * @raised: counts changes that may have raised one of them
 *
 * Guarded by &pcpu_chunk_lock.
 */
struct pcpu_slot {
	struct list_head chunks;
	unsigned int max_run;
	unsigned int populated_run;
	unsigned int raised;
};

/* Bytes of &pcpu_chunk.objmap. */
#define PCPU_OBJMAP_SIZE	PCPU_CHUNK_GRANULES

/* A slot for each number of free granules in whole pages, from 0 to all. */
#define PCPU_NR_SLOTS		(PCPU_CHUNK_PAGES + 1)

/**
 * struct pcpu_slots - all slots, the one with the fullest chunks first
 * @by_free: the slots
 * @present: all present chunks, in the order of their creation unless a search has
 *	turned the list
 * @filled: slots of @by_free that may have a chunk; a clear bit is exact
 *
 * Guarded by &pcpu_chunk_lock. Allocated at boot, to keep it out of BSS.
 */
struct pcpu_slots {
	struct pcpu_slot by_free[PCPU_NR_SLOTS];
	struct pcpu_slot present;
	DECLARE_BITMAP(filled, PCPU_NR_SLOTS);
};

/**
 * struct pcpu_counts - sums over all chunks, in pages of one unit
 * @empty: populated pages that are empty and not reserved: the reserve for
 *	callers that may not populate
 * @loose: pages of @empty that are not pinned
 * @chunks: chunks in the table
 * @empty_chunks: chunks without a used granule and without a pinned page
 * @max_chunks: maximum of @chunks since boot
 * @present_empty: populated empty pages of present chunks; these are not in @empty
 * @present_chunks: present chunks without a used granule; not in @empty_chunks
 *
 * Written under &pcpu_chunk_lock, may be read without it.
 */
struct pcpu_counts {
	long empty;
	long loose;
	unsigned int chunks;
	unsigned int empty_chunks;
	unsigned int max_chunks;
	long present_empty;
	unsigned int present_chunks;
};

/*
 * The reserve, in pages of a unit: populated pages without an object, for callers
 * that may not populate. The worker runs below LOW and above HIGH, and brings the
 * reserve to KEEP.
 */
#define PCPU_RESERVE_LOW	2
#define PCPU_RESERVE_KEEP	3
#define PCPU_RESERVE_HIGH	5

/*
 * Guards all chunks, the slots and the counts; raw, IRQs off, no lock nests
 * inside. Only table.c takes it; percpu.rst tells the bound of its sections.
 */
extern raw_spinlock_t pcpu_chunk_lock;

extern struct pcpu_chunk **pcpu_chunk_table;
extern struct pcpu_slots *pcpu_slots;
extern struct pcpu_counts pcpu_counts;

/*
 * Populated pages of all chunks but present ones, on each unit. Locked as
 * &pcpu_counts. Scripts for crash and drgn multiply it by pcpu_nr_units: keep both
 * names.
 */
extern unsigned long pcpu_nr_populated;

/* Populated pages of present chunks, on each present unit. Locked as &pcpu_counts. */
extern unsigned long pcpu_nr_present;

/* Populated empty pages beyond @keep that could be given back. */
static inline long pcpu_counts_excess(long keep)
{
	return min(READ_ONCE(pcpu_counts.empty) - keep,
		   READ_ONCE(pcpu_counts.loose));
}

static inline unsigned long pcpu_chunk_off(const struct pcpu_chunk *chunk)
{
	return (unsigned long)chunk->nr << PCPU_CHUNK_SHIFT;
}

static inline unsigned int pcpu_off_to_page(unsigned long off)
{
	return (off >> PAGE_SHIFT) & (PCPU_CHUNK_PAGES - 1);
}

static inline unsigned int pcpu_off_to_granule(unsigned long off)
{
	return (off & (PCPU_CHUNK_SIZE - 1)) >> PCPU_GRANULE_SHIFT;
}

/*
 * The chunk of an offset within the area, or NULL. It stays at least until the
 * end of an RCU read side or IRQ-off section, see pcpu_chunk_unclaim().
 */
static inline struct pcpu_chunk *pcpu_chunk_of(unsigned long off)
{
	return READ_ONCE(pcpu_chunk_table[off >> PCPU_CHUNK_SHIFT]);
}

/* All pages of a chunk. */
#define PCPU_ALL_PAGES		GENMASK_ULL(PCPU_CHUNK_PAGES - 1, 0)

/* Populated pages that any object may use at once. */
static inline u64 pcpu_chunk_spare(const struct pcpu_chunk *chunk)
{
	return chunk->empty & chunk->populated & ~chunk->reserved;
}

/* Return true if the chunk could be destroyed. */
static inline bool pcpu_chunk_is_loose(const struct pcpu_chunk *chunk)
{
	return chunk->empty == PCPU_ALL_PAGES && !chunk->pinned;
}

void pcpu_chunk_init(struct pcpu_chunk *chunk, unsigned int nr, void *objmap);
void pcpu_chunk_free_rcu(struct rcu_head *rcu);
void pcpu_chunk_set_slot(struct pcpu_chunk *chunk);
void pcpu_chunk_set_masks(struct pcpu_chunk *chunk, u64 populated, u64 empty);

void pcpu_range_alloc(struct pcpu_chunk *chunk, unsigned int start,
		      unsigned int nr);
void pcpu_range_free(struct pcpu_chunk *chunk, unsigned int start,
		     unsigned int nr);

void pcpu_page_set_run(struct pcpu_chunk *chunk, unsigned int page,
		       unsigned int run);
void pcpu_chunk_withhold(struct pcpu_chunk *chunk, u64 pages);
void pcpu_chunk_release(struct pcpu_chunk *chunk, u64 pages);

/* place.c: where an extent is allocated. */

/**
 * enum pcpu_kind - what granules are for, which decides where they lie
 * @PCPU_KIND_OBJECT: objects
 * @PCPU_KIND_MODULE: a module's percpu section: in the module range, at the lowest
 *	offset, and possibly in reserved pages
 * @PCPU_KIND_PRESENT: an object with memory only on CPUs that have been online: in a
 *	present chunk, and at most as long as a chunk
 */
enum pcpu_kind {
	PCPU_KIND_OBJECT,
	PCPU_KIND_MODULE,
	PCPU_KIND_PRESENT,
};

/**
 * struct pcpu_fit - the free run that a search looks for
 * @nr: length in granules, at least; not 0
 * @wanted: a better length, where pages are populated
 * @max: length in granules, at most; not less than @nr
 * @align: alignment of its beginning in granules, a power of two, at most a page
 * @kind: what it is for
 * @populated: its pages must be populated; never for modules
 * @thorough: the search may read the pages of all chunks
 */
struct pcpu_fit {
	unsigned int nr;
	unsigned int wanted;
	unsigned int max;
	unsigned int align;
	enum pcpu_kind kind;
	bool populated;
	bool thorough;
};

/**
 * enum pcpu_found - the result of a search
 * @PCPU_FOUND: there is a run, and it is allocated
 * @PCPU_FOUND_NONE: no chunk has such a run
 * @PCPU_FOUND_LATER: the search has used its steps: release the lock and go on
 */
enum pcpu_found {
	PCPU_FOUND,
	PCPU_FOUND_NONE,
	PCPU_FOUND_LATER,
};

/**
 * struct pcpu_search - where a search goes on after the lock was released
 * @pass: 0 for a better run, 1 for a populated one that fits, 2 for any that fits
 * @at: index of the slot; of the chunk, in a search for a module
 * @id: what &pcpu_chunk.seen of the chunks of that slot is set to
 * @raised: &pcpu_slot.raised of that slot when the search has entered it
 * @longest: maximum hint of the chunks of that slot that were seen
 * @nr_seen: number of visits to these chunks
 * @left: steps that are left until the lock must be released
 * @read: pages that this pass has read in vain
 * @cut: this pass has left out pages that it would have had to read
 *
 * All members are 0 at the beginning.
 */
struct pcpu_search {
	unsigned int pass;
	unsigned int at;
	u64 id;
	unsigned int raised;
	unsigned int longest;
	unsigned int nr_seen;
	int left;
	unsigned int read;
	bool cut;
};

enum pcpu_found pcpu_place_run(const struct pcpu_fit *fit, struct pcpu_search *search,
			       struct pcpu_run *run);
enum pcpu_found pcpu_place_module(const struct pcpu_fit *fit, unsigned int end,
				  struct pcpu_search *search,
				  struct pcpu_run *run);

/* table.c: all chunks, and the lock that guards them. */

void pcpu_chunk_table_init(struct pcpu_chunk **table, unsigned long *nrs,
			   struct pcpu_slots *slots);
void pcpu_chunk_reserve_nrs(unsigned int first, unsigned int nr);
void pcpu_chunk_add_first(struct pcpu_chunk *chunk, unsigned int static_granules,
			  u64 withheld);
unsigned int pcpu_chunk_top(void);
int pcpu_chunk_creatable(unsigned int limit);

extern struct pcpu_chunk *pcpu_chunk_ready;

void pcpu_chunk_prepare(gfp_t gfp);
struct pcpu_chunk *pcpu_chunk_create(gfp_t gfp, bool present);
long pcpu_chunks_create_run(unsigned int nr, unsigned int limit, gfp_t gfp);

bool pcpu_chunks_alloc_run(const struct pcpu_fit *fit, struct pcpu_run *run, bool *cut);
void pcpu_chunks_alloc_claimed(unsigned int first, unsigned int nr);
void pcpu_chunks_free(unsigned long off, unsigned int nr);
void pcpu_chunks_free_batch(unsigned int class, const u32 *offs,
			    unsigned int nr);
unsigned int pcpu_chunks_alloc_small(unsigned int class, u32 *offs,
				     unsigned int nr);

void pcpu_chunk_publish_pages(struct pcpu_chunk *chunk, u64 pages, struct pcpu_run *run,
			      unsigned int max);
void pcpu_chunks_inspect(void (*look)(void *data), void *data);

/* What the worker and CPU hotplug have claimed. */

struct pcpu_chunk *pcpu_chunks_claim_bare(unsigned int *page);
struct pcpu_chunk *pcpu_chunks_claim_spare(long keep_pages, unsigned int keep_chunks,
					   u64 *pages);
void pcpu_chunk_unclaim(struct pcpu_chunk *chunk, u64 pages);
int pcpu_chunks_hold_present(unsigned int from, u64 *populated);
void pcpu_chunk_unhold(unsigned int nr);

/* extent.c: granules with memory. */

unsigned long pcpu_extent_alloc(unsigned int nr, size_t align, enum pcpu_kind kind,
				gfp_t gfp);
int pcpu_extent_alloc_run(unsigned int nr, size_t align, unsigned int max, gfp_t gfp,
			  struct pcpu_run *run);

/* extent.c, too: queue the worker when there is work for it. */

void pcpu_balance_kick(void);
void pcpu_balance_check(void);
void pcpu_worker_enable(void (*run)(struct work_struct *work));
bool pcpu_worker_begin(void);
void pcpu_worker_again(unsigned long delay);
void pcpu_worker_pause(void);
void pcpu_worker_resume(void);

/* balance.c: the worker. */

/* Empty chunks that are kept, with page tables but without pages. */
#define PCPU_EMPTY_CHUNKS_KEEP	1

void pcpu_balance_now(void);

#endif /* _MM_PERCPU_CHUNK_H */
