/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * first_shim: what mm/percpu/first_*.c needs beside ../include/shim.h: memblock, page
 * tables of one level, and vmalloc space. No address is accessed.
 */
#ifndef _FIRST_SHIM_H
#define _FIRST_SHIM_H

#include <shim.h>
#include <string.h>

/* The machine */
extern unsigned long first_pmd_size, first_vmalloc_size;
extern unsigned long first_memory;

typedef int64_t s64;
#define S32_MAX		INT_MAX
#define U16_MAX		0xffff
#include <linux/sizes.h>
#define SZ_1M		(1UL << 20)
#define SZ_8M		(8UL << 20)
#define ALIGN_DOWN(x, a)	round_down(x, a)
#define IS_ALIGNED(x, a)	(!((x) & ((a) - 1)))
#define PFN_ALIGN(x)	ALIGN((unsigned long)(x), PAGE_SIZE)
#define ilog2(x)	(63 - __builtin_clzl(x))

static inline unsigned long rounddown_pow_of_two(unsigned long x)
{
	return 1UL << ilog2(x);
}

static inline unsigned long roundup_pow_of_two(unsigned long x)
{
	return x > 1 ? 2UL << ilog2(x - 1) : 1;
}

/* A linear map at FIRST_LINEAR, and vmalloc space. */
#define FIRST_LINEAR	0xc000000000000000UL
#undef __pa
#define __pa(p)		((unsigned long)(p) - FIRST_LINEAR)
#define __va(phys)	((void *)((phys) + FIRST_LINEAR))
#define MAX_DMA_ADDRESS	__va(0UL)
#define VMALLOC_START	0xd000000000000000UL
#define VMALLOC_END	(VMALLOC_START + first_vmalloc_size)
#define VMALLOC_TOTAL	first_vmalloc_size

#define __weak			__attribute__((weak))
#define SMP_CACHE_BYTES	64
#define NUMA_NO_NODE	(-1)
#define MEMBLOCK_ALLOC_ACCESSIBLE	0
void *first_alloc(size_t size, size_t align);
void first_free(unsigned long phys, size_t size);
void *memblock_alloc(size_t size, size_t align);
#define memblock_alloc_try_nid(size, align, low, high, node)		\
	((void)(node), first_alloc(size, align))
#define memblock_alloc_try_nid_raw(size, align, low, high, node)	\
	first_alloc(size, align)
#define memblock_free(p, size)		first_free(__pa(p), size)
#define memblock_phys_free(phys, size)	first_free(phys, size)
#define memblock_reserved_size()	0
#define memblock_phys_mem_size()	first_memory
#define kmemleak_ignore_phys(phys)	((void)(phys))

/* The only level of page tables is the lowest, first.c has pcpu_populate_pte(). */
typedef unsigned long pte_t, pmd_t, pud_t, p4d_t, pgd_t;
extern pgd_t first_table;
extern int init_mm;
#define PMD_SIZE		first_pmd_size
#define PAGE_KERNEL		0
#define PHYS_PFN(phys)		((phys) >> PAGE_SHIFT)
#define pfn_pte(pfn, prot)	(pfn)
#define virt_to_kpte(addr)	(addr)
void first_map(unsigned long addr, unsigned long pfn);
#define set_pte_at(mm, addr, pte, pfn)	first_map(addr, pfn)
#define pgd_offset_k(addr)	(&first_table)
#define p4d_offset(pgd, addr)	(pgd)
#define pud_offset(p4d, addr)	(p4d)
#define pmd_offset(pud, addr)	(pud)
#define pmd_off_k(addr)		(&first_table)
#define pgd_none(pgd)		false
#define p4d_none(p4d)		false
#define pud_none(pud)		false
#define pmd_none(pmd)		false
#define pgd_populate(mm, pgd, table)		((void)(table))
#define p4d_populate(mm, p4d, table)		((void)(table))
#define pud_populate(mm, pud, table)		((void)(table))
#define pmd_populate_kernel(mm, pmd, table)	((void)(table))
#define pmd_set_huge(pmd, phys, prot)		false
#define pmd_clear_huge(pmd)			((void)(pmd))
#define arch_vmap_pmd_supported(prot)		false
#define flush_cache_vmap_early(start, end)	((void)(start))
#define kasan_populate_early_vm_area_shadow(p, size)	((void)(p))
#define cc_platform_has(attr)			false

struct vm_struct {
	void *addr;
	unsigned long size;
	unsigned long flags;
	void *caller;
	struct vm_struct *next;
};

#define VM_ALLOC		0
#define vm_area_early_list()	NULL
#define vm_area_add_early(vm)	((void)(vm))

enum pcpu_fc { PCPU_FC_AUTO, PCPU_FC_EMBED, PCPU_FC_PAGE, PCPU_FC_NR };
typedef int (*pcpu_fc_cpu_to_node_fn_t)(int cpu);
typedef int (*pcpu_fc_cpu_distance_fn_t)(unsigned int from, unsigned int to);
extern enum pcpu_fc pcpu_chosen_fc;
extern void *pcpu_base_addr;
extern char _text[], _end[];
int pcpu_embed_first_chunk(size_t reserved_size, size_t dyn_size, size_t atom_size,
			   pcpu_fc_cpu_distance_fn_t cpu_distance_fn,
			   pcpu_fc_cpu_to_node_fn_t cpu_to_nd_fn);
int pcpu_page_first_chunk(size_t reserved_size, pcpu_fc_cpu_to_node_fn_t cpu_to_nd_fn);
#define CONFIG_HAVE_SETUP_PER_CPU_AREA	1
#define PERCPU_DYNAMIC_EARLY_SIZE	(20 << 10)
#define PERCPU_DYNAMIC_RESERVE		(28 << 10)
#define num_possible_cpus()	shim_nr_cpus
#define NR_CPUS			4096

/* There is no command line. */
#define __initconst
#define match_string(names, nr, str)	(-EINVAL)

/* Units have no memory here. */
#define memcpy(to, from, size)	((void)(to))
#define memset(to, value, size)	((void)(to))

#endif /* _FIRST_SHIM_H */
