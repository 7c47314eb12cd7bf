// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of percpu caches with PERCPU_CACHE_PRESENT.
 *
 * A CPU is absent: one that never was online, or else one that the test makes absent,
 * although it is online. Nothing but the test uses such caches then, and the test runs
 * on another CPU.
 *
 * Needs CONFIG_PERCPU_CACHE_KUNIT_TEST.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>

#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "percpu_cache_internal.h"

#ifdef CONFIG_PERCPU_PRESENT

/* The allocator itself, for its counts. */
#include "percpu/chunk.h"
#include "percpu/debug/bad_free.h"
#include "percpu/pages.h"

#define NR	200
#define MAGIC	0x5eed0000

struct item {
	unsigned int magic;
	unsigned int count;
	unsigned int nr_constructed;
	char pad[84];
};

static void item_ctor(void *copy, unsigned int cpu)
{
	struct item *item = copy;

	item->magic = MAGIC + cpu;
	item->nr_constructed++;
}

static bool item_check(const void *copy, unsigned int cpu)
{
	const struct item *item = copy;

	return item->magic == MAGIC + cpu && !item->count && item->nr_constructed == 1;
}

/**
 * struct absence - a test with an absent CPU
 * @cpu: the CPU
 * @was_ready: the test has made it absent
 * @others: the kernel has present caches besides, so that only a CPU that never was online
 *	can be absent
 * @nr_pages: pages that other caches have on each CPU
 * @nr_cpus: CPUs with memory while it is absent
 * @cache: a cache
 * @nr: number of objects
 * @items: the objects
 */
struct absence {
	unsigned int cpu;
	bool was_ready;
	bool others;
	unsigned long nr_pages;
	unsigned int nr_cpus;
	struct percpu_cache *cache;
	unsigned int nr;
	struct item __percpu *items[NR];
};

static bool is_ready(struct absence *a)
{
	return cpumask_test_cpu(a->cpu, percpu_cache_cpus(a->cache));
}

/* Return true if a cache other than that of the test is present. */
static bool others_are_present(struct percpu_cache *own)
{
	struct percpu_cache *cache;
	bool others = false;

	mutex_lock(&percpu_caches_mutex);
	list_for_each_entry(cache, &percpu_caches, node)
		others |= cache->present && cache != own;
	mutex_unlock(&percpu_caches_mutex);
	return others;
}

static void make_absent(struct absence *a)
{
	percpu_cache_present_remove(a->cpu);
	pcpu_present_remove(a->cpu);
}

/* Make the CPU present, as CPU hotplug does. */
static int make_present(struct absence *a)
{
	return pcpu_present_prepare(a->cpu) ?: percpu_cache_present_prepare(a->cpu);
}

/* Find the last CPU that can be absent. */
static bool find_cpu(struct absence *a)
{
	unsigned int cpu, last = 0, here = raw_smp_processor_id();
	bool found = false;

	for_each_possible_cpu(cpu) {
		a->cpu = cpu;
		if (cpu == here || (a->others && is_ready(a)))
			continue;
		last = cpu;
		found = true;
	}
	a->cpu = last;
	return found;
}

/* Wait until the worker has given empty pages back. Return the number of those left. */
static unsigned long wait_for_pages(void)
{
	unsigned int turns;

	for (turns = 0; READ_ONCE(pcpu_counts.present_empty) && turns < 3000; turns++)
		msleep(20);
	return READ_ONCE(pcpu_nr_present);
}

