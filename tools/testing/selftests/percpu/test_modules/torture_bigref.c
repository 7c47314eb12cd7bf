// SPDX-License-Identifier: GPL-2.0
/*
 * bigref torture: every operation in every state.
 *
 *	insmod torture_bigref.ko [seconds=N] [seed=N]
 *
 * The exit status of insmod is the result.  A log line that begins with FAIL
 * describes an error.
 *
 * Owner threads take a count through its life again and again:
 *
 *	init -> live -> dying -> zero -> freed by RCU
 *	          ^        |       |
 *	          '--------'-------'  resurrect, reinit
 *
 * and perform random operations in each state.  User threads and hard
 * interrupts find the objects in slots and get and put references in every way.
 * They check that an object is not released while they hold a reference, and a
 * slow release checks that the object is not freed while it runs.
 *
 * If an object is strict, its owner waits for the release before it uses the
 * object again: there must be one release for each death, with no reference
 * held.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bigref.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

static unsigned int seconds = 3;
module_param(seconds, uint, 0444);
static unsigned int seed;
module_param(seed, uint, 0444);
static bool stop;
module_param(stop, bool, 0644);

#define NR_OWNERS	16
#define ALIVE		0x70a7b16eU
#define FREED		0xdeadb16eU

enum op {
	OP_INIT_PERCPU, OP_INIT_ADAPTIVE, OP_INIT_EXACT, OP_INIT_DEAD,
	OP_GET, OP_GET_MANY, OP_TRYGET, OP_TRYGET_MANY, OP_TRYGET_LIVE,
	OP_PUT, OP_PUT_MANY, OP_PUT_RELEASE, OP_IRQ,
	OP_VAL, OP_SWITCH_EXACT, OP_SWITCH_ASYNC, OP_SWITCH_PERCPU,
	OP_DISOWN, OP_DISOWN_ASYNC, OP_KILL, OP_KILL_NOW, OP_CONFIRM,
	OP_RESURRECT, OP_REINIT, OP_DESTROY_LIVE, OP_DESTROY_ZERO, OP_EXIT,
	OP_KFREE_RCU,
	NR_OPS
};

static const char * const op_names[NR_OPS] = {
	"init_percpu", "init_adaptive", "init_exact", "init_dead",
	"get", "get_many", "tryget", "tryget_many", "tryget_live",
	"put", "put_many", "put_release", "irq",
	"val", "switch_exact", "switch_async", "switch_percpu",
	"disown", "disown_async", "kill", "kill_now", "confirm",
	"resurrect", "reinit", "destroy_live", "destroy_zero", "exit",
	"kfree_rcu",
};

struct object {
	struct bigref ref;
	u32 magic;
	bool strict;
	atomic_t held;
	atomic_t nr_released;
	atomic_t nr_confirmed;
	struct rcu_head rcu;
};

static struct object __rcu *slots[NR_OWNERS];
static atomic_t nr_ops[NR_OPS];
static atomic_t nr_bad;
static struct task_struct **crew;
static unsigned int crew_size;

static void did(enum op op)
{
	atomic_inc(&nr_ops[op]);
}

static bool ending(void)
{
	return READ_ONCE(stop) || atomic_read(&nr_bad);
}

static void check(bool good, const char *what)
{
	if (!good && !atomic_fetch_inc(&nr_bad))
		pr_err("FAIL %s\n", what);
}

/* Called in an RCU read-side critical section, so the object is not freed. */
static void object_release(struct bigref *ref)
{
	struct object *obj = container_of(ref, struct object, ref);

	check(READ_ONCE(obj->magic) == ALIVE, "released after its free");
	if (obj->strict) {
		check(!atomic_read(&obj->held), "released with references");
		check(bigref_is_zero(ref), "released, and not zero");
	}
	udelay(20);
	check(READ_ONCE(obj->magic) == ALIVE, "freed during the release");
	atomic_inc(&obj->nr_released);
}

/* @done and @confirm; there is a reference of the owner */
static void object_confirm(struct bigref *ref)
{
	struct object *obj = container_of(ref, struct object, ref);

	check(READ_ONCE(obj->magic) == ALIVE, "confirmed after its free");
	check(!bigref_tryget_live(ref), "live after the disown");
	check(bigref_val(ref) >= 1, "no reference at the confirm");
	atomic_inc(&obj->nr_confirmed);
}

