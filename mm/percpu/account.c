// SPDX-License-Identifier: GPL-2.0-only
/*
 * account: memcg charging and allocation profiling.
 *
 * A cgroup is charged before an object is taken, which may reclaim, and
 * uncharged after it was given back; no lock is held at either time.
 */
#include <linux/alloc_tag.h>
#include <linux/memcontrol.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "account.h"
#include "populate.h"

/**
 * pcpu_account_bytes - what an object of @size bytes costs
 * @size: bytes on one CPU
 *
 * Return: bytes on all possible CPUs, and for the note of who pays.
 */
size_t pcpu_account_bytes(size_t size)
{
	size_t bytes = size * num_possible_cpus();

	if (IS_ENABLED(CONFIG_MEMCG) && !mem_cgroup_kmem_disabled())
		bytes += sizeof(struct pcpu_owner);
	return bytes;
}

#ifdef CONFIG_MEMCG

/* Note @bytes, or give back -@bytes, in the statistics of @objcg's cgroup. */
static void pcpu_account_stat(struct obj_cgroup *objcg, long bytes)
{
	/* The statistics take an int at a time. */
	rcu_read_lock();
	while (bytes) {
		int part = clamp(bytes, -(long)INT_MAX, (long)INT_MAX);

		mod_memcg_state(obj_cgroup_memcg(objcg), MEMCG_PERCPU_B, part);
		bytes -= part;
	}
	rcu_read_unlock();
}

/**
 * pcpu_account_charge - charge the current cgroup for an object
 * @size: bytes on one CPU
 * @gfp: flags of the allocation
 * @objcg: where to store whom to charge, stays as it is for nobody
 *
 * Context: any that @gfp allows; may reclaim.
 * Return: %false when the cgroup is over its limit.
 */
bool pcpu_account_charge(size_t size, gfp_t gfp, struct obj_cgroup **objcg)
{
	struct obj_cgroup *payer;

	if (!pcpu_account_memcg(gfp))
		return true;
	payer = current_obj_cgroup();
	if (!payer || obj_cgroup_is_root(payer))
		return true;
	if (obj_cgroup_charge(payer, gfp, pcpu_account_bytes(size)))
		return false;
	obj_cgroup_get(payer);
	*objcg = payer;
	return true;
}

/**
 * pcpu_account_cancel - undo pcpu_account_charge()
 * @size: as charged
 * @objcg: as stored, may be NULL
 */
void pcpu_account_cancel(size_t size, struct obj_cgroup *objcg)
{
	if (!objcg)
		return;
	obj_cgroup_uncharge(objcg, pcpu_account_bytes(size));
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
		alloc_tag_add(&owner->tag, current->alloc_tag, size);
}

static void pcpu_account_drop_tag(size_t size, struct pcpu_owner *owner)
{
	if (mem_alloc_profiling_enabled() && owner->tag.ct)
		alloc_tag_sub(&owner->tag, size);
}

#else

static void pcpu_account_set_tag(struct pcpu_owner *owner, size_t size)
{
}

static void pcpu_account_drop_tag(size_t size, struct pcpu_owner *owner)
{
}

#endif /* CONFIG_MEM_ALLOC_PROFILING */

/* The books of the page of @off, opened if need be. */
static struct pcpu_owner *pcpu_account_open(struct pcpu_chunk *chunk,
					    unsigned long off, gfp_t gfp)
{
	unsigned int page = pcpu_off_to_page(off);
	struct pcpu_owner **books = &chunk->owners[page];
	struct pcpu_owner *owners;

	if (!READ_ONCE(*books) && pcpu_metadata_allowed(gfp)) {
		owners = kcalloc(PCPU_PAGE_OWNERS, sizeof(*owners),
				 gfp | __GFP_NOWARN);
		if (owners && cmpxchg(books, NULL, owners))
			kfree(owners);
	}
	/* Before anybody can free an object with an owner. */
	if (READ_ONCE(*books) && !test_bit(page, chunk->odd))
		set_bit(page, chunk->odd);
	return pcpu_owner_at(chunk, off);
}

/**
 * pcpu_account_record - note who pays for an object
 * @off: the object's offset, owned by the caller
 * @size: its bytes on one CPU
 * @gfp: how memory for the note may be allocated
 * @objcg: who was charged, or NULL
 *
 * Without memory for the note nobody pays.
 *
 * Context: any that @gfp allows.
 */
void pcpu_account_record(unsigned long off, size_t size, gfp_t gfp,
			 struct obj_cgroup *objcg)
{
	struct pcpu_owner *owner;

	if (!objcg && !mem_alloc_profiling_enabled())
		return;
	owner = pcpu_account_open(pcpu_chunk_of(off), off, gfp);
	if (!owner) {
		pcpu_account_cancel(size, objcg);
		return;
	}
	pcpu_account_set_objcg(owner, size, objcg);
	pcpu_account_set_tag(owner, size);
}

/**
 * pcpu_account_drop - an object was given back
 * @size: its bytes on one CPU
 * @owner: who paid for it
 *
 * Context: any.
 */
void pcpu_account_drop(size_t size, struct pcpu_owner *owner)
{
	pcpu_account_drop_objcg(size, owner);
	pcpu_account_drop_tag(size, owner);
}