/* Begin a test; ends in end() if it returns a pointer. CPU hotplug is locked between. */
static struct absence *begin(struct kunit *test, percpu_cache_ctor_t ctor,
			     unsigned int flags)
{
	struct absence *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, a);
	a->cache = percpu_cache_create("kunit-present", sizeof(struct item), 8, ctor,
				       PERCPU_CACHE_PRESENT | flags);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, a->cache);
	if (!a->cache->present) {
		percpu_cache_destroy(a->cache);
		kunit_skip(test, "no CPU can be absent");
	}
	a->others = others_are_present(a->cache);
	/* No slab finds a page of the test before. */
	a->nr_pages = wait_for_pages();
	if (!a->others)
		KUNIT_EXPECT_EQ(test, a->nr_pages, 0);
	if (ctor == item_ctor)
		percpu_cache_set_check(a->cache, item_check);
	/* The task of the test ends with it. */
	set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));
	if (!find_cpu(a)) {
		percpu_cache_destroy(a->cache);
		kunit_skip(test, a->others ? "no CPU that never was online" : "one CPU");
	}
	cpus_read_lock();
	a->was_ready = is_ready(a);
	if (a->was_ready)
		make_absent(a);
	a->nr_cpus = percpu_cache_nr_cpus(a->cache);
	return a;
}

static void end(struct kunit *test, struct absence *a)
{
	while (a->nr)
		percpu_cache_free(a->cache, a->items[--a->nr]);
	if (a->was_ready)
		KUNIT_EXPECT_EQ(test, make_present(a), 0);
	else if (is_ready(a) && !cpu_online(a->cpu))
		make_absent(a);
	cpus_read_unlock();
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(a->cache), 0);
}

static void alloc_items(struct kunit *test, struct absence *a, unsigned int nr)
{
	while (nr-- && a->nr < NR) {
		a->items[a->nr] = percpu_cache_alloc(a->cache, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, (__force void *)a->items[a->nr]);
		if (!a->items[a->nr])
			return;
		a->nr++;
	}
}

/* Return the number of copies of the CPU, also of free objects, that are constructed. */
static unsigned int nr_constructed(struct absence *a)
{
	struct percpu_cache_slab *slab;
	unsigned int i, nr = 0;

	mutex_lock(&a->cache->mutex);
	list_for_each_entry(slab, &a->cache->slabs, list)
		for (i = 0; i < a->cache->slab_objs; i++)
			nr += item_check(per_cpu_ptr(slab->objs[i].ptr, a->cpu), a->cpu);
	mutex_unlock(&a->cache->mutex);
	return nr;
}

static unsigned int nr_objects(struct absence *a)
{
	return a->cache->nr_slabs * a->cache->slab_objs;
}

/* All copies of the absent CPU are zero, and cannot be written to. */
static void expect_absent(struct kunit *test, struct absence *a)
{
	unsigned int i, cpu = 0, nr_zero = 0, nr_written = 0, nr_shared = 0, nr_named = 0;
	unsigned long off, magic = MAGIC;

	for (i = 0; i < a->nr; i++) {
		struct item *item = per_cpu_ptr(a->items[i], a->cpu);

		nr_zero += !memchr_inv(item, 0, sizeof(*item));
		nr_written += !copy_to_kernel_nofault(item, &magic, sizeof(magic));
		nr_shared += PHYS_PFN(per_cpu_ptr_to_phys(item)) ==
			     page_to_pfn(ZERO_PAGE(0));
		nr_named += pcpu_addr_is_absent((unsigned long)item, &off, &cpu) &&
			    cpu == a->cpu;
		nr_named -= pcpu_addr_is_absent((unsigned long)raw_cpu_ptr(a->items[i]),
						&off, &cpu);
	}
	KUNIT_EXPECT_EQ(test, nr_zero, a->nr);
	KUNIT_EXPECT_EQ(test, nr_named, a->nr);
	KUNIT_EXPECT_EQ(test, nr_written, 0);
	KUNIT_EXPECT_EQ(test, nr_shared, a->nr);
	KUNIT_EXPECT_FALSE(test, is_ready(a));
	KUNIT_EXPECT_EQ(test, pcpu_nr_present_units, a->nr_cpus);
}

/* The copies of other CPUs are constructed, but for @count in that of this CPU. */
static void expect_others(struct kunit *test, struct absence *a, unsigned int count)
{
	unsigned int i, cpu, here = raw_smp_processor_id(), nr_bad = 0;

	for (i = 0; i < a->nr; i++) {
		for_each_cpu(cpu, percpu_cache_cpus(a->cache)) {
			struct item copy = *per_cpu_ptr(a->items[i], cpu);

			if (cpu == here)
				copy.count -= count;
			nr_bad += !item_check(&copy, cpu);
		}
	}
	KUNIT_EXPECT_EQ(test, nr_bad, 0);
}

