// SPDX-License-Identifier: GPL-2.0
/*
 * churn: threads that allocate and free at random, also objects of each other.
 *
 * A thread owns a table of objects.  The records of a table come from one array
 * for each thread.  A record can move to another thread through the exchange;
 * its object is then freed by that thread.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/overflow.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#include "test.h"

static unsigned int nr_threads;
module_param(nr_threads, uint, 0444);
MODULE_PARM_DESC(nr_threads, "threads of churn; 0 is one for each online CPU");

static unsigned int max_objects = 1024;
module_param(max_objects, uint, 0444);
MODULE_PARM_DESC(max_objects, "objects that one churn thread keeps");

#define EXCHANGE_SLOTS	32
#define RCU_BOXES	16

struct churn_object {
	void __percpu *ptr;
	size_t size;
	u8 tag;
};

/* An object that is freed after a grace period */
struct rcu_box {
	struct rcu_head rcu;
	void __percpu *ptr;
	bool busy;
};

struct churn_thread {
	struct task_struct *task;
	struct rnd_state rnd;
	struct churn_object *records;
	struct churn_object **table;
	struct rcu_box boxes[RCU_BOXES];
	spinlock_t lock;		/* held around atomic allocations */
	unsigned int nr;
	int cpu;
	int err;
	u64 nr_alloc;
	u64 nr_exchanged;
	u64 nr_refused;			/* atomic requests that failed */
};

static struct churn_thread *churn_threads;
static unsigned int nr_churn_threads;
static struct churn_object *exchange[EXCHANGE_SLOTS];

static size_t churn_size(struct rnd_state *rnd)
{
	u32 r = prandom_u32_state(rnd);

	switch (r % 20) {
	case 0:
		return SZ_4K;
	case 1 ... 7:
		return 65 + (r >> 8) % 960;
	default:
		return 4 + (r >> 8) % 61;
	}
}

static void __percpu *churn_alloc(struct churn_thread *t, size_t size,
				  size_t align, bool *may_fail)
{
	void __percpu *ptr;
	unsigned long flags;

	*may_fail = true;
	switch (prandom_u32_state(&t->rnd) % 8) {
	case 0:
		spin_lock_irqsave(&t->lock, flags);
		ptr = __alloc_percpu_gfp(size, align, GFP_ATOMIC | __GFP_NOWARN);
		spin_unlock_irqrestore(&t->lock, flags);
		return ptr;
	case 1:
		return __alloc_percpu_gfp(size, align,
					  GFP_NOWAIT | __GFP_NOWARN);
	default:
		*may_fail = false;
		return __alloc_percpu_gfp(size, align,
					  GFP_KERNEL | __GFP_NOWARN);
	}
}

static int churn_alloc_one(struct churn_thread *t, struct churn_object *obj)
{
	size_t align = 1UL << (prandom_u32_state(&t->rnd) % 7);
	bool may_fail;

	obj->size = churn_size(&t->rnd);
	obj->tag = prandom_u32_state(&t->rnd);
	obj->ptr = churn_alloc(t, obj->size, align, &may_fail);
	if (!obj->ptr && !may_fail) {
		complain("no memory for size %zu, align %zu", obj->size, align);
		return -ENOMEM;
	}
	if (!obj->ptr) {
		t->nr_refused++;
		return 0;
	}
	t->nr_alloc++;
	return check_fresh(obj->ptr, obj->size, align, obj->tag);
}

static void rcu_box_free(struct rcu_head *rcu)
{
	struct rcu_box *box = container_of(rcu, struct rcu_box, rcu);

	free_percpu(box->ptr);
	/* Pairs with the acquire in churn_free(): the box may be used again. */
	smp_store_release(&box->busy, false);
}

static void churn_free(struct churn_thread *t, void __percpu *ptr)
{
	u32 r = prandom_u32_state(&t->rnd);
	struct rcu_box *box = &t->boxes[(r >> 8) % RCU_BOXES];
	unsigned long flags;

	/* The acquire pairs with the release in rcu_box_free(). */
	if (r % 4 == 0 && !smp_load_acquire(&box->busy)) {
		box->busy = true;
		box->ptr = ptr;
		call_rcu(&box->rcu, rcu_box_free);
	} else if (r % 4 == 1) {
		local_irq_save(flags);
		free_percpu(ptr);
		local_irq_restore(flags);
	} else {
		free_percpu(ptr);
	}
}

static int churn_free_one(struct churn_thread *t, struct churn_object *obj)
{
	int err = check_tag(obj->ptr, obj->size, obj->tag);

	churn_free(t, obj->ptr);
	obj->ptr = NULL;
	return err;
}

static int churn_step(struct churn_thread *t)
{
	u32 r = prandom_u32_state(&t->rnd);
	struct churn_object **place = &t->table[r % max_objects];

	if (r >> 29 == 0) {
		*place = xchg(&exchange[(r >> 16) % EXCHANGE_SLOTS], *place);
		t->nr_exchanged++;
	}
	if (!*place)
		return 0;
	if ((*place)->ptr)
		return churn_free_one(t, *place);
	return churn_alloc_one(t, *place);
}

