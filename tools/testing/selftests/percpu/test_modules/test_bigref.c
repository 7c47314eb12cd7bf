// SPDX-License-Identifier: GPL-2.0
/*
 * bigref selftest: torture and cost.
 *
 *	insmod test_bigref.ko run=torture|pays [parameter=value ...]
 *
 * The exit status of insmod is the result, as with test_percpu.ko.  A log line
 * that begins with FAIL describes an error.
 *
 * torture: owner threads create objects, publish them in a slot, and disown
 * them in one of several ways.  One thread for each CPU, and its hard
 * interrupts, take references of the objects in the slots, and put references
 * that other threads took.  Each object also counts its references by an
 * atomic, which detects an early release.  Each object must be released
 * exactly once.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bigref.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>

static char *run = "torture";
module_param(run, charp, 0444);
static unsigned int seconds = 3;
module_param(seconds, uint, 0444);
static unsigned int seed;
module_param(seed, uint, 0444);
static bool stop;
module_param(stop, bool, 0644);

#define say(fmt, ...)		pr_info("%s: " fmt "\n", run, ##__VA_ARGS__)
#define complain(fmt, ...)	pr_err("%s: FAIL " fmt "\n", run, ##__VA_ARGS__)

/*
 * torture
 */
#define NR_SLOTS	8
#define NR_OWNERS	4
#define ALIVE		0x2005b16eU
#define RELEASED	0xdeadb16eU

struct object {
	struct bigref ref;
	u32 state;
	atomic_t held;
	struct completion *gone;
	struct rcu_head rcu;
};

static struct object __rcu *slots[NR_SLOTS];
static struct object *mailbox[NR_SLOTS];	/* references to put */
static atomic_t nr_made, nr_released, nr_bad, nr_gets, nr_in_irq;

/* The threads of a test; they run code of this module until crew_join(). */
static struct task_struct **crew;
static unsigned int crew_size;

static bool ending(void)
{
	return READ_ONCE(stop) || atomic_read(&nr_bad);
}

static void object_free_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct object, rcu));
}

static void object_release(struct bigref *ref)
{
	struct object *obj = container_of(ref, struct object, ref);
	int held = atomic_read(&obj->held);

	if (cmpxchg(&obj->state, ALIVE, RELEASED) != ALIVE) {
		atomic_inc(&nr_bad);
		complain("object released twice");
		return;
	}
	if (held) {
		atomic_inc(&nr_bad);
		complain("object released with %d references", held);
		return;
	}
	if (!bigref_is_zero(ref)) {
		atomic_inc(&nr_bad);
		complain("object released with a count that is not zero");
	}
	atomic_inc(&nr_released);
	call_rcu(&obj->rcu, object_free_rcu);
}

static void object_put(struct object *obj)
{
	if (READ_ONCE(obj->state) != ALIVE) {
		atomic_inc(&nr_bad);
		complain("object released while a reference is held");
		return;
	}
	atomic_dec(&obj->held);
	bigref_put(&obj->ref);
}

static struct object *object_tryget(unsigned int slot, bool live)
{
	struct object *obj;

	rcu_read_lock();
	obj = rcu_dereference(slots[slot]);
	if (obj && (live ? bigref_tryget_live(&obj->ref) :
			   bigref_tryget(&obj->ref)))
		atomic_inc(&obj->held);
	else
		obj = NULL;
	rcu_read_unlock();
	return obj;
}

/* Take one or two references, and put the reference found in the mailbox. */
static void use_slot(unsigned int slot, u32 random)
{
	struct object *obj = object_tryget(slot, random & 1);

	if (!obj)
		return;
	if (random & 2) {
		atomic_inc(&obj->held);
		bigref_get(&obj->ref);
		object_put(obj);
	}
	obj = xchg(&mailbox[slot], obj);
	if (obj)
		object_put(obj);
}

static void use_in_irq(struct irq_work *work)
{
	struct object *obj;
	unsigned int slot;

	for (slot = 0; slot < NR_SLOTS; slot++) {
		obj = object_tryget(slot, true);
		if (!obj)
			continue;
		atomic_inc(&nr_in_irq);
		obj = xchg(&mailbox[slot], obj);
		if (obj)
			object_put(obj);
	}
}

static int crew_add(int (*fn)(void *), void *data)
{
	struct task_struct *task;

	task = kthread_create(fn, data, "bigref/%u", crew_size);
	if (IS_ERR(task))
		return PTR_ERR(task);
	crew[crew_size++] = get_task_struct(task);
	wake_up_process(task);
	return 0;
}

