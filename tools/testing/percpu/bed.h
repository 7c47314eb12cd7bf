/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bed: mm/percpu/ as a userspace program.
 */
#ifndef _PERCPU_BED_H
#define _PERCPU_BED_H

extern unsigned long bed_populated, bed_depopulated;

/* What ours and stock both have; see also pcpu_nr_pages(). */
extern const char bed_name[];
const char *bed_settle(void);
void bed_work(void);
void bed_allow_irqs(void);
unsigned long bed_shared_locks(void);

void bed_boot(unsigned int nr_cpus, unsigned long static_size, unsigned long early);
void bed_fail_populate_after(long n);

#endif /* _PERCPU_BED_H */