static void set_counts(struct absence *a, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < a->nr; i++)
		raw_cpu_ptr(a->items[i])->count = count;
}

/* The memory of an absent CPU is the page of zeroes. */
static void absent_copies(struct kunit *test)
{
	struct absence *a = begin(test, item_ctor, 0);

	alloc_items(test, a, NR);
	expect_absent(test, a);
	expect_others(test, a, 0);
	KUNIT_EXPECT_GT(test, READ_ONCE(pcpu_nr_present), 0);
	end(test, a);
}

/* A CPU that comes finds the copies of live and free objects constructed, once. */
static void cpu_comes(struct kunit *test)
{
	struct absence *a = begin(test, item_ctor, 0);
	unsigned long nr_present;

	alloc_items(test, a, NR);
	while (a->nr > NR / 2)
		percpu_cache_free(a->cache, a->items[--a->nr]);
	set_counts(a, 7);
	nr_present = READ_ONCE(pcpu_nr_present);
	KUNIT_EXPECT_EQ(test, nr_constructed(a), 0);
	KUNIT_EXPECT_EQ(test, make_present(a), 0);
	KUNIT_EXPECT_TRUE(test, is_ready(a));
	KUNIT_EXPECT_EQ(test, nr_constructed(a), nr_objects(a));
	expect_others(test, a, 7);
	set_counts(a, 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(pcpu_nr_present), nr_present);
	KUNIT_EXPECT_EQ(test, pcpu_nr_present_units, a->nr_cpus + 1);
	KUNIT_EXPECT_EQ(test, percpu_cache_nr_cpus(a->cache), a->nr_cpus + 1);
	/* In old and in new slabs */
	alloc_items(test, a, NR);
	KUNIT_EXPECT_EQ(test, nr_constructed(a), nr_objects(a));
	/* The second time it has nothing to do. */
	KUNIT_EXPECT_EQ(test, make_present(a), 0);
	KUNIT_EXPECT_EQ(test, nr_constructed(a), nr_objects(a));
	end(test, a);
}

/* Without a constructor, copies are zero, and can be written to. */
static void no_constructor(struct kunit *test)
{
	struct absence *a = begin(test, NULL, PERCPU_CACHE_CHECK);
	unsigned int i, nr_bad = 0;

	alloc_items(test, a, NR);
	expect_absent(test, a);
	KUNIT_EXPECT_EQ(test, make_present(a), 0);
	for (i = 0; i < a->nr; i++) {
		struct item *item = per_cpu_ptr(a->items[i], a->cpu);

		nr_bad += !!memchr_inv(item, 0, sizeof(*item));
		memset(item, 1, sizeof(*item));
		nr_bad += PHYS_PFN(per_cpu_ptr_to_phys(item)) == page_to_pfn(ZERO_PAGE(0));
	}
	KUNIT_EXPECT_EQ(test, nr_bad, 0);
	for (i = 0; i < a->nr; i++)
		memset(per_cpu_ptr(a->items[i], a->cpu), 0, sizeof(struct item));
	end(test, a);
}

/* A slab that is created between the two callbacks, or just after, is not missed. */
static void slab_comes_meanwhile(struct kunit *test)
{
	struct absence *a = begin(test, item_ctor, 0);

	alloc_items(test, a, NR / 4);
	KUNIT_EXPECT_EQ(test, pcpu_present_prepare(a->cpu), 0);
	alloc_items(test, a, NR / 4);
	KUNIT_EXPECT_EQ(test, nr_constructed(a), 0);
	KUNIT_EXPECT_EQ(test, percpu_cache_present_prepare(a->cpu), 0);
	KUNIT_EXPECT_EQ(test, nr_constructed(a), nr_objects(a));
	alloc_items(test, a, NR / 4);
	KUNIT_EXPECT_EQ(test, nr_constructed(a), nr_objects(a));
	expect_others(test, a, 0);
	end(test, a);
}

