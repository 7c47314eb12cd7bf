// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the per-CPU caches and the depot: the order of objects, the bounds
 * of both, and trimming.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>

#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include "../cache.h"
#include "../chunk.h"
#include "../debug/hooks.h"
#include "../debug/redzone.h"
#include "../objmap.h"
#include "validate.h"

static unsigned int cached_in_all(void)
{
	unsigned int unit, sum = 0;
	unsigned long bytes = 0;

	for_each_pcpu_unit(unit)
		if (pcpu_cache_of_unit(unit))
			sum += pcpu_cache_count(pcpu_cache_of_unit(unit), &bytes);
	return sum;
}

/*
 * A CPU allocates the objects that it freed last, the last one first.  Interrupts are
 * off because the worker trims the cache by a function call.
 */
static void latest_first(struct kunit *test)
{
	static const size_t sizes[] = {
		4, 8, 16, 48, 64, 1000, 1024, 1025, 2048, 3000, 5000,
		PCPU_WIDE_BYTES - PCPU_SHADOW_GAP, PCPU_CACHED_MAX * PCPU_GRANULE - PCPU_SHADOW_GAP
	};
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void __percpu *a = __alloc_percpu(sizes[i], 4), *c;
		void __percpu *b = __alloc_percpu(sizes[i], 4), *d;

		KUNIT_ASSERT_NOT_NULL(test, (__force void *)a);
		KUNIT_ASSERT_NOT_NULL(test, (__force void *)b);
		local_irq_save(flags);
		free_percpu(a);
		free_percpu(b);
		c = __alloc_percpu_gfp(sizes[i], 4, GFP_NOWAIT);
		d = __alloc_percpu_gfp(sizes[i], 4, GFP_NOWAIT);
		local_irq_restore(flags);
		KUNIT_EXPECT_PTR_EQ(test, (__force void *)b, (__force void *)c);
		KUNIT_EXPECT_PTR_EQ(test, (__force void *)a, (__force void *)d);
		free_percpu(c);
		free_percpu(d);
	}
}

/* Frees of any number leave caches and depot within their bounds. */
static void bounds(struct kunit *test)
{
	static const size_t sizes[] = { 4, 16, 64, 1024 };
	unsigned int i, k, n = 20 * PCPU_MAGAZINE_MAX;
	unsigned long bytes, depot_bytes, populated;
	void __percpu **ptrs;

	ptrs = kvcalloc(n, sizeof(*ptrs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptrs);
	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		for (i = 0; i < n; i++)
			ptrs[i] = __alloc_percpu(sizes[k], 4);
		/*
		 * The bound of the depot follows the number of populated
		 * pages.  The worker may change it during the test, but does
		 * not shrink the depot for that.
		 */
		populated = READ_ONCE(pcpu_nr_populated) +
			    PCPU_RESERVE_HIGH;
		for (i = 0; i < n; i++)
			free_percpu(ptrs[i]);
		for_each_pcpu_unit(i) {
			if (!pcpu_cache_of_unit(i))
				continue;
			bytes = 0;
			pcpu_cache_count(pcpu_cache_of_unit(i), &bytes);
			KUNIT_EXPECT_LE(test, bytes, PCPU_CACHE_BYTES + 1024);
		}
		depot_bytes = READ_ONCE(pcpu_depot->bytes);
		/* The last batch may go over the bound. */
		KUNIT_EXPECT_LE(test, depot_bytes,
				PCPU_DEPOT_BYTES + populated * PAGE_SIZE / 32 +
				PCPU_MAGAZINE_BYTES);
	}
	kvfree(ptrs);
}

/* Allocate an object of 16 bytes from the chunks, past the caches. */
static u32 object_from_chunk(struct kunit *test)
{
	unsigned long off = pcpu_extent_alloc(1, 16, PCPU_KIND_OBJECT, GFP_KERNEL);

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(off));
	return off;
}

