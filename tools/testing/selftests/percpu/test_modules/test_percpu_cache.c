// SPDX-License-Identifier: GPL-2.0
/*
 * Percpu cache selftest: threads and timers that contend for objects.
 *
 *	insmod test_percpu_cache.ko run=fight|charge [parameter=value ...]
 *
 * "fight" runs while the module is loaded. "charge" allocates objects that stay until
 * the module is unloaded. With present=1 the objects have memory on CPUs only that have
 * been online. The exit status of insmod is the result. A log line that begins with FAIL
 * describes an error.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/percpu_cache.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timer.h>

static char *run = "fight";
module_param(run, charp, 0444);
MODULE_PARM_DESC(run, "name of the test");

static unsigned int seconds = 5;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "duration of fight");

static unsigned int nr_threads;
module_param(nr_threads, uint, 0444);
MODULE_PARM_DESC(nr_threads, "number of threads of fight; 0: two per online CPU");

static unsigned int nr_objects = 64;
module_param(nr_objects, uint, 0444);
MODULE_PARM_DESC(nr_objects, "objects that each thread or the charge test holds, at most");

static bool present;
module_param(present, bool, 0444);
MODULE_PARM_DESC(present, "create the cache with PERCPU_CACHE_PRESENT");

static bool stop;
module_param(stop, bool, 0644);
MODULE_PARM_DESC(stop, "end the test early");

#define say(fmt, ...)		pr_info("%s: " fmt "\n", run, ##__VA_ARGS__)
#define complain(fmt, ...)	pr_err("%s: FAIL: " fmt "\n", run, ##__VA_ARGS__)

#define ITEM_BYTES	256

/* Not a bool: not every architecture has xchg() of a byte. */
static unsigned int failed;
static struct percpu_cache *cache;
static unsigned long end;

/* A copy; @magic and @list are constructed. */
struct item {
	unsigned long magic;
	unsigned long user;
	struct list_head list;
};

struct owner {
	bool alive;
	struct item __percpu *item;
};

struct fighter {
	struct task_struct *task;
	struct timer_list timer;
	unsigned int seed;
	unsigned long nr;
	unsigned long nr_none;
	struct owner *owners;
};

static void fail(const char *what)
{
	if (!xchg(&failed, 1))
		complain("%s", what);
}

static bool time_over(void)
{
	return READ_ONCE(stop) || READ_ONCE(failed) || time_after(jiffies, end);
}

static unsigned long magic_of(unsigned int cpu)
{
	return 0x70637075UL + cpu;
}

static void item_ctor(void *copy, unsigned int cpu)
{
	struct item *item = copy;

	item->magic = magic_of(cpu);
	INIT_LIST_HEAD(&item->list);
}

static bool item_check(const void *copy, unsigned int cpu)
{
	const struct item *item = copy;

	return item->magic == magic_of(cpu) && !item->user && list_empty(&item->list);
}

/* Return true if the copy of a CPU that never was online reads as zeroes. */
static bool item_is_absent(const struct item *item, unsigned int cpu)
{
	/* The CPU may come meanwhile. */
	unsigned long magic = data_race(item->magic), user = data_race(item->user);

	return (!magic || magic == magic_of(cpu)) && !user;
}

/* Check that an object is constructed and that no other fighter has it. */
static void take(struct owner *owner)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct item *item = per_cpu_ptr(owner->item, cpu);

		if (!cpumask_test_cpu(cpu, percpu_cache_cpus(cache))) {
			if (!item_is_absent(item, cpu))
				fail("the copy of an absent CPU is not zero");
			continue;
		}
		if (!item_check(item, cpu))
			fail("an object is not in its constructed state");
		item->user = (unsigned long)owner;
	}
}

static void give(struct owner *owner)
{
	struct item __percpu *item = owner->item;
	unsigned int cpu;

	for_each_cpu(cpu, percpu_cache_cpus(cache)) {
		struct item *copy = per_cpu_ptr(item, cpu);

		/* A CPU that has come since take() has a constructed copy. */
		if (copy->user != (unsigned long)owner &&
		    !(present && item_check(copy, cpu)))
			fail("an object has two users");
		copy->user = 0;
	}
	owner->item = NULL;
	percpu_cache_free(cache, item);
	/* A visitor that still runs sees it. */
	WRITE_ONCE(owner->alive, false);
}

static void turn(struct fighter *f, gfp_t gfp)
{
	struct owner *owner;

	f->seed = f->seed * 1664525 + 1013904223;
	owner = &f->owners[(f->seed >> 8) % nr_objects];
	if (owner->item) {
		give(owner);
		return;
	}
	/* Now and then few objects are live, so that slabs are freed. */
	if (jiffies / (HZ / 20 + 1) % 4 == 3)
		return;
	WRITE_ONCE(owner->alive, true);
	owner->item = percpu_cache_alloc_owner(cache, gfp, owner);
	if (owner->item) {
		f->nr++;
		take(owner);
	} else {
		f->nr_none++;
	}
}

