/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LINUX_PERCPU_MODULE_H
#define __LINUX_PERCPU_MODULE_H

#include <linux/alloc_tag.h>
#include <linux/compiler_types.h>
#include <linux/percpu.h>
#include <linux/types.h>

/*
 * For the module loader only: it allocates the percpu section of a module. Code
 * of modules allocates by alloc_percpu() and its variants.
 */
#ifdef CONFIG_PERCPU_AREA
void __percpu *pcpu_alloc_module_noprof(size_t size, size_t align,
					const char **why) __alloc_size(1);

void pcpu_free_module(void __percpu *ptr);

#define pcpu_alloc_module(_size, _align, _why)				\
	alloc_hooks(pcpu_alloc_module_noprof(_size, _align, _why))
#else
/* Without the area the loader calls __alloc_reserved_percpu(). */
static inline void __percpu *pcpu_alloc_module(size_t size, size_t align,
					       const char **why)
{
	*why = "";
	return NULL;
}

static inline void pcpu_free_module(void __percpu *ptr)
{
	free_percpu(ptr);
}
#endif

#endif /* __LINUX_PERCPU_MODULE_H */
