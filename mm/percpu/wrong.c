// SPDX-License-Identifier: GPL-2.0-only
/*
 * wrong: what is wrong with a free, found out when it was refused.
 *
 * Nothing has changed, and nothing changes here.  Others go on meanwhile, so
 * what is said of an object may be out of date; that the free was wrong is not.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sprintf.h>

#include "debug.h"
#include "mark.h"
#include "wrong.h"

/* Places in the code that are remembered: each is reported once. */
#define PCPU_WRONG_SHIFT	6
#define PCPU_WRONG_SITES	BIT(PCPU_WRONG_SHIFT)

/* Forgotten by a write to clear_warn_once in debugfs, as all that warns once. */
static unsigned long pcpu_wrong_sites[PCPU_WRONG_SITES] __section(".data..once");

static atomic_long_t pcpu_wrong_nr;

/**
 * pcpu_wrong_count - how many frees were refused since boot
 *
 * Return: how many.
 */
unsigned long pcpu_wrong_count(void)
{
	return atomic_long_read(&pcpu_wrong_nr);
}

/*
 * Whether something was said of @caller; if not, and with @remember, then from
 * now on there was.
 */
static bool pcpu_wrong_is_known(unsigned long caller, bool remember)
{
	unsigned long first = hash_long(caller, PCPU_WRONG_SHIFT), i, old;

	for (i = 0; i < PCPU_WRONG_SITES; i++) {
		unsigned long *site = &pcpu_wrong_sites[(first + i) %
							PCPU_WRONG_SITES];

		old = READ_ONCE(*site);
		if (!old && remember)
			old = cmpxchg(site, 0, caller);
		if (!old)
			return false;
		if (old == caller)
			return true;
	}
	/* So many: the rate limit has to do. */
	return false;
}

/* The free or live small object at @off of a granule with this mark. */
static void pcpu_wrong_small(struct pcpu_wrong_free *w, u8 mark)
{
	w->size = pcpu_class_size(pcpu_mark_split_class(mark));
	w->begin = round_down(w->off, w->size);
	if (!(mark & pcpu_mark_bit(w->begin)))
		w->why = PCPU_WRONG_TWICE;
	else if (w->begin != w->off)
		w->why = PCPU_WRONG_INTERIOR;
	else
		w->why = PCPU_WRONG_LIVE;
}

/*
 * The last object that begins at or below granule @g of @chunk, or in a lower
 * chunk; return whether it reaches @w->off.
 */
static bool pcpu_wrong_find(struct pcpu_wrong_free *w,
			    struct pcpu_chunk *chunk, unsigned int g, u8 *mark)
{
	unsigned int length;

	for (;;) {
		length = pcpu_mark_length(chunk, g);
		if (length)
			break;
		if (!g) {
			if (!chunk->nr)
				return false;
			chunk = READ_ONCE(pcpu_chunk_table[chunk->nr - 1]);
			if (!chunk)
				return false;
			g = PCPU_CHUNK_GRANULES;
		}
		g--;
	}
	*mark = pcpu_mark_get(chunk, g);
	w->begin = pcpu_chunk_off(chunk) +
		   ((unsigned long)g << PCPU_GRANULE_SHIFT);
	w->size = (size_t)length << PCPU_GRANULE_SHIFT;
	return w->off - w->begin < w->size;
}

/* Whether a granule is in somebody's use, and not withheld. */
static bool pcpu_wrong_is_used(struct pcpu_chunk *chunk, unsigned int granule,
			       u64 page)
{
	unsigned long flags;
	bool used;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	used = test_bit(granule, chunk->used) && !(chunk->withheld & page);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	return used;
}

/* What is in the chunk at @w->off. */
static void pcpu_wrong_in_chunk(struct pcpu_wrong_free *w,
				struct pcpu_chunk *chunk)
{
	unsigned int granule = pcpu_off_to_granule(w->off);
	u64 page = BIT_ULL(pcpu_off_to_page(w->off));
	u8 mark = pcpu_mark_get(chunk, granule);

	w->why = PCPU_WRONG_GONE;
	if (!(READ_ONCE(chunk->populated) & page))
		return;
	if (mark & PCPU_MARK_SPLIT) {
		pcpu_wrong_small(w, mark);
		return;
	}
	w->why = PCPU_WRONG_UNUSED;
	if (!pcpu_wrong_is_used(chunk, granule, page))
		return;
	w->why = PCPU_WRONG_TWICE;
	if (!pcpu_wrong_find(w, chunk, granule, &mark))
		w->begin = PCPU_NO_OFF;
	else if (mark == PCPU_MARK_RETIRED)
		w->why = PCPU_WRONG_TWICE;
	else if (pcpu_mark_is_module(mark))
		w->why = PCPU_WRONG_MODULE;
	else if (w->begin != w->off)
		w->why = PCPU_WRONG_INTERIOR;
	else
		w->why = PCPU_WRONG_LIVE;
}

/* Whether the pointer is the address of a CPU's copy of something. */
static bool pcpu_wrong_is_copy(const void __percpu *ptr,
			       struct pcpu_wrong_free *w)
{
	struct pcpu_chunk *chunk;
	unsigned long off;
	unsigned int cpu;