/* The depot returns @nr objects as they were put, and trimming empties the depot. */
static void depot_returns(struct kunit *test, unsigned int nr)
{
	unsigned int i, class = pcpu_class_of(16, 16), tries = 0;
	struct pcpu_batch put = { .class = class }, got = { .class = class };
	u32 offs[PCPU_BATCH_MAX];

	/* Another CPU may take the batch, as all caches are empty. */
	do {
		for (i = 0; i < nr; i++) {
			offs[i] = object_from_chunk(test);
			put.offs[i] = offs[i];
		}
		pcpu_balance_now();
		put.nr = nr;
		pcpu_depot_put(&put);
		KUNIT_ASSERT_EQ(test, put.nr, 0);
		pcpu_depot_get(&got);
	} while (!got.nr && ++tries < 10);
	KUNIT_EXPECT_EQ(test, got.nr, nr);
	KUNIT_EXPECT_MEMEQ(test, offs, got.offs, nr * sizeof(*offs));
	pcpu_depot_put(&got);
	KUNIT_ASSERT_EQ(test, got.nr, 0);
	pcpu_balance_now();
	KUNIT_EXPECT_FALSE(test, pcpu_depot_has(class));
}

static void depot_returns_batch(struct kunit *test)
{
	static const unsigned int nrs[] = {
		1, 3, PCPU_PART_MAX, PCPU_PART_MAX + 1, PCPU_BATCH_MAX
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nrs); i++)
		depot_returns(test, nrs[i]);
}

/* Add batches of @nr objects of 16 bytes until the depot is full. Return their number. */
static unsigned int depot_fill(struct kunit *test, unsigned int nr)
{
	struct pcpu_batch batch = { .class = pcpu_class_of(16, 16) };
	unsigned int n;

	for (n = 0; n <= PCPU_DEPOT_BATCHES * PCPU_BATCH_MAX && !batch.nr; n += nr) {
		while (batch.nr < nr)
			batch.offs[batch.nr++] = object_from_chunk(test);
		pcpu_depot_put(&batch);
	}
	/* A batch that is refused is still the caller's. */
	KUNIT_EXPECT_EQ(test, batch.nr, nr);
	pcpu_chunks_free_batch(batch.class, batch.offs, batch.nr);
	return n - nr;
}

/* A full depot refuses all of a batch, until objects are taken out of it. */
static void depot_keeps_bounds(struct kunit *test)
{
	static const unsigned int nrs[] = { 1, PCPU_PART_MAX, PCPU_BATCH_MAX };
	struct pcpu_batch batch = { .class = pcpu_class_of(16, 16) };
	unsigned int k, i, filled;

	for (k = 0; k < ARRAY_SIZE(nrs); k++) {
		pcpu_balance_now();
		/* The worker may take idle batches out meanwhile. */
		filled = depot_fill(test, nrs[k]);
		for (i = 0; pcpu_depot_get(&batch), batch.nr; i += batch.nr) {
			KUNIT_EXPECT_FALSE(test, i && pcpu_depot_is_full());
			pcpu_chunks_free_batch(batch.class, batch.offs, batch.nr);
		}
		/* Other CPUs may have taken some of the batches. */
		KUNIT_EXPECT_GE(test, i, 3 * PCPU_DEPOT_BATCHES / 2);
		KUNIT_EXPECT_LE(test, i, filled);
	}
}

/* Count the objects that caches and the depot keep. */
static long kept_in_all(void)
{
	unsigned int class;
	long sum = cached_in_all();

	for (class = 0; class < PCPU_NR_CLASSES; class++)
		sum += READ_ONCE(pcpu_depot->classes[class].nr);
	return sum;
}

