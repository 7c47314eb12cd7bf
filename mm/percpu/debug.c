// SPDX-License-Identifier: GPL-2.0-only
/*
 * debug: red zones, poison and owners of objects, for percpu_debug=.
 *
 * Each copy of an object, on every possible CPU, is followed by
 *
 *	| what was asked for | red zone | record | red zone |
 *	0                    size       room - 80  room - 16
 *
 * The record says who allocated and freed the object.  It is the same in each
 * copy, so that what overruns one copy does not leave us without a name.
 *
 * A free looks at the red zones, fills the object with poison and sends it to
 * quarantine; when it leaves that, the poison is looked at.  The marks of such
 * objects are of kinds of their own, which no plain free takes: one that is
 * wrong is refused as ever, and who allocated the object, and freed it, is said.
 *
 * Not checked: what was allocated before initcalls, and sections of modules.
 *
 * What all this does to copies is none of KASAN's affairs.  The compiler hears of
 * it in the Makefile; but on some architectures memset() and the like ask KASAN
 * themselves.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <kunit/static_stub.h>
#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/kasan.h>
#include <linux/kernel.h>
#include <linux/panic.h>
#include <linux/poison.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "debug.h"
#include "extent.h"
#include "mark.h"
#include "quarantine.h"

/* Bytes of the last red zone, and the fewest of the first. */
#define PCPU_DEBUG_LAST		16
#define PCPU_DEBUG_FIRST	8

/* All that comes behind the first red zone. */
#define PCPU_DEBUG_TAIL		(sizeof(struct pcpu_record) + PCPU_DEBUG_LAST)

/* A mark with digits needs so many granules. */
#define PCPU_DEBUG_MIN_ROOM	((PCPU_MARK_DIGITS + 1) * PCPU_GRANULE)

#define PCPU_DEBUG_COOKIE	0x7065726370752121ULL

/* Bytes on each CPU that are in quarantine. */
#define PCPU_DEBUG_QUARANTINE	(64UL << 10)

/* Where there are no jump labels, these are read each time. */
__read_mostly DEFINE_STATIC_KEY_FALSE(pcpu_debug_key);
__read_mostly DEFINE_STATIC_KEY_FALSE(pcpu_debug_begun_key);

static bool pcpu_debug_wanted __initdata =
	IS_ENABLED(CONFIG_PERCPU_DEBUG_DEFAULT_ON);

static unsigned long pcpu_debug_quarantine __initdata = PCPU_DEBUG_QUARANTINE;

static atomic_long_t pcpu_debug_nr;

/**
 * pcpu_debug_count - damages found since boot
 *
 * Return: how many.
 */
unsigned long pcpu_debug_count(void)
{
	return atomic_long_read(&pcpu_debug_nr);
}

/**
 * pcpu_debug_switch - check what is allocated from now on, or not
 * @on: which
 *
 * For tests. Objects that are checked already stay so.
 *
 * Context: process context.
 * Return: how it was before.
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

/**
 * pcpu_debug_room - bytes that a checked object takes
 * @size: bytes asked for
 *
 * Return: bytes on each CPU, a multiple of a granule.
 */
size_t pcpu_debug_room(size_t size)
{
	return max(ALIGN(size + PCPU_DEBUG_FIRST + PCPU_DEBUG_TAIL,
			 PCPU_GRANULE), PCPU_DEBUG_MIN_ROOM);
}

static u8 *pcpu_debug_copy(unsigned int cpu, unsigned long off)
{
	return (u8 *)pcpu_area_unit_addr(cpu, off);
}

static struct pcpu_record *pcpu_debug_record(unsigned int cpu,
					     unsigned long off, size_t room)
{
	return (void *)pcpu_debug_copy(cpu, off + room - PCPU_DEBUG_TAIL);
}

static u64 pcpu_debug_cookie(unsigned long off)
{
	return PCPU_DEBUG_COOKIE ^ off;
}

/*
 * Read what may go meanwhile. By words: on sparc32 copy_from_kernel_nofault()
 * of 8 bytes reads 4 of them.
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
 * Copy what is kept of an object from the first copy where it has survived. If
 * the object is not the caller's, its pages may go meanwhile.
 */
static bool pcpu_debug_find(unsigned long off, size_t room,
			    struct pcpu_record *record)
{
	unsigned int cpu;

	for_each_pcpu_unit(cpu) {
		if (pcpu_debug_fetch(record, pcpu_debug_record(cpu, off, room)) &&
		    record->cookie == pcpu_debug_cookie(off) &&
		    record->size <= room - PCPU_DEBUG_TAIL - PCPU_DEBUG_FIRST)
			return true;
	}
	return false;
}

