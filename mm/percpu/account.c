// SPDX-License-Identifier: GPL-2.0-only
/*
 * account: memcg charges and allocation tags of objects.
 *
 * A cgroup is charged before an object is allocated, which may reclaim, and
 * uncharged after the object is free. No lock is held at either time.
 */
#include <linux/alloc_tag.h>
#include <linux/cleanup.h>
#include <linux/memcontrol.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "account.h"
#include "pages.h"

/*
 * The bytes that an object of @size bytes on one CPU is charged for: on all possible
 * CPUs, with memcg also of the owner entry.
 */
size_t pcpu_account_bytes(size_t size)
{
	size_t bytes = size * pcpu_area.nr_units;

	if (IS_ENABLED(CONFIG_MEMCG) && !mem_cgroup_kmem_disabled())
		bytes += sizeof(struct pcpu_owner);
	return bytes;
}

#ifdef CONFIG_MEMCG

/* memcg cuts a number of bytes to 32 bits, so that larger charges are made in parts. */
#ifndef PCPU_CHARGE_MAX
#define PCPU_CHARGE_MAX		BIT(30)
#endif

static void pcpu_uncharge_bytes(struct obj_cgroup *objcg, size_t bytes)
{
	size_t part;

	for (; bytes; bytes -= part) {
		part = min_t(size_t, bytes, PCPU_CHARGE_MAX);
		obj_cgroup_uncharge(objcg, part);
	}
}

/* Charge all of @bytes or nothing. Return false if the cgroup is over its limit. */
static bool pcpu_charge_bytes(struct obj_cgroup *objcg, gfp_t gfp, size_t bytes)
{
	size_t done, part;

	for (done = 0; done < bytes; done += part) {
		part = min_t(size_t, bytes - done, PCPU_CHARGE_MAX);
		if (obj_cgroup_charge(objcg, gfp, part)) {
			pcpu_uncharge_bytes(objcg, done);
			return false;
		}
	}
	return true;
}

/* Add @bytes, which may be negative, to the statistics of a cgroup. */
static void pcpu_account_stat(struct obj_cgroup *objcg, long bytes)
{
	guard(rcu)();
	/* mod_memcg_state() takes an int. */
	while (bytes) {
		int part = clamp(bytes, -(long)INT_MAX, (long)INT_MAX);

		mod_memcg_state(obj_cgroup_memcg(objcg), MEMCG_PERCPU_B, part);
		bytes -= part;
	}
}

/*
 * Charge the current cgroup for an object of @size bytes on one CPU, and store the
 * cgroup if there is one to charge. Any context that @gfp allows; may reclaim. Return
 * false if the cgroup is over its limit.
 */
bool pcpu_account_charge(size_t size, gfp_t gfp, struct obj_cgroup **objcg)
{
	struct obj_cgroup *payer;

	if (!(gfp & __GFP_ACCOUNT) || !memcg_kmem_online())
		return true;
	payer = current_obj_cgroup();
	if (!payer || obj_cgroup_is_root(payer))
		return true;
	/* The task may be moved to another cgroup while it reclaims. */
	obj_cgroup_get(payer);
	if (!pcpu_charge_bytes(payer, gfp, pcpu_account_bytes(size))) {
		obj_cgroup_put(payer);
		return false;
	}
	*objcg = payer;
	return true;
}

/* Undo pcpu_account_charge(). @objcg: the charged cgroup, or NULL. */
void pcpu_account_cancel(size_t size, struct obj_cgroup *objcg)
{
	if (!objcg)
		return;
	pcpu_uncharge_bytes(objcg, pcpu_account_bytes(size));
	obj_cgroup_put(objcg);
}

static void pcpu_account_set_objcg(struct pcpu_owner *owner, size_t size,
				   struct obj_cgroup *objcg)
{
	if (!objcg)
		return;
	owner->objcg = objcg;
	pcpu_account_stat(objcg, pcpu_account_bytes(size));
}

static void pcpu_account_drop_objcg(size_t size, struct pcpu_owner *owner)
{
	if (!owner->objcg)
		return;
	pcpu_account_stat(owner->objcg, -(long)pcpu_account_bytes(size));
	pcpu_account_cancel(size, owner->objcg);
}

#else /* !CONFIG_MEMCG */

bool pcpu_account_charge(size_t size, gfp_t gfp, struct obj_cgroup **objcg)
{
	return true;
}

void pcpu_account_cancel(size_t size, struct obj_cgroup *objcg)
{
}

static void pcpu_account_set_objcg(struct pcpu_owner *owner, size_t size,
				   struct obj_cgroup *objcg)
{
}

static void pcpu_account_drop_objcg(size_t size, struct pcpu_owner *owner)
{
}

#endif /* CONFIG_MEMCG */

#ifdef CONFIG_MEM_ALLOC_PROFILING

static void pcpu_account_set_tag(struct pcpu_owner *owner, size_t size)
{
	if (mem_alloc_profiling_enabled())
		alloc_tag_add(&owner->tag, current->alloc_tag,
			      size * pcpu_area.nr_units);
}

static void pcpu_account_drop_tag(size_t size, struct pcpu_owner *owner)
{
	if (mem_alloc_profiling_enabled() && owner->tag.ct)
		alloc_tag_sub(&owner->tag, size * pcpu_area.nr_units);
}

#else

static void pcpu_account_set_tag(struct pcpu_owner *owner, size_t size) { }
static void pcpu_account_drop_tag(size_t size, struct pcpu_owner *owner) { }

#endif /* CONFIG_MEM_ALLOC_PROFILING */

/*
 * Record what a new object, which the caller owns, is charged to: @objcg, or NULL. Any
 * context that @gfp allows. Return false if there is no memory for the entry of a
 * charged object. An object that is not charged does without an entry.
 */
bool pcpu_account_record(unsigned long off, size_t size, gfp_t gfp,
			 struct obj_cgroup *objcg)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int page = pcpu_off_to_page(off);
	struct pcpu_owner *owner, *owners = READ_ONCE(chunk->owners[page]);

	if (!objcg && !mem_alloc_profiling_enabled())
		return true;
	if (!owners && pcpu_metadata_allowed(gfp)) {
		owners = kcalloc(PCPU_PAGE_OWNERS, sizeof(*owners),
				 gfp | __GFP_NOWARN);
		if (owners && cmpxchg(&chunk->owners[page], NULL, owners))
			kfree(owners);
	}
	owner = pcpu_owner_at(chunk, off);
	if (!owner)
		return !objcg;
	/* Before a free of an owned object can take the fast path. */
	if (!test_bit(page, chunk->slow_free))
		set_bit(page, chunk->slow_free);
	pcpu_account_set_objcg(owner, size, objcg);
	pcpu_account_set_tag(owner, size);
	return true;
}

/* Uncharge and untag a freed object; @owner is from pcpu_owner_detach(). Any context. */
void pcpu_account_drop(size_t size, struct pcpu_owner *owner)
{
	pcpu_account_drop_objcg(size, owner);
	pcpu_account_drop_tag(size, owner);
}
