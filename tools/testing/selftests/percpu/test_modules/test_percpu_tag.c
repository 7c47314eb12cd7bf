// SPDX-License-Identifier: GPL-2.0
/*
 * Percpu tag selftest: threads, timers and requests that contend for tags.
 *
 *	insmod test_percpu_tag.ko run=fight|requests [parameter=value ...]
 *
 * The test runs while the module is loaded and logs "test_percpu_tag: <name>:
 * ...". The exit status of insmod is the result. A log line that begins with
 * FAIL describes an error, one with SKIP a missing precondition.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/percpu_tag.h>
#include <linux/sbitmap.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>

static char *run = "fight";
module_param(run, charp, 0444);
MODULE_PARM_DESC(run, "name of the test");

static unsigned int seconds = 5;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "duration of each part of the test");

static unsigned int nr_threads;
module_param(nr_threads, uint, 0444);
MODULE_PARM_DESC(nr_threads, "number of threads of fight; 0: one per online CPU");

static unsigned int nr_tags = 8;
module_param(nr_tags, uint, 0444);
MODULE_PARM_DESC(nr_tags, "number of tags of fight");

static unsigned int nr_timers;
module_param(nr_timers, uint, 0444);
MODULE_PARM_DESC(nr_timers, "number of timers of fight, which allocate in interrupts");

static bool resizing;
module_param(resizing, bool, 0444);
MODULE_PARM_DESC(resizing, "resize the pool continuously, in fight");

static bool fifo;
module_param(fifo, bool, 0444);
MODULE_PARM_DESC(fifo, "assign each freed tag to the first waiter");

static unsigned int shallow;
module_param(shallow, uint, 0444);
MODULE_PARM_DESC(shallow, "depth of some allocations of fight; 0: none is shallow");

static unsigned int depth;
module_param(depth, uint, 0444);
MODULE_PARM_DESC(depth, "the only depth of requests, of 1, 32 and 1024; 0: all");

static bool compare;
module_param(compare, bool, 0444);
MODULE_PARM_DESC(compare, "requests also run with sbitmap_queue, for as long");

static bool stop;
module_param(stop, bool, 0644);
MODULE_PARM_DESC(stop, "end the test early");

#define say(fmt, ...)		pr_info("%s: " fmt "\n", run, ##__VA_ARGS__)
#define complain(fmt, ...)	pr_err("%s: FAIL: " fmt "\n", run, ##__VA_ARGS__)

/* Not a bool: not every architecture has xchg() of a byte. */
static unsigned int failed;

static bool time_over(unsigned long end)
{
	return READ_ONCE(stop) || READ_ONCE(failed) || time_after(jiffies, end);
}

/*
 * Fight: threads and timers allocate and free; owners[] records the owner of
 * each tag.
 */
static struct percpu_tag_pool pool;
static unsigned int *owners;
static unsigned long fight_end;
static atomic_t nr_shallow;

struct fighter {
	struct task_struct *task;
	struct hrtimer timer;
	unsigned int me;
	unsigned int seed;
	unsigned long had;
	unsigned long none;
	unsigned long late;
	u64 longest;
	int held;
};

static void fail(const char *what, int tag)
{
	if (!xchg(&failed, 1))
		complain("%s (tag %d)", what, tag);
}

static u32 fighter_random(struct fighter *f)
{
	f->seed = f->seed * 1664525 + 1013904223;
	return f->seed >> 8;
}

static void hold(struct fighter *f, int tag)
{
	if (tag >= (int)nr_tags)
		fail("tag out of range", tag);
	else if (xchg(&owners[tag], f->me))
		fail("tag allocated twice", tag);
	f->had++;
}

static void let_go(struct fighter *f, int tag)
{
	if (tag >= (int)nr_tags)
		return;
	if (xchg(&owners[tag], 0) != f->me)
		fail("tag was allocated twice", tag);
	percpu_tag_free(&pool, tag);
}

