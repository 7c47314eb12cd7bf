// SPDX-License-Identifier: GPL-2.0-only
/*
 * bad_free: report invalid frees.
 *
 * free_percpu() has refused the free, and nothing has changed. Other CPUs go on
 * allocating and freeing, so the description can be stale, the verdict cannot.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/cleanup.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sprintf.h>

#include "../objmap.h"
#include "bad_free.h"
#include "hooks.h"
#include "redzone.h"

/* Callers that were reported: each is reported once. */
#define PCPU_BAD_FREE_SHIFT	6
#define PCPU_BAD_FREE_CALLERS	BIT(PCPU_BAD_FREE_SHIFT)

/* A write to clear_warn_once in debugfs clears this section. */
static unsigned long pcpu_bad_free_callers[PCPU_BAD_FREE_CALLERS]
	__section(".data..once");

static atomic_long_t pcpu_bad_free_nr;

/* The number of invalid frees since boot. */
unsigned long pcpu_bad_free_count(void)
{
	return atomic_long_read(&pcpu_bad_free_nr);
}

/* Return true if @caller was already reported; with @remember, record it. */
static bool pcpu_bad_free_is_known(unsigned long caller, bool remember)
{
	unsigned long first = hash_long(caller, PCPU_BAD_FREE_SHIFT), i, old;
	unsigned long *site;

	for (i = 0; i < PCPU_BAD_FREE_CALLERS; i++) {
		site = &pcpu_bad_free_callers[(first + i) %
					      PCPU_BAD_FREE_CALLERS];
		old = READ_ONCE(*site);
		if (!old && remember)
			old = cmpxchg(site, 0, caller);
		if (!old)
			return false;
		if (old == caller)
			return true;
	}
	/* The table is full: only the rate limit applies. */
	return false;
}

/* Classify a free of an offset in a split granule. */
static void pcpu_bad_free_small(struct pcpu_bad_free *w, u8 entry)
{
	w->size = pcpu_class_size(pcpu_objmap_split_class(entry));
	w->begin = round_down(w->off, w->size);
	if (!(entry & pcpu_objmap_bit(w->begin)))
		w->why = PCPU_BAD_FREE_DOUBLE;
	else if (w->begin != w->off)
		w->why = PCPU_BAD_FREE_INTERIOR;
	else
		w->why = PCPU_BAD_FREE_REALLOCATED;
}

/* Classify a free of an offset in an existing chunk. */
static void pcpu_bad_free_in_chunk(struct pcpu_bad_free *w,
				   struct pcpu_chunk *chunk)
{
	unsigned int granule = pcpu_off_to_granule(w->off);
	u64 page = BIT_ULL(pcpu_off_to_page(w->off));
	u8 entry = pcpu_objmap_read(chunk, granule);

	w->why = PCPU_BAD_FREE_NO_MEMORY;
	if (!(READ_ONCE(chunk->populated) & page))
		return;
	if (entry & PCPU_OBJMAP_SPLIT) {
		pcpu_bad_free_small(w, entry);
		return;
	}
	w->why = PCPU_BAD_FREE_UNUSED;
	/* Both change under pcpu_chunk_lock; withheld granules are used, too. */
	if (!data_race(test_bit(granule, chunk->used) &&
		       !(chunk->withheld & page)))
		return;
	w->why = PCPU_BAD_FREE_DOUBLE;
	w->size = (size_t)pcpu_objmap_find(chunk, granule, &w->begin) << PCPU_GRANULE_SHIFT;
	if (!w->size || w->off - w->begin >= w->size) {
		w->begin = PCPU_NO_OFF;
		return;
	}
	chunk = pcpu_chunk_of(w->begin);
	entry = chunk ? pcpu_objmap_read(chunk, pcpu_off_to_granule(w->begin)) : 0;
	if (pcpu_objmap_is_module(entry))
		w->why = chunk->present ? PCPU_BAD_FREE_CACHE : PCPU_BAD_FREE_MODULE;
	else if (entry != PCPU_OBJMAP_RETIRED)
		w->why = w->begin == w->off ? PCPU_BAD_FREE_REALLOCATED :
					      PCPU_BAD_FREE_INTERIOR;
}

/* Classify a pointer that is the address of a CPU's copy. */
static void pcpu_bad_free_as_address(const void __percpu *ptr,
				     struct pcpu_bad_free *w)
{
	struct pcpu_chunk *chunk;
	unsigned long off;
	unsigned int unit;

	if (!pcpu_area_addr_to_off((__force unsigned long)ptr, &off, &unit))
		return;
	chunk = pcpu_chunk_of(off);
	if (!pcpu_off_is_static(off) &&
	    (!chunk || !(READ_ONCE(chunk->populated) &
			 BIT_ULL(pcpu_off_to_page(off)))))
		return;
	w->why = PCPU_BAD_FREE_COPY;
	w->off = off;
	w->cpu = pcpu_unit_cpu(unit);
}