/* The number of pages until one is refused; pages that were not given back */
static int pages_left, pages_got;

static struct page *refuse_page(unsigned int unit, gfp_t gfp)
{
	struct page *page = NULL;

	if (pages_left-- > 0) {
		kunit_deactivate_static_stub(kunit_get_current_test(), pcpu_get_unit_page);
		page = pcpu_get_unit_page(unit, gfp);
		kunit_activate_static_stub(kunit_get_current_test(), pcpu_get_unit_page,
					   refuse_page);
		pages_got++;
	}
	return page;
}

/* Whichever page is refused, the CPU stays absent, and nothing changes. */
static void no_memory(struct kunit *test)
{
	struct absence *a = begin(test, item_ctor, 0);
	unsigned long nr_present;
	int n, err = -ENOMEM;

	alloc_items(test, a, NR);
	nr_present = READ_ONCE(pcpu_nr_present);
	kunit_activate_static_stub(test, pcpu_get_unit_page, refuse_page);
	for (n = 0; err && n < 1000; n++) {
		pages_left = n;
		pages_got = 0;
		err = make_present(a);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		KUNIT_EXPECT_EQ(test, pages_got, n);
		expect_absent(test, a);
		expect_others(test, a, 0);
	}
	kunit_deactivate_static_stub(test, pcpu_get_unit_page);
	KUNIT_EXPECT_EQ(test, err, 0);
	/* Each page was refused once. */
	KUNIT_EXPECT_EQ(test, n, nr_present);
	KUNIT_EXPECT_GT(test, n, 3);
	KUNIT_EXPECT_EQ(test, nr_constructed(a), nr_objects(a));
	KUNIT_EXPECT_EQ(test, READ_ONCE(pcpu_nr_present), nr_present);
	end(test, a);
}

/* A slab that finds no memory leaves nothing behind. */
static void no_memory_for_slab(struct kunit *test)
{
	struct absence *a = begin(test, item_ctor, 0);
	int n;

	if (a->others) {
		end(test, a);
		kunit_skip(test, "a slab may fit into a page of another cache");
	}
	kunit_activate_static_stub(test, pcpu_get_unit_page, refuse_page);
	for (n = 0; n < a->nr_cpus; n++) {
		pages_left = n;
		KUNIT_EXPECT_NULL(test, (__force void *)
				  percpu_cache_alloc(a->cache, GFP_KERNEL | __GFP_NOWARN));
	}
	kunit_deactivate_static_stub(test, pcpu_get_unit_page);
	KUNIT_EXPECT_EQ(test, a->cache->nr_slabs, 0);
	alloc_items(test, a, NR);
	expect_absent(test, a);
	end(test, a);
}

/* Find a CPU that never was online, and can be. */
static bool find_absent(struct absence *a)
{
	unsigned int cpu;

	if (!IS_ENABLED(CONFIG_HOTPLUG_CPU))
		return false;
	for_each_present_cpu(cpu) {
		a->cpu = cpu;
		if (!cpu_online(cpu) && !is_ready(a))
			return true;
	}
	return false;
}

#ifdef CONFIG_HOTPLUG_CPU
static int online(unsigned int cpu)
{
	return add_cpu(cpu);
}

static int offline(unsigned int cpu)
{
	return remove_cpu(cpu);
}
#else
static int online(unsigned int cpu)
{
	return -EOPNOTSUPP;
}

static int offline(unsigned int cpu)
{
	return -EOPNOTSUPP;
}
#endif

