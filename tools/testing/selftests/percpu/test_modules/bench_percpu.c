// SPDX-License-Identifier: GPL-2.0
/*
 * Percpu benchmark: the costs of the allocator, measured by a module.
 *
 *	insmod bench_percpu.ko [rows=<name>,<name>...]
 *
 * The load prints one line for each row, and leaves no objects:
 *
 *	bench_percpu: row=<name> unit=<cycles|objects> value=<n>
 *
 * Cycles are ticks of get_cycles(), less the cost of reading it, times the
 * instructions per tick of a loop of known length: under QEMU's icount they are
 * guest instructions.  Interrupts stay on if an allocation may sleep; samples with
 * an interrupt are left out and counted.  The module uses only interfaces that
 * all kernels export.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/idr.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#ifdef CONFIG_PERCPU_CACHE
#include <linux/percpu_cache.h>
#endif
#include <linux/percpu_counter.h>
#ifdef CONFIG_PERCPU_TAG
#include <linux/percpu_tag.h>
#endif
#include <linux/sbitmap.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "bench_measure.h"

static char *rows[32];
static unsigned int nr_rows;
module_param_array(rows, charp, &nr_rows, 0444);
MODULE_PARM_DESC(rows, "list of groups to run; default: all");

#define MANY		MAX_SAMPLES	/* objects of rows with percentiles */
#define LIVE		4096	/* objects of churn */
#define COLD		2000	/* objects over a page */
#define GROWN		600	/* pages of each CPU that MANY objects need */
#define BATCH		512
#define REMOTE		256
#define PAIRS		64	/* pairs in one sample */

static void __percpu *objects[MANY];

static DEFINE_PER_CPU(unsigned long, module_counter);

static void __percpu *alloc(size_t size, size_t align, gfp_t gfp)
{
	return __alloc_percpu_gfp(size, align, gfp);
}

static void free_objects(unsigned int nr)
{
	while (nr--) {
		free_percpu(objects[nr]);
		objects[nr] = NULL;
	}
}

/* Rows. Each function returns 0 or an errno. */
static int pair(const char *row, size_t size, gfp_t gfp)
{
	unsigned int i, n;

	samples_begin();
	/* The first round only fills the caches. */
	for (n = 0; n <= SAMPLES; n++) {
		u64 start = get_cycles();

		for (i = 0; i < PAIRS; i++) {
			void __percpu *p = alloc(size, 8, gfp);

			if (!p)
				return -ENOMEM;
			free_percpu(p);
		}
		if (n)
			sample(since(start), false);
	}
	report(row, median(), PAIRS);
	return 0;
}

static int row_pairs(void)
{
	static const unsigned int sizes[] = {
		8, 16, 32, 48, 64, 96, 128, 200, 256, 512, 1024, 2048, 3000, 4096
	};
	unsigned int i;
	char row[32];
	int err;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(row, sizeof(row), "pair_%u", sizes[i]);
		err = pair(row, sizes[i], GFP_KERNEL);
		if (err)
			return err;
	}
	return 0;
}

static int row_pair_64(void)
{
	return pair("pair_64", 64, GFP_KERNEL);
}

static int row_atomic(void)
{
	return pair("pair_64_atomic", 64, GFP_ATOMIC) ?:
	       pair("pair_1024_atomic", 1024, GFP_ATOMIC);
}

static int row_account(void)
{
	return pair("pair_64_account", 64, GFP_KERNEL_ACCOUNT);
}

static int fill(unsigned int nr, size_t size)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		objects[i] = alloc(size ?: mixed_size(), size ? 8 : 4, GFP_KERNEL);
		if (!objects[i]) {
			free_objects(i);
			return -ENOMEM;
		}
	}
	return 0;
}

static int batch(const char *row, bool lifo)
{
	unsigned int i, n;

	samples_begin();
	for (n = 0; n <= 21; n++) {
		u64 start = get_cycles();
		int err = fill(BATCH, 64);

		if (err)
			return err;
		for (i = 0; i < BATCH; i++)
			free_percpu(objects[lifo ? BATCH - 1 - i : i]);
		if (n)
			sample(since(start), false);
	}
	report(row, median(), BATCH);
	return 0;
}

static int row_batches(void)
{
	return batch("batch_512_fifo", false) ?: batch("batch_512_lifo", true);
}

