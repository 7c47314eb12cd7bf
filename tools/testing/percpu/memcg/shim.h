/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shim: what mm/memcg_percpu.c needs of the kernel, for one CPU. Each access of a copy
 * may be interrupted.
 */
#ifndef _MEMCG_SHIM_H
#define _MEMCG_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define __percpu
#define __init
#define __force
#define IS_ENABLED(x)	0
#define roundup_pow_of_two(x)	32
#define __ro_after_init
#define unlikely(x)	(x)
#define barrier()	asm volatile("" ::: "memory")
#define READ_ONCE(x)	(interrupt(), *(const volatile typeof(x) *)&(x))
/* One CPU: an interrupt comes before or after. */
#define cmpxchg(p, o, n)						\
({									\
	typeof(*(p)) was_;						\
	interrupt();							\
	was_ = *(p);							\
	if (was_ == (o))						\
		*(p) = (n);						\
	interrupt();							\
	was_;								\
})
#define WRITE_ONCE(x, v)						\
do {									\
	interrupt();							\
	*(volatile typeof(x) *)&(x) = (v);				\
	interrupt();							\
} while (0)
#define ALIGN(x, a)	(((x) + (a) - 1) / (a) * (a))
#define offsetofend(t, m)	(offsetof(t, m) + sizeof(((t *)0)->m))
#define BUILD_BUG_ON(x)	_Static_assert(!(x), #x)

/* Let an interrupt update the statistics of another cgroup, at times. */
void interrupt(void);

/* This CPU has the copies at their percpu addresses. */
#define this_cpu_ptr(ptr)	(interrupt(), (void *)(ptr))
#define this_cpu_read(x)	READ_ONCE(x)
#define per_cpu_ptr(ptr, cpu)	(ptr)

typedef struct { int counter; } atomic_t;

struct memcg_vmstats_percpu {
	unsigned int stats_updates;
	struct memcg_vmstats_percpu *parent_pcpu;
	struct memcg_vmstats *vmstats;
	long events_prev[4];
} __attribute__((aligned(64)));

struct lruvec_stats_percpu {
	long state[4];
};

struct memcg_vmstats {
	int unused;
};

struct mem_cgroup {
	struct {
		atomic_t rstat_touched;
	} css;
	struct mem_cgroup *parent;
	struct memcg_vmstats *vmstats;
	struct memcg_vmstats_percpu *vmstats_percpu;
};

#define parent_mem_cgroup(memcg)	((memcg)->parent)

/* One node, and a cache of zeroed objects */
#define num_possible_nodes()	1
#define N_POSSIBLE		0
extern struct { unsigned long bits[1]; } node_states[1];
#define bitmap_weight(bits, n)	0
#define percpu_cache_present_init()	do { } while (0)
struct percpu_cache;
extern size_t cache_size;
#define percpu_cache_create(name, size, align, ctor, flags)		\
	(cache_size = ALIGN((size), (align)), (struct percpu_cache *)&cache_size)
#define percpu_cache_alloc(cache, gfp)	aligned_alloc(64, ALIGN(cache_size, 64))
/* The cache wants objects that are zero. */
#define percpu_cache_free(cache, ptr)					\
do {									\
	const char *byte = (ptr);					\
	size_t left = cache_size;					\
	while (left && !*byte++)					\
		left--;							\
	left ? abort() : free(ptr);					\
} while (0)
#define percpu_cache_cpus(cache)	1
#define for_each_touched_cpu_in(cpu, touched, cpus)			\
	for ((cpu) = 0; (cpu) < (unsigned int)(cpus) && (touched); (cpu)++)
#define IS_ERR(ptr)	0
#define panic(...)	abort()
#define PERCPU_CACHE_PRESENT	0
#define GFP_KERNEL_ACCOUNT	0

#endif /* _MEMCG_SHIM_H */