static void object_free_rcu(struct rcu_head *rcu)
{
	struct object *obj = container_of(rcu, struct object, rcu);

	WRITE_ONCE(obj->magic, FREED);
	kfree(obj);
}

/*
 * Users
 */
static void user_put(struct object *obj, unsigned int nr, u32 random)
{
	check(READ_ONCE(obj->magic) == ALIVE, "freed while a reference is held");
	atomic_sub(nr, &obj->held);
	if (nr > 1) {
		did(OP_PUT_MANY);
		bigref_put_many(&obj->ref, nr);
	} else if (random & 1) {
		did(OP_PUT);
		bigref_put(&obj->ref);
	} else {
		did(OP_PUT_RELEASE);
		bigref_put_release(&obj->ref, object_release);
	}
}

static struct object *user_tryget(unsigned int slot, u32 random)
{
	struct object *obj;
	bool got = false;

	rcu_read_lock();
	obj = rcu_dereference(slots[slot]);
	if (obj) {
		if (random % 3 == 0) {
			did(OP_TRYGET);
			got = bigref_tryget(&obj->ref);
		} else if (random % 3 == 1) {
			did(OP_TRYGET_LIVE);
			got = random & BIT(5) ? bigref_tryget_live(&obj->ref) :
						bigref_tryget_live_rcu(&obj->ref);
		} else {
			did(OP_TRYGET_MANY);
			got = bigref_tryget_many(&obj->ref, 1);
		}
	}
	if (got)
		atomic_inc(&obj->held);
	rcu_read_unlock();
	return got ? obj : NULL;
}

static void user_round(u32 random)
{
	struct object *obj = user_tryget(random % NR_OWNERS, random >> 4);
	unsigned int nr = 1 + (random >> 8) % 3;

	if (!obj)
		return;
	if (random & BIT(12)) {
		atomic_inc(&obj->held);
		did(OP_GET);
		bigref_get(&obj->ref);
		user_put(obj, 1, random >> 13);
	}
	if (random & BIT(14)) {
		atomic_add(nr, &obj->held);
		did(OP_GET_MANY);
		bigref_get_many(&obj->ref, nr);
		user_put(obj, nr, random >> 15);
	}
	if (random & BIT(16)) {
		did(OP_VAL);
		check(bigref_val(&obj->ref) != BIGREF_VAL_SATURATED,
		      "saturated");
	}
	if ((random >> 17) % 256 == 0)
		usleep_range(20, 200);
	user_put(obj, 1, random >> 26);
}

static void user_irq(struct irq_work *work)
{
	struct object *obj;
	unsigned int slot;

	for (slot = 0; slot < NR_OWNERS; slot++) {
		obj = user_tryget(slot, slot);
		did(OP_IRQ);
		if (obj)
			user_put(obj, 1, slot);
	}
}

static int user_thread(void *data)
{
	struct irq_work work = IRQ_WORK_INIT_HARD(user_irq);
	struct rnd_state rnd;
	unsigned int i, cpu;

	prandom_seed_state(&rnd, seed + (unsigned long)data);
	while (!ending()) {
		for (i = 0; i < 64; i++)
			user_round(prandom_u32_state(&rnd));
		irq_work_queue(&work);
		cpu = prandom_u32_state(&rnd) % nr_cpu_ids;
		cpus_read_lock();
		if (cpu_online(cpu))
			set_cpus_allowed_ptr(current, cpumask_of(cpu));
		cpus_read_unlock();
		cond_resched();
	}
	irq_work_sync(&work);
	return 0;
}

/*
 * Owners
 */
static unsigned int object_flags(u32 random)
{
	static const unsigned int flags[] = {
		0, BIGREF_ADAPTIVE, BIGREF_INIT_EXACT,
	};

	did(OP_INIT_PERCPU + random % 3);
	return flags[random % 3];
}

static struct object *object_new(u32 random)
{
	struct object *obj = kmalloc(sizeof(*obj), GFP_KERNEL);

	if (!obj)
		return NULL;
	obj->magic = ALIVE;
	obj->strict = random & 1;
	atomic_set(&obj->held, 1);
	atomic_set(&obj->nr_released, 0);
	atomic_set(&obj->nr_confirmed, 0);
	if (random & 2) {
		did(OP_INIT_DEAD);
		bigref_init(&obj->ref, object_release, BIGREF_INIT_DEAD,
			    GFP_KERNEL);
		check(bigref_is_zero(&obj->ref), "dead, and not zero");
		check(bigref_reinit(&obj->ref, object_flags(random >> 2),
				    GFP_KERNEL), "reinit after init");
	} else {
		bigref_init(&obj->ref, object_release,
			    object_flags(random >> 2), GFP_KERNEL);
	}
	return obj;
}

