// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of percpu caches.
 *
 * Needs CONFIG_PERCPU_CACHE_KUNIT_TEST.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "percpu_cache_kunit.h"

#define MAGIC	0x5eed0000

/* What a constructor leaves */
struct item {
	unsigned int magic;
	unsigned int count;
	struct list_head list;
};

static void item_ctor(void *copy, unsigned int cpu)
{
	struct item *item = copy;

	item->magic = MAGIC + cpu;
	INIT_LIST_HEAD(&item->list);
}

static bool item_check(const void *copy, unsigned int cpu)
{
	const struct item *item = copy;

	return item->magic == MAGIC + cpu && !item->count && list_empty(&item->list);
}

static struct percpu_cache *create_items(struct kunit *test, unsigned int flags)
{
	struct percpu_cache *cache;

	cache = percpu_cache_create("kunit-items", sizeof(struct item),
				    __alignof__(struct item), item_ctor, flags);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	percpu_cache_set_check(cache, item_check);
	return cache;
}

/* Copies are aligned, do not overlap, and are zero. */
static void one_layout(struct kunit *test, size_t size, size_t align)
{
	struct percpu_cache *cache = create(test, size, align);
	struct objs *objs = alloc_objs(test, cache, size > PAGE_SIZE ? 3 : NR);
	unsigned int i, cpu;

	for (i = 0; i < objs->nr; i++) {
		for_each_possible_cpu(cpu) {
			void *copy = per_cpu_ptr(objs->ptr[i], cpu);

			KUNIT_EXPECT_EQ(test, (unsigned long)copy & (align - 1), 0);
			KUNIT_EXPECT_NULL(test, memchr_inv(copy, 0, size));
			memset(copy, i + 1, size);
		}
	}
	for (i = 0; i < objs->nr; i++) {
		for_each_possible_cpu(cpu) {
			void *copy = per_cpu_ptr(objs->ptr[i], cpu);

			KUNIT_EXPECT_NULL(test, memchr_inv(copy, i + 1, size));
			memset(copy, 0, size);
		}
	}
	KUNIT_EXPECT_EQ(test, nr_live(cache), objs->nr);
	free_objs(cache, objs);
	KUNIT_EXPECT_EQ(test, nr_live(cache), 0);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

static void layouts(struct kunit *test)
{
	static const size_t sizes[] = { 1, 4, 8, 20, 24, 96, 129, 500, 2000, 2040, 4000 };
	unsigned int i;
	size_t align;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (align = 1; align <= 64; align *= 4)
			one_layout(test, sizes[i], align);
	one_layout(test, 8, PAGE_SIZE / 2);
	one_layout(test, 8, PAGE_SIZE);
	one_layout(test, PAGE_SIZE + 8, PAGE_SIZE);
	one_layout(test, 3 * PAGE_SIZE, 8);
}

static void invalid_requests(struct kunit *test)
{
	KUNIT_EXPECT_PTR_EQ(test, percpu_cache_create("kunit", 0, 8, NULL, 0),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, percpu_cache_create(NULL, 8, 8, NULL, 0),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, percpu_cache_create("kunit", 8, 0, NULL, 0),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, percpu_cache_create("kunit", 8, 12, NULL, 0),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, percpu_cache_create("kunit", 8, 2 * PAGE_SIZE, NULL, 0),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, percpu_cache_create("kunit", 8, 8, NULL, ~0U),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, percpu_cache_create("kunit", INT_MAX, 8, NULL, 0),
			    ERR_PTR(-E2BIG));
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(NULL), 0);
}

static unsigned int nr_constructed;

static void counting_ctor(void *copy, unsigned int cpu)
{
	nr_constructed++;
	item_ctor(copy, cpu);
}

