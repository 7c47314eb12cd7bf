// SPDX-License-Identifier: GPL-2.0-only
/*
 * redzone: red zones, poison and records of checked objects, for percpu_debug=.
 *
 * Each copy of a checked object, on every possible CPU, has this layout:
 *
 *	| red zone | object | red zone        | record          | red zone        |
 *	-16        0        size              alloc_size - 80   alloc_size - 16
 *
 * The record has the callers that allocated and freed the object. It is the
 * same in each copy, so that an overrun in one copy does not destroy it.
 *
 *	alloc    clears the object, writes red zones and record
 *	free     checks the red zones, fills the object with poison, adds it to
 *		 the quarantine
 *	release  checks the poison, frees the granules
 *
 * Checked objects have entries of their own in the object map, which the fast
 * path of free_percpu() treats as not live.
 *
 * The percpu section of a module has red zones and a record, too, which are checked when
 * the module is freed, but none before it. It is not poisoned, and does not go to the
 * quarantine.
 *
 * Objects allocated before early_initcall() are not checked.
 *
 * This file writes to red zones and freed objects on purpose, so the Makefile
 * disables KASAN for it. Where memset() and memcpy() check shadow themselves,
 * kasan_disable_current() is needed, too.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <kunit/static_stub.h>
#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/kasan.h>
#include <linux/kernel.h>
#include <linux/panic.h>
#include <linux/poison.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../chunk.h"
#include "../objmap.h"
#include "hooks.h"
#include "redzone.h"

/* Minimum size of the first red zone */
#define PCPU_DEBUG_FIRST	8

/* Record and last red zone */
#define PCPU_DEBUG_TAIL		(sizeof(struct pcpu_record) + PCPU_DEBUG_LAST)

/* The digits of the length follow the entry of a checked object. */
#define PCPU_DEBUG_MIN_SIZE	((PCPU_OBJMAP_DIGITS + 1) * PCPU_GRANULE)

#define PCPU_DEBUG_COOKIE	0x7065726370752121ULL

/* Default size of the quarantine, in bytes on each CPU */
#define PCPU_DEBUG_QUARANTINE	(64UL << 10)

#define PCPU_QUARANTINE_SLOTS	4096

/* The validator counts it so. */
static_assert(PCPU_DEBUG_FRONT == PCPU_GRANULE);

/**
 * struct pcpu_quarantine_entry - a freed object
 * @off: its offset
 * @alloc_size: its bytes on each CPU
 */
struct pcpu_quarantine_entry {
	u32 off;
	u32 alloc_size;
};

/**
 * struct pcpu_quarantine - freed objects that are not reused yet
 * @lock: protects the other members; innermost
 * @first: index of the oldest entry
 * @nr: number of entries
 * @bytes: sum of their alloc_size; above @limit only until the next pop
 * @limit: maximum of @bytes
 * @ring: the entries
 */
struct pcpu_quarantine {
	raw_spinlock_t lock;
	unsigned int first;
	unsigned int nr;
	unsigned long bytes;
	unsigned long limit;
	struct pcpu_quarantine_entry ring[PCPU_QUARANTINE_SLOTS];
};

/* Allocated when percpu_debug= is enabled first, never freed */
static struct pcpu_quarantine *pcpu_quarantine;

/* Without jump labels, each allocation reads these. */
__read_mostly DEFINE_STATIC_KEY_FALSE(pcpu_debug_key);
__read_mostly DEFINE_STATIC_KEY_FALSE(pcpu_debug_begun_key);

static bool pcpu_debug_wanted __initdata =
	IS_ENABLED(CONFIG_PERCPU_DEBUG_DEFAULT_ON);

static unsigned long pcpu_debug_quarantine __initdata = PCPU_DEBUG_QUARANTINE;

static atomic_long_t pcpu_debug_nr;

/* The number of damages found since boot. */
unsigned long pcpu_debug_count(void)
{
	return atomic_long_read(&pcpu_debug_nr);
}

/*
 * Enable or disable checks of new objects, for tests. Existing objects stay checked, or
 * unchecked. Process context. Return true if the checks were enabled before.
 */
bool pcpu_debug_switch(bool on)
{
	bool was = pcpu_debug_enabled();

	if (on) {
		static_branch_enable(&pcpu_debug_begun_key);
		static_branch_enable(&pcpu_debug_key);
	} else {
		static_branch_disable(&pcpu_debug_key);
	}
	return was;
}