static int fight_wait(struct fighter *f)
{
	u64 start = ktime_get_ns();
	int tag;

	switch (fighter_random(f) % 4) {
	case 0:
		tag = percpu_tag_alloc_timeout(&pool, 2);
		break;
	case 1:
		tag = percpu_tag_alloc_killable(&pool);
		break;
	default:
		tag = percpu_tag_alloc(&pool, GFP_KERNEL);
	}
	f->longest = max(f->longest, ktime_get_ns() - start);
	if (tag < 0 && tag != -ETIMEDOUT)
		fail("unexpected error", tag);
	f->late += tag == -ETIMEDOUT;
	return tag;
}

static int fight_atomic(struct fighter *f)
{
	int tag = percpu_tag_alloc(&pool, GFP_ATOMIC);

	if (tag < 0 && tag != -ENOSPC)
		fail("unexpected error", tag);
	f->none += tag < 0;
	return tag;
}

/* Allocate a shallow tag, hold it and free it. */
static void fight_shallow(struct fighter *f)
{
	u32 r = fighter_random(f);
	unsigned int depth = 1 + r % shallow;
	int tag;

	if (r & 64)
		tag = percpu_tag_alloc_shallow(&pool, depth, GFP_KERNEL);
	else if (r & 128)
		tag = percpu_tag_alloc_shallow_wait(&pool, depth, TASK_KILLABLE, 2);
	else
		tag = percpu_tag_alloc_shallow(&pool, depth, GFP_ATOMIC);
	if (tag < 0) {
		if (tag != -ENOSPC && tag != -ETIMEDOUT)
			fail("unexpected error", tag);
		cond_resched();
		return;
	}
	if (atomic_inc_return(&nr_shallow) > (int)shallow)
		fail("more shallow tags than their depth", tag);
	hold(f, tag);
	if (!(r & 0x700))
		usleep_range(1, 50);
	else
		cond_resched();
	atomic_dec(&nr_shallow);
	let_go(f, tag);
}

static int fight_thread(void *arg)
{
	struct fighter *f = arg;

	while (!time_over(fight_end)) {
		u32 r = fighter_random(f);
		int tag, more = -1;

		if (shallow && r & 128) {
			fight_shallow(f);
			continue;
		}
		tag = r % 4 ? fight_wait(f) : fight_atomic(f);
		if (tag < 0) {
			cond_resched();
			continue;
		}
		hold(f, tag);
		/* A thread that holds a tag must not wait for another. */
		if (r & 16)
			more = fight_atomic(f);
		if (more >= 0)
			hold(f, more);
		if (!(r & 0x60))
			usleep_range(1, 50);
		else
			cond_resched();
		let_go(f, tag);
		if (more >= 0)
			let_go(f, more);
	}
	while (!kthread_should_stop())
		usleep_range(1000, 2000);
	return 0;
}

/* Allocate a tag in one interrupt and free it in the next. */
static enum hrtimer_restart fight_timer(struct hrtimer *timer)
{
	struct fighter *f = container_of(timer, struct fighter, timer);