/* The median of five means; a mean includes rare costs. */
static int row_churn(void)
{
	unsigned int n, i;
	u64 start;
	int err;

	seed = 0x9e3779b9;
	err = fill(LIVE, 0);
	samples_begin();
	for (n = 0; n <= 5 && !err; n++) {
		start = get_cycles();
		for (i = 0; i < LIVE && !err; i++) {
			void __percpu **slot = &objects[next_random() % LIVE];

			free_percpu(*slot);
			*slot = alloc(mixed_size(), 4, GFP_KERNEL);
			if (!*slot)
				err = -ENOMEM;
		}
		if (n)
			sample(since(start), false);
	}
	free_objects(LIVE);
	if (!err)
		report("churn_4096", median(), LIVE);
	return err;
}

static void free_remote(void *ticks)
{
	u64 start = get_cycles();
	unsigned int i;

	for (i = 0; i < REMOTE; i++)
		free_percpu(objects[i]);
	*(u64 *)ticks = since(start);
}

static int row_remote(void)
{
	int other = cpumask_any_but(cpu_online_mask, smp_processor_id());
	u64 start, pairs[21], freed;
	unsigned int n;
	int err;

	if (other >= nr_cpu_ids)
		return -ENODEV;
	samples_begin();
	for (n = 0; n <= ARRAY_SIZE(pairs); n++) {
		start = get_cycles();
		err = fill(REMOTE, 64);
		if (err)
			return err;
		start = since(start);
		smp_call_function_single(other, free_remote, &freed, true);
		if (!n)
			continue;
		pairs[n - 1] = start + freed;
		sample(freed, false);
	}
	report("free_remote", median(), REMOTE);
	samples_begin();
	for (n = 0; n < ARRAY_SIZE(pairs); n++)
		sample(pairs[n], false);
	report("pair_remote", median(), REMOTE);
	return 0;
}

/* Allocate @nr objects, of mixed sizes if @size is 0, and free them. */
static int sample_allocs(unsigned int nr, size_t size, size_t align)
{
	unsigned int i;

	samples_begin();
	for (i = 0; i < nr; i++) {
		size_t bytes = size ?: mixed_size();
		unsigned long before = interruptions();
		u64 start = get_cycles();

		objects[i] = alloc(bytes, align, GFP_KERNEL);
		sample(since(start), before != interruptions());
		if (!objects[i])
			break;
	}
	free_objects(i);
	return i < nr ? -ENOMEM : 0;
}

/*
 * Small objects that are aligned to a page: most allocations populate a page on
 * all CPUs, the most expensive one creates a chunk.
 */
static int row_populate(void)
{
	int err = sample_allocs(BATCH, 16, PAGE_SIZE);

	if (err)
		return err;
	samples_sort();
	report("first_in_page", percentile(500), 1);
	report("chunk_create", percentile(1000), 1);
	return 0;
}

/* Objects over a page: each allocation populates pages, some create a chunk. */
static int row_cold(void)
{
	int err = sample_allocs(COLD, 5000, 8);

	if (err)
		return err;
	samples_sort();
	report("cold_5000_p50", percentile(500), 1);
	report("cold_5000_p99", percentile(990), 1);
	report("cold_5000_worst", percentile(1000), 1);
	report("cold_5000_mean", samples_sum(), nr_samples);
	return 0;
}

static void shuffle(unsigned int nr)
{
	while (nr > 1) {
		unsigned int other = next_random() % nr--;

		swap(objects[nr], objects[other]);
	}
}

/* Free @nr objects with IRQs off, in their order. */
static void sample_frees(unsigned int nr)
{
	unsigned long flags;
	unsigned int i;
	u64 start;

	samples_begin();
	for (i = 0; i < nr; i++) {
		local_irq_save(flags);
		start = get_cycles();
		free_percpu(objects[i]);
		sample(since(start), false);
		local_irq_restore(flags);
	}
	samples_sort();
}

static int row_free_random(void)
{
	int err;

	seed = 12345;
	err = fill(MANY, 64);
	if (err)
		return err;
	shuffle(MANY);
	sample_frees(MANY);
	report("free_random_p50", percentile(500), 1);
	report("free_random_p90", percentile(900), 1);
	report("free_random_p99", percentile(990), 1);
	report("free_random_worst", percentile(1000), 1);
	return 0;
}

static int row_free_fifo(void)
{
	int err = fill(MANY, 8);

	if (err)
		return err;
	sample_frees(MANY);
	report("free_fifo_p50", percentile(500), 1);
	report("free_fifo_p99", percentile(990), 1);
	report("free_fifo_mean", samples_sum(), nr_samples);
	return 0;
}

/* Allocate one page for each CPU. */
static bool alloc_all_cpus(struct list_head *pages)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page)
			return false;
		list_add(&page->lru, pages);
	}
	return true;
}

