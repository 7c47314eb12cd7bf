// SPDX-License-Identifier: GPL-2.0
/*
 * Percpu selftest: hold so much memory that all others are at the edge.
 *
 * Pages are taken until reclaim finds nothing more, and some are let go when the
 * kernel would kill somebody, and some every second: it goes to the edge all the
 * time, and not over it.  Reclaim allocates percpu memory meanwhile.  Loading
 * takes the time that it is asked for.
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
MODULE_PARM_DESC(seconds, "How long");

/* Pages let go at once for who would be killed, and every second. */
#define LET_GO	(SZ_8M / PAGE_SIZE)

/* What is held; guarded by the lock, as a killer may come on any CPU. */
static DEFINE_SPINLOCK(held_lock);
static LIST_HEAD(held);
static unsigned long nr_held;
static unsigned long nr_asked;

static void hold(struct page *page)
{
	spin_lock(&held_lock);
	list_add(&page->lru, &held);
	nr_held++;
	spin_unlock(&held_lock);
}

static unsigned long let_go(unsigned long most)
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

static int asked(struct notifier_block *nb, unsigned long unused, void *freed)
{
	nr_asked++;
	*(unsigned long *)freed += let_go(LET_GO);
	return NOTIFY_OK;
}

static struct notifier_block asked_nb = {
	.notifier_call = asked,
};

/* Take all that there is; return whether there was any. */
static bool take_all(unsigned long end)
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

/*
 * Reclaim, that allocates: it may need no file system, or no device
 */
static atomic_t nr_scans = ATOMIC_INIT(0);
static atomic_t nr_refused = ATOMIC_INIT(0);

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
		atomic_inc(&nr_refused);
	free_percpu(ptr);
	return SHRINK_STOP;
}

static void press(void)
{
	unsigned long end = jiffies + (unsigned long)seconds * HZ;
	unsigned long next = jiffies + HZ, most = 0;
	unsigned int nr_edges = 0;

	while (time_before(jiffies, end) && !signal_pending(current)) {
		if (take_all(end))
			nr_edges++;
		most = max(most, READ_ONCE(nr_held));
		schedule_timeout_interruptible(HZ / 20 ?: 1);
		if (time_after(jiffies, next)) {
			let_go(LET_GO);
			next = jiffies + HZ;
		}
	}
	let_go(ULONG_MAX);
	pr_info("%lu MB held at most, %u times at the edge, %lu times for who would be killed\n",
		most >> (20 - PAGE_SHIFT), nr_edges, nr_asked);
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
	err = register_oom_notifier(&asked_nb);
	if (err) {
		shrinker_free(shrinker);
		return err;
	}
	shrinker_register(shrinker);
	press();
	shrinker_free(shrinker);
	unregister_oom_notifier(&asked_nb);
	pr_info("%d times reclaim allocated, %d times it was refused\n",
		atomic_read(&nr_scans), atomic_read(&nr_refused));
	return 0;
}
module_init(test_pressure_init);

static void __exit test_pressure_exit(void)
{
}
module_exit(test_pressure_exit);

MODULE_DESCRIPTION("Percpu selftest: memory pressure");
MODULE_LICENSE("GPL");