/* Count the frees of @nr objects after which caches and depot keep many less. */
static unsigned int count_dear_frees(void __percpu **ptrs, unsigned int nr, size_t size)
{
	unsigned int i, dear = 0;
	long before;

	for (i = 0; i < nr; i++)
		ptrs[i] = __alloc_percpu(size, 4);
	for (i = 0; i < nr; i++) {
		before = kept_in_all();
		free_percpu(ptrs[i]);
		dear += before - kept_in_all() >= PCPU_PART_MAX;
	}
	return dear;
}

/* How many of the frees may seem expensive because other tasks allocate at the same time. */
#define DEAR_MAX		16

/*
 * If caches and the depot are full, each free returns few objects to the chunks. The
 * worker does not run meanwhile: a trim returns many.
 */
static void frees_spread(struct kunit *test)
{
	static const size_t sizes[] = { 4, 8, 16, 240 };
	unsigned int k, dear, n = 160 * PCPU_MAGAZINE_MAX;
	void __percpu **ptrs;

	ptrs = kvcalloc(n, sizeof(*ptrs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptrs);
	pcpu_worker_pause();
	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		dear = count_dear_frees(ptrs, n, sizes[k]);
		KUNIT_EXPECT_LE_MSG(test, dear, DEAR_MAX, "%zu bytes", sizes[k]);
	}
	pcpu_worker_resume();
	kvfree(ptrs);
}

/* Trimming returns idle cached objects to the chunks. */
static void trimming(struct kunit *test)
{
	void __percpu *ptrs[128];
	unsigned int i, before, after;

	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		ptrs[i] = __alloc_percpu(64, 16);
	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		free_percpu(ptrs[i]);
	before = cached_in_all();
	pcpu_caches_trim();
	pcpu_caches_trim();
	after = cached_in_all();
	/* Other tasks may have freed some objects since, but fewer. */
	KUNIT_EXPECT_GE(test, before, 32);
	KUNIT_EXPECT_LT(test, after, before);
	KUNIT_EXPECT_FALSE(test, pcpu_depot_has(pcpu_class_of(64, 16)));

	ptrs[0] = __alloc_percpu(64, 16);
	free_percpu(ptrs[0]);
	pcpu_balance_now();
	KUNIT_EXPECT_LT(test, cached_in_all(), 32);
}

/* Waits for the worker, of 20 ms or more each. */
#define BURST_WAITS_MAX		100

/* Objects of a burst, of 240 bytes: more than the large entries of a unit hold. */
#define BURST_MIN		4096
#define BURST_MAX		16384

/*
 * The number of waits until the memory of a burst of frees is given back. A busy machine
 * delays these waits as it delays the worker.
 */
static unsigned int burst_return_waits(struct kunit *test, void __percpu **ptrs)
{
	unsigned long before, grown;
	unsigned int i, nr, waits;

	pcpu_balance_now();
	before = READ_ONCE(pcpu_nr_populated);
	grown = before + 4 * PCPU_RESERVE_HIGH;
	for (nr = 0; nr < BURST_MIN ||
	     (nr < BURST_MAX && READ_ONCE(pcpu_nr_populated) <= grown); nr++) {
		ptrs[nr] = __alloc_percpu(240, 16);
		KUNIT_EXPECT_NOT_NULL(test, (__force void *)ptrs[nr]);
	}
	KUNIT_EXPECT_GT(test, READ_ONCE(pcpu_nr_populated), grown);
	for (i = 0; i < nr; i++)
		free_percpu(ptrs[i]);
	for (waits = 0; waits < BURST_WAITS_MAX &&
	     READ_ONCE(pcpu_nr_populated) > before + 2 * PCPU_RESERVE_HIGH; waits++)
		msleep(20);
	return waits;
}

/*
 * The worker gives the memory of a burst back soon, in two of several tries at least. A
 * host can keep the CPU of the worker from running, and not that of the test.
 */
