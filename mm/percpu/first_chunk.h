/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * first_chunk: builders of the first window.
 */
#ifndef _MM_PERCPU_FIRST_CHUNK_H
#define _MM_PERCPU_FIRST_CHUNK_H

#include <linux/init.h>
#include <linux/percpu.h>

#include "area.h"

int pcpu_first_chunk_mapped(bool huge, pcpu_fc_cpu_to_node_fn_t to_node);
int pcpu_first_chunk_linear(unsigned long reserved, unsigned long dynamic,
			    unsigned long align);

unsigned long pcpu_boot_area_size(unsigned long choice);
void pcpu_boot_report_area(void);
unsigned long pcpu_boot_reserve(unsigned long choice);

#endif /* _MM_PERCPU_FIRST_CHUNK_H */