static void crew_join(void)
{
	while (crew_size) {
		kthread_stop(crew[--crew_size]);
		put_task_struct(crew[crew_size]);
	}
}

/*
 * cpus_read_lock() keeps the CPU online while the affinity is changed:
 * PREEMPT_RT warns about a thread that may only run on offline CPUs.
 */
static void move_somewhere(u32 random)
{
	unsigned int cpu = random % nr_cpu_ids;

	cpus_read_lock();
	if (cpu_online(cpu))
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
	cpus_read_unlock();
}

static int user_thread(void *data)
{
	struct irq_work work = IRQ_WORK_INIT_HARD(use_in_irq);
	struct rnd_state rnd;
	unsigned int i;
	u32 random;

	prandom_seed_state(&rnd, seed + (unsigned long)data);
	while (!ending()) {
		for (i = 0; i < 256; i++) {
			random = prandom_u32_state(&rnd);
			use_slot(random >> 8 & (NR_SLOTS - 1), random);
		}
		atomic_add(256, &nr_gets);
		irq_work_queue(&work);
		if (random >> 16 & 1)
			move_somewhere(random >> 20);
		cond_resched();
	}
	irq_work_sync(&work);
	return 0;
}

/* @done of bigref_disown_async(): put the reference of the owner */
static void owner_leaves(struct bigref *ref)
{
	struct object *obj = container_of(ref, struct object, ref);
	struct completion *gone = obj->gone;

	object_put(obj);
	if (gone)
		complete(gone);
}

static struct object *object_new(u32 random)
{
	struct object *obj = kmalloc(sizeof(*obj), GFP_KERNEL);

	if (!obj)
		return NULL;
	bigref_init(&obj->ref, object_release,
		    random & 1 ? BIGREF_ADAPTIVE : 0, GFP_KERNEL);
	obj->state = ALIVE;
	atomic_set(&obj->held, 1);
	obj->gone = NULL;
	return obj;
}

static void object_end(struct object *obj, u32 random)
{
	DECLARE_COMPLETION_ONSTACK(gone);

	switch (random % 3) {
	case 0:
		if (!bigref_disown(&obj->ref))
			atomic_inc(&nr_bad);
		object_put(obj);
		break;
	case 1:
		if (!bigref_disown_async(&obj->ref, owner_leaves))
			atomic_inc(&nr_bad);
		break;
	default:
		obj->gone = &gone;
		if (!bigref_disown_async(&obj->ref, owner_leaves))
			atomic_inc(&nr_bad);
		else
			wait_for_completion(&gone);
	}
}

/* If the slot is in use, the object is not published and only has its owner. */
static void owner_round(struct rnd_state *rnd)
{
	u32 random = prandom_u32_state(rnd);
	unsigned int slot = random >> 8 & (NR_SLOTS - 1);
	struct object *obj = object_new(random);
	bool shown;

	if (!obj)
		return;
	shown = !cmpxchg((struct object **)&slots[slot], NULL, obj);
	if (!shown && random & 2) {
		if (!bigref_destroy(&obj->ref)) {
			atomic_inc(&nr_bad);
			complain("bigref_destroy() fails without other references");
		}
		kfree(obj);
		return;
	}
	atomic_inc(&nr_made);
	if (shown) {
		usleep_range(50, 50 + (random >> 16 & 2047));
		/* Disown the object while it is published, or afterwards */
		if (random & 4)
			RCU_INIT_POINTER(slots[slot], NULL);
	}
	if (!shown || random & 4) {
		object_end(obj, random >> 4);
		return;
	}
	/* The slot has a reference, so that its last put can meet a tryget. */
	atomic_inc(&obj->held);
	bigref_get(&obj->ref);
	object_end(obj, random >> 4);
	RCU_INIT_POINTER(slots[slot], NULL);
	object_put(obj);
}

static int owner_thread(void *data)
{
	struct rnd_state rnd;

	prandom_seed_state(&rnd, seed * 7 + (unsigned long)data);
	while (!ending())
		owner_round(&rnd);
	return 0;
}

static int torture_start(unsigned int users)
{
	unsigned long i;
	int err = 0;

	for (i = 0; i < users + NR_OWNERS && !err; i++)
		err = crew_add(i < users ? user_thread : owner_thread, (void *)i);
	return err;
}

/*
 * Return true if the test is over that was to end at @end. On a slow machine it takes up to
 * a minute longer, until an object was released.
 */
static bool torture_over(unsigned long end)
{
	if (ending())
		return true;
	if (time_before(jiffies, end))
		return false;
	return atomic_read(&nr_released) || time_after(jiffies, end + 60 * HZ);
}

