/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat: what older kernels lack, or have other names for.
 */
#ifndef _MM_PERCPU_COMPAT_H
#define _MM_PERCPU_COMPAT_H

#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/version.h>

#include <asm/sections.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)

#define alloc_pages_bulk_node	alloc_pages_bulk_array_node

/* The root cgroup has none. */
static inline bool obj_cgroup_is_root(const struct obj_cgroup *objcg)
{
	return false;
}

/* It is not told how to allocate. */
#define kmsan_vmap_pages_range_noflush(start, end, prot, pages, shift, gfp) \
	((void)(gfp), kmsan_vmap_pages_range_noflush(start, end, prot, pages, shift))

#endif

/* Older x86-64 links percpu variables for address 0, and keeps them elsewhere. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
#define PCPU_STATIC_IMAGE	__per_cpu_load
#else
#define PCPU_STATIC_IMAGE	__per_cpu_start
#endif

#endif /* _MM_PERCPU_COMPAT_H */
