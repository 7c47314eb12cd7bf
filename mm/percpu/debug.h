/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debug: red zones, poison and owners of objects, for percpu_debug=.
 */
#ifndef _MM_PERCPU_DEBUG_H
#define _MM_PERCPU_DEBUG_H

#include <linux/jump_label.h>
#include <linux/types.h>

/**
 * struct pcpu_track - who did something, and when
 * @ip: the caller
 * @when: nanoseconds since boot, or so
 * @pid: the task that ran, or 0
 */
struct pcpu_track {
	unsigned long ip;
	u64 when;
	pid_t pid;
};

/**
 * struct pcpu_record - what is kept of an object
 * @cookie: tells that this is a record, and of which offset
 * @size: bytes that were asked for
 * @alloc: who allocated it
 * @freed: who freed it; all 0 while it is live
 */
struct pcpu_record {
	u64 cookie;
	u64 size;
	struct pcpu_track alloc;
	struct pcpu_track freed;
};

/**
 * struct pcpu_damage - what was found in an object
 * @what: in words
 * @off: the object's offset
 * @cpu: in which CPU's copy
 * @byte: where in the copy
 * @value: what is there
 * @known: whether the record has survived in some copy
 * @record: the record, if @known
 */
struct pcpu_damage {
	const char *what;
	unsigned long off;
	unsigned int cpu;
	size_t byte;
	u8 value;
	bool known;
	struct pcpu_record record;
};

#ifdef CONFIG_PERCPU_DEBUG

DECLARE_STATIC_KEY_FALSE(pcpu_debug_key);
DECLARE_STATIC_KEY_FALSE(pcpu_debug_begun_key);

/* Whether objects that are allocated now get red zones and all that. */
static inline bool pcpu_debug_enabled(void)
{
	return static_branch_unlikely(&pcpu_debug_key);
}

/* Whether there may be objects that have them. */
static inline bool pcpu_debug_begun(void)
{
	return static_branch_unlikely(&pcpu_debug_begun_key);
}

bool pcpu_debug_switch(bool on);
size_t pcpu_debug_room(size_t size);
void pcpu_debug_give(unsigned long off, size_t size, size_t room,
		     unsigned long caller);
size_t pcpu_debug_take(unsigned long off, unsigned long caller);
void pcpu_debug_retire(unsigned long off, size_t room);
void pcpu_debug_drain(void);
bool pcpu_debug_read(unsigned long off, struct pcpu_record *record);
void pcpu_debug_describe(unsigned long off);
void pcpu_debug_report(const struct pcpu_damage *damage);
unsigned long pcpu_debug_count(void);

#else

static inline bool pcpu_debug_enabled(void)
{
	return false;
}

static inline bool pcpu_debug_begun(void)
{
	return false;
}

static inline bool pcpu_debug_switch(bool on)
{
	return false;
}

static inline size_t pcpu_debug_room(size_t size)
{
	return size;
}

static inline void pcpu_debug_give(unsigned long off, size_t size, size_t room,
				   unsigned long caller)
{
}

static inline size_t pcpu_debug_take(unsigned long off, unsigned long caller)
{
	return 0;
}

static inline void pcpu_debug_retire(unsigned long off, size_t room)
{
}

static inline void pcpu_debug_drain(void)
{
}

static inline bool pcpu_debug_read(unsigned long off,
				   struct pcpu_record *record)
{
	return false;
}

static inline void pcpu_debug_describe(unsigned long off)
{
}

static inline unsigned long pcpu_debug_count(void)
{
	return 0;
}

#endif /* CONFIG_PERCPU_DEBUG */

#endif /* _MM_PERCPU_DEBUG_H */
