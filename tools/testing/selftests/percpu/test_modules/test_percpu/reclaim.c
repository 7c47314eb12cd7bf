// SPDX-License-Identifier: GPL-2.0
/*
 * nofs_reclaim: allocate under a lock that reclaim takes.
 *
 *	reclaim -> reclaim_lock -> percpu allocator		(shrinker)
 *	reclaim_lock -> percpu allocator, NOFS or NOIO		(holder)
 *	percpu allocator -> reclaim				(other tasks)
 *
 * If the allocator holds a lock of its own while it allocates memory, lockdep
 * reports a circular dependency.  Real reclaim is rare during the test, so a
 * thread calls the shrinker in the same context.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>

#include "test.h"

static DEFINE_MUTEX(reclaim_lock);
static atomic_t nr_scans = ATOMIC_INIT(0);
static atomic_t nr_reclaim_failed = ATOMIC_INIT(0);

#define RECLAIM_OBJECTS	64
/* On a slow machine the test takes up to a minute longer, until there are so many scans. */
#define RECLAIM_SCANS	20

static void alloc_and_free(bool noio, gfp_t gfp)
{
	static const size_t sizes[] = { 16, 200, 1024, 4096 };
	unsigned int i, scope;
	void __percpu *ptr;

	scope = noio ? memalloc_noio_save() : memalloc_nofs_save();
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = __alloc_percpu_gfp(sizes[i], 8, gfp | __GFP_NOWARN);
		if (!ptr)
			atomic_inc(&nr_reclaim_failed);
		free_percpu(ptr);
	}
	if (noio)
		memalloc_noio_restore(scope);
	else
		memalloc_nofs_restore(scope);
}

static void reclaim_scan(void)
{
	int turn = atomic_inc_return(&nr_scans);

	mutex_lock(&reclaim_lock);
	/* Once with the scope only, once with scope and flags. */
	alloc_and_free(turn % 2, GFP_KERNEL);
	alloc_and_free(turn % 2, turn % 2 ? GFP_NOIO : GFP_NOFS);
	mutex_unlock(&reclaim_lock);
}

static unsigned long shrinker_count(struct shrinker *shrinker,
				    struct shrink_control *sc)
{
	return 1;
}

static unsigned long shrinker_scan(struct shrinker *shrinker,
				   struct shrink_control *sc)
{
	if (!(sc->gfp_mask & __GFP_FS))
		return SHRINK_STOP;
	reclaim_scan();
	return 1;
}

static int reclaim_enter_main(void *unused)
{
	while (!kthread_should_stop()) {
		fs_reclaim_acquire(GFP_KERNEL);
		reclaim_scan();
		fs_reclaim_release(GFP_KERNEL);
		usleep_range(100, 1000);
	}
	return 0;
}

static int reclaim_hold_main(void *unused)
{
	bool noio = false;

	while (!kthread_should_stop()) {
		mutex_lock(&reclaim_lock);
		alloc_and_free(noio, GFP_KERNEL);
		usleep_range(10, 100);
		mutex_unlock(&reclaim_lock);
		noio = !noio;
		usleep_range(100, 1000);
	}
	return 0;
}

/* With GFP_KERNEL and no lock: so many that pages are populated and depopulated. */
static int reclaim_outside(void)
{
	void __percpu *ptr[RECLAIM_OBJECTS] = {};
	unsigned int i;
	int err = 0;

	for (i = 0; i < RECLAIM_OBJECTS && !err; i++)
		err = alloc_fresh(&ptr[i], 16 << (i % 8), 8, i);
	for (i = 0; i < RECLAIM_OBJECTS; i++)
		free_percpu(ptr[i]);
	usleep_range(1000, 2000);
	return err;
}

int test_nofs_reclaim(void)
{
	unsigned long end = jiffies + (unsigned long)test_seconds * HZ;
	struct task_struct *enter, *hold;
	struct shrinker *shrinker;
	int err = 0;

	shrinker = shrinker_alloc(0, "test_percpu");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = shrinker_count;
	shrinker->scan_objects = shrinker_scan;
	shrinker->seeks = DEFAULT_SEEKS;
	shrinker_register(shrinker);

	enter = kthread_run(reclaim_enter_main, NULL, "test_percpu/enter");
	hold = kthread_run(reclaim_hold_main, NULL, "test_percpu/hold");
	if (IS_ERR(enter) || IS_ERR(hold))
		err = -ENOMEM;
	while (!err && !test_over(end, atomic_read(&nr_scans) >= RECLAIM_SCANS))
		err = reclaim_outside();
	if (!IS_ERR(enter))
		kthread_stop(enter);
	if (!IS_ERR(hold))
		kthread_stop(hold);
	shrinker_free(shrinker);

	say("%d scans allocated under the lock, %d requests failed",
	    atomic_read(&nr_scans), atomic_read(&nr_reclaim_failed));
	return err;
}