static void burst_returned(struct kunit *test)
{
	unsigned int tries, good = 0;
	void __percpu **ptrs;

	ptrs = kvcalloc(BURST_MAX, sizeof(*ptrs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptrs);
	for (tries = 0; tries < 20 && good < 2; tries++)
		good += burst_return_waits(test, ptrs) <= 15;
	KUNIT_EXPECT_EQ(test, good, 2);
	kvfree(ptrs);
}

/* Fill the cache of the CPU on which this runs. */
static long fill_cache(void *unused)
{
	void __percpu *ptrs[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		ptrs[i] = __alloc_percpu(48, 16);
	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		free_percpu(ptrs[i]);
	return 0;
}

static unsigned int cached_on(unsigned int cpu)
{
	unsigned long bytes = 0;

	return pcpu_cache_count(pcpu_cache_of_cpu(cpu), &bytes);
}

/* Trimming and CPU hotplug empty the cache of another CPU. */
static void other_cpu(struct kunit *test)
{
	unsigned int cpu = cpumask_last(cpu_online_mask);

	if (cpu == cpumask_first(cpu_online_mask))
		kunit_skip(test, "no other CPU");
	work_on_cpu(cpu, fill_cache, NULL);
	KUNIT_EXPECT_GE(test, cached_on(cpu), 32);
	pcpu_balance_now();
	KUNIT_EXPECT_LT(test, cached_on(cpu), 32);
	if (!IS_ENABLED(CONFIG_HOTPLUG_CPU))
		return;
	work_on_cpu(cpu, fill_cache, NULL);
	KUNIT_EXPECT_GE(test, cached_on(cpu), 32);
	if (remove_cpu(cpu))
		kunit_skip(test, "the CPU does not go offline");
	KUNIT_EXPECT_EQ(test, cached_on(cpu), 0);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
}

/* The bytes of the budget that a freed object without a class takes. */
static int long_object_share(struct pcpu_cache *cache)
{
	int before;

	free_percpu(__alloc_percpu(2000, 16));
	/* Of this CPU, which only interrupts use meanwhile. */
	before = data_race(cache->share - cache->capacity);
	free_percpu(__alloc_percpu(4000, 16));
	/* Of this CPU, as above */
	return data_race(cache->share - cache->capacity) - before;
}

/* What is cached never exceeds the budget, and an empty cache has no share of it. */
static void budget(struct kunit *test)
{
	unsigned int i, n = 16 * PCPU_MAGAZINE_MAX;
	struct pcpu_cache *cache;
	void __percpu **ptrs;
	int cpu, share, left, long_share;
	unsigned long flags;

	ptrs = kvcalloc(n, sizeof(*ptrs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptrs);
	pcpu_balance_now();
	for (i = 0; i < n; i++)
		ptrs[i] = __alloc_percpu(16 * (1 + i % PCPU_CLASS_GRANULES), 16);

	/* A busy CPU gets more than an equal share of many CPUs. */
	migrate_disable();
	cpu = smp_processor_id();
	cache = pcpu_cache_of_cpu(cpu);
	long_share = long_object_share(cache);
	for (i = 0; i < n; i++)
		free_percpu(ptrs[i]);
	/* Of this CPU, which only interrupts use meanwhile. */
	local_irq_save(flags);
	share = cache->share;
	left = atomic_read(&pcpu_caches_left);
	local_irq_restore(flags);
	migrate_enable();
	KUNIT_EXPECT_GE(test, long_share, 3000);
	KUNIT_EXPECT_GE(test, share, PCPU_CACHE_BYTES / 2);
	KUNIT_EXPECT_LE(test, share, PCPU_CACHE_BYTES);
	KUNIT_EXPECT_LE(test, share,
			PCPU_CACHES_BYTES - left);

	pcpu_balance_now();
	/* Other tasks may have freed objects since. */
	KUNIT_EXPECT_LT(test, data_race(cache->share), PCPU_CACHE_BYTES / 2);
	kvfree(ptrs);
}

/* A CPU that was never online has no cache; a CPU gets one, and keeps it. */
static void create(struct kunit *test)
{
	unsigned int cpu, n = 0;
	struct pcpu_cache *cache;

	for_each_online_cpu(cpu)
		KUNIT_EXPECT_NOT_NULL(test, pcpu_cache_of_cpu(cpu));
	for_each_possible_cpu(cpu) {
		if (pcpu_cache_of_cpu(cpu))
			continue;
		KUNIT_EXPECT_EQ(test, pcpu_cache_create(cpu), 0);
		cache = pcpu_cache_of_cpu(cpu);
		KUNIT_EXPECT_NOT_NULL(test, cache);
		KUNIT_EXPECT_EQ(test, pcpu_cache_create(cpu), 0);
		KUNIT_EXPECT_PTR_EQ(test, cache,
				    pcpu_cache_of_cpu(cpu));
		n++;
	}
	if (!n)
		kunit_skip(test, "all possible CPUs were online");
}

static int no_memory(unsigned int cpu)
{
	return -ENOMEM;
}

/* A CPU without memory for its cache stays offline. */
static void create_fails(struct kunit *test)
{
	unsigned int cpu = cpumask_last(cpu_online_mask);

	if (!IS_ENABLED(CONFIG_HOTPLUG_CPU) ||
	    cpu == cpumask_first(cpu_online_mask) || remove_cpu(cpu))
		kunit_skip(test, "no CPU goes offline");
	kunit_activate_static_stub(test, pcpu_cache_create, no_memory);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), -ENOMEM);
	KUNIT_EXPECT_FALSE(test, cpu_online(cpu));
	kunit_deactivate_static_stub(test, pcpu_cache_create);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
}

/* Objects of one class with different alignments alternate. */
static void mixed_alignment(struct kunit *test)
{
	void __percpu *ptrs[96];
	unsigned int i, round;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < ARRAY_SIZE(ptrs); i++) {
			size_t align = i % 3 == round % 3 ? 256 : 16;

			ptrs[i] = __alloc_percpu(48, align);
			KUNIT_ASSERT_NOT_NULL(test, (__force void *)ptrs[i]);
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)
							   raw_cpu_ptr(ptrs[i]), align));
		}
		for (i = 0; i < ARRAY_SIZE(ptrs); i++)
			free_percpu(ptrs[i * 29 % ARRAY_SIZE(ptrs)]);
	}
}