static int churn_main(void *data)
{
	struct churn_thread *t = data;

	/*
	 * The CPU can go offline later, so a failure is no error.  It must not
	 * go offline during the call: PREEMPT_RT warns of a thread without an
	 * allowed CPU.
	 */
	cpus_read_lock();
	set_cpus_allowed_ptr(current, cpumask_of(t->cpu));
	cpus_read_unlock();
	/* The scripts that run at the same time have priority. */
	set_user_nice(current, 10);
	while (!kthread_should_stop()) {
		if (!READ_ONCE(t->err)) {
			WRITE_ONCE(t->err, churn_step(t));
			cond_resched();
		} else {
			schedule_timeout_interruptible(HZ / 10);
		}
	}
	return 0;
}

static int churn_prepare(struct churn_thread *t, unsigned int nr, int cpu)
{
	unsigned int i;

	t->nr = nr;
	t->cpu = cpu;
	spin_lock_init(&t->lock);
	prandom_seed_state(&t->rnd, (u64)test_seed + nr);
	t->records = vzalloc(array_size(max_objects, sizeof(*t->records)));
	t->table = vzalloc(array_size(max_objects, sizeof(*t->table)));
	if (!t->records || !t->table)
		return -ENOMEM;
	for (i = 0; i < max_objects; i++)
		t->table[i] = &t->records[i];

	t->task = kthread_run(churn_main, t, "test_percpu/%u", nr);
	if (IS_ERR(t->task)) {
		int err = PTR_ERR(t->task);

		t->task = NULL;
		return err;
	}
	return 0;
}

static bool churn_has_begun(void)
{
	unsigned int i;

	for (i = 0; i < nr_churn_threads; i++) {
		/* The thread counts, and later is soon enough. */
		if (data_race(churn_threads[i].nr_alloc))
			return true;
	}
	return false;
}

/*
 * Return true if the test is over that was to end at @end. On a slow machine it takes up to
 * a minute longer, until a thread has allocated.
 */
static bool churn_over(unsigned long end)
{
	if (time_after(jiffies, end + 60 * HZ))
		return true;
	return (READ_ONCE(test_stop) || time_after(jiffies, end)) && churn_has_begun();
}

static int churn_wait(void)
{
	unsigned long end = jiffies + (unsigned long)test_seconds * HZ;
	unsigned int i;

	while (!churn_over(end)) {
		for (i = 0; i < nr_churn_threads; i++) {
			if (READ_ONCE(churn_threads[i].err))
				return churn_threads[i].err;
		}
		if (msleep_interruptible(50))
			return -EINTR;
	}
	return 0;
}

int churn_start(void)
{
	int cpu = -1, err = 0;
	unsigned int i;

	nr_churn_threads = nr_threads ?: num_online_cpus();
	max_objects = clamp(max_objects, 1U, 1U << 20);
	churn_threads = vzalloc(array_size(nr_churn_threads,
					   sizeof(*churn_threads)));
	if (!churn_threads)
		return -ENOMEM;
	for (i = 0; i < nr_churn_threads && !err; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		err = churn_prepare(&churn_threads[i], i, cpu);
	}
	say("seed %u, %u threads of %u objects", test_seed, nr_churn_threads,
	    max_objects);
	return err;
}

static int churn_clean(struct churn_thread *t)
{
	unsigned int i;
	int err = t->err;

	for (i = 0; t->records && i < max_objects; i++) {
		struct churn_object *obj = &t->records[i];

		if (obj->ptr)
			err = churn_free_one(t, obj) ?: err;
	}
	return err;
}

/* Stop the threads, check and free the objects left, print statistics. */
int churn_stop(void)
{
	u64 allocs = 0, exchanged = 0, refused = 0;
	unsigned int i;
	int err = 0;

	if (!churn_threads)
		return 0;
	for (i = 0; i < nr_churn_threads; i++) {
		if (churn_threads[i].task)
			kthread_stop(churn_threads[i].task);
	}
	for (i = 0; i < nr_churn_threads; i++) {
		struct churn_thread *t = &churn_threads[i];

		err = churn_clean(t) ?: err;
		allocs += t->nr_alloc;
		exchanged += t->nr_exchanged;
		refused += t->nr_refused;
	}
	rcu_barrier();
	for (i = 0; i < nr_churn_threads; i++) {
		vfree(churn_threads[i].table);
		vfree(churn_threads[i].records);
	}
	vfree(churn_threads);
	say("%llu objects, %llu exchanged, %llu atomic requests failed",
	    allocs, exchanged, refused);
	if (!allocs)
		complain("nothing was allocated");
	return err ?: allocs ? 0 : -ENODATA;
}

int test_churn(void)
{
	int err = churn_start();

	if (!err)
		err = churn_wait();
	return churn_stop() ?: err;
}
