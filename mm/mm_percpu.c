// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm_percpu: percpu memory of an mm_struct, from caches.
 *
 * The memory of percpu counters, as mm->rss_stat, has caches of its own. The other
 * objects are constructed in a state that most of them have at the end of an mm, so that
 * no copy is written or read by fork() and exit():
 *
 *	mm_cid_pcpu		The CPU owns no CID, that is, the copy lacks MM_CID_ONCPU.
 *				Whatever else the copy has does not matter: the scheduler
 *				replaces it before the CID is used.
 *	sched_cache_time	The runtime is 0. The epoch does not matter, as it tells
 *				how often the runtime is halved.
 */
#include <linux/bitmap.h>
#include <linux/cache.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/mm_percpu.h>
#include <linux/mm_types.h>
#include <linux/percpu_cache.h>
#include <linux/sched.h>

static struct percpu_cache * __init create_cache(const char *name, size_t size, size_t align,
						 percpu_cache_check_t check)
{
	struct percpu_cache *cache = percpu_cache_create(name, size, align, NULL, 0);

	if (IS_ERR(cache))
		panic("mm_percpu: cannot create the cache of %s\n", name);
	percpu_cache_set_check(cache, check);
	return cache;
}

#ifdef CONFIG_SCHED_MM_CID
static struct percpu_cache *mm_cid_cache __ro_after_init;

static bool check_cid(const void *copy, unsigned int cpu)
{
	const struct mm_cid_pcpu *pcp = copy;

	return !(pcp->cid & MM_CID_ONCPU);
}

static void __init create_cid_cache(void)
{
	mm_cid_cache = create_cache("mm_cid", sizeof(struct mm_cid_pcpu),
				    __alignof__(struct mm_cid_pcpu), check_cid);
}

/**
 * mm_cid_pcpu_alloc - allocate the CIDs that CPUs own in an mm
 *
 * Context: process context, may sleep.
 * Return: the object, in which no CPU owns a CID; or %NULL.
 */
struct mm_cid_pcpu __percpu *mm_cid_pcpu_alloc(void)
{
	return percpu_cache_alloc(mm_cid_cache, GFP_KERNEL);
}

/**
 * mm_cid_pcpu_free - free the CIDs that CPUs own in an mm
 * @pcpu: of an mm that no task uses
 * @used: the CIDs of the mm that are in use
 *
 * A CID that a CPU owns is in use. Most processes have none when their last task has
 * exited. Some have: if the last task exits in per-CPU mode, and if a task without a CID,
 * after an exec that failed, ran on a CPU with one when the mode changed to per-task.
 *
 * Context: any, except NMI.
 */
void mm_cid_pcpu_free(struct mm_cid_pcpu __percpu *pcpu, const unsigned long *used)
{
	unsigned int cpu;

	if (unlikely(!bitmap_empty(used, num_possible_cpus()))) {
		for_each_possible_cpu(cpu)
			per_cpu_ptr(pcpu, cpu)->cid = 0;
	}
	percpu_cache_free(mm_cid_cache, pcpu);
}
#else
static void __init create_cid_cache(void)
{
}
#endif

#ifdef CONFIG_SCHED_CACHE
static struct percpu_cache *sched_cache_time_cache __ro_after_init;

static bool check_time(const void *copy, unsigned int cpu)
{
	const struct sched_cache_time *time = copy;

	return !time->runtime;
}

static void __init create_time_cache(void)
{
	sched_cache_time_cache = create_cache("sched_cache_time",
					      sizeof(struct sched_cache_time),
					      __alignof__(struct sched_cache_time),
					      check_time);
}

/**
 * sched_cache_time_alloc - allocate the runtimes of an mm
 *
 * Context: process context, may sleep.
 * Return: the object, with a runtime of 0 and any epoch on each CPU; or %NULL.
 */
struct sched_cache_time __percpu *sched_cache_time_alloc(void)
{
	return percpu_cache_alloc(sched_cache_time_cache, GFP_KERNEL);
}

/**
 * sched_cache_time_free - free the runtimes of an mm
 * @time: the object, which no CPU accesses
 * @touched: the CPUs with a runtime, or %NULL if there are none
 *
 * Context: any, except NMI.
 */
void sched_cache_time_free(struct sched_cache_time __percpu *time, const atomic_t *touched)
{
	unsigned int cpu;

	if (touched) {
		for_each_touched_cpu(cpu, touched)
			per_cpu_ptr(time, cpu)->runtime = 0;
	}
	percpu_cache_free(sched_cache_time_cache, time);
}
#else
static void __init create_time_cache(void)
{
}
#endif

/**
 * mm_percpu_init - create the caches
 *
 * Context: boot, before the first mm_alloc().
 */
void __init mm_percpu_init(void)
{
	create_cid_cache();
	create_time_cache();
}