/* The constructor runs once for each copy, however often objects are allocated. */
static void constructed_once(struct kunit *test)
{
	struct percpu_cache *cache;
	unsigned int i, round, cpu;
	struct objs *objs;

	nr_constructed = 0;
	cache = percpu_cache_create("kunit", sizeof(struct item), 8, counting_ctor, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	for (round = 0; round < 10; round++) {
		objs = alloc_objs(test, cache, NR);
		for (i = 0; i < NR; i++) {
			for_each_possible_cpu(cpu) {
				void *copy = per_cpu_ptr(objs->ptr[i], cpu);

				KUNIT_EXPECT_TRUE(test, item_check(copy, cpu));
			}
		}
		free_objs(cache, objs);
		/* The migration of the test may add a magazine of objects for each CPU. */
		KUNIT_EXPECT_LE(test, cache->nr_slabs * cache->slab_objs,
				NR + (2 * num_possible_cpus() + 2) * PERCPU_CACHE_SLAB_OBJS);
	}
	KUNIT_EXPECT_EQ(test, nr_constructed,
			cache->nr_slabs * cache->slab_objs * num_possible_cpus());
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

/* An allocation does not write to copies: what a user left is there. */
static void state_is_kept(struct kunit *test)
{
	struct percpu_cache *cache;
	unsigned int __percpu *a;
	unsigned int __percpu *b;
	unsigned int cpu;

	if (percpu_cache_check_all)
		kunit_skip(test, "percpu_debug=on reconstructs the copies");
	cache = create(test, sizeof(unsigned int), sizeof(unsigned int));
	migrate_disable();
	a = percpu_cache_alloc(cache, GFP_NOWAIT);
	if (a) {
		for_each_possible_cpu(cpu)
			memset(per_cpu_ptr(a, cpu), 1 + cpu, sizeof(*a));
		percpu_cache_free(cache, a);
	}
	b = percpu_cache_alloc(cache, GFP_NOWAIT);
	migrate_enable();
	KUNIT_ASSERT_NOT_NULL(test, (__force void *)a);
	KUNIT_EXPECT_PTR_EQ(test, (__force void *)a, (__force void *)b);
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_NULL(test, memchr_inv(per_cpu_ptr(b, cpu), 1 + cpu,
						   sizeof(*b)));
	percpu_cache_free(cache, b);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

/* Reports that a stub counts */
static unsigned int nr_reports, last_cpu;
static bool last_flag;

static void note_copy(struct percpu_cache *cache, const void __percpu *ptr,
		      unsigned int cpu, bool free, unsigned long caller)
{
	nr_reports++;
	last_cpu = cpu;
	last_flag = free;
}

static void note_free(struct percpu_cache *cache, const void __percpu *ptr,
		      bool is_object, unsigned long caller)
{
	nr_reports++;
	last_flag = is_object;
}

static void expect_report(struct kunit *test, unsigned int nr, bool flag)
{
	KUNIT_EXPECT_EQ(test, nr_reports, nr);
	KUNIT_EXPECT_EQ(test, last_flag, flag);
	nr_reports = 0;
}

/* With checks, a copy of any CPU that is not constructed is found, and repaired. */
static void damage_at_free(struct kunit *test)
{
	struct percpu_cache *cache = create_items(test, PERCPU_CACHE_CHECK);
	struct item __percpu *item;
	unsigned int cpu;

	kunit_activate_static_stub(test, percpu_cache_report_copy, note_copy);
	nr_reports = 0;
	for_each_possible_cpu(cpu) {
		item = percpu_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, (__force void *)item);
		KUNIT_EXPECT_EQ(test, nr_reports, 0);
		per_cpu_ptr(item, cpu)->count = 1;
		percpu_cache_free(cache, item);
		expect_report(test, 1, true);
		KUNIT_EXPECT_EQ(test, last_cpu, cpu);
		KUNIT_EXPECT_TRUE(test, item_check(per_cpu_ptr(item, cpu), cpu));
	}
	kunit_deactivate_static_stub(test, percpu_cache_report_copy);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

/* A write to a free object is found when it is allocated. */
static void damage_while_free(struct kunit *test)
{
	struct percpu_cache *cache;
	struct item __percpu *item;
	struct objs *objs;

	cache = percpu_cache_create("kunit", sizeof(struct item), 8, NULL, PERCPU_CACHE_CHECK);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	kunit_activate_static_stub(test, percpu_cache_report_copy, note_copy);
	nr_reports = 0;
	/* The objects of a slab are on the CPU that has created it. */
	migrate_disable();
	item = percpu_cache_alloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, (__force void *)item);
	percpu_cache_free(cache, item);
	raw_cpu_ptr(item)->count = 1;
	objs = alloc_objs(test, cache, cache->slab_objs);
	migrate_enable();
	expect_report(test, 1, false);
	free_objs(cache, objs);
	expect_report(test, 0, false);
	kunit_deactivate_static_stub(test, percpu_cache_report_copy);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

/* Frees of a live object of @cache to another cache, and @step bytes from its beginning */
static void expect_refused(struct kunit *test, struct percpu_cache *cache,
			   struct percpu_cache *other, void __percpu *ptr, long step)
{
	percpu_cache_free(other, ptr);
	expect_report(test, 1, false);
	percpu_cache_free(cache, ptr + step);
	expect_report(test, 1, false);
	percpu_cache_free(cache, ptr - step);
	expect_report(test, 1, false);
}

/* An invalid free is reported, and changes nothing. */
static void invalid_frees(struct kunit *test)
{
	struct percpu_cache *cache = create(test, 24, 8), *other = create(test, 24, 8);
	void __percpu *ptr = percpu_cache_alloc(cache, GFP_KERNEL);
	void __percpu *next = percpu_cache_alloc(cache, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr);
	KUNIT_ASSERT_NOT_NULL(test, (__force void *)next);
	kunit_activate_static_stub(test, percpu_cache_report_free, note_free);
	nr_reports = 0;
	percpu_cache_free(cache, NULL);
	KUNIT_EXPECT_EQ(test, nr_reports, 0);
	expect_refused(test, cache, other, ptr, 4);
	KUNIT_EXPECT_EQ(test, nr_live(cache), 2);
	percpu_cache_free(cache, ptr);
	KUNIT_EXPECT_EQ(test, nr_reports, 0);
	percpu_cache_free(cache, ptr);
	expect_report(test, 1, true);
	KUNIT_EXPECT_EQ(test, nr_live(cache), 1);
	percpu_cache_free(cache, next);
	KUNIT_EXPECT_EQ(test, nr_reports, 0);
	kunit_deactivate_static_stub(test, percpu_cache_report_free);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(other), 0);
}

/* A large object has a slab of its own, which is a pointer longer. */
static void large_objects(struct kunit *test)
{
	struct percpu_cache *cache = create(test, 200, 64), *other = create(test, 200, 64);
	struct objs *objs = alloc_objs(test, cache, NR);
	unsigned int i, nr_unaligned = 0;

	KUNIT_EXPECT_EQ(test, cache->nr_slabs, NR);
	KUNIT_EXPECT_LE(test, cache->slab_bytes, 200 + sizeof(void *));
	for (i = 0; i < NR; i++)
		nr_unaligned += !IS_ALIGNED((unsigned long)raw_cpu_ptr(objs->ptr[i]), 64);
	KUNIT_EXPECT_EQ(test, nr_unaligned, 0);

	kunit_activate_static_stub(test, percpu_cache_report_free, note_free);
	nr_reports = 0;
	expect_refused(test, cache, other, objs->ptr[0], 8);
	KUNIT_EXPECT_EQ(test, nr_live(cache), NR);
	free_objs(cache, objs);
	KUNIT_EXPECT_EQ(test, nr_reports, 0);
	kunit_deactivate_static_stub(test, percpu_cache_report_free);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(other), 0);
}

/* A cache with live objects is not destroyed, and can be used on. */
static void destroy_is_refused(struct kunit *test)
{
	struct percpu_cache *cache = create(test, 8, 8);
	struct objs *objs = alloc_objs(test, cache, 2);

	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), -EBUSY);
	percpu_cache_free(cache, objs->ptr[1]);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), -EBUSY);
	objs->ptr[1] = percpu_cache_alloc(cache, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, (__force void *)objs->ptr[1]);
	free_objs(cache, objs);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

