// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_cache: memcg charges.
 *
 * A cgroup is charged before an object is taken from the cache, which may reclaim,
 * and uncharged when the object is free. No lock is held at either time.
 */
#include <linux/memcontrol.h>
#include <linux/rcupdate.h>

#include "percpu_cache_internal.h"

/* Bytes of an object on @nr CPUs, at most INT_MAX */
static int charge_bytes(const struct percpu_cache *cache, unsigned int nr)
{
	return cache->stride * nr;
}

/**
 * percpu_cache_charge - charge the current cgroup for an object
 * @cache: the cache
 * @gfp: flags of the allocation
 * @nr: number of CPUs to charge it for
 * @objcg: set to the charged cgroup; unchanged if none is charged
 *
 * Context: any that @gfp allows; may reclaim.
 * Return: false if the cgroup is over its limit, or if the context may not take the locks.
 */
bool percpu_cache_charge(struct percpu_cache *cache, gfp_t gfp, unsigned int nr,
			 struct obj_cgroup **objcg)
{
	struct obj_cgroup *payer;

	if (!(gfp & __GFP_ACCOUNT) || !memcg_kmem_online())
		return true;
	payer = current_obj_cgroup();
	if (!payer || obj_cgroup_is_root(payer))
		return true;
	if (!percpu_cache_may_lock(gfp))
		return false;
	/* The task may be moved to another cgroup while it reclaims. */
	obj_cgroup_get(payer);
	if (obj_cgroup_charge(payer, gfp, charge_bytes(cache, nr))) {
		obj_cgroup_put(payer);
		return false;
	}
	*objcg = payer;
	return true;
}

/**
 * percpu_cache_cancel_charge - undo percpu_cache_charge()
 * @cache: the cache
 * @nr: as charged
 * @objcg: as set by percpu_cache_charge(), or NULL
 */
void percpu_cache_cancel_charge(struct percpu_cache *cache, unsigned int nr,
				struct obj_cgroup *objcg)
{
	if (!objcg)
		return;
	obj_cgroup_uncharge(objcg, charge_bytes(cache, nr));
	obj_cgroup_put(objcg);
}

static void add_stat(struct obj_cgroup *objcg, int bytes)
{
	rcu_read_lock();
	mod_memcg_state(obj_cgroup_memcg(objcg), MEMCG_PERCPU_B, bytes);
	rcu_read_unlock();
}

/**
 * percpu_cache_record_charge - add an object to the statistics of a cgroup
 * @cache: the cache
 * @nr: as charged
 * @objcg: as set by percpu_cache_charge(), or NULL
 */
void percpu_cache_record_charge(struct percpu_cache *cache, unsigned int nr,
				struct obj_cgroup *objcg)
{
	if (objcg)
		add_stat(objcg, charge_bytes(cache, nr));
}

/**
 * percpu_cache_uncharge - uncharge a cgroup for an object that is being freed
 * @cache: the cache
 * @nr: as charged
 * @objcg: the charged cgroup, or NULL
 *
 * Context: any, except NMI.
 */
void percpu_cache_uncharge(struct percpu_cache *cache, unsigned int nr,
			   struct obj_cgroup *objcg)
{
	if (!objcg)
		return;
	add_stat(objcg, -charge_bytes(cache, nr));
	percpu_cache_cancel_charge(cache, nr, objcg);
}