static void live_op(struct object *obj, u32 random)
{
	check(!bigref_is_dying(&obj->ref), "dying while live");
	check(!bigref_is_zero(&obj->ref), "zero while live");
	switch (random % 4) {
	case 0:
		did(OP_SWITCH_EXACT);
		bigref_switch_to_exact(&obj->ref);
		check(bigref_val(&obj->ref) >= 1, "no reference of the owner");
		break;
	case 1:
		did(OP_SWITCH_ASYNC);
		bigref_switch_to_exact_async(&obj->ref);
		break;
	case 2:
		did(OP_SWITCH_PERCPU);
		bigref_switch_to_percpu(&obj->ref, GFP_KERNEL);
		break;
	default:
		usleep_range(20, 500);
	}
}

static void wait_confirmed(struct object *obj, int before)
{
	while (atomic_read(&obj->nr_confirmed) == before && !atomic_read(&nr_bad))
		schedule_timeout_uninterruptible(1);
}

/* Drop the owner's reference in one of the ways. */
static void object_die(struct object *obj, u32 random)
{
	int before = atomic_read(&obj->nr_confirmed);

	switch (random % 5) {
	case 0:
		did(OP_DISOWN);
		check(bigref_disown(&obj->ref), "disown");
		user_put(obj, 1, random >> 2);
		return;
	case 1:
		did(OP_DISOWN_ASYNC);
		check(bigref_disown_async(&obj->ref, object_confirm),
		      "disown_async");
		wait_confirmed(obj, before);
		user_put(obj, 1, random >> 2);
		return;
	case 2:
		did(OP_KILL);
		atomic_dec(&obj->held);
		check(bigref_kill(&obj->ref), "kill");
		return;
	case 3:
		did(OP_KILL_NOW);
		atomic_dec(&obj->held);
		check(bigref_kill_now(&obj->ref), "kill_now");
		return;
	default:
		did(OP_CONFIRM);
		atomic_dec(&obj->held);
		check(bigref_kill_and_confirm(&obj->ref, object_confirm),
		      "kill_and_confirm");
		wait_confirmed(obj, before);
	}
}

static void wait_zero(struct object *obj, int released)
{
	while (!bigref_is_zero(&obj->ref) && !atomic_read(&nr_bad))
		schedule_timeout_uninterruptible(1);
	while (obj->strict && atomic_read(&obj->nr_released) == released &&
	       !atomic_read(&nr_bad))
		schedule_timeout_uninterruptible(1);
}

static void object_revive(struct object *obj, u32 random, int released)
{
	bool good;

	check(bigref_is_dying(&obj->ref), "live after the kill");
	if (obj->strict || random & 1) {
		wait_zero(obj, released);
		/* After a failure the count may never be zero. */
		if (atomic_read(&nr_bad))
			return;
		did(OP_REINIT);
		good = bigref_reinit(&obj->ref, object_flags(random >> 1),
				     GFP_KERNEL);
	} else {
		did(OP_RESURRECT);
		good = bigref_resurrect(&obj->ref, object_flags(random >> 1),
					GFP_KERNEL);
	}
	check(good, "resurrect");
	atomic_inc(&obj->held);
}

/* The object is not published.  End it while it is live. */
static void object_end_live(struct object *obj, u32 random)
{
	while (atomic_read(&obj->held) > 1 && !atomic_read(&nr_bad))
		schedule_timeout_uninterruptible(1);
	/* A user decrements ->held before its put. */
	synchronize_rcu();
	while (bigref_val(&obj->ref) > 1 && !atomic_read(&nr_bad))
		schedule_timeout_uninterruptible(1);
	bigref_switch_to_exact(&obj->ref);
	if (random & 1) {
		bigref_switch_to_percpu(&obj->ref, GFP_KERNEL);
		did(OP_DESTROY_LIVE);
		check(bigref_destroy(&obj->ref), "destroy");
	} else {
		bigref_get_many(&obj->ref, 5);
		did(OP_EXIT);
		check(bigref_exit(&obj->ref) == 6, "exit");
	}
}