static void count_visit(void __percpu *ptr, void *owner, void *arg)
{
	unsigned int *visits = owner;

	WARN_ON(!irqs_disabled());
	if (visits)
		++*visits;
}

/* Each live object is visited once, with its owner; no free one is. */
static void walk(struct kunit *test)
{
	struct percpu_cache *cache = create(test, 8, 8);
	unsigned int visits[NR] = { }, i;
	void __percpu *ptr[NR];

	for (i = 0; i < NR; i++) {
		ptr[i] = percpu_cache_alloc_owner(cache, GFP_KERNEL, &visits[i]);
		KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptr[i]);
	}
	KUNIT_EXPECT_EQ(test, percpu_cache_for_each(cache, count_visit, NULL), NR);
	for (i = 0; i < NR; i += 2)
		percpu_cache_free(cache, ptr[i]);
	KUNIT_EXPECT_EQ(test, percpu_cache_for_each(cache, count_visit, NULL), NR / 2);
	for (i = 0; i < NR; i++) {
		KUNIT_EXPECT_EQ(test, visits[i], 1 + i % 2);
		if (i % 2)
			percpu_cache_free(cache, ptr[i]);
	}
	KUNIT_EXPECT_EQ(test, percpu_cache_for_each(cache, count_visit, NULL), 0);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