/* Bring the CPU online while one page after the other is refused. */
static void online_sweep(struct kunit *test, struct absence *a)
{
	unsigned long nr_present = READ_ONCE(pcpu_nr_present);
	int n, err = -ENOMEM;

	kunit_activate_static_stub(test, pcpu_get_unit_page, refuse_page);
	for (n = 0; err && n < 1000; n++) {
		pages_left = n;
		pages_got = 0;
		err = online(a->cpu);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		KUNIT_EXPECT_EQ(test, pages_got, n);
		KUNIT_EXPECT_FALSE(test, cpu_online(a->cpu));
		expect_absent(test, a);
	}
	kunit_deactivate_static_stub(test, pcpu_get_unit_page);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, n, nr_present);
	KUNIT_EXPECT_EQ(test, pcpu_nr_present_units, a->nr_cpus + 1);
	KUNIT_EXPECT_EQ(test, nr_constructed(a), nr_objects(a));
}

/* The CPU goes and comes again: its copies are what they were. */
static void expect_kept(struct kunit *test, struct absence *a)
{
	unsigned int i, nr_bad = 0;

	for (i = 0; i < a->nr; i++)
		per_cpu_ptr(a->items[i], a->cpu)->count = i;
	KUNIT_EXPECT_EQ(test, offline(a->cpu), 0);
	KUNIT_EXPECT_EQ(test, online(a->cpu), 0);
	KUNIT_EXPECT_EQ(test, offline(a->cpu), 0);
	KUNIT_EXPECT_EQ(test, pcpu_nr_present_units, a->nr_cpus + 1);
	for (i = 0; i < a->nr; i++) {
		nr_bad += per_cpu_ptr(a->items[i], a->cpu)->count != i;
		per_cpu_ptr(a->items[i], a->cpu)->count = 0;
	}
	KUNIT_EXPECT_EQ(test, nr_bad, 0);
}

/* CPU hotplug itself: without each of the pages, the CPU stays offline. */
static void hotplug(struct kunit *test)
{
	struct absence *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, a);
	a->cache = percpu_cache_create("kunit-present", sizeof(struct item), 8, item_ctor,
				       PERCPU_CACHE_PRESENT);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, a->cache);
	if (!a->cache->present || !find_absent(a)) {
		percpu_cache_destroy(a->cache);
		kunit_skip(test, "no CPU that never was online");
	}
	a->nr_cpus = percpu_cache_nr_cpus(a->cache);
	alloc_items(test, a, NR);
	online_sweep(test, a);
	if (cpu_online(a->cpu))
		expect_kept(test, a);
	while (a->nr)
		percpu_cache_free(a->cache, a->items[--a->nr]);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(a->cache), 0);
}

static void expect_constructed(void __percpu *ptr, void *owner, void *arg)
{
	struct absence *a = arg;

	/* Live objects of the thread are not written to. */
	if (!item_check(per_cpu_ptr(ptr, a->cpu), a->cpu))
		a->nr++;
}

static struct task_struct *churn_task;

/* Sleeps now and then, so that CPUs come while a slab is constructed. */
static void slow_ctor(void *copy, unsigned int cpu)
{
	static unsigned int nr;

	item_ctor(copy, cpu);
	if (current == READ_ONCE(churn_task) && !(nr++ % 19))
		usleep_range(1, 20);
}

/* Allocate and free, so that slabs come and go. */
static int churn(void *arg)
{
	struct absence *a = arg;
	unsigned int nr, i;

	WRITE_ONCE(churn_task, current);
	while (!kthread_should_stop()) {
		for (nr = 0; nr < NR; nr++) {
			a->items[nr] = percpu_cache_alloc(a->cache, GFP_KERNEL);
			if (!a->items[nr])
				break;
		}
		for (i = 0; i < nr; i++)
			percpu_cache_free(a->cache, a->items[i]);
		percpu_cache_shrink(a->cache);
		cond_resched();
	}
	WRITE_ONCE(churn_task, NULL);
	return 0;
}