/*
 * Bytes on each CPU of a checked object of @size bytes, with red zones and record: a
 * multiple of a granule.
 */
size_t pcpu_debug_alloc_size(size_t size)
{
	return max(ALIGN(size + PCPU_DEBUG_FIRST + PCPU_DEBUG_TAIL,
			 PCPU_GRANULE), PCPU_DEBUG_MIN_SIZE);
}

static u8 *pcpu_debug_copy(unsigned int unit, unsigned long off)
{
	return (u8 *)pcpu_area_unit_addr(unit, off);
}

static struct pcpu_record *pcpu_debug_record(unsigned int unit,
					     unsigned long off,
					     size_t alloc_size)
{
	return (void *)pcpu_debug_copy(unit, off + alloc_size - PCPU_DEBUG_TAIL);
}

static u64 pcpu_debug_cookie(unsigned long off)
{
	return PCPU_DEBUG_COOKIE ^ off;
}

/*
 * Read a record that may be unmapped concurrently. Word by word: on sparc32
 * copy_from_kernel_nofault() of 8 bytes reads 4 of them.
 */
static bool pcpu_debug_fetch(struct pcpu_record *to,
			     const struct pcpu_record *from)
{
	unsigned long i;
	bool read = true;

	static_assert(!(sizeof(*to) % sizeof(i)));
	kasan_disable_current();
	for (i = 0; read && i < sizeof(*to); i += sizeof(i))
		read = !copy_from_kernel_nofault((void *)to + i,
						 (const void *)from + i,
						 sizeof(i));
	kasan_enable_current();
	return read;
}

/*
 * Read the record from the first copy in which it is intact. If the caller does
 * not own the object, it may be freed concurrently.
 */
static bool pcpu_debug_find(unsigned long off, size_t alloc_size,
			    struct pcpu_record *record)
{
	size_t max_size = alloc_size - PCPU_DEBUG_TAIL - PCPU_DEBUG_FIRST;
	unsigned int unit;

	for_each_pcpu_unit(unit) {
		if (pcpu_debug_fetch(record,
				     pcpu_debug_record(unit, off, alloc_size)) &&
		    record->cookie == pcpu_debug_cookie(off) &&
		    record->size <= max_size)
			return true;
	}
	return false;
}

/* Size of the checked object at @off, live or in quarantine, or 0 */
static size_t pcpu_debug_alloc_size_at(unsigned long off)
{
	unsigned int granule = pcpu_off_to_granule(off);
	struct pcpu_chunk *chunk;
	size_t alloc_size = 0;

	guard(rcu)();
	chunk = pcpu_chunk_of(off);
	if (chunk && pcpu_objmap_is_debug(pcpu_objmap_read(chunk, granule)))
		alloc_size = (size_t)pcpu_objmap_length(chunk, granule) <<
			     PCPU_GRANULE_SHIFT;
	/* While an object is freed, digits of its length may be missing. */
	return alloc_size < PCPU_DEBUG_MIN_SIZE ? 0 : alloc_size;
}

static void pcpu_debug_print_track(const char *what,
				   const struct pcpu_track *track)
{
	u64 seconds = track->when;
	unsigned long micros = do_div(seconds, NSEC_PER_SEC) / NSEC_PER_USEC;

	if (track->ip)
		pr_err("  %s by %pS, pid %d, at %llu.%06lu\n", what,
		       (void *)track->ip, track->pid, seconds, micros);
}

static void pcpu_debug_print(const struct pcpu_record *record)
{
	pcpu_debug_print_track("allocated", &record->alloc);
	pcpu_debug_print_track("freed", &record->freed);
}

/*
 * Log where the object at @off was allocated and freed, if it is a checked one. Any
 * context; the object may be freed concurrently.
 */
void pcpu_debug_describe(unsigned long off)
{
	size_t alloc_size = pcpu_debug_alloc_size_at(off);
	struct pcpu_record record;

	if (alloc_size && pcpu_debug_find(off, alloc_size, &record))
		pcpu_debug_print(&record);
}