/* Classify a pointer that is a percpu pointer by its value. */
static void pcpu_bad_free_as_pointer(struct pcpu_bad_free *w)
{
	struct pcpu_chunk *chunk;

	if (w->off == PCPU_NO_OFF)
		return;
	if (pcpu_off_is_static(w->off)) {
		if (w->off >= pcpu_area.static_size)
			w->off -= pcpu_area.first;
		w->why = PCPU_BAD_FREE_STATIC;
		return;
	}
	w->why = PCPU_BAD_FREE_NO_MEMORY;
	chunk = pcpu_chunk_of(w->off);
	if (chunk)
		pcpu_bad_free_in_chunk(w, chunk);
}

/* Find out why a free of @ptr is invalid. Any context. Slow: it may search all chunks. */
void pcpu_bad_free_diagnose(const void __percpu *ptr, struct pcpu_bad_free *w)
{
	*w = (struct pcpu_bad_free) {
		.why = PCPU_BAD_FREE_FOREIGN,
		.off = pcpu_area_ptr_to_off(ptr),
		.begin = PCPU_NO_OFF,
	};
	guard(rcu)();
	pcpu_bad_free_as_pointer(w);
	/* In the chunk-major layout, an address may look like a pointer. */
	if (w->why == PCPU_BAD_FREE_FOREIGN || w->why == PCPU_BAD_FREE_NO_MEMORY)
		pcpu_bad_free_as_address(ptr, w);
}

static const char * const pcpu_bad_free_names[] = {
	[PCPU_BAD_FREE_FOREIGN] = "not a percpu pointer",
	[PCPU_BAD_FREE_COPY] = "address of one CPU's copy",
	[PCPU_BAD_FREE_STATIC] = "static percpu data",
	[PCPU_BAD_FREE_MODULE] = "percpu data of a module",
	[PCPU_BAD_FREE_CACHE] = "memory of a percpu cache",
	/* It depends on the size which of these a second free is. */
	[PCPU_BAD_FREE_NO_MEMORY] = "already free, or never allocated",
	[PCPU_BAD_FREE_UNUSED] = "already free, or never allocated",
	[PCPU_BAD_FREE_DOUBLE] = "already free, or never allocated",
	[PCPU_BAD_FREE_INTERIOR] = "not the beginning of an object",
	[PCPU_BAD_FREE_REALLOCATED] = "already reallocated",
};

/*
 * The words for an invalid free, the same for a second free whatever the size of the object was.
 */
const char *pcpu_bad_free_name(const struct pcpu_bad_free *w)
{
	return pcpu_bad_free_names[w->why];
}

/* Offsets tell more than hashed pointers, and do not leak addresses. */
static void pcpu_bad_free_describe(const struct pcpu_bad_free *w, char *text,
				   size_t size)
{
	int n = 0;

	if (w->why == PCPU_BAD_FREE_COPY)
		n = scnprintf(text, size, "CPU %u's copy of ", w->cpu);
	n += scnprintf(text + n, size - n, "offset %#lx, chunk %lu", w->off,
		       w->off >> PCPU_CHUNK_SHIFT);
	if (w->why == PCPU_BAD_FREE_STATIC)
		scnprintf(text + n, size - n, ", %ps",
			  (__force void *)pcpu_area_off_to_ptr(w->off));
	else if (w->begin != PCPU_NO_OFF)
		scnprintf(text + n, size - n, ", %lu bytes into an object of %zu",
			  w->off - w->begin, w->size);
}

/* Count an invalid free, and log it once per caller. Any context. */
void pcpu_bad_free_report(const void __percpu *ptr, unsigned long caller)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);
	void *addr = (__force void *)ptr;
	struct pcpu_bad_free w;
	bool maybe_foreign;
	char text[128];

	atomic_long_inc(&pcpu_bad_free_nr);
	if (pcpu_bad_free_is_known(caller, false) || !__ratelimit(&limit) ||
	    pcpu_bad_free_is_known(caller, true))
		return;
	pcpu_bad_free_diagnose(ptr, &w);
	/*
	 * If the kernel's image lies in vmalloc space, as on arm64, its
	 * addresses may look like percpu pointers to offsets without memory.
	 */
	maybe_foreign = w.why == PCPU_BAD_FREE_NO_MEMORY &&
			is_vmalloc_addr(addr);
	if (w.why == PCPU_BAD_FREE_FOREIGN) {
		pr_err("free_percpu() by %pS ignored: %s (pointer %p):",
		       (void *)caller, pcpu_bad_free_name(&w), addr);
		maybe_foreign = true;
	} else {
		pcpu_bad_free_describe(&w, text, sizeof(text));
		pr_err("free_percpu() by %pS ignored: %s (pointer %p: %s)%s",
		       (void *)caller, pcpu_bad_free_name(&w), addr, text,
		       maybe_foreign ? ", or not a percpu pointer:" : "\n");
	}
	/* mem_dump_obj() continues the line. */
	if (maybe_foreign)
		mem_dump_obj(addr);
	if (pcpu_debug_begun() && w.begin != PCPU_NO_OFF)
		pcpu_debug_describe(w.begin);
	dump_stack();
}