/* Allocate and free on a CPU, in an interrupt. */
struct on_cpu {
	struct percpu_cache *cache;
	void __percpu *ptr;
};

/* Create objects: in an interrupt, slabs cannot be allocated on PREEMPT_RT. */
static void prefill(struct kunit *test, struct percpu_cache *cache, unsigned int nr)
{
	void __percpu **ptrs = kunit_kcalloc(test, nr, sizeof(*ptrs), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, ptrs);
	for (i = 0; i < nr; i++)
		ptrs[i] = percpu_cache_alloc(cache, GFP_KERNEL);
	for (i = 0; i < nr; i++)
		percpu_cache_free(cache, ptrs[i]);
}

static void alloc_here(void *data)
{
	struct on_cpu *on = data;

	on->ptr = percpu_cache_alloc(on->cache, GFP_ATOMIC);
}

static void free_here(void *data)
{
	struct on_cpu *on = data;

	percpu_cache_free(on->cache, on->ptr);
}

/* The objects that a dead CPU has cached are moved to the depot. */
static void dead_cpu(struct kunit *test)
{
	struct on_cpu on = { .cache = create(test, 8, 8) };
	unsigned int cpu;

	prefill(test, on.cache, 1);
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		struct percpu_cache_cpu *mag = per_cpu_ptr(on.cache->cpus, cpu);

		smp_call_function_single(cpu, alloc_here, &on, 1);
		KUNIT_ASSERT_NOT_NULL(test, (__force void *)on.ptr);
		smp_call_function_single(cpu, free_here, &on, 1);
		KUNIT_EXPECT_NE(test, mag->current_batch.nr, 0);
		percpu_cache_flush_cpu(on.cache, cpu);
		KUNIT_EXPECT_EQ(test, mag->current_batch.nr + mag->spare.nr, 0);
	}
	cpus_read_unlock();
	KUNIT_EXPECT_EQ(test, on.cache->nr_slabs, 1);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(on.cache), 0);
}

/* Objects may be freed on another CPU than they were allocated on, in interrupts. */
static void remote_free(struct kunit *test)
{
	struct on_cpu on = { .cache = create(test, 8, 8) };
	unsigned int from, to, i;

	/* What the magazines of all CPUs keep, and more. */
	prefill(test, on.cache, 2 * PERCPU_CACHE_BATCH * (num_online_cpus() + 2));
	cpus_read_lock();
	for_each_online_cpu(from) {
		for_each_online_cpu(to) {
			for (i = 0; i < 3 * PERCPU_CACHE_BATCH; i++) {
				smp_call_function_single(from, alloc_here, &on, 1);
				KUNIT_ASSERT_NOT_NULL(test, (__force void *)on.ptr);
				smp_call_function_single(to, free_here, &on, 1);
			}
		}
	}
	cpus_read_unlock();
	KUNIT_EXPECT_EQ(test, nr_live(on.cache), 0);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(on.cache), 0);
}

/* Threads that allocate and free, while the test walks and trims */
struct churn {
	struct percpu_cache *cache;
	struct completion done;
	bool stop;
	unsigned long nr;
	unsigned long nr_wrong;
};

#define CHURN_OBJS	40
#define NR_THREADS	4

/* An owner is alive exactly while its object is. */
struct churn_owner {
	bool alive;
};

static void churn_one(struct churn *churn, struct item __percpu **ptr,
		      struct churn_owner *owner)
{
	if (*ptr) {
		percpu_cache_free(churn->cache, *ptr);
		/* A visitor that ran on would see it. */
		WRITE_ONCE(owner->alive, false);
		*ptr = NULL;
		return;
	}
	WRITE_ONCE(owner->alive, true);
	*ptr = percpu_cache_alloc_owner(churn->cache, GFP_KERNEL, owner);
	if (!*ptr)
		return;
	churn->nr++;
	/* No other thread has the object. */
	if (raw_cpu_ptr(*ptr)->count)
		churn->nr_wrong++;
	per_cpu_ptr(*ptr, 0)->count++;
	if (per_cpu_ptr(*ptr, 0)->count != 1)
		churn->nr_wrong++;
	per_cpu_ptr(*ptr, 0)->count--;
}

