// SPDX-License-Identifier: GPL-2.0
/*
 * Percpu selftest: allocate nearly all memory, so that other tasks reclaim.
 *
 * Pages are allocated until reclaim finds no more.  Some are freed each second,
 * and before the OOM killer would kill a task, so that none is killed.  A
 * shrinker allocates percpu memory during reclaim.  The load of the module takes
 * as many seconds as its parameter says.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

static unsigned int seconds = 5;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "time that pages are held");

/* Pages that are freed each second, and before an OOM kill */
#define NR_RELEASE	(SZ_8M / PAGE_SIZE)

/* Pages that are held. The OOM notifier can run on any CPU, so a lock guards them. */
static DEFINE_SPINLOCK(held_lock);
static LIST_HEAD(held);
static unsigned long nr_held;
static unsigned long nr_avoided;

static void hold(struct page *page)
{
	spin_lock(&held_lock);
	list_add(&page->lru, &held);
	nr_held++;
	spin_unlock(&held_lock);
}

static unsigned long release_held(unsigned long most)
{
	struct page *page;
	unsigned long nr;

	for (nr = 0; nr < most; nr++) {
		spin_lock(&held_lock);
		page = list_first_entry_or_null(&held, struct page, lru);
		if (page) {
			list_del(&page->lru);
			nr_held--;
		}
		spin_unlock(&held_lock);
		if (!page)
			break;
		__free_page(page);
		cond_resched();
	}
	return nr;
}

static int avoid_oom_kill(struct notifier_block *nb, unsigned long unused, void *freed)
{
	nr_avoided++;
	*(unsigned long *)freed += release_held(NR_RELEASE);
	return NOTIFY_OK;
}

static struct notifier_block oom_nb = {
	.notifier_call = avoid_oom_kill,
};

/* Allocate pages until that fails; return true if there was at least one. */
static bool hold_all(unsigned long end)
{
	struct page *page;
	bool any = false;

	while (time_before(jiffies, end)) {
		page = alloc_page(GFP_HIGHUSER | __GFP_NORETRY | __GFP_NOWARN);
		if (!page)
			break;
		hold(page);
		any = true;
		cond_resched();
	}
	return any;
}

/* The shrinker allocates with GFP_NOFS and GFP_NOIO. */
static atomic_t nr_scans = ATOMIC_INIT(0);
static atomic_t nr_failed = ATOMIC_INIT(0);

static unsigned long shrinker_count(struct shrinker *shrinker,
				    struct shrink_control *sc)
{
	return 1;
}

static unsigned long shrinker_scan(struct shrinker *shrinker,
				   struct shrink_control *sc)
{
	int turn = atomic_inc_return(&nr_scans);
	void __percpu *ptr;

	ptr = __alloc_percpu_gfp(16 << turn % 9, 8, __GFP_NOWARN |
				 (turn % 2 ? GFP_NOIO : GFP_NOFS));
	if (!ptr)
		atomic_inc(&nr_failed);
	free_percpu(ptr);
	return SHRINK_STOP;
}

static void press(void)
{
	unsigned long end = jiffies + (unsigned long)seconds * HZ;
	unsigned long next = jiffies + HZ, most = 0;
	unsigned int nr_edges = 0;

	while (time_before(jiffies, end) && !signal_pending(current)) {
		if (hold_all(end))
			nr_edges++;
		most = max(most, READ_ONCE(nr_held));
		schedule_timeout_interruptible(HZ / 20 ?: 1);
		if (time_after(jiffies, next)) {
			release_held(NR_RELEASE);
			next = jiffies + HZ;
		}
	}
	release_held(ULONG_MAX);
	pr_info("%lu MB held at most, %u times out of memory, %lu OOM kills avoided\n",
		most >> (20 - PAGE_SHIFT), nr_edges, nr_avoided);
}

static int __init test_pressure_init(void)
{
	struct shrinker *shrinker;
	int err;

	shrinker = shrinker_alloc(0, "test_pressure");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = shrinker_count;
	shrinker->scan_objects = shrinker_scan;
	err = register_oom_notifier(&oom_nb);
	if (err) {
		shrinker_free(shrinker);
		return err;
	}
	shrinker_register(shrinker);
	press();
	shrinker_free(shrinker);
	unregister_oom_notifier(&oom_nb);
	pr_info("%d allocations in reclaim, %d failed\n",
		atomic_read(&nr_scans), atomic_read(&nr_failed));
	return 0;
}
module_init(test_pressure_init);

static void __exit test_pressure_exit(void)
{
}
module_exit(test_pressure_exit);

MODULE_DESCRIPTION("Percpu selftest: memory pressure");
MODULE_LICENSE("GPL");