static void owner_life(unsigned int slot, struct rnd_state *rnd)
{
	struct object *obj = object_new(prandom_u32_state(rnd));
	unsigned int lives = 1 + prandom_u32_state(rnd) % 6, ops;
	u32 random;
	int released;

	if (!obj)
		return;
	rcu_assign_pointer(slots[slot], obj);
	for (; !atomic_read(&nr_bad); lives--) {
		for (ops = prandom_u32_state(rnd) % 5; ops; ops--)
			live_op(obj, prandom_u32_state(rnd));
		random = prandom_u32_state(rnd);
		if (lives == 1 && random & 1)
			break;
		released = atomic_read(&obj->nr_released);
		object_die(obj, random >> 1);
		if (lives == 1) {
			RCU_INIT_POINTER(slots[slot], NULL);
			wait_zero(obj, released);
			if (random & BIT(8)) {
				did(OP_DESTROY_ZERO);
				check(bigref_destroy(&obj->ref), "destroy at zero");
			}
			goto free;
		}
		if (random & BIT(9))
			usleep_range(20, 300);
		object_revive(obj, random >> 10, released);
	}
	RCU_INIT_POINTER(slots[slot], NULL);
	synchronize_rcu();
	object_end_live(obj, random >> 1);
free:
	/* A saturated object may be in use by a callback: leak it. */
	if (atomic_read(&nr_bad))
		return;
	did(OP_KFREE_RCU);
	call_rcu(&obj->rcu, object_free_rcu);
}

static int owner_thread(void *data)
{
	struct rnd_state rnd;

	prandom_seed_state(&rnd, seed * 7 + (unsigned long)data);
	while (!ending())
		owner_life((unsigned long)data, &rnd);
	return 0;
}

static int crew_add(int (*fn)(void *), unsigned long nr)
{
	struct task_struct *task;

	task = kthread_create(fn, (void *)nr, "torture/%u", crew_size);
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

static unsigned int nr_performed(void)
{
	unsigned int i, nr = 0;

	for (i = 0; i < NR_OPS; i++)
		nr += !!atomic_read(&nr_ops[i]);
	return nr;
}

/*
 * Wait for the end of the test. A slow machine needs longer, until each operation was
 * performed: wait on as long as another one is performed within a minute.
 */
static void wait_for_end(void)
{
	unsigned long now = jiffies, end = now + seconds * HZ, news = end;
	unsigned int nr, seen = 0;

	for (; !ending() && time_before(now, news + 60 * HZ); now = jiffies) {
		nr = nr_performed();
		if (nr == NR_OPS && !time_before(now, end))
			break;
		if (nr != seen && time_after(now, news))
			news = now;
		seen = nr;
		msleep(20);
	}
}

/*
 * Print how often each operation was performed; with @all, each must have been.
 */
static void report(bool all)
{
	unsigned int i;

	for (i = 0; i < NR_OPS; i++)
		pr_info("%-14s %d\n", op_names[i], atomic_read(&nr_ops[i]));
	check(!all || nr_performed() == NR_OPS, "an operation was not performed");
}

static int __init torture_bigref_init(void)
{
	unsigned int users = num_online_cpus(), i;
	bool stopped;
	int err = 0;

	if (!seed)
		seed = get_random_u32() | 1;
	pr_info("seed=%u\n", seed);
	crew = kcalloc(users + NR_OWNERS, sizeof(*crew), GFP_KERNEL);
	if (!crew)
		return -ENOMEM;
	for (i = 0; i < NR_OWNERS && !err; i++)
		err = crew_add(owner_thread, i);
	for (i = 0; i < users && !err; i++)
		err = crew_add(user_thread, i);
	if (!err)
		wait_for_end();
	stopped = READ_ONCE(stop);
	WRITE_ONCE(stop, true);
	crew_join();
	/* Callbacks: the kill, the free that it may start */
	bigref_barrier();
	rcu_barrier();
	report(!stopped);
	kfree(crew);
	if (!err && atomic_read(&nr_bad))
		err = -EIO;
	pr_info("%s\n", err ? "failed" : "ok");
	return err;
}

static void __exit torture_bigref_exit(void)
{
}

module_init(torture_bigref_init);
module_exit(torture_bigref_exit);
MODULE_DESCRIPTION("bigref torture test");
MODULE_LICENSE("GPL");