static int churn_thread(void *data)
{
	struct item __percpu *ptr[CHURN_OBJS] = { };
	struct churn_owner owner[CHURN_OBJS] = { };
	struct churn *churn = data;
	unsigned int i = 0;

	while (!READ_ONCE(churn->stop)) {
		i = (i * 5 + 7) % CHURN_OBJS;
		churn_one(churn, &ptr[i], &owner[i]);
		if (churn->nr % 64 == 0)
			cond_resched();
	}
	for (i = 0; i < CHURN_OBJS; i++)
		if (ptr[i])
			churn_one(churn, &ptr[i], &owner[i]);
	complete(&churn->done);
	return 0;
}

static unsigned long nr_dead_owners;

static void visit_churn(void __percpu *ptr, void *data, void *arg)
{
	struct churn_owner *owner = data;

	if (!READ_ONCE(owner->alive))
		nr_dead_owners++;
	udelay(1);
	if (!READ_ONCE(owner->alive))
		nr_dead_owners++;
}

/* Return true when all threads have allocated, or after a minute. */
static bool all_churned(struct churn *churns, unsigned int nr, unsigned long visits,
			unsigned long begin)
{
	unsigned int i;

	if (time_after(jiffies, begin + 60 * HZ))
		return true;
	for (i = 0; i < nr; i++) {
		/* The thread counts, and later is soon enough. */
		if (!data_race(churns[i].nr))
			return false;
	}
	return visits;
}

static void walk_and_trim(struct kunit *test)
{
	struct percpu_cache *cache = create_items(test, 0);
	struct churn *churns = kunit_kzalloc(test, NR_THREADS * sizeof(*churns), GFP_KERNEL);
	unsigned long begin = jiffies, visits = 0, cpu = 0;
	struct task_struct *task;
	unsigned int i, nr;

	KUNIT_ASSERT_NOT_NULL(test, churns);
	nr_dead_owners = 0;
	for (nr = 0; nr < NR_THREADS; nr++) {
		churns[nr].cache = cache;
		init_completion(&churns[nr].done);
		task = kthread_run(churn_thread, &churns[nr], "percpu_cache");
		if (IS_ERR(task))
			break;
	}
	while (time_before(jiffies, begin + HZ / 2) ||
	       !all_churned(churns, nr, visits, begin)) {
		visits += percpu_cache_for_each(cache, visit_churn, NULL);
		percpu_cache_shrink(cache);
		cpu = cpumask_next(cpu, cpu_possible_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_possible_mask);
		cpus_read_lock();
		percpu_cache_flush_cpu(cache, cpu);
		cpus_read_unlock();
		usleep_range(1000, 2000);
	}
	for (i = 0; i < nr; i++)
		WRITE_ONCE(churns[i].stop, true);
	for (i = 0; i < nr; i++) {
		wait_for_completion(&churns[i].done);
		KUNIT_EXPECT_EQ(test, churns[i].nr_wrong, 0);
		KUNIT_EXPECT_NE(test, churns[i].nr, 0);
	}
	KUNIT_EXPECT_EQ(test, nr, NR_THREADS);
	KUNIT_EXPECT_NE(test, visits, 0);
	KUNIT_EXPECT_EQ(test, nr_dead_owners, 0);
	KUNIT_EXPECT_EQ(test, nr_live(cache), 0);
	KUNIT_EXPECT_EQ(test, percpu_cache_destroy(cache), 0);
}

static struct kunit_case percpu_cache_cases[] = {
	KUNIT_CASE(layouts),
	KUNIT_CASE(invalid_requests),
	KUNIT_CASE(constructed_once),
	KUNIT_CASE(state_is_kept),
	KUNIT_CASE(damage_at_free),
	KUNIT_CASE(damage_while_free),
	KUNIT_CASE(invalid_frees),
	KUNIT_CASE(large_objects),
	KUNIT_CASE(destroy_is_refused),
	KUNIT_CASE(walk),
	KUNIT_CASE(dead_cpu),
	KUNIT_CASE(remote_free),
	KUNIT_CASE(walk_and_trim),
	{ }
};

static struct kunit_suite percpu_cache_suite = {
	.name = "percpu_object_cache",
	.test_cases = percpu_cache_cases,
};

kunit_test_suite(percpu_cache_suite);

MODULE_DESCRIPTION("KUnit tests of percpu caches");
MODULE_LICENSE("GPL");