	if (!pcpu_area_addr_to_off((__force unsigned long)ptr, &off, &cpu))
		return false;
	chunk = pcpu_chunk_of(off);
	if (!chunk || !(READ_ONCE(chunk->populated) &
			BIT_ULL(pcpu_off_to_page(off))))
		return false;
	w->why = PCPU_WRONG_COPY;
	w->off = off;
	w->cpu = cpu;
	return true;
}

/* What the pointer says as a percpu pointer. */
static void pcpu_wrong_as_pointer(struct pcpu_wrong_free *w)
{
	struct pcpu_chunk *chunk;

	if (w->off == PCPU_NO_OFF)
		return;
	if (w->off < pcpu_area.static_size) {
		w->why = PCPU_WRONG_STATIC;
		return;
	}
	w->why = PCPU_WRONG_GONE;
	chunk = pcpu_chunk_of(w->off);
	if (chunk)
		pcpu_wrong_in_chunk(w, chunk);
}

/**
 * pcpu_wrong_diagnose - find out what is wrong with a free
 * @ptr: what was freed
 * @w: where to store what is known
 *
 * Context: any; takes pcpu_chunk_lock. Slow.
 */
void pcpu_wrong_diagnose(const void __percpu *ptr, struct pcpu_wrong_free *w)
{
	*w = (struct pcpu_wrong_free) {
		.why = PCPU_WRONG_FOREIGN,
		.off = pcpu_area_ptr_to_off(ptr),
		.begin = PCPU_NO_OFF,
	};
	rcu_read_lock();
	pcpu_wrong_as_pointer(w);
	/* In the chunk-major layout an address may look like a pointer. */
	if (w->why == PCPU_WRONG_FOREIGN || w->why == PCPU_WRONG_GONE)
		pcpu_wrong_is_copy(ptr, w);
	rcu_read_unlock();
}

static const char * const pcpu_wrong_names[] = {
	[PCPU_WRONG_FOREIGN] = "no percpu pointer",
	[PCPU_WRONG_COPY] = "the address of one CPU's copy",
	[PCPU_WRONG_STATIC] = "static percpu data",
	[PCPU_WRONG_MODULE] = "percpu data of a module",
	[PCPU_WRONG_GONE] = "no memory there, it was freed or never allocated",
	[PCPU_WRONG_UNUSED] = "nothing allocated there, it was freed or never allocated",
	[PCPU_WRONG_TWICE] = "already free",
	[PCPU_WRONG_INTERIOR] = "not the beginning of an object",
	[PCPU_WRONG_LIVE] = "it was free, and is allocated again",
};

/* What is known of the place, in words. */
static void pcpu_wrong_describe(const struct pcpu_wrong_free *w, char *text,
				size_t size)
{
	int n = 0;

	if (w->why == PCPU_WRONG_COPY)
		n = scnprintf(text, size, "CPU %u's copy of ", w->cpu);
	n += scnprintf(text + n, size - n, "offset %#lx, chunk %lu", w->off,
		       w->off >> PCPU_CHUNK_SHIFT);
	if (w->why == PCPU_WRONG_STATIC)
		scnprintf(text + n, size - n, ", %ps",
			  (__force void *)pcpu_area_off_to_ptr(w->off));
	else if (w->begin != PCPU_NO_OFF)
		scnprintf(text + n, size - n, ", %lu bytes into an object of %zu",
			  w->off - w->begin, w->size);
}

/*
 * Where the kernel's image lies in vmalloc space, as on arm64, an address of
 * that may look like the pointer to an offset that has no memory.
 */
static bool pcpu_wrong_may_be_foreign(const struct pcpu_wrong_free *w,
				      const void __percpu *ptr)
{
	return w->why == PCPU_WRONG_GONE &&
	       is_vmalloc_addr((__force const void *)ptr);
}

/**
 * pcpu_wrong_report - say what is wrong with a free that was refused
 * @ptr: what was freed
 * @caller: by whom; what the same code does wrong again is but counted
 *
 * Context: any; takes pcpu_chunk_lock.
 */
void pcpu_wrong_report(const void __percpu *ptr, unsigned long caller)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);
	struct pcpu_wrong_free w;
	bool foreign, either;
	char text[128];

	atomic_long_inc(&pcpu_wrong_nr);
	if (pcpu_wrong_is_known(caller, false) || !__ratelimit(&limit) ||
	    pcpu_wrong_is_known(caller, true))
		return;
	pcpu_wrong_diagnose(ptr, &w);
	foreign = w.why == PCPU_WRONG_FOREIGN;
	either = pcpu_wrong_may_be_foreign(&w, ptr);
	if (foreign) {
		pr_err("free_percpu() by %pS ignored: %s (pointer %p):",
		       (void *)caller, pcpu_wrong_names[w.why],
		       (__force void *)ptr);
	} else {
		/* Offsets tell more than hashed pointers, and no secrets. */
		pcpu_wrong_describe(&w, text, sizeof(text));
		pr_err("free_percpu() by %pS ignored: %s (pointer %p: %s)%s",
		       (void *)caller, pcpu_wrong_names[w.why],
		       (__force void *)ptr, text,
		       either ? ", or no percpu pointer:" : "\n");
	}
	/* It goes on with the line. */
	if (foreign || either)
		mem_dump_obj((__force void *)ptr);
	if (w.begin != PCPU_NO_OFF)
		pcpu_debug_describe(w.begin);
	dump_stack();
}