/* CPUs come while slabs are created and freed. */
static void churn_meanwhile(struct kunit *test)
{
	struct absence *a = begin(test, slow_ctor, 0);
	unsigned int i, round, nr_visits = 0;
	struct task_struct *task;

	task = kthread_create(churn, a, "present_churn");
	KUNIT_EXPECT_FALSE(test, IS_ERR(task));
	if (!IS_ERR(task)) {
		kthread_bind(task, raw_smp_processor_id());
		wake_up_process(task);
		for (round = 0; round < 40; round++) {
			KUNIT_EXPECT_EQ(test, make_present(a), 0);
			/* A slab that was missed comes later. */
			for (i = 0; i < 4; i++) {
				nr_visits += percpu_cache_for_each(a->cache,
								   expect_constructed, a);
				usleep_range(1, 100);
			}
			make_absent(a);
			usleep_range(1, 200);
		}
		kthread_stop(task);
	}
	KUNIT_EXPECT_EQ(test, a->nr, 0);
	KUNIT_EXPECT_GT(test, nr_visits, 0);
	a->nr = 0;
	end(test, a);
}

/* The memory of a cache that is destroyed goes back. */
static void memory_returns(struct kunit *test)
{
	struct absence *a = begin(test, item_ctor, 0);

	alloc_items(test, a, NR);
	KUNIT_EXPECT_GT(test, READ_ONCE(pcpu_nr_present), 0);
	end(test, a);
	KUNIT_EXPECT_LE(test, wait_for_pages(), a->nr_pages);
	KUNIT_EXPECT_EQ(test, READ_ONCE(pcpu_counts.present_empty), 0);
}

/* free_percpu() of a slab is invalid. */
static void bad_free(struct kunit *test)
{
	struct absence *a = begin(test, NULL, 0);
	struct percpu_cache_slab *slab;
	struct pcpu_bad_free w = { };

	alloc_items(test, a, 1);
	slab = list_first_entry_or_null(&a->cache->slabs, struct percpu_cache_slab, list);
	if (slab)
		pcpu_bad_free_diagnose(slab->mem, &w);
	KUNIT_EXPECT_EQ(test, w.why, PCPU_BAD_FREE_CACHE);
	end(test, a);
}

/* A cache with too long slabs is an ordinary one. */
static void long_objects(struct kunit *test)
{
	struct percpu_cache *cache;
	void __percpu *ptr;
	unsigned int cpu;

	cache = percpu_cache_create("kunit-present", SZ_64K, 8, NULL, PERCPU_CACHE_PRESENT);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	KUNIT_EXPECT_FALSE(test, cache->present);
	KUNIT_EXPECT_PTR_EQ(test, percpu_cache_cpus(cache), cpu_possible_mask);
	ptr = percpu_cache_alloc(cache, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, (__force void *)ptr);
	if (ptr) {
		for_each_possible_cpu(cpu)
			memset(per_cpu_ptr(ptr, cpu), 0, SZ_64K);
		percpu_cache_free(cache, ptr);
	}
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

static struct kunit_case present_cases[] = {
	KUNIT_CASE(absent_copies),
	KUNIT_CASE(cpu_comes),
	KUNIT_CASE(no_constructor),
	KUNIT_CASE(slab_comes_meanwhile),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(no_memory_for_slab),
	KUNIT_CASE(hotplug),
	KUNIT_CASE_SLOW(churn_meanwhile),
	KUNIT_CASE(memory_returns),
	KUNIT_CASE(bad_free),
	KUNIT_CASE(long_objects),
	{ }
};

#else /* !CONFIG_PERCPU_PRESENT */

/* All caches are ordinary ones. */
static void ordinary(struct kunit *test)
{
	struct percpu_cache *cache;

	cache = percpu_cache_create("kunit-present", 8, 8, NULL, PERCPU_CACHE_PRESENT);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	KUNIT_EXPECT_FALSE(test, cache->present);
	KUNIT_EXPECT_PTR_EQ(test, percpu_cache_cpus(cache), cpu_possible_mask);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

static struct kunit_case present_cases[] = {
	KUNIT_CASE(ordinary),
	{ }
};

#endif /* CONFIG_PERCPU_PRESENT */

static struct kunit_suite present_suite = {
	.name = "percpu_cache_present",
	.test_cases = present_cases,
};

kunit_test_suites(&present_suite);
