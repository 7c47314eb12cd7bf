/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * strict_bed: set up areas of any layout, one after the other, for strict.h.
 */
#ifndef _PERCPU_STRICT_BED_H
#define _PERCPU_STRICT_BED_H

#include <shim.h>

#define STRICT_MAX_CPUS	18
#define STRICT_MAX_SIZE	(4UL << 20)

/**
 * struct strict_layout - layout of an area
 * @name: for messages
 * @cpus: number of possible CPUs
 * @step: distance of their numbers
 * @size: bytes of offset space
 * @windows: number of windows
 * @static_size: bytes of static percpu data
 * @populated: bytes that boot populates
 * @reserved: bytes of @populated, at the end, that are reserved for modules
 * @module_limit: end of the module range
 * @linear: the first window is linear memory
 * @isolated: number of the isolated CPU; 0: none
 * @late: it is isolated after its cache was made
 * @on_nodes: the later windows of a unit follow one another
 */
struct strict_layout {
	const char *name;
	unsigned int cpus;
	unsigned int step;
	unsigned long size;
	unsigned int windows;
	unsigned long static_size;
	unsigned long populated;
	unsigned long reserved;
	unsigned long module_limit;
	bool linear;
	unsigned int isolated;
	bool late;
	bool on_nodes;
};

/**
 * struct strict_rules - state of the kernel around the allocator
 * @early: early boot, without slab and page allocator
 * @no_atomic_populate: pages cannot be populated in atomic context
 * @charge: __GFP_ACCOUNT charges the cgroup
 * @root: the cgroup is the root, which is not charged
 * @inject: strict_fail_after() also makes percpu allocations fail
 * @profile: memory allocation profiling is on
 * @hooks: the tracepoints are enabled
 */
struct strict_rules {
	bool early;
	bool no_atomic_populate;
	bool charge;
	bool root;
	bool inject;
	bool profile;
	bool hooks;
};

void strict_boot(const struct strict_layout *layout, const struct strict_rules *rules);
void strict_set_rules(const struct strict_rules *rules);
void strict_shutdown(void);

/* The CPU that is going offline, or STRICT_NO_CPU */
#define STRICT_NO_CPU	~0U
extern unsigned int strict_dead;
void strict_kill_cpu(unsigned int cpu);

bool strict_has_memory(unsigned long off, unsigned long size);
unsigned long strict_nr_pages(void);
long strict_held_by_chunks(void);

#endif /* _PERCPU_STRICT_BED_H */