/* Count a damage and log it. Any context. */
void pcpu_debug_report(const struct pcpu_damage *damage)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);

	KUNIT_STATIC_STUB_REDIRECT(pcpu_debug_report, damage);
	atomic_long_inc(&pcpu_debug_nr);
	add_taint(TAINT_BAD_PAGE, LOCKDEP_STILL_OK);
	if (!__ratelimit(&limit))
		return;
	if (!damage->known) {
		pr_err("BUG: %s: no copy of the object at offset %#lx has a valid record\n",
		       damage->what, damage->off);
	} else {
		pr_err("BUG: %s: CPU %u's copy of an object of %llu bytes at offset %#lx has 0x%02x at byte %zd\n",
		       damage->what, pcpu_unit_cpu(damage->unit),
		       damage->record.size, damage->off, damage->value,
		       damage->byte);
		pcpu_debug_print(&damage->record);
	}
	dump_stack();
}

/*
 * Compare bytes @start to @end - 1 of a copy with @image, or with @fill if it
 * is NULL; fill @damage for the first one that differs. KASAN would report
 * memcmp() and memchr_inv() here.
 */
static bool pcpu_debug_differs(struct pcpu_damage *damage, const char *what,
			       ssize_t start, ssize_t end, u8 fill,
			       const u8 *image)
{
	const u8 *copy = pcpu_debug_copy(damage->unit, damage->off);
	ssize_t i;

	for (i = start; i < end; i++) {
		if (READ_ONCE(copy[i]) == (image ? image[i - start] : fill))
			continue;
		damage->what = what;
		damage->byte = i;
		damage->value = copy[i];
		return true;
	}
	return false;
}

/* What is in the copies that are checked or written. */
enum pcpu_debug_what {
	PCPU_DEBUG_SECTION,
	PCPU_DEBUG_LIVE,
	PCPU_DEBUG_FREED,	/* poison */
};

/* Return true if a copy is damaged. */
static bool pcpu_debug_copy_differs(struct pcpu_damage *damage, size_t alloc_size,
				    enum pcpu_debug_what what)
{
	size_t size = damage->record.size;
	size_t record = alloc_size - PCPU_DEBUG_TAIL;
	size_t last = alloc_size - PCPU_DEBUG_LAST;

	return (what != PCPU_DEBUG_SECTION &&
		pcpu_debug_differs(damage, "underrun", -PCPU_DEBUG_FRONT, 0,
				   SLUB_RED_ACTIVE, NULL)) ||
	       (what == PCPU_DEBUG_FREED &&
		pcpu_debug_differs(damage, "use after free", 0, size, POISON_FREE, NULL)) ||
	       pcpu_debug_differs(damage, "overrun", size, record,
				  SLUB_RED_ACTIVE, NULL) ||
	       pcpu_debug_differs(damage, "overrun", record, last, 0,
				  (const u8 *)&damage->record) ||
	       pcpu_debug_differs(damage, "underrun or overrun", last,
				  alloc_size, SLUB_RED_ACTIVE, NULL);
}

/*
 * Check all copies and report the first damage. Return true and store the
 * record if it is intact in one of them.
 */
static bool pcpu_debug_check(unsigned long off, size_t alloc_size,
			     enum pcpu_debug_what what, struct pcpu_record *record)
{
	struct pcpu_damage damage = {
		.what = "overrun",
		.off = off,
	};

	damage.known = pcpu_debug_find(off, alloc_size, &damage.record);
	if (!damage.known) {
		pcpu_debug_report(&damage);
		return false;
	}
	*record = damage.record;
	for_each_pcpu_unit(damage.unit) {
		if (pcpu_debug_copy_differs(&damage, alloc_size, what)) {
			pcpu_debug_report(&damage);
			break;
		}
	}
	return true;
}

/* Write red zones and record to each copy, and poison if the object is freed. */
static void pcpu_debug_write(unsigned long off, size_t alloc_size,
			     const struct pcpu_record *record, enum pcpu_debug_what what)
{
	size_t size = record->size;
	unsigned int unit;

	kasan_disable_current();
	for_each_pcpu_unit(unit) {
		u8 *copy = pcpu_debug_copy(unit, off);

		if (what != PCPU_DEBUG_SECTION)
			memset(copy - PCPU_DEBUG_FRONT, SLUB_RED_ACTIVE, PCPU_DEBUG_FRONT);
		if (what == PCPU_DEBUG_FREED)
			memset(copy, POISON_FREE, size);
		memset(copy + size, SLUB_RED_ACTIVE, alloc_size - size);
		memcpy(pcpu_debug_record(unit, off, alloc_size), record,
		       sizeof(*record));
	}
	kasan_enable_current();
}

