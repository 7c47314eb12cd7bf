/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Percpu memory only for CPUs that have been online, with CONFIG_PERCPU_PRESENT. For
 * percpu caches: their users create a cache with PERCPU_CACHE_PRESENT.
 */
#ifndef __LINUX_PERCPU_PRESENT_H
#define __LINUX_PERCPU_PRESENT_H

#include <linux/compiler_types.h>
#include <linux/init.h>
#include <linux/sizes.h>
#include <linux/types.h>

/* Bytes of the largest object */
#define PCPU_PRESENT_MAX	SZ_64K

int __init pcpu_present_init(void);

void __percpu *pcpu_alloc_present(size_t size, size_t align, gfp_t gfp);
void pcpu_free_present(void __percpu *ptr);

unsigned int pcpu_present_enter(void);
void pcpu_present_leave(unsigned int index);
void pcpu_present_synchronize(void);

/* For tests, and the callbacks of CPU hotplug */
int pcpu_present_prepare(unsigned int cpu);
void pcpu_present_remove(unsigned int cpu);

#endif /* __LINUX_PERCPU_PRESENT_H */
