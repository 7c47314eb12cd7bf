/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * strict_bed: areas of any layout, one after the other, in a strict bed.
 */
#ifndef _PERCPU_STRICT_BED_H
#define _PERCPU_STRICT_BED_H

#include <shim.h>

#define STRICT_MAX_CPUS	18
#define STRICT_MAX_SIZE	(4UL << 20)

/**
 * struct strict_layout - where what lies
 * @name: for people
 * @cpus: possible CPUs, the first ones
 * @units: in address space
 * @size: bytes of offset space
 * @windows: how many it is in
 * @static_size: bytes that hold the kernel's own percpu data
 * @populated: bytes that have memory from the start, and keep it
 * @reserved: bytes of these, at the end, for modules
 * @module_limit: module data must end below this offset
 * @linear: the first window is linear memory
 * @arenas: there may be no more than that; 0: as many as usual
 */
struct strict_layout {
	const char *name;
	unsigned int cpus;
	unsigned int units;
	unsigned long size;
	unsigned int windows;
	unsigned long static_size;
	unsigned long populated;
	unsigned long reserved;
	unsigned long module_limit;
	bool linear;
	unsigned int arenas;
};

/**
 * struct strict_rules - what is allowed, and who wants to know
 * @early: there is no memory but what was there at boot
 * @no_atomic_populate: who may not sleep may not populate
 * @charge: __GFP_ACCOUNT charges
 * @root: but nobody has to pay
 * @inject: what is told to fail may be an allocation of percpu itself
 * @profile: each object is noted by the place that allocated it
 * @heard: somebody hears of each object
 */
struct strict_rules {
	bool early;
	bool no_atomic_populate;
	bool charge;
	bool root;
	bool inject;
	bool profile;
	bool heard;
};

void strict_boot(const struct strict_layout *layout, const struct strict_rules *rules);
void strict_set_rules(const struct strict_rules *rules);
void strict_shutdown(void);

/* The CPU that is offline */
#define STRICT_NOBODY	~0U
extern unsigned int strict_dead;
void strict_kill_cpu(unsigned int cpu);

bool strict_has_memory(unsigned long off, unsigned long size);
unsigned long strict_nr_pages(void);
long strict_held_by_chunks(void);

#endif /* _PERCPU_STRICT_BED_H */
