// SPDX-License-Identifier: GPL-2.0-only
/*
 * cache: free objects that each CPU keeps.
 *
 * For its chunk a cached object is in use. For callers it is free: the object map
 * has no entry for it. A magazine returns the object that was freed last.
 *
 * New objects of all classes and CPUs are cut from one run, so that objects which
 * are allocated together are adjacent. The worker trims what is idle, see trim.c.
 *
 * What a cache has no capacity for goes to the depot in batches, or objects that are freed
 * on a different CPU would go through the chunk lock one by one. Documentation/mm/percpu.rst,
 * "Limits of caches and depot", tells the sizes of both, and how caches share one budget.
 *
 * Offsets are kept beside the objects and not in them, out of reach of a write to
 * a freed object.
 */
#include <linux/cache.h>
#include <linux/cleanup.h>
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "cache.h"
#include "chunk.h"

/* Granules of the run that objects are cut from. */
#define PCPU_RUN_GRANULES	128

struct pcpu_depot *pcpu_depot __ro_after_init;

/*
 * Guards *pcpu_depot; raw, IRQs off, no lock nests inside. Bound: a copy of a batch,
 * or a step per class.
 */
static DEFINE_RAW_SPINLOCK(pcpu_depot_lock);

struct pcpu_cache **pcpu_caches __ro_after_init;

atomic_t pcpu_caches_left;

struct pcpu_cache pcpu_cache_common = { .locked = true };

DEFINE_PER_CPU(struct pcpu_cache *, pcpu_cache_local) = &pcpu_cache_common;

/* Set up the depot in zeroed memory, at boot. */
void __init pcpu_depot_init(struct pcpu_depot *depot)
{
	unsigned int i;

	for (i = PCPU_DEPOT_BATCHES; i > 0; i--) {
		depot->batches[i].next = depot->unused;
		depot->unused = i;
	}
	pcpu_depot = depot;
}

/* Remove the last objects of a class that has some, at most @max and of one batch. */
static void pcpu_depot_pop(unsigned int class, unsigned int max,
			   struct pcpu_batch *batch)
{
	struct pcpu_depot_class *stack = &pcpu_depot->classes[class];
	unsigned int i = stack->head;
	struct pcpu_depot_batch *from = &pcpu_depot->batches[i];
	unsigned int nr = min(from->nr, max);

	lockdep_assert_held(&pcpu_depot_lock);

	from->nr -= nr;
	memcpy(batch->offs, from->offs + from->nr, nr * sizeof(*batch->offs));
	batch->class = class;
	batch->nr = nr;
	WRITE_ONCE(pcpu_depot->bytes, pcpu_depot->bytes - nr * pcpu_class_size(class));
	stack->nr -= nr;
	stack->low = min(stack->low, stack->nr);
	if (from->nr)
		return;
	WRITE_ONCE(stack->head, from->next);
	from->next = pcpu_depot->unused;
	WRITE_ONCE(pcpu_depot->unused, i);
}

/*
 * Move all objects of @batch, the last ones first, to the depot, unless it is full: the batch
 * is not empty afterwards then.
 */
void pcpu_depot_put(struct pcpu_batch *batch)
{
	struct pcpu_depot_class *stack = &pcpu_depot->classes[batch->class];
	struct pcpu_depot_batch *to;
	unsigned int i, n;

	guard(raw_spinlock_irqsave)(&pcpu_depot_lock);
	if (pcpu_depot_is_full())
		return;
	stack->nr += batch->nr;
	WRITE_ONCE(pcpu_depot->bytes,
		   pcpu_depot->bytes + batch->nr * pcpu_class_size(batch->class));
	i = stack->head;
	to = &pcpu_depot->batches[i];
	while (batch->nr) {
		if (!i || to->nr == PCPU_BATCH_MAX) {
			i = pcpu_depot->unused;
			to = &pcpu_depot->batches[i];
			WRITE_ONCE(pcpu_depot->unused, to->next);
			to->next = stack->head;
			WRITE_ONCE(stack->head, i);
		}
		n = min_t(unsigned int, batch->nr, PCPU_BATCH_MAX - to->nr);
		batch->nr -= n;
		memcpy(to->offs + to->nr, batch->offs + batch->nr, n * sizeof(*to->offs));
		to->nr += n;
	}
}