/*
 * The page allocator's share of the expensive allocations of row_grow_objects(),
 * which are those that populate a page. Pages are allocated one by one, because
 * the function for several pages has another name in other versions.
 */
static int row_grow_pages(void)
{
	struct page *page, *next;
	bool ok = true;
	LIST_HEAD(pages);
	unsigned int i;

	samples_begin();
	for (i = 0; i < GROWN && ok; i++) {
		unsigned long before = interruptions();
		u64 start = get_cycles();

		ok = alloc_all_cpus(&pages);
		sample(since(start), before != interruptions());
	}
	list_for_each_entry_safe(page, next, &pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
	if (!ok)
		return -ENOMEM;
	samples_sort();
	report("grow_pages_p50", percentile(500), 1);
	report("grow_pages_p97", percentile(970), 1);
	report("grow_pages_worst", percentile(1000), 1);
	return 0;
}

/* This row runs before those that leave populated pages. */
static int row_grow_objects(void)
{
	int err;

	seed = 54321;
	err = sample_allocs(MANY, 0, 4);
	if (err)
		return err;
	samples_sort();
	report("grow_p50", percentile(500), 1);
	report("grow_p99", percentile(990), 1);
	report("grow_p999", percentile(999), 1);
	report("grow_worst", percentile(1000), 1);
	report_value("grow_left_out", "objects", nr_disturbed);
	return 0;
}

static int row_grow(void)
{
	return row_grow_objects() ?: row_grow_pages();
}

/* GFP_ATOMIC gets populated pages only, so this row runs first. */
static int row_burst(void)
{
	unsigned int i, served = 0;
	unsigned long flags;

	local_irq_save(flags);
	for (i = 0; i < LIVE; i++) {
		objects[served] = alloc(256, 8, GFP_ATOMIC | __GFP_NOWARN);
		if (objects[served])
			served++;
	}
	local_irq_restore(flags);
	free_objects(served);
	report_value("atomic_burst_4096", "objects", served);
	return 0;
}

static noinline unsigned long sum_of(unsigned long __percpu *counter)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(counter, cpu);
	return sum;
}

static int row_sum(void)
{
	unsigned long __percpu *counter = alloc_percpu(unsigned long);
	unsigned long sum = 0;
	unsigned int n, i;

	if (!counter)
		return -ENOMEM;
	samples_begin();
	for (n = 0; n < SAMPLES; n++) {
		u64 start = get_cycles();

		for (i = 0; i < 16; i++)
			sum += sum_of(counter);
		sample(since(start), false);
	}
	free_percpu(counter);
	report("sum_all_cpus", median(), 16);
	/* Use the sum, so that the compiler keeps it. */
	return sum ? -EIO : 0;
}

#define time_inc(row, counter)						\
do {									\
	unsigned int n, i;						\
									\
	samples_begin();						\
	for (n = 0; n < SAMPLES; n++) {					\
		u64 start = get_cycles();				\
									\
		for (i = 0; i < 1000; i++)				\
			this_cpu_inc(counter);				\
		sample(since(start), false);				\
		for (i = 0; i < 1000; i++)				\
			this_cpu_dec(counter);				\
	}								\
	report(row, median(), 1);					\
} while (0)

static int row_inc(void)
{
	unsigned long __percpu *counter = alloc_percpu(unsigned long);

	if (!counter)
		return -ENOMEM;
	time_inc("this_cpu_inc_x1000_dynamic", *counter);
	time_inc("this_cpu_inc_x1000_module_static", module_counter);
	/* An exported static variable; its value is restored. */
	time_inc("this_cpu_inc_x1000_kernel_static", kstat.irqs_sum);
	free_percpu(counter);
	return 0;
}

/* Tags, and other allocators of integers */
#define time_tags(row, get, put)					\
do {									\
	unsigned int n, i;						\
	int tag = 0;							\
									\
	samples_begin();						\
	for (n = 0; n <= SAMPLES; n++) {				\
		u64 start = get_cycles();				\
									\
		for (i = 0; i < PAIRS; i++) {				\
			tag = get;					\
			if (tag < 0)					\
				break;					\
			put;						\
		}							\
		if (n)							\
			sample(since(start), tag < 0);			\
	}								\
	report(row, median(), PAIRS);					\
} while (0)

