// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the percpu memory of processes.
 *
 * Needs CONFIG_MM_PERCPU_CACHE.
 */
#include <kunit/test.h>

#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/mm_percpu.h>
#include <linux/mm_types.h>
#include <linux/preempt.h>
#include <linux/rseq_types.h>
#include <linux/sched.h>

/* More than the batches of a CPU have */
#define NR	64

#ifdef CONFIG_SCHED_MM_CID
/* Free the object of an mm that uses CID @cid, or none if it is negative. */
static void free_cids(struct mm_cid_pcpu __percpu *pcpu, int cid)
{
	static struct cpumask used;

	cpumask_clear(&used);
	if (cid >= 0)
		__set_bit(cid, cpumask_bits(&used));
	mm_cid_pcpu_free(pcpu, cpumask_bits(&used));
}

/* Allocate until @wanted comes; return true if it has come and no CPU owns a CID. */
static bool no_cpu_owns_cid(struct kunit *test, struct mm_cid_pcpu __percpu *wanted)
{
	struct mm_cid_pcpu __percpu *objs[NR];
	unsigned int i, cpu, nr_owned = 0;
	bool found = false;

	for (i = 0; i < NR && !found; i++) {
		objs[i] = mm_cid_pcpu_alloc();
		if (!objs[i])
			break;
		found = objs[i] == wanted;
		for_each_possible_cpu(cpu)
			nr_owned += !!(per_cpu_ptr(objs[i], cpu)->cid & MM_CID_ONCPU);
	}
	while (i--)
		free_cids(objs[i], -1);
	return found && !nr_owned;
}

/* CPUs still own CIDs: the lowest, or the highest, is in use. */
static void cids_of_cpus(struct kunit *test)
{
	int cids[] = { 0, num_possible_cpus() - 1 };
	struct mm_cid_pcpu __percpu *pcpu;
	unsigned int cpu, i;

	for (i = 0; i < ARRAY_SIZE(cids); i++) {
		pcpu = mm_cid_pcpu_alloc();
		KUNIT_ASSERT_NOT_NULL(test, (__force void *)pcpu);
		for_each_possible_cpu(cpu)
			per_cpu_ptr(pcpu, cpu)->cid = MM_CID_ONCPU | cids[i];
		migrate_disable();
		free_cids(pcpu, cids[i]);
		KUNIT_EXPECT_TRUE(test, no_cpu_owns_cid(test, pcpu));
		migrate_enable();
	}
}

/* Without a CID in use the copies keep what they have: numbers that no CPU owns. */
static void cids_of_none(struct kunit *test)
{
	struct mm_cid_pcpu __percpu *pcpu = mm_cid_pcpu_alloc();
	unsigned int cpu;

	KUNIT_ASSERT_NOT_NULL(test, (__force void *)pcpu);
	for_each_possible_cpu(cpu)
		per_cpu_ptr(pcpu, cpu)->cid = MM_CID_TRANSIT | cpu;
	migrate_disable();
	free_cids(pcpu, -1);
	KUNIT_EXPECT_TRUE(test, no_cpu_owns_cid(test, pcpu));
	migrate_enable();
}
#else
static void cids_of_cpus(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_SCHED_MM_CID");
}

static void cids_of_none(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_SCHED_MM_CID");
}
#endif

#ifdef CONFIG_SCHED_CACHE
/* Allocate until @wanted comes; return true if it has come and there is no runtime. */
static bool no_runtime(struct kunit *test, struct sched_cache_time __percpu *wanted)
{
	struct sched_cache_time __percpu *objs[NR];
	unsigned int i, cpu, nr_used = 0;
	bool found = false;

	for (i = 0; i < NR && !found; i++) {
		objs[i] = sched_cache_time_alloc();
		if (!objs[i])
			break;
		found = objs[i] == wanted;
		for_each_possible_cpu(cpu)
			nr_used += !!per_cpu_ptr(objs[i], cpu)->runtime;
	}
	while (i--)
		sched_cache_time_free(objs[i], NULL);
	return found && !nr_used;
}

/* A runtime of any single CPU, and those of all, are cleared. */
static void runtime(struct kunit *test)
{
	struct sched_cache_time __percpu *time;
	struct sched_cache_group grp;
	unsigned int cpu, only;

	for_each_possible_cpu(only) {
		atomic_set(&grp.touched, 0);
		time = sched_cache_time_alloc();
		KUNIT_ASSERT_NOT_NULL(test, (__force void *)time);
		for_each_possible_cpu(cpu) {
			if (only && cpu != only)
				continue;
			sched_cache_time_touch(&grp, cpu);
			per_cpu_ptr(time, cpu)->runtime = 1 + cpu;
			per_cpu_ptr(time, cpu)->epoch = cpu;
		}
		migrate_disable();
		sched_cache_time_free(time, &grp.touched);
		KUNIT_EXPECT_TRUE(test, no_runtime(test, time));
		migrate_enable();
	}
}
#else
static void runtime(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_SCHED_CACHE");
}
#endif

static struct kunit_case mm_percpu_cases[] = {
	KUNIT_CASE(cids_of_cpus),
	KUNIT_CASE(cids_of_none),
	KUNIT_CASE(runtime),
	{ }
};

static struct kunit_suite mm_percpu_suite = {
	.name = "mm_percpu",
	.test_cases = mm_percpu_cases,
};

kunit_test_suite(mm_percpu_suite);

MODULE_DESCRIPTION("KUnit tests of the percpu memory of processes");
MODULE_LICENSE("GPL");
