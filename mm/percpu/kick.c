// SPDX-License-Identifier: GPL-2.0-only
/*
 * kick: queue the worker of balance.c when there is work for it.
 *
 * Any level below may do so, in any context with none of the allocator's locks held,
 * while the worker itself calls all levels.
 */
#include <linux/atomic.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/panic.h>
#include <linux/workqueue.h>

#include "chunk.h"

/*
 * The delay of the worker in jiffies: frees come in bursts and are often followed by
 * allocations.
 */
#define PCPU_BALANCE_DELAY	(HZ / 20UL)

static struct delayed_work pcpu_balance_dwork;

/* Unbound: the worker runs on no isolated CPU. */
static struct workqueue_struct *pcpu_balance_wq;

/* Set once workqueues run. */
static bool pcpu_balance_enabled __read_mostly;

/* The worker was queued because of a low reserve and has not begun; and when. */
static bool pcpu_balance_urgent;
static unsigned long pcpu_balance_called;

/* The worker is queued with a longer delay than after a burst of frees. */
static unsigned int pcpu_balance_waits;

/* An allocation lacks a chunk of its kind: the worker keeps no empty chunk. */
static unsigned int pcpu_chunk_wanted;

/*
 * Queue the worker at once, but only once a jiffy, as queueing costs more than an
 * allocation. If it has not begun in the next jiffy, its CPU may be too busy: it is
 * queued on this CPU then.
 */
static void pcpu_balance_hurry(void)
{
	unsigned long now = jiffies;

	if (READ_ONCE(pcpu_balance_urgent) &&
	    READ_ONCE(pcpu_balance_called) == now)
		return;
	WRITE_ONCE(pcpu_balance_called, now);
	WRITE_ONCE(pcpu_balance_urgent, true);
	WRITE_ONCE(pcpu_balance_waits, 0);
	mod_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork, 0);
}

static bool pcpu_balance_is_due(void)
{
	return pcpu_counts_excess(PCPU_RESERVE_KEEP) > PCPU_RESERVE_HIGH - PCPU_RESERVE_KEEP;
}

/* A caller that has hurried the worker meanwhile is not to wait for the delay. */
static void pcpu_balance_sooner(void)
{
	mod_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork, PCPU_BALANCE_DELAY);
	if (READ_ONCE(pcpu_balance_urgent))
		mod_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork, 0);
}

/*
 * Queue the worker, at once if the reserve is low, otherwise after a delay. A longer one
 * becomes the same if there are pages to give back.
 */
void pcpu_balance_kick(void)
{
	if (!READ_ONCE(pcpu_balance_enabled))
		return;
	/*
	 * Pairs with smp_mb() in pcpu_worker_begin(): a worker that is no longer
	 * pending or urgent below sees the changes of the caller.
	 */
	smp_mb();
	if (READ_ONCE(pcpu_counts.empty) < PCPU_RESERVE_LOW)
		pcpu_balance_hurry();
	else if (!delayed_work_pending(&pcpu_balance_dwork))
		queue_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork,
				   PCPU_BALANCE_DELAY);
	else if (READ_ONCE(pcpu_balance_waits) && !READ_ONCE(pcpu_balance_urgent) &&
		 pcpu_balance_is_due() && xchg(&pcpu_balance_waits, 0))
		pcpu_balance_sooner();
}

/* Queue the worker if the reserve is out of bounds. */
void pcpu_balance_check(void)
{
	if (unlikely(READ_ONCE(pcpu_counts.empty) < PCPU_RESERVE_LOW ||
		     pcpu_balance_is_due()))
		pcpu_balance_kick();
}

/* Queue the worker, which gives all empty chunks back. */
void pcpu_balance_want_chunk(void)
{
	if (!READ_ONCE(pcpu_balance_enabled))
		return;
	WRITE_ONCE(pcpu_chunk_wanted, 1);
	/* Pairs with smp_mb() in pcpu_worker_begin(). */
	smp_mb();
	pcpu_balance_hurry();
}

/* Let @run be queued as the worker, and queue it. At boot, once workqueues run. */
void __init pcpu_worker_enable(void (*run)(struct work_struct *work))
{
	pcpu_balance_wq = alloc_workqueue("percpu", WQ_UNBOUND, 0);
	if (!pcpu_balance_wq)
		panic("percpu: no memory for a workqueue");
	INIT_DELAYED_WORK(&pcpu_balance_dwork, run);
	/* Pairs with the control dependency in pcpu_balance_kick(). */
	smp_store_release(&pcpu_balance_enabled, true);
	queue_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork, 0);
}

/*
 * Note that the worker looks at the state from now on. Return true if no empty chunk is
 * to be kept.
 */
bool pcpu_worker_begin(void)
{
	WRITE_ONCE(pcpu_balance_urgent, false);
	/*
	 * Pairs with smp_mb() in pcpu_balance_kick() and pcpu_balance_want_chunk():
	 * changes by a caller that saw "urgent" set are visible below.
	 */
	smp_mb();
	return xchg(&pcpu_chunk_wanted, 0);
}

/* Queue the worker once more; @delay is in jiffies. */
void pcpu_worker_again(unsigned long delay)
{
	/* Before: a caller that hurries the worker clears it. */
	WRITE_ONCE(pcpu_balance_waits, delay > PCPU_BALANCE_DELAY);
	if (!queue_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork, delay))
		WRITE_ONCE(pcpu_balance_waits, 0);
}
