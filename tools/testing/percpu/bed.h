/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bed: the userspace test bed, mm/percpu/ as a userspace program.
 */
#ifndef _PERCPU_BED_H
#define _PERCPU_BED_H

extern unsigned long bed_populated, bed_depopulated;

/* ours.c only: flushes of TLBs, what is called while a page, and tables, are populated */
extern unsigned long bed_flushes;
extern void (*bed_populate)(void);
extern void (*bed_tables)(void);

/* ours.c and stock/stock.c both define these, and pcpu_nr_pages(). */
extern const char bed_name[];
/* Bytes of offset space, before bed_boot(); a power of two */
extern unsigned long bed_size;
const char *bed_settle(void);
void bed_work(void);
void bed_allow_irqs(void);
unsigned long bed_shared_locks(void);
bool bed_full(void);

/* Before bed_boot(): the distance of the numbers of possible CPUs */
extern unsigned int shim_cpu_step;
void bed_boot(unsigned int nr_cpus, unsigned long static_size, unsigned long early);
void bed_share_memory(void);
void bed_fail_populate_after(long n);

#endif /* _PERCPU_BED_H */