/* Remove a batch of the class of @batch, which is empty afterwards if there is none. */
void pcpu_depot_get(struct pcpu_batch *batch)
{
	batch->nr = 0;
	guard(raw_spinlock_irqsave)(&pcpu_depot_lock);
	if (pcpu_depot_has(batch->class))
		pcpu_depot_pop(batch->class, PCPU_BATCH_MAX, batch);
}

/*
 * Remove objects that were idle since the last trim, of the class of @batch or the next one
 * that has some. Return false if there is none.
 */
bool pcpu_depot_get_idle(struct pcpu_batch *batch)
{
	unsigned int low, class = batch->class;

	guard(raw_spinlock_irqsave)(&pcpu_depot_lock);
	while (class < PCPU_NR_CLASSES && !pcpu_depot->classes[class].low)
		class++;
	if (class == PCPU_NR_CLASSES)
		return false;
	low = pcpu_depot->classes[class].low;
	pcpu_depot_pop(class, min(low, PCPU_BATCH_MAX), batch);
	/* The objects taken were idle ones. */
	pcpu_depot->classes[class].low = low - batch->nr;
	return true;
}

/* Count idle objects of the depot from now on. Return true if it has an object. */
bool pcpu_depot_track(void)
{
	unsigned int i;

	guard(raw_spinlock_irqsave)(&pcpu_depot_lock);
	for (i = 0; i < PCPU_NR_CLASSES; i++)
		pcpu_depot->classes[i].low = pcpu_depot->classes[i].nr;
	return pcpu_depot->bytes;
}

/*
 * Own the cache of this CPU where the fast paths do not find it: with its lock or, on the
 * boot CPU before pcpu_trim_init(), without. IRQs are off.
 */
static struct pcpu_cache *pcpu_cache_get_hidden(void)
{
	/* It was made before this CPU came online. */
	struct pcpu_cache *cache = pcpu_caches[pcpu_cpu_unit(raw_smp_processor_id())];

	if (READ_ONCE(cache->locked))
		raw_spin_lock(&cache->lock);
	return cache;
}

/* Own the cache of this CPU; disables IRQs. */
static __always_inline struct pcpu_cache *pcpu_cache_get(unsigned long *flags)
{
	struct pcpu_cache *cache;
	unsigned long saved;

	local_irq_save(saved);
	*flags = saved;
	cache = raw_cpu_read(pcpu_cache_local);
	if (unlikely(cache == &pcpu_cache_common))
		cache = pcpu_cache_get_hidden();
	return cache;
}

static __always_inline void pcpu_cache_put(struct pcpu_cache *cache,
					   unsigned long flags)
{
	if (unlikely(READ_ONCE(cache->locked)))
		raw_spin_unlock(&cache->lock);
	local_irq_restore(flags);
}

/*
 * Return true if a cache, which the caller owns, has a capacity of @bytes, or takes it from
 * the budget. With 1, as for objects with a class, an object may exceed it.
 */
static bool pcpu_cache_take_share(struct pcpu_cache *cache, int bytes)
{
	int left, step, capacity = cache->capacity - bytes;

	pcpu_cache_assert_owned(cache);

	if (likely(capacity >= 0))
		return true;
	left = atomic_read(&pcpu_caches_left);
	step = max(-capacity, clamp(left / 16, PCPU_SHARE_STEP_MIN,
				    PCPU_SHARE_STEP_MAX));
	if (cache->share + step > min(left, PCPU_CACHE_BYTES))
		return false;
	/* Another CPU may have taken the rest. */
	if (atomic_sub_return(step, &pcpu_caches_left) < 0) {
		atomic_add(step, &pcpu_caches_left);
		return false;
	}
	cache->share += step;
	cache->capacity += step;
	return true;
}

