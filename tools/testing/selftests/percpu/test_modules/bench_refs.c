// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark of reference counts: bigref, percpu_ref and refcount_t, in the same
 * loops.
 *
 *	insmod bench_refs.ko
 *
 * The load prints one line for each row, and leaves no objects:
 *
 *	bench_refs: row=<name> unit=cycles value=<n>
 *
 * Cycles are ticks of get_cycles() for 1,000 turns of a loop, with the loop itself,
 * or for one object: the minimum of some runs.  If TSC ticks are guest
 * instructions, as with -icount of QEMU, the values are the same each time.
 *
 * A kernel without bigref prints the other rows.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/percpu-refcount.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/timex.h>

#ifdef CONFIG_BIGREF
#include <linux/bigref.h>
#define HAVE_BIGREF
#endif

#define TURNS	1000
#define RUNS	30
#define BATCH	512
#define REVIVED	16

static void report(const char *row, u64 value)
{
	pr_info("row=%s unit=cycles value=%llu\n", row, value);
}

/* The first run fills the caches; it is never the minimum. */
static void bench(const char *row, void (*loop)(void), unsigned int per)
{
	u64 best = U64_MAX, start;
	unsigned int i;

	for (i = 0; i < RUNS; i++) {
		start = get_cycles();
		loop();
		best = min_t(u64, best, get_cycles() - start);
		/* RCU callbacks run now, and not while time is measured. */
		msleep(20);
	}
	report(row, div_u64(best + per / 2, per));
}

/* Some counts are killed and made live again, without the wait between both. */
static void bench_revive(const char *row, void (*kill)(unsigned int i),
			 void (*wait)(void), void (*reinit)(unsigned int i))
{
	u64 best = U64_MAX, start, cycles;
	unsigned int i, run;

	for (run = 0; run < RUNS; run++) {
		start = get_cycles();
		for (i = 0; i < REVIVED; i++)
			kill(i);
		cycles = get_cycles() - start;
		wait();
		start = get_cycles();
		for (i = 0; i < REVIVED; i++)
			reinit(i);
		best = min_t(u64, best, cycles + get_cycles() - start);
		msleep(20);
	}
	report(row, div_u64(best + REVIVED / 2, REVIVED));
}

static noinline void loop_empty(void)
{
	unsigned int i;

	for (i = 0; i < TURNS; i++)
		barrier();
}

/* refcount_t */
static refcount_t plain = REFCOUNT_INIT(1);

static noinline void loop_refcount(void)
{
	unsigned int i;

	for (i = 0; i < TURNS; i++) {
		refcount_inc(&plain);
		if (refcount_dec_and_test(&plain))
			break;
	}
}

/* percpu_ref */
static struct percpu_ref peer;
static struct percpu_ref peers[BATCH];

static void peer_release(struct percpu_ref *ref)
{
}

static noinline void loop_peer(void)
{
	unsigned int i;

	for (i = 0; i < TURNS; i++) {
		percpu_ref_get(&peer);
		percpu_ref_put(&peer);
	}
}

static noinline void loop_peer_tryget(void)
{
	unsigned int i;

	for (i = 0; i < TURNS; i++)
		if (percpu_ref_tryget(&peer))
			percpu_ref_put(&peer);
}

static noinline void loop_peer_init(void)
{
	unsigned int i;

	for (i = 0; i < TURNS; i++) {
		if (percpu_ref_init(&peers[0], peer_release, 0, GFP_KERNEL))
			break;
		percpu_ref_exit(&peers[0]);
	}
}

static noinline void loop_peer_batch(void)
{
	unsigned int i, nr;

	for (nr = 0; nr < BATCH; nr++)
		if (percpu_ref_init(&peers[nr], peer_release, 0, GFP_KERNEL))
			break;
	for (i = 0; i < nr; i++)
		percpu_ref_exit(&peers[i]);
}

static noinline void peer_kill(unsigned int i)
{
	percpu_ref_kill(&peers[i]);
}

static noinline void peer_reinit(unsigned int i)
{
	percpu_ref_reinit(&peers[i]);
}

static int bench_peer_revive(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < REVIVED && !err; i++)
		err = percpu_ref_init(&peers[i], peer_release,
				      PERCPU_REF_ALLOW_REINIT, GFP_KERNEL);
	if (!err)
		bench_revive("percpu_ref_kill_reinit", peer_kill, rcu_barrier, peer_reinit);
	while (i--)
		percpu_ref_exit(&peers[i]);
	return err;
}

