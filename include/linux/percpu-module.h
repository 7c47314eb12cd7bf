/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LINUX_PERCPU_MODULE_H
#define __LINUX_PERCPU_MODULE_H

#include <linux/alloc_tag.h>
#include <linux/compiler_types.h>
#include <linux/types.h>

/*
 * Between the module loader and the percpu allocator, and for nobody else. What
 * a module itself allocates comes from alloc_percpu() and the like.
 */
void __percpu *pcpu_alloc_module_noprof(size_t size, size_t align,
					const char **why) __alloc_size(1);

void pcpu_free_module(void __percpu *ptr);

#define pcpu_alloc_module(_size, _align, _why)				\
	alloc_hooks(pcpu_alloc_module_noprof(_size, _align, _why))

#endif /* __LINUX_PERCPU_MODULE_H */