/* Let go of a cache that is not empty: the worker trims it from then on. */
static void pcpu_cache_put_tracked(struct pcpu_cache *cache, unsigned long flags)
{
	bool tracked = cache->tracked;

	pcpu_cache_assert_owned(cache);

	WRITE_ONCE(cache->tracked, true);
	pcpu_cache_put(cache, flags);
	if (!tracked)
		pcpu_balance_kick();
}

/* Free a batch, which is not empty, to the depot, or to the chunks if the depot is full. */
static void pcpu_cache_spill(struct pcpu_batch *batch)
{
	/* A full depot takes nothing, and its lock is another CPU's. */
	if (!pcpu_depot_is_full())
		pcpu_depot_put(batch);
	if (!batch->nr)
		return;
	pcpu_chunks_free_batch(batch->class, batch->offs, batch->nr);
	pcpu_balance_check();
}

/*
 * Move a batch to the cache of this CPU, and free what it has no capacity for. The
 * object at the lowest index is allocated first.
 */
static void pcpu_cache_fill(struct pcpu_batch *batch)
{
	struct pcpu_magazine *mag;
	struct pcpu_cache *cache;
	unsigned long flags;

	if (!batch->nr)
		return;
	cache = pcpu_cache_get(&flags);
	mag = &cache->magazines[batch->class];
	while (batch->nr && mag->nr < mag->max && pcpu_cache_take_share(cache, 1))
		pcpu_magazine_push(cache, mag, batch->offs[--batch->nr]);
	pcpu_cache_put_tracked(cache, flags);
	if (batch->nr)
		pcpu_cache_spill(batch);
}

/*
 * Move the last objects of a magazine, up to @nr and to PCPU_BATCH_MAX, to @offs. Return
 * their number.
 */
unsigned int pcpu_magazine_pop_batch(struct pcpu_cache *cache,
				     struct pcpu_magazine *mag, u32 *offs,
				     unsigned int nr)
{
	pcpu_cache_assert_owned(cache);

	nr = min3(nr, (unsigned int)mag->nr, PCPU_BATCH_MAX);
	mag->nr -= nr;
	memcpy(offs, mag->offs + mag->nr, nr * sizeof(*offs));
	mag->low = min(mag->low, mag->nr);
	cache->capacity += nr * mag->size;
	return nr;
}

/*
 * Cut @nr granules; the caller frees what is in @skipped afterwards. Skipped granules are
 * kept for the small objects that come with a large one: in the chunk the gap would be
 * filled by unrelated objects, which then pin the page.
 */
static unsigned long pcpu_cache_cut(struct pcpu_cache *cache, unsigned int nr,
				    size_t align, struct pcpu_run *skipped)
{
	struct pcpu_run *run = &cache->leftover;
	unsigned long off;
	unsigned int skip;

	pcpu_cache_assert_owned(cache);

	while ((skip = (-run->off & (align - 1)) >> PCPU_GRANULE_SHIFT) + nr > run->nr) {
		if (run == &cache->run)
			return PCPU_NO_OFF;
		run = &cache->run;
	}
	*skipped = (struct pcpu_run) { .off = run->off, .nr = skip };
	off = run->off + (skip << PCPU_GRANULE_SHIFT);
	run->off = off + (nr << PCPU_GRANULE_SHIFT);
	run->nr -= skip + nr;
	if (run == &cache->run && skip > cache->leftover.nr)
		swap(cache->leftover, *skipped);
	return off;
}

/*
 * Cut @nr granules from the run of all CPUs, replacing it if it is too short. Objects of two
 * CPUs share no cache line, as both CPUs clear all copies.
 */