static int row_tag(void)
{
#ifdef CONFIG_PERCPU_TAG
	static struct percpu_tag_pool pool;
	int err = percpu_tag_pool_init(&pool, LIVE, 0);
	static int tags[16];

	if (err)
		return err;
	time_tags("tag_pair", percpu_tag_alloc(&pool, GFP_KERNEL),
		  percpu_tag_free(&pool, tag));
	time_tags("tag_pair_atomic", percpu_tag_alloc(&pool, GFP_ATOMIC),
		  percpu_tag_free(&pool, tag));
	time_tags("tag_batch_16", percpu_tag_alloc_batch(&pool, tags, 16) - 16,
		  percpu_tag_free_batch(&pool, tags, 16));
	return percpu_tag_pool_destroy(&pool);
#else
	return 0;
#endif
}

static int row_sbitmap(void)
{
#ifdef CONFIG_SBITMAP
	static struct sbitmap_queue queue;
	unsigned int cpu;
	int err = sbitmap_queue_init_node(&queue, LIVE, -1, false, GFP_KERNEL,
					  NUMA_NO_NODE);

	if (err)
		return err;
	time_tags("tag_pair_sbitmap", sbitmap_queue_get(&queue, &cpu),
		  sbitmap_queue_clear(&queue, tag, cpu));
	sbitmap_queue_free(&queue);
#endif
	return 0;
}

static int row_ida(void)
{
	static DEFINE_IDA(ida);

	time_tags("tag_pair_ida", ida_alloc_max(&ida, LIVE - 1, GFP_KERNEL),
		  ida_free(&ida, tag));
	ida_destroy(&ida);
	return 0;
}

static int row_tags(void)
{
	return row_tag() ?: row_sbitmap() ?: row_ida();
}

static int row_cache(void)
{
#ifdef CONFIG_PERCPU_CACHE
	struct percpu_cache *cache = percpu_cache_create("bench", 96, 8, NULL, 0);
	static void __percpu *ptr;

	if (IS_ERR(cache))
		return PTR_ERR(cache);
	time_tags("cache_pair_96", (ptr = percpu_cache_alloc(cache, GFP_KERNEL)) ? 0 : -1,
		  percpu_cache_free(cache, ptr));
	time_tags("cache_pair_96_account",
		  (ptr = percpu_cache_alloc(cache, GFP_KERNEL_ACCOUNT)) ? 0 : -1,
		  percpu_cache_free(cache, ptr));
	return percpu_cache_destroy(cache);
#else
	return 0;
#endif
}

/* A counter, and those of an mm */
static int row_counter(void)
{
	static struct percpu_counter fbc[4];

	time_tags("counter_pair", percpu_counter_init(fbc, 0, GFP_KERNEL),
		  percpu_counter_destroy(fbc));
	time_tags("counter_pair_x4", percpu_counter_init_many(fbc, 0, GFP_KERNEL_ACCOUNT, 4),
		  percpu_counter_destroy_many(fbc, 4));
	if (percpu_counter_init(fbc, 0, GFP_KERNEL))
		return -ENOMEM;
	time_tags("counter_add_sub", (percpu_counter_add(fbc, 20), 0),
		  percpu_counter_sub(fbc, 20));
	percpu_counter_destroy(fbc);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} groups[] = {
	{ "burst", row_burst },
	{ "populate", row_populate },
	{ "cold", row_cold },
	{ "grow", row_grow },
	{ "pairs", row_pairs },
	{ "pair_64", row_pair_64 },
	{ "atomic", row_atomic },
	{ "account", row_account },
	{ "batches", row_batches },
	{ "churn", row_churn },
	{ "remote", row_remote },
	{ "free_random", row_free_random },
	{ "free_fifo", row_free_fifo },
	{ "sum", row_sum },
	{ "inc", row_inc },
	{ "tags", row_tags },
	{ "cache", row_cache },
	{ "counter", row_counter },
};

static bool is_selected(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_rows; i++)
		if (!strcmp(rows[i], name) || !strcmp(rows[i], "all"))
			return true;
	return !nr_rows;
}

static int __init bench_percpu_init(void)
{
	unsigned long before;
	unsigned int i;
	int err;

	/* Stay on one CPU, so that frees are local. */
	err = set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));
	if (err)
		return err;
	calibrate();
	before = interruptions();
	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		if (!is_selected(groups[i].name))
			continue;
		/* Idle cached objects are trimmed before the next group. */
		msleep(2000);
		err = groups[i].run();
		if (err)
			pr_err("group=%s failed: %pe\n", groups[i].name,
			       ERR_PTR(err));
	}
	/* If this is 0, interruptions() does not work here. */
	report_value("interruptions", "times", interruptions() - before);
	return 0;
}
module_init(bench_percpu_init);

static void __exit bench_percpu_exit(void)
{
}
module_exit(bench_percpu_exit);

MODULE_DESCRIPTION("Percpu allocator benchmark");
MODULE_LICENSE("GPL");
