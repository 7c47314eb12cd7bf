/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * redzone: what reports and tests know about checked objects.
 */
#ifndef _MM_PERCPU_DEBUG_REDZONE_H
#define _MM_PERCPU_DEBUG_REDZONE_H

#include <linux/types.h>

/* Size of the last red zone */
#define PCPU_DEBUG_LAST		16

/**
 * struct pcpu_track - an allocation or a free
 * @ip: caller, or 0
 * @when: local_clock(), in nanoseconds
 * @pid: task, or 0 in interrupts
 */
struct pcpu_track {
	unsigned long ip;
	u64 when;
	pid_t pid;
};

/**
 * struct pcpu_record - record of a checked object, the same in each copy
 * @cookie: PCPU_DEBUG_COOKIE ^ offset of the object
 * @size: bytes requested
 * @alloc: the allocation
 * @freed: the free; all 0 while the object is live
 */
struct pcpu_record {
	u64 cookie;
	u64 size;
	struct pcpu_track alloc;
	struct pcpu_track freed;
};

/**
 * struct pcpu_damage - the first damage found in an object
 * @what: kind of the damage, for the log
 * @off: offset of the object
 * @unit: unit of the damaged copy
 * @byte: damaged byte, counted from the beginning of the object; negative before it
 * @value: value of that byte
 * @known: the record is intact in at least one copy; if not, only @what and
 *	@off are valid
 * @record: the record
 */
struct pcpu_damage {
	const char *what;
	unsigned long off;
	unsigned int unit;
	ssize_t byte;
	u8 value;
	bool known;
	struct pcpu_record record;
};

/* Only behind pcpu_debug_enabled() or pcpu_debug_begun(), see hooks.h. */
bool pcpu_debug_switch(bool on);
void pcpu_debug_describe(unsigned long off);
void pcpu_debug_report(const struct pcpu_damage *damage);
unsigned long pcpu_debug_count(void);

int pcpu_quarantine_init(unsigned long bytes);
unsigned long pcpu_quarantine_count(unsigned long *bytes);

#endif /* _MM_PERCPU_DEBUG_REDZONE_H */