static unsigned long pcpu_cache_cut_run(unsigned int nr, size_t align,
					gfp_t gfp)
{
	struct pcpu_run run = { }, skipped = { };
	unsigned long flags, off = PCPU_NO_OFF;
	struct pcpu_cache *cache;
	bool replaced = false;
	unsigned int cpu;
	int err;

	for (;; replaced = true) {
		local_irq_save(flags);
		cache = &pcpu_cache_common;
		if (unlikely(!raw_spin_trylock(&cache->lock))) {
			local_irq_restore(flags);
			cache = pcpu_cache_get(&flags);
		}
		cpu = raw_smp_processor_id();
		/* What another CPU has installed meanwhile is freed below. */
		if (unlikely(replaced))
			swap(cache->run, run);
		else if (cache->last_cpu != cpu && align < L1_CACHE_BYTES)
			off = pcpu_cache_cut(cache, nr, L1_CACHE_BYTES, &skipped);
		if (off == PCPU_NO_OFF)
			off = pcpu_cache_cut(cache, nr, align, &skipped);
		cache->last_cpu = cpu;
		if (likely(off != PCPU_NO_OFF))
			break;
		swap(cache->run, run);
		pcpu_cache_put(cache, flags);
		err = pcpu_extent_alloc_run(nr, align, PCPU_RUN_GRANULES, gfp, &run);
		if (err)
			return err;
	}
	cache->run_idle &= replaced;
	pcpu_cache_put_tracked(cache, flags);
	if (unlikely(run.nr))
		pcpu_chunks_free(run.off, run.nr);
	if (unlikely(skipped.nr))
		pcpu_chunks_free(skipped.off, skipped.nr);
	return off;
}

/*
 * Allocate an object of a batch of the depot or, for small classes, of granules that are
 * split already, and cache the rest of the batch.
 */
static noinline unsigned long pcpu_cache_alloc_batch(unsigned int class, size_t align)
{
	unsigned long off = PCPU_NO_OFF;
	struct pcpu_batch batch;
	unsigned int i;

	batch.class = class;
	pcpu_depot_get(&batch);
	if (!batch.nr && class < PCPU_NR_SMALL)
		batch.nr = pcpu_chunks_alloc_small(class, batch.offs, PCPU_BATCH_MAX);
	for (i = batch.nr; i-- > 0;) {
		if (batch.offs[i] & (align - 1))
			continue;
		off = batch.offs[i];
		batch.offs[i] = batch.offs[--batch.nr];
		break;
	}
	pcpu_cache_fill(&batch);
	return off;
}

/* Split a granule, and cache its objects but for one. */
static unsigned long pcpu_cache_alloc_split(unsigned int class, gfp_t gfp)
{
	struct pcpu_batch batch;
	unsigned long off;
	unsigned int i;

	batch.class = class;
	off = pcpu_cache_cut_run(1, PCPU_GRANULE, gfp);
	if (IS_ERR_VALUE(off))
		return off;
	pcpu_small_prepare(off, gfp);
	batch.nr = pcpu_small_split(off, class) - 1;
	for (i = 0; i < batch.nr; i++)
		batch.offs[i] = off + (i + 1) * pcpu_class_size(class);
	pcpu_cache_fill(&batch);
	return off;
}

/*
 * Allocate an object with all steps, of a class that is not PCPU_CLASS_LONG. Tries in turn:
 * an object among the last few of the magazine, which the fast path has not found if @align
 * is the reason, or the cache is locked; a batch of the depot; for small classes a granule
 * that is split already; the run.
 *
 * Any context that @gfp allows. Return the offset, populated, or an error as from
 * pcpu_extent_alloc().
 */
unsigned long pcpu_cache_alloc_slow(unsigned int class, size_t align, gfp_t gfp)
{
	struct pcpu_cache *cache = raw_cpu_read(pcpu_cache_local);
	unsigned long flags, off = PCPU_NO_OFF;
	struct pcpu_magazine *mag;
	unsigned int i, tries = 4;

	/* The task may migrate, and an interrupt allocate or free. */
	if (cache == &pcpu_cache_common || data_race(cache->magazines[class].nr)) {
		cache = pcpu_cache_get(&flags);
		mag = &cache->magazines[class];
		for (i = mag->nr; i-- > 0 && tries && off == PCPU_NO_OFF; tries--) {
			if (mag->offs[i] & (align - 1))
				continue;
			swap(mag->offs[i], mag->offs[mag->nr - 1]);
			off = pcpu_magazine_pop(cache, mag);
		}
		pcpu_cache_put(cache, flags);
	}
	if (off == PCPU_NO_OFF &&
	    (pcpu_depot_has(class) || (class < PCPU_NR_SMALL && pcpu_small_available(class))))
		off = pcpu_cache_alloc_batch(class, align);
	if (off == PCPU_NO_OFF)
		off = class < PCPU_NR_SMALL ? pcpu_cache_alloc_split(class, gfp) :
		      pcpu_cache_cut_run(pcpu_class_granules(class), align, gfp);
	return off;
}