/* Checked objects are not cached, so these tests switch the checks off. */
static bool was_checked;

static int plain_init(struct kunit_suite *suite)
{
	was_checked = pcpu_debug_enabled() && pcpu_debug_switch(false);
	return 0;
}

static void plain_exit(struct kunit_suite *suite)
{
	if (IS_ENABLED(CONFIG_PERCPU_DEBUG) && was_checked)
		pcpu_debug_switch(true);
}

static void area_is_valid(struct kunit *test)
{
	const char *bad = pcpu_validate_area();

	KUNIT_EXPECT_NULL_MSG(test, bad, "%s", bad ?: "");
}

static struct kunit_case pcpu_cache_cases[] = {
	KUNIT_CASE(latest_first),
	KUNIT_CASE(bounds),
	KUNIT_CASE(depot_returns_batch),
	KUNIT_CASE(depot_keeps_bounds),
	KUNIT_CASE(frees_spread),
	KUNIT_CASE(burst_returned),
	KUNIT_CASE(trimming),
	KUNIT_CASE(other_cpu),
	KUNIT_CASE(budget),
	KUNIT_CASE(create),
	KUNIT_CASE(create_fails),
	KUNIT_CASE(mixed_alignment),
	{ }
};

static struct kunit_suite pcpu_cache_suite = {
	.name = "percpu_cache",
	.suite_init = plain_init,
	.suite_exit = plain_exit,
	.exit = area_is_valid,
	.test_cases = pcpu_cache_cases,
};

kunit_test_suite(pcpu_cache_suite);

MODULE_DESCRIPTION("KUnit tests of percpu caches");
MODULE_LICENSE("GPL");