static void pcpu_debug_track(struct pcpu_track *track, unsigned long caller)
{
	track->ip = caller;
	track->when = local_clock();
	track->pid = in_task() ? task_pid_nr(current) : 0;
}

/*
 * Write red zones and record of a new object of @size bytes, which the caller owns and has
 * cleared. @alloc_size is pcpu_debug_alloc_size() of @size. PCPU_DEBUG_FRONT bytes before
 * the object belong to it, unless it is the @section of a module. Any context.
 */
void pcpu_debug_alloc(unsigned long off, size_t size, size_t alloc_size, bool section,
		      unsigned long caller)
{
	struct pcpu_record record = {
		.cookie = pcpu_debug_cookie(off),
		.size = size,
	};

	pcpu_debug_track(&record.alloc, caller);
	pcpu_debug_write(off, alloc_size, &record,
			 section ? PCPU_DEBUG_SECTION : PCPU_DEBUG_LIVE);
}

/*
 * Check a live object that may begin at @off, within the area, and poison it. The caller
 * then owns it, until it calls pcpu_debug_retire(). Any context. Return bytes of the object
 * on each CPU, or 0 if no live, checked object begins at @off.
 */
size_t pcpu_debug_free(unsigned long off, unsigned long caller)
{
	unsigned int granules = pcpu_objmap_cmpxchg(off, PCPU_OBJMAP_DEBUG,
						    PCPU_OBJMAP_RETIRED);
	size_t alloc_size = (size_t)granules << PCPU_GRANULE_SHIFT;
	struct pcpu_record record = { };

	if (!granules)
		return 0;
	if (!pcpu_debug_check(off, alloc_size, PCPU_DEBUG_LIVE, &record))
		record.size = alloc_size - PCPU_DEBUG_TAIL - PCPU_DEBUG_FIRST;
	record.cookie = pcpu_debug_cookie(off);
	pcpu_debug_track(&record.freed, caller);
	/* Repairs a damage, too, so that it is reported only once. */
	pcpu_debug_write(off, alloc_size, &record, PCPU_DEBUG_FREED);
	return alloc_size;
}

/* Return true if the last red zone of a copy is intact: there is a record before it. */
static bool pcpu_debug_has_zone(unsigned long off, size_t alloc_size)
{
	struct pcpu_damage damage = { .off = off };

	for_each_pcpu_unit(damage.unit) {
		if (!pcpu_debug_differs(&damage, NULL, alloc_size - PCPU_DEBUG_LAST,
					alloc_size, SLUB_RED_ACTIVE, NULL))
			return true;
	}
	return false;
}

/*
 * Check the section of a module, which the caller owns, if it has red zones. Any context.
 */
void pcpu_debug_free_section(unsigned long off, size_t alloc_size)
{
	struct pcpu_record record;

	if (alloc_size >= PCPU_DEBUG_MIN_SIZE &&
	    (pcpu_debug_find(off, alloc_size, &record) ||
	     pcpu_debug_has_zone(off, alloc_size)))
		pcpu_debug_check(off, alloc_size, PCPU_DEBUG_SECTION, &record);
}

/*
 * Allocate the quarantine, and set its size in bytes on each CPU. Process context. Return
 * 0, or -ENOMEM: freed objects are reused at once then.
 */
int pcpu_quarantine_init(unsigned long bytes)
{
	if (!pcpu_quarantine) {
		struct pcpu_quarantine *q = kvzalloc(sizeof(*q), GFP_KERNEL);

		if (!q)
			return -ENOMEM;
		raw_spin_lock_init(&q->lock);
		/* Pairs with the address dependency of READ_ONCE() below. */
		smp_store_release(&pcpu_quarantine, q);
	}
	WRITE_ONCE(pcpu_quarantine->limit, bytes);
	return 0;
}

/*
 * Remove the oldest object; without @all, only if the quarantine is over its
 * limit. Return its offset, or %PCPU_NO_OFF.
 */