/*
 * The class to evict: of the next few the one with most bytes, so that classes
 * take turns but those with few objects are spared.
 */
static unsigned int pcpu_cache_victim(struct pcpu_cache *cache)
{
	unsigned int i, bytes, most = 0, class = cache->next_class, victim = class;

	pcpu_cache_assert_owned(cache);

	for (i = 0; i < PCPU_NR_CLASSES && (i < 8 || !most); i++) {
		struct pcpu_magazine *mag = &cache->magazines[class];

		bytes = mag->nr * mag->size;
		if (bytes > most) {
			most = bytes;
			victim = class;
		}
		if (++class == PCPU_NR_CLASSES)
			class = 0;
	}
	cache->next_class = class;
	return victim;
}

/*
 * Cache an object in magazine @mag, and evict the last @nr objects of @from, to the depot or
 * to the chunks.
 */
static noinline void pcpu_cache_free_evict(unsigned long off, struct pcpu_cache *cache,
					   struct pcpu_magazine *mag,
					   struct pcpu_magazine *from, unsigned int nr,
					   unsigned long flags)
{
	struct pcpu_batch batch;

	batch.class = from - cache->magazines;
	batch.nr = pcpu_magazine_pop_batch(cache, from, batch.offs, nr);
	pcpu_magazine_push(cache, mag, off);
	pcpu_cache_put_tracked(cache, flags);
	if (batch.nr)
		pcpu_cache_spill(&batch);
}

/*
 * Cache an object that the caller owns, and for which the object map has no entry, in
 * magazine @mag, evicting others if need be. @cache is that of this CPU, owned since IRQs
 * are off with @flags; it is let go of.
 *
 * If the depot is full, evicted objects go to the chunks. Each free evicts one, or a few
 * of a smaller class, so that none is much more expensive than the next one.
 */
void pcpu_cache_free_full(unsigned long off, struct pcpu_cache *cache,
			  struct pcpu_magazine *mag, unsigned long flags)
{
	bool full = mag->nr >= mag->max, depot_full = pcpu_depot_is_full();
	struct pcpu_magazine *from = mag;
	unsigned int nr = 0;
	u32 last;

	pcpu_cache_assert_owned(cache);

	if (likely(full && depot_full)) {
		last = mag->offs[mag->nr - 1];
		mag->offs[mag->nr - 1] = off;
		mag->low = min_t(u16, mag->low, mag->nr - 1);
		pcpu_cache_put(cache, flags);
		pcpu_chunks_free_batch(mag - cache->magazines, &last, 1);
		pcpu_balance_check();
		return;
	}
	if (full || !pcpu_cache_take_share(cache, 1)) {
		if (!full)
			from = &cache->magazines[pcpu_cache_victim(cache)];
		nr = DIV_ROUND_UP(from->nr, 2);
		if (depot_full)
			nr = min(PCPU_PART_MAX,
				 DIV_ROUND_UP(mag->size - cache->capacity, from->size));
	}
	pcpu_cache_free_evict(off, cache, mag, from, nr, flags);
}

/* Cache an object that the caller owns, and for which the object map has no entry. */
void pcpu_cache_free_slow(unsigned long off, unsigned int class)
{
	unsigned long flags;
	struct pcpu_cache *cache = pcpu_cache_get(&flags);

	pcpu_cache_free_full(off, cache, &cache->magazines[class], flags);
}

/*
 * Free objects without a class. A cache keeps the last few that were freed, for requests
 * of the same length: a magazine for each length would take more memory than the objects
 * that it saves.
 */

