/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * first_chunk: what the choice of the layout asks for.
 */
#ifndef _MM_PERCPU_FIRST_CHUNK_H
#define _MM_PERCPU_FIRST_CHUNK_H

#include <linux/errno.h>
#include <linux/percpu.h>
#include <linux/types.h>

struct vm_struct;

/* first_window.c: what both layouts build on. */

extern unsigned long pcpu_early_tables;

void pcpu_begin_layout(const char *name);
void pcpu_copy_static(unsigned long addr);
unsigned long pcpu_skew(void);
unsigned long pcpu_reserve_vm(unsigned long size, unsigned long align);
void pcpu_first_window(unsigned long populated);

/* first_mapped.c: the CPU-major layout. */

#if defined(CONFIG_SMP) && defined(CONFIG_NEED_PER_CPU_PAGE_FIRST_CHUNK)
int pcpu_first_chunk_mapped(bool huge, pcpu_fc_cpu_to_node_fn_t node_of);
#else
static inline int pcpu_first_chunk_mapped(bool huge,
					  pcpu_fc_cpu_to_node_fn_t node_of)
{
	return -ENOSPC;
}
#endif

/* first_nodes.c: linear units on the nodes of their CPUs. */

/* More runs of CPUs than that have units in one block. */
#define PCPU_NODE_RUNS		64

/**
 * struct pcpu_node_run - units of CPUs that are neighbours on one node
 * @first: the first of them
 * @last: the last one
 * @node: the node
 * @start: lowest physical address of the node
 * @end: end of its addresses
 */
struct pcpu_node_run {
	unsigned int first;
	unsigned int last;
	int node;
	unsigned long start;
	unsigned long end;
};

bool pcpu_node_stride(const struct pcpu_node_run *runs, unsigned int nr,
		      unsigned long size, unsigned long *min, unsigned long *max);
bool pcpu_node_base(const struct pcpu_node_run *runs, unsigned int nr,
		    unsigned long size, unsigned long stride,
		    unsigned long *low, unsigned long *high);

#ifdef CONFIG_NUMA
void *pcpu_linear_on_nodes(unsigned long size, unsigned long align,
			   unsigned long window, unsigned long space,
			   pcpu_fc_cpu_to_node_fn_t node_of);
#else
static inline void *pcpu_linear_on_nodes(unsigned long size, unsigned long align,
					 unsigned long window, unsigned long space,
					 pcpu_fc_cpu_to_node_fn_t node_of)
{
	return NULL;
}
#endif

/* early_gap.c: a gap between vmalloc areas that exist before vmalloc does. */

unsigned long pcpu_early_gap(const struct vm_struct *vm, unsigned long start,
			     unsigned long end, unsigned long size,
			     unsigned long align, bool lowest);
unsigned long pcpu_early_vm_gap(unsigned long size, unsigned long align);

/* options.c: what the kernel command line asks for. */

bool pcpu_option_large(void);
unsigned long pcpu_option_area_size(unsigned long choice);
void pcpu_option_report_area(void);
unsigned long pcpu_option_reserve(unsigned long choice);
bool pcpu_options_forget(void);

#endif /* _MM_PERCPU_FIRST_CHUNK_H */