/* Bytes of the object with a mark of our kinds at @off, or 0. */
static size_t pcpu_debug_room_of(unsigned long off)
{
	unsigned int granule = pcpu_off_to_granule(off);
	struct pcpu_chunk *chunk;
	size_t room = 0;

	rcu_read_lock();
	chunk = pcpu_chunk_of(off);
	if (chunk && pcpu_mark_is_debug(pcpu_mark_get(chunk, granule)))
		room = (size_t)pcpu_mark_length(chunk, granule) <<
		       PCPU_GRANULE_SHIFT;
	rcu_read_unlock();
	/* A mark that is just taken away may have lost digits. */
	return room < PCPU_DEBUG_MIN_ROOM ? 0 : room;
}

/**
 * pcpu_debug_read - what is known of an object
 * @off: its offset
 * @record: where to store that
 *
 * Context: any; if the object is not the caller's, it may go meanwhile.
 * Return: %false if nothing is known of it.
 */
bool pcpu_debug_read(unsigned long off, struct pcpu_record *record)
{
	size_t room = pcpu_debug_room_of(off);

	return room && pcpu_debug_find(off, room, record);
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

/**
 * pcpu_debug_describe - say who allocated an object, and freed it
 * @off: its offset
 *
 * Context: any.
 */
void pcpu_debug_describe(unsigned long off)
{
	struct pcpu_record record;

	if (pcpu_debug_read(off, &record))
		pcpu_debug_print(&record);
}

/**
 * pcpu_debug_report - say what was found in an object
 * @damage: that
 *
 * Context: any.
 */
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
		pr_err("BUG: %s: nothing is left of what was known of an object at offset %#lx\n",
		       damage->what, damage->off);
	} else {
		pr_err("BUG: %s: CPU %u's copy of an object of %llu bytes at offset %#lx has 0x%02x at byte %zu\n",
		       damage->what, damage->cpu, damage->record.size,
		       damage->off, damage->value, damage->byte);
		pcpu_debug_print(&damage->record);
	}
	dump_stack();
}

/*
 * The first byte of @start..@end - 1 that is not @want, or @end. To memchr_inv()
 * KASAN would have objections.
 */
static size_t pcpu_debug_differs(const u8 *copy, size_t start, size_t end,
				 u8 want)
{
	while (start < end && READ_ONCE(copy[start]) == want)
		start++;
	return start;
}

/* Look at a part of a copy that is filled with @want; note what is not. */
static bool pcpu_debug_part(struct pcpu_damage *damage, const char *what,
			    size_t start, size_t end, u8 want)
{
	const u8 *copy = pcpu_debug_copy(damage->cpu, damage->off);
	size_t bad = pcpu_debug_differs(copy, start, end, want);

	if (bad == end)
		return false;
	damage->what = what;
	damage->byte = bad;
	damage->value = copy[bad];
	return true;
}

/* Look at a copy's record: it is what the others have. */
static bool pcpu_debug_part_record(struct pcpu_damage *damage, size_t room)
{
	const u8 *want = (const u8 *)&damage->record;
	const u8 *has = (void *)pcpu_debug_record(damage->cpu, damage->off,
						  room);
	size_t i;

	for (i = 0; i < sizeof(damage->record); i++) {
		if (has[i] == want[i])
			continue;
		damage->what = "overrun";
		damage->byte = room - PCPU_DEBUG_TAIL + i;
		damage->value = has[i];
		return true;
	}
	return false;
}

/* Look at one copy; @freed: it is poisoned. */
static bool pcpu_debug_check_copy(struct pcpu_damage *damage, size_t room,
				  bool freed)
{
	size_t size = damage->record.size;

	if (freed && pcpu_debug_part(damage, "use after free", 0, size,
				     POISON_FREE))
		return true;
	return pcpu_debug_part(damage, "overrun", size, room - PCPU_DEBUG_TAIL,
			       SLUB_RED_ACTIVE) ||
	       pcpu_debug_part_record(damage, room) ||
	       pcpu_debug_part(damage, "write before an object, or overrun",
			       room - PCPU_DEBUG_LAST, room, SLUB_RED_ACTIVE);
}

/* Look at all copies, and report the first that is damaged. */
static bool pcpu_debug_check(unsigned long off, size_t room, bool freed,
			     struct pcpu_record *record)
{
	struct pcpu_damage damage = {
		.what = "overrun",
		.off = off,
	};