	if (f->held >= 0) {
		let_go(f, f->held);
		f->held = -1;
	} else if (!time_over(fight_end)) {
		f->held = fight_atomic(f);
		if (f->held >= 0)
			hold(f, f->held);
	}
	if (f->held < 0 && time_over(fight_end))
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime((100 + fighter_random(f) % 400) * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static void fight_timer_start(struct fighter *f)
{
	hrtimer_setup(&f->timer, fight_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	hrtimer_start(&f->timer, ns_to_ktime(100 * NSEC_PER_USEC), HRTIMER_MODE_REL_HARD);
}

/*
 * Check the invariants of the pool, including sleeping waiters, during the
 * fight.
 */
static unsigned int fight_watch(void)
{
	unsigned int checks = 0;

	while (!time_over(fight_end)) {
		const char *wrong;

		if (resizing)
			percpu_tag_pool_resize(&pool, checks % (nr_tags + 1));
		wrong = percpu_tag_pool_check(&pool, false);
		if (wrong)
			fail(wrong, -1);
		checks++;
		usleep_range(1000, 2000);
	}
	percpu_tag_pool_resize(&pool, nr_tags);
	return checks;
}

/*
 * Return true if a tag is always free: a thread holds at most two, a timer one, and
 * all threads together hold as many shallow ones as their depth.
 */
static bool fight_has_enough(void)
{
	return !resizing && nr_tags >= 2 * nr_threads + nr_timers + shallow;
}

static void fight_stop(struct fighter *f)
{
	if (f->task)
		kthread_stop(f->task);
	else
		while (hrtimer_active(&f->timer))
			usleep_range(1000, 2000);
}

static void fight_finish(struct fighter *f, unsigned int nr)
{
	struct fighter all = { };
	const char *wrong;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		fight_stop(&f[i]);
		all.had += f[i].had;
		all.none += f[i].none;
		all.late += f[i].late;
		all.longest = max(all.longest, f[i].longest);
	}
	/* Without fifo, a thread may wait for one that stands still, see percpu_tag.rst. */
	if (fight_has_enough() && (all.none || (fifo && all.late)))
		fail("allocation failed while a tag was free", -1);
	wrong = percpu_tag_pool_check(&pool, true);
	if (wrong)
		fail(wrong, -1);
	if (percpu_tag_pool_nr_free(&pool) != nr_tags)
		fail("tags were lost", percpu_tag_pool_nr_free(&pool));
	say("%u fighters, %u tags: %lu allocations, %lu failures, %lu timeouts, longest wait %llu us",
	    nr, nr_tags, all.had, all.none, all.late,
	    div_u64(all.longest, NSEC_PER_USEC));
}

static void fight_begin(struct fighter *f, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		f[i].me = i + 1;
		f[i].seed = i + 12345;
		f[i].held = -1;
		if (i >= nr_threads) {
			fight_timer_start(&f[i]);
			continue;
		}
		f[i].task = kthread_run(fight_thread, &f[i], "tag_fight/%u", i);
		if (IS_ERR(f[i].task)) {
			fail("kthread_run() failed", i);
			f[i].task = NULL;
		}
	}
}

static int test_fight(void)
{
	unsigned int nr;
	struct fighter *f;
	int err;

	nr_threads = nr_threads ?: num_online_cpus();
	nr = nr_threads + nr_timers;
	f = kcalloc(nr, sizeof(*f), GFP_KERNEL);
	owners = kcalloc(nr_tags, sizeof(*owners), GFP_KERNEL);
	err = f && owners ? percpu_tag_pool_init(&pool, nr_tags,
						     fifo ? PERCPU_TAG_FIFO : 0) : -ENOMEM;
	if (!err) {
		fight_end = jiffies + seconds * HZ;
		fight_begin(f, nr);
		say("%u checks", fight_watch());
		fight_finish(f, nr);
		err = percpu_tag_pool_destroy(&pool);
	}
	kfree(f);
	kfree(owners);
	return err ?: failed ? -EIO : 0;
}

/*
 * Requests: a thread on each CPU waits for tags and submits, and an interrupt
 * on the CPU completes. Or an interrupt submits and completes and skips the
 * submission if no tag is free; the thread only raises interrupts.
 */
#define BATCH	16

struct request {
	struct llist_node node;
	unsigned int cpu;
	unsigned int tag;
	u64 payload[6];
};

struct hw_queue {
	struct irq_work irq;
	struct llist_head done;
	struct task_struct *task;
	unsigned long submitted;
};

struct tags {
	int (*get)(unsigned int *cpu);
	int (*get_atomic)(unsigned int *cpu);
	void (*put)(unsigned int tag, unsigned int cpu);
};

static DEFINE_PER_CPU(struct hw_queue, hw_queues);
static struct request *requests;
static const struct tags *used;
static bool in_interrupts;
static unsigned long requests_end;
/* Threads that have had a turn: the time begins when all have. */
static atomic_t nr_submitters;
static atomic_t in_flight;

static int ours_get(unsigned int *cpu)
{
	return percpu_tag_alloc(&pool, GFP_KERNEL);
}

static int ours_get_atomic(unsigned int *cpu)
{
	return percpu_tag_alloc(&pool, GFP_ATOMIC);
}

static void ours_put(unsigned int tag, unsigned int cpu)
{
	percpu_tag_free(&pool, tag);
}

static const struct tags ours = { ours_get, ours_get_atomic, ours_put };

#ifdef CONFIG_SBITMAP
static struct sbitmap_queue queue;
static atomic_t wait_index;

/* Wait for a tag as drivers do. */
static int sbitmap_get_wait(unsigned int *cpu)
{
	DEFINE_SBQ_WAIT(wait);
	int tag;

	for (;;) {
		struct sbq_wait_state *ws = sbq_wait_ptr(&queue, &wait_index);

		sbitmap_prepare_to_wait(&queue, ws, &wait, TASK_UNINTERRUPTIBLE);
		tag = sbitmap_queue_get(&queue, cpu);
		if (tag < 0)
			io_schedule();
		sbitmap_finish_wait(&queue, ws, &wait);
		if (tag >= 0)
			return tag;
	}
}

static int peer_get_atomic(unsigned int *cpu)
{
	return sbitmap_queue_get(&queue, cpu);
}

static int peer_get(unsigned int *cpu)
{
	int tag = peer_get_atomic(cpu);

	return tag >= 0 ? tag : sbitmap_get_wait(cpu);
}

static void peer_put(unsigned int tag, unsigned int cpu)
{
	sbitmap_queue_clear(&queue, tag, cpu);
}

static const struct tags peer = { peer_get, peer_get_atomic, peer_put };
#endif

static void complete_requests(struct hw_queue *hw)
{
	struct request *rq, *next;

	llist_for_each_entry_safe(rq, next, llist_del_all(&hw->done), node) {
		if (rq->payload[0] != rq->tag)
			fail("request of a different tag", rq->tag);
		rq->payload[0] = ~0ULL;
		used->put(rq->tag, rq->cpu);
		atomic_dec(&in_flight);
	}
}

static void submit(struct hw_queue *hw, unsigned int tag, unsigned int cpu)
{
	struct request *rq = &requests[tag];

	if (rq->payload[0] != ~0ULL)
		fail("request in use", tag);
	rq->tag = tag;
	rq->cpu = cpu;
	rq->payload[0] = tag;
	atomic_inc(&in_flight);
	llist_add(&rq->node, &hw->done);
	hw->submitted++;
}

static bool requests_over(void)
{
	return time_over(READ_ONCE(requests_end));
}

static void hw_interrupt(struct irq_work *irq)
{
	struct hw_queue *hw = container_of(irq, struct hw_queue, irq);
	unsigned int i, cpu = 0;

	complete_requests(hw);
	if (!in_interrupts || requests_over())
		return;
	for (i = 0; i < BATCH; i++) {
		int tag = used->get_atomic(&cpu);

		if (tag < 0)
			return;
		submit(hw, tag, cpu);
	}
}

static int submit_thread(void *arg)
{
	struct hw_queue *hw = arg;
	bool begun = false;

	while (!requests_over()) {
		unsigned int cpu = 0;

		if (!in_interrupts)
			submit(hw, used->get(&cpu), cpu);
		irq_work_queue(&hw->irq);
		if (!begun)
			atomic_inc(&nr_submitters);
		begun = true;
		cond_resched();
	}
	/* The last interrupt only completes. */
	irq_work_queue(&hw->irq);
	irq_work_sync(&hw->irq);
	while (!kthread_should_stop())
		usleep_range(1000, 2000);
	return 0;
}

/* Start the thread of the CPU. Return false if that fails. */
static bool submit_begin(unsigned int cpu)
{
	struct hw_queue *hw = per_cpu_ptr(&hw_queues, cpu);

	init_llist_head(&hw->done);
	init_irq_work(&hw->irq, hw_interrupt);
	hw->submitted = 0;
	hw->task = kthread_create_on_cpu(submit_thread, hw, cpu, "tag_submit/%u");
	if (IS_ERR(hw->task)) {
		hw->task = NULL;
		fail("kthread_create_on_cpu() failed", cpu);
		return false;
	}
	wake_up_process(hw->task);
	return true;
}

/* Requests per second of all CPUs, and of the slowest CPU */
struct rate {
	unsigned long all;
	unsigned long fewest;
};

/* Begin on each CPU. A minute is for a slow machine. */
static void submit_begin_all(void)
{
	unsigned int cpu, nr = 0;

	atomic_set(&nr_submitters, 0);
	requests_end = jiffies + (seconds + 60) * HZ;
	for_each_online_cpu(cpu)
		nr += submit_begin(cpu);
	while (atomic_read(&nr_submitters) < nr && !requests_over())
		usleep_range(1000, 2000);
	WRITE_ONCE(requests_end, jiffies + seconds * HZ);
}

static struct rate submit_all(const struct tags *tags, unsigned int depth)
{
	struct rate rate = { 0, ULONG_MAX };
	unsigned int i, cpu;

