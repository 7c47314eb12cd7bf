/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * account: memcg charges and allocation tags of objects.
 *
 * A page of offsets has an array of owners once it holds an owned object: one
 * entry for each PCPU_OWNED_MIN bytes, the size of the smallest owned object.
 */
#ifndef _MM_PERCPU_ACCOUNT_H
#define _MM_PERCPU_ACCOUNT_H

#include <linux/alloc_tag.h>
#include <linux/memcontrol.h>

#include "chunk.h"

struct obj_cgroup;

#define PCPU_OWNER_SHIFT	3
#define PCPU_OWNED_MIN		(1U << PCPU_OWNER_SHIFT)
#define PCPU_PAGE_OWNERS	(PAGE_SIZE >> PCPU_OWNER_SHIFT)

/**
 * struct pcpu_owner - what an object is charged to
 * @objcg: the charged cgroup, with a reference, or NULL
 * @tag: the allocation tag of the call site
 *
 * Only the owner of the object accesses it.
 */
struct pcpu_owner {
#ifdef CONFIG_MEMCG
	struct obj_cgroup *objcg;
#endif
#ifdef CONFIG_MEM_ALLOC_PROFILING
	union codetag_ref tag;
#endif
};

static inline struct pcpu_owner *pcpu_owner_at(struct pcpu_chunk *chunk,
					       unsigned long off)
{
	struct pcpu_owner *owners;

	owners = READ_ONCE(chunk->owners[pcpu_off_to_page(off)]);
	return owners ? owners + (offset_in_page(off) >> PCPU_OWNER_SHIFT) :
			NULL;
}

/* Clear the owner entry of an object that is being freed, and return it. */
static inline struct pcpu_owner pcpu_owner_detach(struct pcpu_chunk *chunk,
						  unsigned long off)
{
	struct pcpu_owner detached = { }, *owner = pcpu_owner_at(chunk, off);

	if (unlikely(owner))
		swap(detached, *owner);
	return detached;
}

size_t pcpu_account_bytes(size_t size);
bool pcpu_account_charge(size_t size, gfp_t gfp, struct obj_cgroup **objcg);
void pcpu_account_cancel(size_t size, struct obj_cgroup *objcg);
bool pcpu_account_record(unsigned long off, size_t size, gfp_t gfp,
			 struct obj_cgroup *objcg);
void pcpu_account_drop(size_t size, struct pcpu_owner *owner);

#endif /* _MM_PERCPU_ACCOUNT_H */