	damage.known = pcpu_debug_find(off, room, &damage.record);
	if (damage.known) {
		*record = damage.record;
		for_each_pcpu_unit(damage.cpu) {
			if (!pcpu_debug_check_copy(&damage, room, freed))
				continue;
			pcpu_debug_report(&damage);
			break;
		}
	} else {
		pcpu_debug_report(&damage);
	}
	return damage.known;
}

/* Write red zones and record to each copy, and poison if it is @freed. */
static void pcpu_debug_write(unsigned long off, size_t room,
			     const struct pcpu_record *record, bool freed)
{
	size_t size = record->size;
	unsigned int cpu;

	kasan_disable_current();
	for_each_pcpu_unit(cpu) {
		u8 *copy = pcpu_debug_copy(cpu, off);

		if (freed)
			memset(copy, POISON_FREE, size);
		memset(copy + size, SLUB_RED_ACTIVE, room - size);
		memcpy(pcpu_debug_record(cpu, off, room), record,
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

/**
 * pcpu_debug_give - make an object one that is checked
 * @off: its offset; the object is the caller's, and clear
 * @size: bytes asked for
 * @room: pcpu_debug_room() of them
 * @caller: who allocates it
 *
 * Context: any.
 */
void pcpu_debug_give(unsigned long off, size_t size, size_t room,
		     unsigned long caller)
{
	struct pcpu_record record = {
		.cookie = pcpu_debug_cookie(off),
		.size = size,
	};

	pcpu_debug_track(&record.alloc, caller);
	pcpu_debug_write(off, room, &record, false);
	pcpu_mark_give_debug(off, room >> PCPU_GRANULE_SHIFT);
}

/**
 * pcpu_debug_take - free a checked object
 * @off: where it may begin, within the area
 * @caller: who frees it
 *
 * Context: any.
 * Return: its bytes on one CPU; it is the caller's, for pcpu_debug_retire().
 * 0 when no live object of that kind begins at @off.
 */
size_t pcpu_debug_take(unsigned long off, unsigned long caller)
{
	unsigned int granules = pcpu_mark_turn(off, PCPU_MARK_DEBUG,
					       PCPU_MARK_RETIRED);
	size_t room = (size_t)granules << PCPU_GRANULE_SHIFT;
	struct pcpu_record record = { };

	if (!granules)
		return 0;
	if (!pcpu_debug_check(off, room, false, &record))
		record.size = room - PCPU_DEBUG_TAIL - PCPU_DEBUG_FIRST;
	record.cookie = pcpu_debug_cookie(off);
	pcpu_debug_track(&record.freed, caller);
	/* What was damaged is whole again, and reported once. */
	pcpu_debug_write(off, room, &record, true);
	return room;
}

/* Let go of a freed object, after a look at it. */
static void pcpu_debug_release(unsigned long off)
{
	size_t room = pcpu_debug_room_of(off);
	struct pcpu_record record;

	pcpu_debug_check(off, room, true, &record);
	pcpu_mark_take_retired(off);
	pcpu_extent_free(off, room >> PCPU_GRANULE_SHIFT);
}

/**
 * pcpu_debug_retire - keep a freed object from being used for a while
 * @off: from pcpu_debug_take()
 * @room: what that returned
 *
 * What is too large goes at once.
 *
 * Context: any.
 */
void pcpu_debug_retire(unsigned long off, size_t room)
{
	if (!pcpu_quarantine_push(off, room))
		pcpu_debug_release(off);
	while ((off = pcpu_quarantine_pop(false)) != PCPU_NO_OFF)
		pcpu_debug_release(off);
}

/**
 * pcpu_debug_drain - let all freed objects go
 *
 * But not those that others free meanwhile: there might be no end to it.
 *
 * Context: any.
 */
void pcpu_debug_drain(void)
{
	unsigned long off, bytes, nr = pcpu_quarantine_held(&bytes);

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
			pr_warn("percpu_debug=%s,%s is unknown\n", str, size);
		else
			pcpu_debug_quarantine = bytes;
	}
	if (!str || kstrtobool(str, &pcpu_debug_wanted))
		pr_warn("percpu_debug=%s is unknown\n", str ?: "");
	return 0;
}
early_param("percpu_debug", pcpu_debug_setup);

static int __init pcpu_debug_init(void)
{
	if (!pcpu_debug_wanted)
		return 0;
	if (!pcpu_quarantine_init(pcpu_debug_quarantine))
		pr_warn("no memory for a quarantine\n");
	pcpu_debug_switch(true);
	pr_info("objects are checked, %lu kB of each unit in quarantine\n",
		pcpu_debug_quarantine >> 10);
	return 0;
}
early_initcall(pcpu_debug_init);
