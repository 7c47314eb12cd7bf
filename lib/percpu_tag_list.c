// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_tag: the lists of the CPUs, and moves of tags between them.
 */
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/spinlock.h>
#include <linux/topology.h>

#include "percpu_tag_internal.h"

/*
 * Add the list to pool->marked. The caller must hold list->lock, and pool->lock: a
 * waiter that joins the queue later sees the list in the mask.
 */
static void list_mark(struct percpu_tag_cpu *list)
{
	lockdep_assert_held(&list->pool->lock);
	list->marked = true;
	list->limit = READ_ONCE(list->pool->nr_usable);
	cpumask_set_cpu(list->cpu, list->pool->marked);
	atomic_inc(&list->pool->nr_marked);
}

/*
 * Return half of the number of tags on the list, rounded up, at most
 * STEAL_MAX. The caller must hold list->lock.
 */
static unsigned int list_half(struct percpu_tag_cpu *list)
{
	unsigned int tag, nr = 0;

	for (tag = list->head; tag != TAG_NONE && nr < 2 * STEAL_MAX; tag = list->next[tag])
		nr++;
	return DIV_ROUND_UP(nr, 2);
}

/*
 * Push a free tag that is on no list on @list; if the list is not marked, assign the
 * tag to a waiter instead, or wake one, as percpu_tag_offer() says. The caller must
 * hold list->lock and call percpu_tag_wake() after it drops the lock, at the latest
 * after STEAL_MAX tags.
 */
void percpu_tag_add(struct percpu_tag_cpu *list, unsigned int tag,
		    struct percpu_tag_wakes *wakes)
{
	struct percpu_tag_pool *pool = list->pool;

	lockdep_assert_held(&list->lock);
	if (!list->marked) {
		guard(raw_spinlock)(&pool->lock);
		if (percpu_tag_offer(pool, tag, wakes))
			return;
		list_mark(list);
	}
	list_push(list, tag);
}

/*
 * Moving tags between lists
 */

/*
 * Park a free tag that is not usable. Return false if it is usable. The first
 * test is done without pool->lock; a resize that is missed visits each list
 * later, under its lock.
 */
bool percpu_tag_park(struct percpu_tag_pool *pool, unsigned int tag)
{
	if (likely(tag < READ_ONCE(pool->nr_usable)))
		return false;
	guard(raw_spinlock)(&pool->lock);
	if (tag < pool->nr_usable)
		return false;
	WRITE_ONCE(pool->next[tag], TAG_PARKED);
	return true;
}

/*
 * Move up to @nr tags from one list to another. The caller must hold both
 * locks. Tags that a resize in progress has made unusable are parked, because
 * the resize may have visited @to already.
 */
void percpu_tag_move(struct percpu_tag_cpu *from, struct percpu_tag_cpu *to,
		     unsigned int nr, struct percpu_tag_wakes *wakes)
{
	while (nr-- && from->head != TAG_NONE) {
		unsigned int tag = list_pop(from);

		if (!percpu_tag_park(from->pool, tag))
			percpu_tag_add(to, tag, wakes);
	}
}

/*
 * Move up to half of the tags of @other to @own, and allocate one. Return
 * false if there was none; *@more is true then if @other has tags set aside.
 */
static bool steal_some(struct percpu_tag_cpu *own, struct percpu_tag_cpu *other,
		       unsigned int *tag, bool *more)
{
	struct percpu_tag_wakes wakes = { };
	unsigned long flags;
	bool taken;

	guard(preempt)();
	local_irq_save(flags);
	lock_two(own, other);
	if (other->head == TAG_NONE)
		list_sieve(other);
	if (own->head == TAG_NONE)
		percpu_tag_move(other, own, list_half(other), &wakes);
	/* The moved tags may have been assigned to waiters or parked. */
	taken = list_alloc(own, tag) || list_alloc(other, tag);
	*more = other->aside != TAG_NONE;
	list_unmark_empty(other);
	unlock_two(own, other);
	local_irq_restore(flags);
	percpu_tag_wake(&wakes);
	return taken;
}

static bool steal_from(struct percpu_tag_cpu *own, struct percpu_tag_cpu *other,
		       unsigned int *tag)
{
	bool more;

	do {
		if (steal_some(own, other, tag, &more))
			return true;
	} while (more);
	return false;
}

/* Allocate from @list, or unmark it. Return false if it is empty. */
static bool alloc_or_unmark(struct percpu_tag_cpu *list, unsigned int *tag)
{
	bool taken, more;

	do {
		guard(raw_spinlock_irqsave)(&list->lock);
		more = list->head == TAG_NONE && list_sieve(list);
		taken = list_alloc(list, tag);
		list_unmark_empty(list);
	} while (!taken && more);
	return taken;
}

/*
 * Allocate a tag from any marked list: first of CPUs of the same node, then of
 * other nodes, each in the order of CPU numbers that starts after @cpu; last
 * from the list of @cpu itself, to which a tag may have been freed meanwhile.
 * Each list is tried at most once.
 *
 * pool->marked changes concurrently and is only a hint; the state of a list is
 * read under its lock. Return a tag or -ENOSPC.
 */
__no_kcsan int percpu_tag_steal(struct percpu_tag_pool *pool, unsigned int cpu)
{
	struct percpu_tag_cpu *own = cpu_list(pool, cpu);
	unsigned int victim, far, tag = TAG_NONE;

	for (far = 0; far <= (nr_node_ids > 1); far++) {
		for_each_cpu_wrap(victim, pool->marked, cpu + 1) {
			if (victim == cpu ||
			    far != (cpu_to_node(victim) != cpu_to_node(cpu)))
				continue;
			if (steal_from(own, cpu_list(pool, victim), &tag))
				return tag;
		}
	}
	return alloc_or_unmark(own, &tag) ? tag : -ENOSPC;
}
