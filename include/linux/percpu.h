/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LINUX_PERCPU_H
#define __LINUX_PERCPU_H

#include <linux/alloc_tag.h>
#include <linux/cleanup.h>
#include <linux/compiler_types.h>
#include <linux/init.h>
#include <linux/mmdebug.h>
#include <linux/pfn.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include <asm/percpu.h>

/*
 * Bytes withheld for modules' percpu data. Only where the first chunk lies in
 * linear memory and relocations are short; percpu_reserve= overrides.
 */
#ifdef CONFIG_MODULES
#define PERCPU_MODULE_RESERVE		(8 << 10)
#else
#define PERCPU_MODULE_RESERVE		0
#endif

/*
 * Every configuration serves objects of this size. Most serve far larger ones,
 * see pcpu_alloc(); users size tables by this.
 */
#define PCPU_MIN_UNIT_SIZE		PFN_ALIGN(32 << 10)

/* Slab caches for each partition cost percpu data before there is slab. */
#if defined(CONFIG_KMALLOC_PARTITION_CACHES) || \
	defined(CONFIG_RANDOM_KMALLOC_CACHES)
# if defined(CONFIG_LOCKDEP) && !defined(CONFIG_PAGE_SIZE_4KB)
#  define PERCPU_DYNAMIC_SIZE_SHIFT	13
# else
#  define PERCPU_DYNAMIC_SIZE_SHIFT	12
# endif
#else
# define PERCPU_DYNAMIC_SIZE_SHIFT	10
#endif

/* Bytes on each CPU that can be allocated before slab is up. */
#define PERCPU_DYNAMIC_EARLY_SIZE	(20 << PERCPU_DYNAMIC_SIZE_SHIFT)

/* Bytes that a first chunk in linear memory has for dynamic objects. */
#if BITS_PER_LONG > 32
#define PERCPU_DYNAMIC_RESERVE		(28 << PERCPU_DYNAMIC_SIZE_SHIFT)
#else
#define PERCPU_DYNAMIC_RESERVE		(20 << PERCPU_DYNAMIC_SIZE_SHIFT)
#endif

/* Address of CPU 0's copy of the first static percpu variable. */
extern void *pcpu_base_addr;

/* Distance of each CPU's copies from those of CPU 0, by CPU. */
extern const unsigned long *pcpu_unit_offsets;

/**
 * enum pcpu_fc - how the first chunk is made, percpu_alloc=
 * @PCPU_FC_AUTO: as suits the machine
 * @PCPU_FC_EMBED: in linear memory
 * @PCPU_FC_PAGE: mapped page by page
 * @PCPU_FC_NR: how many there are
 */
enum pcpu_fc {
	PCPU_FC_AUTO,
	PCPU_FC_EMBED,
	PCPU_FC_PAGE,

	PCPU_FC_NR,
};

extern const char * const pcpu_fc_names[PCPU_FC_NR];
extern enum pcpu_fc pcpu_chosen_fc;

typedef int (pcpu_fc_cpu_to_node_fn_t)(int cpu);
typedef int (pcpu_fc_cpu_distance_fn_t)(unsigned int from, unsigned int to);

int __init pcpu_embed_first_chunk(size_t reserved_size, size_t dyn_size,
				  size_t atom_size,
				  pcpu_fc_cpu_distance_fn_t cpu_distance_fn,
				  pcpu_fc_cpu_to_node_fn_t cpu_to_nd_fn);

#ifdef CONFIG_NEED_PER_CPU_PAGE_FIRST_CHUNK
void __init pcpu_populate_pte(unsigned long addr);
int __init pcpu_page_first_chunk(size_t reserved_size,
				 pcpu_fc_cpu_to_node_fn_t cpu_to_nd_fn);
#endif

#if !defined(CONFIG_SMP) || !defined(CONFIG_HAVE_SETUP_PER_CPU_AREA)
void __init setup_per_cpu_areas(void);
#endif

bool __is_kernel_percpu_address(unsigned long addr, unsigned long *can_addr);
bool is_kernel_percpu_address(unsigned long addr);
phys_addr_t per_cpu_ptr_to_phys(void *addr);
unsigned long pcpu_nr_pages(void);

void __percpu *pcpu_alloc_noprof(size_t size, size_t align, bool reserved,
				 gfp_t gfp) __alloc_size(1);
void free_percpu(void __percpu *ptr);

#define __alloc_percpu_gfp(_size, _align, _gfp)				\
	alloc_hooks(pcpu_alloc_noprof(_size, _align, false, _gfp))
#define __alloc_percpu(_size, _align)					\
	alloc_hooks(pcpu_alloc_noprof(_size, _align, false, GFP_KERNEL))
#define __alloc_reserved_percpu(_size, _align)				\
	alloc_hooks(pcpu_alloc_noprof(_size, _align, true, GFP_KERNEL))

#define alloc_percpu_gfp(type, gfp)					\
	((typeof(type) __percpu *)__alloc_percpu_gfp(sizeof(type),	\
						     __alignof__(type), \
						     gfp))
#define alloc_percpu(type)						\
	((typeof(type) __percpu *)__alloc_percpu(sizeof(type),		\
						 __alignof__(type)))
#define alloc_percpu_noprof(type)					\
	((typeof(type) __percpu *)pcpu_alloc_noprof(sizeof(type),	\
						    __alignof__(type),	\
						    false, GFP_KERNEL))

DEFINE_FREE(free_percpu, void __percpu *, free_percpu(_T))

#endif /* __LINUX_PERCPU_H */