static unsigned long pcpu_quarantine_pop(bool all)
{
	struct pcpu_quarantine *q = READ_ONCE(pcpu_quarantine);
	struct pcpu_quarantine_entry *oldest;

	if (!q)
		return PCPU_NO_OFF;
	guard(raw_spinlock_irqsave)(&q->lock);
	if (!q->nr || !(all || q->bytes > q->limit || q->nr == PCPU_QUARANTINE_SLOTS))
		return PCPU_NO_OFF;
	oldest = &q->ring[q->first];
	q->bytes -= oldest->alloc_size;
	q->first = (q->first + 1) % PCPU_QUARANTINE_SLOTS;
	q->nr--;
	return oldest->off;
}

/* Add an object. Return false if it is too large, or without quarantine. */
static bool pcpu_quarantine_push(unsigned long off, size_t alloc_size)
{
	struct pcpu_quarantine *q = READ_ONCE(pcpu_quarantine);
	struct pcpu_quarantine_entry *entry;

	if (!q)
		return false;
	guard(raw_spinlock_irqsave)(&q->lock);
	if (q->nr == PCPU_QUARANTINE_SLOTS || alloc_size > q->limit)
		return false;
	entry = &q->ring[(q->first + q->nr++) % PCPU_QUARANTINE_SLOTS];
	entry->off = off;
	entry->alloc_size = alloc_size;
	q->bytes += alloc_size;
	return true;
}

/*
 * The number of objects in quarantine, and their bytes on each CPU in @bytes. Any context.
 */
unsigned long pcpu_quarantine_count(unsigned long *bytes)
{
	struct pcpu_quarantine *q = READ_ONCE(pcpu_quarantine);

	/* Written under q->lock */
	*bytes = q ? data_race(q->bytes) : 0;
	/* Written under q->lock */
	return q ? data_race(q->nr) : 0;
}

/* Check the poison of a freed object, and free its granules. */
static void pcpu_debug_release(unsigned long off)
{
	size_t alloc_size = pcpu_debug_alloc_size_at(off);
	struct pcpu_record record;

	pcpu_debug_check(off, alloc_size, PCPU_DEBUG_FREED, &record);
	pcpu_objmap_cmpxchg(off, PCPU_OBJMAP_RETIRED, 0);
	pcpu_chunks_free(off - PCPU_DEBUG_FRONT,
			 (alloc_size + PCPU_DEBUG_FRONT) >> PCPU_GRANULE_SHIFT);
}

/*
 * Add a freed object to the quarantine; @alloc_size is from pcpu_debug_free(). One that is
 * larger than the quarantine is released at once. Any context.
 */
void pcpu_debug_retire(unsigned long off, size_t alloc_size)
{
	if (!pcpu_quarantine_push(off, alloc_size))
		pcpu_debug_release(off);
	while ((off = pcpu_quarantine_pop(false)) != PCPU_NO_OFF)
		pcpu_debug_release(off);
}

/*
 * Release all objects in quarantine. Objects that are freed meanwhile may stay, so that the
 * loop ends. Any context.
 */
void pcpu_debug_drain(void)
{
	unsigned long off, bytes, nr = pcpu_quarantine_count(&bytes);

	while (nr-- && (off = pcpu_quarantine_pop(true)) != PCPU_NO_OFF)
		pcpu_debug_release(off);
}

static int __init pcpu_debug_setup(char *str)
{
	char *size = str ? strchr(str, ',') : NULL, *end;
	unsigned long bytes;

	if (size) {
		*size++ = '\0';
		bytes = memparse(size, &end);
		if (end == size || *end)
			pr_warn("invalid size in percpu_debug=%s,%s\n", str,
				size);
		else
			pcpu_debug_quarantine = bytes;
	}
	if (!str || kstrtobool(str, &pcpu_debug_wanted))
		pr_warn("invalid percpu_debug=%s\n", str ?: "");
	return 0;
}
early_param("percpu_debug", pcpu_debug_setup);

static int __init pcpu_debug_init(void)
{
	if (!pcpu_debug_wanted)
		return 0;
	if (pcpu_quarantine_init(pcpu_debug_quarantine))
		pr_warn("no memory for the quarantine\n");
	pcpu_debug_switch(true);
	pr_info("object checks enabled, quarantine %lu kB per CPU\n",
		pcpu_debug_quarantine >> 10);
	return 0;
}
early_initcall(pcpu_debug_init);