	used = tags;
	for (i = 0; i < depth; i++)
		requests[i].payload[0] = ~0ULL;
	submit_begin_all();
	for_each_online_cpu(cpu) {
		struct hw_queue *hw = per_cpu_ptr(&hw_queues, cpu);

		if (hw->task)
			kthread_stop(hw->task);
		rate.all += hw->submitted;
		rate.fewest = min(rate.fewest, hw->submitted);
	}
	while (atomic_read(&in_flight))
		usleep_range(1000, 2000);
	for_each_online_cpu(cpu)
		irq_work_sync(&per_cpu_ptr(&hw_queues, cpu)->irq);
	rate.all /= seconds;
	rate.fewest /= seconds;
	return rate;
}

static struct rate submit_ours(unsigned int depth)
{
	struct rate rate = { };

	if (percpu_tag_pool_init(&pool, depth,
				 PERCPU_TAG_IOWAIT | (fifo ? PERCPU_TAG_FIFO : 0)))
		return rate;
	rate = submit_all(&ours, depth);
	if (percpu_tag_pool_nr_free(&pool) != depth || percpu_tag_pool_destroy(&pool))
		fail("tags were lost", depth);
	return rate;
}

static struct rate submit_peer(unsigned int depth)
{
	struct rate rate = { };

#ifdef CONFIG_SBITMAP
	if (compare &&
	    !sbitmap_queue_init_node(&queue, depth, -1, false, GFP_KERNEL, NUMA_NO_NODE)) {
		rate = submit_all(&peer, depth);
		sbitmap_queue_free(&queue);
	}
#endif
	return rate;
}

static void requests_of(unsigned int depth)
{
	struct rate us = submit_ours(depth);
	struct rate them = submit_peer(depth);

	if (!us.all)
		fail("no request was submitted", depth);
	say("depth %u, %s: %lu requests/s, sbitmap_queue %lu, ratio %lu permille", depth,
	    in_interrupts ? "interrupts submit" : "threads submit",
	    us.all, them.all, us.all * 1000 / max(them.all, 1UL));
	say("depth %u, slowest CPU: %lu, sbitmap_queue %lu", depth,
	    us.fewest, them.fewest);
}

static int test_requests(void)
{
	static const unsigned int depths[] = { 1, 32, 1024 };
	unsigned int i;

	requests = kcalloc(1024, sizeof(*requests), GFP_KERNEL);
	if (!requests)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(depths); i++) {
		if (depth && depth != depths[i])
			continue;
		in_interrupts = false;
		requests_of(depths[i]);
		in_interrupts = true;
		requests_of(depths[i]);
	}
	kfree(requests);
	return failed ? -EIO : 0;
}

static int __init test_percpu_tag_init(void)
{
	if (!strcmp(run, "fight"))
		return test_fight();
	if (!strcmp(run, "requests"))
		return test_requests();
	complain("unknown test");
	return -EINVAL;
}
module_init(test_percpu_tag_init);

static void __exit test_percpu_tag_exit(void)
{
}
module_exit(test_percpu_tag_exit);

MODULE_DESCRIPTION("Percpu tag selftest");
MODULE_LICENSE("GPL");
