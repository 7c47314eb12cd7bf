/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * account: memcg charging and allocation profiling.
 */
#ifndef _MM_PERCPU_ACCOUNT_H
#define _MM_PERCPU_ACCOUNT_H

#include <linux/memcontrol.h>

#include "owner.h"

struct obj_cgroup;

#if defined(CONFIG_MEMCG) || defined(CONFIG_MEM_ALLOC_PROFILING)

/* Whether @gfp asks to charge somebody. */
static inline bool pcpu_account_memcg(gfp_t gfp)
{
	return (gfp & __GFP_ACCOUNT) && memcg_kmem_online();
}

/* Whether an allocation may get an owner. */
static inline bool pcpu_account_wanted(gfp_t gfp)
{
	return pcpu_account_memcg(gfp) || mem_alloc_profiling_enabled();
}

size_t pcpu_account_bytes(size_t size);
bool pcpu_account_charge(size_t size, gfp_t gfp, struct obj_cgroup **objcg);
void pcpu_account_cancel(size_t size, struct obj_cgroup *objcg);
void pcpu_account_record(unsigned long off, size_t size, gfp_t gfp,
			 struct obj_cgroup *objcg);
void pcpu_account_drop(size_t size, struct pcpu_owner *owner);

#else

static inline bool pcpu_account_wanted(gfp_t gfp)
{
	return false;
}

static inline size_t pcpu_account_bytes(size_t size)
{
	return size * num_possible_cpus();
}

static inline bool pcpu_account_charge(size_t size, gfp_t gfp,
				       struct obj_cgroup **objcg)
{
	return true;
}

static inline void pcpu_account_cancel(size_t size, struct obj_cgroup *objcg)
{
}

static inline void pcpu_account_record(unsigned long off, size_t size,
				       gfp_t gfp, struct obj_cgroup *objcg)
{
}

static inline void pcpu_account_drop(size_t size, struct pcpu_owner *owner)
{
}

#endif

#endif /* _MM_PERCPU_ACCOUNT_H */