/*
 * Allocate a cached object of exactly @nr granules, which may be longer than a wide one.
 * Owns a cache for a bounded time. Any context. Return its offset, populated, or
 * %PCPU_NO_OFF if there is none.
 */
unsigned long pcpu_cache_alloc_wide(unsigned int nr, size_t align)
{
	unsigned long flags, off = PCPU_NO_OFF;
	struct pcpu_cache *cache;
	unsigned int i, n;

	cache = pcpu_cache_get(&flags);
	for (n = 0; n < PCPU_CACHE_WIDES; n++) {
		struct pcpu_run *run;

		/* The one that was freed last, but n. */
		i = (cache->next_wide - 1 - n) % PCPU_CACHE_WIDES;
		run = &cache->wides[i];
		if (run->nr != nr || run->off & (align - 1))
			continue;
		off = run->off;
		cache->capacity += pcpu_run_bytes(run);
		run->nr = 0;
		cache->next_wide = i;
		cache->wides_idle = false;
		break;
	}
	pcpu_cache_put(cache, flags);
	return off;
}

/*
 * Free a wide object that may begin at @off, within the area, to the cache of this CPU.
 * Disables IRQs for a bounded time. Any context. Return true if a live wide object
 * begins there and the cache had capacity. Otherwise nothing has changed, and the free
 * takes the slow path.
 */
bool pcpu_cache_free_wide(unsigned long off)
{
	unsigned int nr, granule = off >> PCPU_GRANULE_SHIFT;
	struct pcpu_chunk *chunk;
	struct pcpu_cache *cache;
	struct pcpu_run *run;
	unsigned long flags;
	bool freed = false;
	u8 *where, entry;

	/* A chunk that is found with IRQs off does not go away. */
	local_irq_save(flags);
	chunk = pcpu_chunk_of(off);
	if (unlikely(!chunk || off & (PCPU_GRANULE - 1) ||
		     test_bit(pcpu_off_to_page(off), chunk->slow_free)))
		goto out;
	where = pcpu_objmap_entry(chunk->objmap, granule);
	entry = READ_ONCE(*where);
	if (!pcpu_objmap_is_wide(entry))
		goto out;
	nr = pcpu_objmap_read_wide(chunk, granule, entry);
	cache = raw_cpu_read(pcpu_cache_local);
	run = &cache->wides[cache->next_wide];
	/* The cache of all CPUs is locked, and keeps no objects. */
	if (unlikely(cache == &pcpu_cache_common || run->nr ||
		     cache->capacity < (int)(nr << PCPU_GRANULE_SHIFT) ||
		     !pcpu_objmap_try_clear(where, entry, entry)))
		goto out;
	/* After a race of two frees it can be a new object, of another length. */
	nr = pcpu_objmap_read_wide(chunk, granule, entry);
	pcpu_objmap_write(chunk, granule + 1, 0);
	*run = (struct pcpu_run) { .off = off, .nr = nr };
	cache->capacity -= pcpu_run_bytes(run);
	cache->next_wide = (cache->next_wide + 1) % PCPU_CACHE_WIDES;
	cache->wides_idle = false;
	freed = true;
out:
	local_irq_restore(flags);
	return freed;
}

/*
 * Cache a freed object without a class, and store the object that it replaces, or an
 * empty run. @run is unchanged if it is too large, or if the budget is used up. Owns a
 * cache for a bounded time. Any context.
 */
void pcpu_cache_free_wide_slow(struct pcpu_run *run)
{
	struct pcpu_cache *cache;
	struct pcpu_run *slot;
	unsigned long flags;
	int more;

	if (run->nr > PCPU_CACHED_MAX)
		return;
	cache = pcpu_cache_get(&flags);
	slot = &cache->wides[cache->next_wide];
	more = pcpu_run_bytes(run) - pcpu_run_bytes(slot);
	if (pcpu_cache_take_share(cache, more)) {
		cache->capacity -= more;
		swap(*slot, *run);
		cache->next_wide = (cache->next_wide + 1) % PCPU_CACHE_WIDES;
		cache->wides_idle = false;
	}
	pcpu_cache_put_tracked(cache, flags);
}
