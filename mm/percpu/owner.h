/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * owner: who pays for an object.  Kept only for pages that have an object with
 * an owner; one entry for every 8 bytes, so owned objects are no smaller.
 */
#ifndef _MM_PERCPU_OWNER_H
#define _MM_PERCPU_OWNER_H

#include <linux/alloc_tag.h>

#include "chunk.h"

#define PCPU_OWNER_SHIFT	3
#define PCPU_OWNED_MIN		(1U << PCPU_OWNER_SHIFT)
#define PCPU_PAGE_OWNERS	(PAGE_SIZE >> PCPU_OWNER_SHIFT)

struct obj_cgroup;

/**
 * struct pcpu_owner - who pays for an object
 * @objcg: the charged cgroup, with a reference, or NULL
 * @tag: the allocation site
 *
 * Belongs to whoever owns the object.
 */
struct pcpu_owner {
#ifdef CONFIG_MEMCG
	struct obj_cgroup *objcg;
#endif
#ifdef CONFIG_MEM_ALLOC_PROFILING
	union codetag_ref tag;
#endif
};

/* Whether nobody pays. */
static inline bool pcpu_owner_is_none(const struct pcpu_owner *owner)
{
#ifdef CONFIG_MEMCG
	if (owner->objcg)
		return false;
#endif
#ifdef CONFIG_MEM_ALLOC_PROFILING
	if (owner->tag.ct)
		return false;
#endif
	return true;
}

static inline struct pcpu_owner *pcpu_owner_at(struct pcpu_chunk *chunk,
					       unsigned long off)
{
	struct pcpu_owner *owners;

	owners = READ_ONCE(chunk->owners[pcpu_off_to_page(off)]);
	return owners ? owners + (offset_in_page(off) >> PCPU_OWNER_SHIFT) :
			NULL;
}

/* Move the owner out of the books, at the moment when the object is free. */
static inline struct pcpu_owner pcpu_owner_take(struct pcpu_chunk *chunk,
						unsigned long off)
{
	struct pcpu_owner none = { }, *owner = pcpu_owner_at(chunk, off);

	if (likely(!owner))
		return none;
	swap(none, *owner);
	return none;
}

#endif /* _MM_PERCPU_OWNER_H */