static int test_torture(void)
{
	unsigned long end = jiffies + seconds * HZ;
	int err = torture_start(num_online_cpus());
	unsigned int i;

	while (!err && !torture_over(end))
		msleep(20);
	WRITE_ONCE(stop, true);
	crew_join();
	for (i = 0; i < NR_SLOTS; i++)
		if (mailbox[i])
			object_put(mailbox[i]);
	/* Callbacks of an async disown, with the last put in it, and of the free */
	bigref_barrier();
	rcu_barrier();
	say("%d objects made, %d released, %d rounds of users, %d gets in interrupts",
	    atomic_read(&nr_made), atomic_read(&nr_released),
	    atomic_read(&nr_gets), atomic_read(&nr_in_irq));
	if (!err && atomic_read(&nr_made) != atomic_read(&nr_released)) {
		complain("objects were not released");
		err = -EIO;
	}
	if (!err && !atomic_read(&nr_released)) {
		complain("no object was released");
		err = -EIO;
	}
	if (atomic_read(&nr_bad))
		err = -EIO;
	return err;
}

/*
 * pays: print nanoseconds of a get and put, with one thread and with one thread
 * for each CPU.  The test fails only if the final count is wrong.
 */
#define NR_PAIRS	20000

struct race {
	struct bigref ref;
	struct completion go;
	struct completion all_done;
	atomic_t nr_left;
	atomic64_t ns;
};

static int race_thread(void *data)
{
	struct race *race = data;
	unsigned int i;
	u64 start;

	wait_for_completion(&race->go);
	start = ktime_get_ns();
	for (i = 0; i < NR_PAIRS; i++) {
		bigref_get(&race->ref);
		bigref_put(&race->ref);
	}
	atomic64_add(ktime_get_ns() - start, &race->ns);
	if (atomic_dec_and_test(&race->nr_left))
		complete(&race->all_done);
	return 0;
}

/* Return the mean time of a pair in nanoseconds, or an error. */
static int race_run(struct race *race, unsigned int nr)
{
	unsigned int i, started = 0;

	init_completion(&race->go);
	init_completion(&race->all_done);
	atomic_set(&race->nr_left, nr);
	atomic64_set(&race->ns, 0);
	for (i = 0; i < nr; i++) {
		if (!crew_add(race_thread, race))
			started++;
		else if (atomic_dec_and_test(&race->nr_left))
			complete(&race->all_done);
	}
	complete_all(&race->go);
	wait_for_completion(&race->all_done);
	crew_join();
	if (started != nr)
		return -ENOMEM;
	return div_u64(atomic64_read(&race->ns), nr * NR_PAIRS);
}

static int race_report(struct race *race, const char *name)
{
	unsigned int nr = num_online_cpus();
	int one = race_run(race, 1), all = race_run(race, nr);

	if (one < 0 || all < 0)
		return -ENOMEM;
	say("%-9s %4d ns with one thread, %4d ns with %u", name, one, all, nr);
	if (bigref_val(&race->ref) == 1)
		return 0;
	complain("%s: %lu references at the end", name, bigref_val(&race->ref));
	return -EIO;
}

static int test_pays(void)
{
	struct race *race = kzalloc(sizeof(*race), GFP_KERNEL);
	int err;

	if (!race)
		return -ENOMEM;
	bigref_init(&race->ref, NULL, 0, GFP_KERNEL);
	err = race_report(race, "percpu");
	bigref_disown(&race->ref);
	err = err ?: race_report(race, "disowned");
	if (!bigref_destroy(&race->ref))
		err = err ?: -EBUSY;

	bigref_init(&race->ref, NULL, BIGREF_ADAPTIVE, GFP_KERNEL);
	err = err ?: race_report(race, "adaptive");
	msleep(200);
	err = err ?: race_report(race, "then");
	if (!bigref_destroy(&race->ref))
		err = err ?: -EBUSY;
	kfree(race);
	return err;
}

static int __init test_bigref_init(void)
{
	int err = -EINVAL;

	if (!seed)
		seed = get_random_u32() | 1;
	crew = kcalloc(num_possible_cpus() + NR_OWNERS, sizeof(*crew), GFP_KERNEL);
	if (!crew)
		return -ENOMEM;
	if (!strcmp(run, "torture"))
		err = test_torture();
	else if (!strcmp(run, "pays"))
		err = test_pays();
	kfree(crew);
	if (!err)
		say("ok");
	else
		complain("error %d", err);
	return err;
}

static void __exit test_bigref_exit(void)
{
}

module_init(test_bigref_init);
module_exit(test_bigref_exit);
MODULE_DESCRIPTION("bigref selftest");
MODULE_LICENSE("GPL");
