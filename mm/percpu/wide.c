// SPDX-License-Identifier: GPL-2.0-only
/*
 * wide: free objects without a class that each CPU keeps.
 *
 * A cache keeps the last few that were freed, for requests of the same length: a
 * magazine for each length would take more memory than the objects that it saves.
 * An allocation takes the one that was freed last.
 */
#include <linux/percpu.h>

#include "cache.h"
#include "chunk.h"

/* The index of the wide object that was freed last but @i. */
static unsigned int pcpu_cache_wide_index(const struct pcpu_cache *cache,
					  unsigned int i)
{
	return (cache->next_wide - 1 - i) % PCPU_CACHE_WIDES;
}

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

		i = pcpu_cache_wide_index(cache, n);
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
	where = pcpu_objmap_entry(chunk, granule);
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