static int fight_thread(void *arg)
{
	struct fighter *f = arg;

	while (!time_over()) {
		turn(f, f->seed & BIT(20) ? GFP_KERNEL : GFP_NOWAIT | __GFP_NOWARN);
		if (!(f->seed >> 12 & 0xff))
			usleep_range(1, 50);
		else
			cond_resched();
	}
	while (!kthread_should_stop())
		usleep_range(1000, 2000);
	return 0;
}

/* In an interrupt */
static void fight_timer(struct timer_list *timer)
{
	struct fighter *f = container_of(timer, struct fighter, timer);
	unsigned int i;

	for (i = 0; i < 8; i++)
		turn(f, GFP_ATOMIC | __GFP_NOWARN);
	if (!time_over())
		mod_timer(timer, jiffies + 1);
}

static void visit(void __percpu *ptr, void *data, void *arg)
{
	struct owner *owner = data;

	if (!READ_ONCE(owner->alive))
		fail("an object without an owner is visited");
	++*(unsigned long *)arg;
}

static int fight_begin(struct fighter *f, bool timer)
{
	f->owners = kcalloc(nr_objects, sizeof(*f->owners), GFP_KERNEL);
	if (!f->owners)
		return -ENOMEM;
	if (timer) {
		timer_setup(&f->timer, fight_timer, TIMER_IRQSAFE);
		mod_timer(&f->timer, jiffies + 1);
		return 0;
	}
	f->task = kthread_run(fight_thread, f, "cache_fight");
	return PTR_ERR_OR_ZERO(f->task);
}

static void fight_finish(struct fighter *f)
{
	unsigned int i;

	if (!f->owners)
		return;
	if (IS_ERR_OR_NULL(f->task))
		timer_shutdown_sync(&f->timer);
	else
		kthread_stop(f->task);
	for (i = 0; i < nr_objects; i++)
		if (f->owners[i].item)
			give(&f->owners[i]);
	kfree(f->owners);
}

static void fight_watch(void)
{
	unsigned long visits = 0, slabs = 0, nr = 0;

	while (!time_over()) {
		nr += percpu_cache_for_each(cache, visit, &visits);
		slabs += percpu_cache_shrink(cache);
		usleep_range(1000, 2000);
	}
	if (nr != visits)
		fail("a walk counts its visits wrong");
	say("%lu visits, %lu slabs freed", visits, slabs);
}

static int test_fight(void)
{
	unsigned int i, nr_timers = 4, nr;
	unsigned long sum = 0, none = 0;
	struct fighter *f;
	int err = 0;

	nr_threads = nr_threads ?: 2 * num_online_cpus();
	nr = nr_threads + nr_timers;
	f = kcalloc(nr, sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	end = jiffies + seconds * HZ;
	for (i = 0; i < nr && !err; i++) {
		f[i].seed = i * 77 + 1;
		err = fight_begin(&f[i], i >= nr_threads);
	}
	if (!err)
		fight_watch();
	WRITE_ONCE(stop, true);
	for (i = 0; i < nr; i++) {
		fight_finish(&f[i]);
		sum += f[i].nr;
		none += f[i].nr_none;
	}
	kfree(f);
	say("%u threads: %lu allocations, %lu failures", nr_threads, sum, none);
	if (percpu_cache_for_each(cache, visit, &sum))
		fail("objects are live after the last free");
	return err ?: failed ? -EIO : 0;
}

/* Objects that are charged to the cgroup of insmod */
static struct owner *charged;

static void free_charged(void)
{
	unsigned int i;

	for (i = 0; charged && i < nr_objects; i++)
		percpu_cache_free(cache, charged[i].item);
	kfree(charged);
}

static int test_charge(void)
{
	unsigned int i;

	charged = kcalloc(nr_objects, sizeof(*charged), GFP_KERNEL);
	if (!charged)
		return -ENOMEM;
	for (i = 0; i < nr_objects; i++) {
		charged[i].item = percpu_cache_alloc(cache, GFP_KERNEL_ACCOUNT);
		if (!charged[i].item) {
			free_charged();
			return -ENOMEM;
		}
	}
	say("%u objects, %u bytes each", nr_objects,
	    ITEM_BYTES * cpumask_weight(percpu_cache_cpus(cache)));
	return 0;
}

static int __init test_percpu_cache_init(void)
{
	bool charge = !strcmp(run, "charge");
	int err;

	if (!nr_objects)
		return -EINVAL;
	cache = percpu_cache_create(KBUILD_MODNAME, charge ? ITEM_BYTES : sizeof(struct item),
				    __alignof__(struct item), charge ? NULL : item_ctor,
				    present ? PERCPU_CACHE_PRESENT : 0);
	if (IS_ERR(cache))
		return PTR_ERR(cache);
	if (!charge)
		percpu_cache_set_check(cache, item_check);
	err = charge ? test_charge() : test_fight();
	if (charge && !err)
		return 0;
	if (percpu_cache_destroy(cache))
		complain("objects are left");
	return err;
}
module_init(test_percpu_cache_init);

static void __exit test_percpu_cache_exit(void)
{
	if (strcmp(run, "charge"))
		return;
	free_charged();
	if (percpu_cache_destroy(cache))
		complain("objects are left");
}
module_exit(test_percpu_cache_exit);

MODULE_DESCRIPTION("Percpu cache selftest");
MODULE_LICENSE("GPL");