static int bench_peer(void)
{
	int err = percpu_ref_init(&peer, peer_release, PERCPU_REF_ALLOW_REINIT,
				  GFP_KERNEL);

	if (err)
		return err;
	bench("percpu_ref_get_put_x1000", loop_peer, 1);
	bench("percpu_ref_tryget_put_x1000", loop_peer_tryget, 1);
	percpu_ref_switch_to_atomic_sync(&peer);
	bench("percpu_ref_atomic_get_put_x1000", loop_peer, 1);
	percpu_ref_exit(&peer);
	bench("percpu_ref_init_exit", loop_peer_init, TURNS);
	bench("percpu_ref_init_exit_512", loop_peer_batch, BATCH);
	return bench_peer_revive();
}

#ifdef HAVE_BIGREF
/* bigref */
static struct bigref big;
static struct bigref bigs[BATCH];

static void big_release(struct bigref *ref)
{
}

static noinline void loop_big(void)
{
	unsigned int i;

	for (i = 0; i < TURNS; i++) {
		bigref_get(&big);
		bigref_put(&big);
	}
}

static noinline void loop_big_tryget(void)
{
	unsigned int i;

	for (i = 0; i < TURNS; i++)
		if (bigref_tryget(&big))
			bigref_put(&big);
}

static void loop_init(unsigned int flags)
{
	unsigned int i;

	for (i = 0; i < TURNS; i++) {
		bigref_init(&bigs[0], big_release, flags, GFP_KERNEL);
		if (!bigref_destroy(&bigs[0]))
			break;
	}
}

static noinline void loop_big_init(void)
{
	loop_init(0);
}

static noinline void loop_adaptive_init(void)
{
	loop_init(BIGREF_ADAPTIVE);
}

/* More live bigrefs than the kernel keeps counters for */
static noinline void loop_big_batch(void)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		bigref_init(&bigs[i], big_release, 0, GFP_KERNEL);
	for (i = 0; i < BATCH; i++)
		if (!bigref_destroy(&bigs[i]))
			break;
}

static noinline void big_kill(unsigned int i)
{
	bigref_kill(&bigs[i]);
}

static noinline void big_reinit(unsigned int i)
{
	bigref_reinit(&bigs[i], 0, GFP_KERNEL);
}

static void bench_big_revive(void)
{
	unsigned int i;

	for (i = 0; i < REVIVED; i++)
		bigref_init(&bigs[i], big_release, 0, GFP_KERNEL);
	bench_revive("bigref_kill_reinit", big_kill, bigref_barrier, big_reinit);
	for (i = 0; i < REVIVED; i++)
		bigref_exit(&bigs[i]);
}

static void remote_get(void *ref)
{
	bigref_get(ref);
}

/* Get references on two CPUs in turn, until the bigref gets percpu counters. */
static void make_hot(struct bigref *ref)
{
	unsigned int i, other = cpumask_any_but(cpu_online_mask,
						raw_smp_processor_id());

	if (other >= nr_cpu_ids)
		return;
	for (i = 0; i < 1000; i++) {
		bigref_get(ref);
		smp_call_function_single(other, remote_get, ref, 1);
		cond_resched();
	}
	bigref_put_many(ref, 2000);
	msleep(200);
}

static int bench_big(void)
{
	bigref_init(&big, big_release, 0, GFP_KERNEL);
	bench("bigref_get_put_x1000", loop_big, 1);
	bench("bigref_tryget_put_x1000", loop_big_tryget, 1);
	bigref_disown(&big);
	bench("bigref_disowned_get_put_x1000", loop_big, 1);
	bigref_put(&big);

	bigref_init(&big, big_release, BIGREF_ADAPTIVE, GFP_KERNEL);
	bench("bigref_cool_get_put_x1000", loop_big, 1);
	make_hot(&big);
	bench("bigref_hot_get_put_x1000", loop_big, 1);
	if (!bigref_destroy(&big))
		return -EBUSY;

	bench("bigref_init_destroy", loop_big_init, TURNS);
	bench("bigref_adaptive_init_destroy", loop_adaptive_init, TURNS);
	bench("bigref_init_destroy_512", loop_big_batch, BATCH);
	bench_big_revive();
	/* Callbacks access objects of this module: wait for them. */
	bigref_barrier();
	return 0;
}
#else
static int bench_big(void)
{
	return 0;
}
#endif

static int __init bench_refs_init(void)
{
	int err = set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));

	if (err)
		return err;
	bench("refs_loop_x1000", loop_empty, 1);
	bench("refcount_t_inc_dec_x1000", loop_refcount, 1);
	err = bench_peer() ?: bench_big();
	/* Callbacks of percpu_ref call functions of this module: wait for them. */
	rcu_barrier();
	if (err)
		pr_err("failed: %pe\n", ERR_PTR(err));
	return err;
}
module_init(bench_refs_init);

static void __exit bench_refs_exit(void)
{
}
module_exit(bench_refs_exit);

MODULE_DESCRIPTION("Reference count benchmark");
MODULE_LICENSE("GPL");
