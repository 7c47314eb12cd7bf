// SPDX-License-Identifier: GPL-2.0-only
/*
 * trim: the life of a cache: it is made, its idle objects return to the chunks, and it is
 * emptied.
 *
 * Only its own CPU may touch a cache that is not locked, so trimming sends an IPI;
 * an empty cache gets none. A CPU that became isolated after its cache was made gets
 * a last one, and locks its cache. The hotplug callbacks create the cache of a CPU
 * that comes online for the first time, and empty that of a dead CPU.
 */
#include <kunit/static_stub.h>

#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/overflow.h>
#include <linux/panic.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/tick.h>
#include <linux/topology.h>

#include "cache.h"
#include "chunk.h"

/* The capacity of a magazine in objects. */
static unsigned int pcpu_magazine_max(unsigned int class)
{
	return clamp(PCPU_MAGAZINE_BYTES / pcpu_class_size(class),
		     PCPU_MAGAZINE_MIN, PCPU_MAGAZINE_MAX);
}

/* Bytes of a cache with its magazines. */
size_t pcpu_cache_size(void)
{
	struct pcpu_cache *cache;
	unsigned int class, nr = 0;

	for (class = 0; class < PCPU_NR_CLASSES; class++)
		nr += pcpu_magazine_max(class);
	return struct_size(cache, offs, nr);
}

/* Set up the cache of a CPU in zeroed memory. */
static void pcpu_cache_init(struct pcpu_cache *cache, unsigned int cpu)
{
	u32 *offs = cache->offs;
	unsigned int class;

	raw_spin_lock_init(&cache->lock);
	cache->last_cpu = cpu;
	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		struct pcpu_magazine *mag = &cache->magazines[class];

		mag->offs = offs;
		mag->max = pcpu_magazine_max(class);
		mag->size = pcpu_class_size(class);
		offs += mag->max;
	}
}

/*
 * Set up the cache of the boot CPU, at boot: @caches has zeroed memory for a pointer for
 * each unit, @boot that of pcpu_cache_size() bytes.
 */
void __init pcpu_caches_init(struct pcpu_cache **caches,
			     struct pcpu_cache *boot)
{
	unsigned int cpu = get_boot_cpu_id();

	raw_spin_lock_init(&pcpu_cache_common.lock);
	atomic_set(&pcpu_caches_left, PCPU_CACHES_BYTES);
	pcpu_cache_init(boot, cpu);
	caches[pcpu_cpu_unit(cpu)] = boot;
	pcpu_caches = caches;
}

/* Return true if @cpu must not be interrupted: nohz_full=, isolcpus= or a cpuset. */
static bool pcpu_cpu_is_isolated(unsigned int cpu)
{
	return cpu_is_isolated(cpu) || tick_nohz_full_cpu(cpu);
}

/*
 * Create the cache of @cpu, which is not online or the boot CPU, unless there is one, and let
 * the fast paths use it. Process context, may sleep. Return 0, or -ENOMEM.
 */
int pcpu_cache_create(unsigned int cpu)
{
	struct pcpu_cache **slot = &pcpu_caches[pcpu_cpu_unit(cpu)], *cache = *slot;

	KUNIT_STATIC_STUB_REDIRECT(pcpu_cache_create, cpu);
	if (!cache) {
		cache = kzalloc_node(pcpu_cache_size(), GFP_KERNEL, cpu_to_node(cpu));
		if (!cache)
			return -ENOMEM;
		pcpu_cache_init(cache, cpu);
		cache->locked = pcpu_cpu_is_isolated(cpu);
		/* Pairs with smp_load_acquire() in pcpu_cache_of_unit(). */
		smp_store_release(slot, cache);
	}
	if (!READ_ONCE(cache->locked))
		per_cpu(pcpu_cache_local, cpu) = cache;
	return 0;
}

/* Objects that are taken out of a cache in one IRQ-off section, at most. */
#define PCPU_TRIM_BATCH_MAX	96

/* Batches of the depot that an atomic caller returns, at most. */
#define PCPU_DRAIN_BATCHES	4

/* Stands for the CPU of a cache that the CPU hotplug callback owns. */
#define PCPU_DEAD_CPU		UINT_MAX

enum pcpu_trim_what {
	PCPU_TRIM_IDLE,
	PCPU_TRIM_ALL,
};

/**
 * struct pcpu_trim_batch - objects taken out of a cache
 * @cache: the cache
 * @cpu: the CPU that owns the cache, if it is not locked, or %PCPU_DEAD_CPU
 * @what: the objects to take
 * @begun: @runs have been taken
 * @more: the cache has further objects to take
 * @left: the cache has objects that are not idle
 * @class: where to go on
 * @runs: the runs of the cache, and its objects without a class
 * @nr: number of objects
 * @classes: their classes
 * @offs: their offsets
 *
 * Lives on the stack of the caller, which waits while the CPU of the cache fills
 * it.
 */
struct pcpu_trim_batch {
	struct pcpu_cache *cache;
	unsigned int cpu;
	enum pcpu_trim_what what;
	bool begun;
	bool more;
	bool left;
	u8 class;
	struct pcpu_run runs[2 + PCPU_CACHE_WIDES];
	unsigned int nr;
	u8 classes[PCPU_TRIM_BATCH_MAX];
	u32 offs[PCPU_TRIM_BATCH_MAX];
};

/* Take idle objects of a magazine, as many as the batch can hold. */
static void pcpu_trim_magazine(struct pcpu_trim_batch *batch,
			       struct pcpu_magazine *mag)
{
	unsigned int n, want;

	while ((want = min(mag->low, PCPU_TRIM_BATCH_MAX - batch->nr))) {
		u16 low = mag->low;

		n = pcpu_magazine_pop_batch(batch->cache, mag,
					    batch->offs + batch->nr, want);
		memset(batch->classes + batch->nr, batch->class, n);
		batch->nr += n;
		/* The objects taken were idle ones. */
		mag->low = low - n;
	}
}

/*
 * Return what a cache does not use to the budget. A cache that has more than is left
 * returns half of the difference, too: it evicts objects when the next one is freed.
 */
static void pcpu_cache_return_share(struct pcpu_cache *cache)
{
	int left = atomic_read(&pcpu_caches_left);
	int bytes = max(cache->capacity, (cache->share - left) / 2);

	pcpu_cache_assert_owned(cache);

	bytes = clamp(bytes, 0, cache->share);
	if (!bytes)
		return;
	cache->share -= bytes;
	cache->capacity -= bytes;
	atomic_add(bytes, &pcpu_caches_left);
}

/* Count idle objects from now on. Return true if the cache is not empty. */
static bool pcpu_cache_track(struct pcpu_cache *cache)
{
	unsigned int class, i, cached = cache->run.nr | cache->leftover.nr;

	pcpu_cache_assert_owned(cache);

	for (i = 0; i < PCPU_CACHE_WIDES; i++)
		cached |= cache->wides[i].nr;
	cache->wides_idle = true;

	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		cache->magazines[class].low = cache->magazines[class].nr;
		cached |= cache->magazines[class].nr;
	}
	cache->run_idle = true;
	WRITE_ONCE(cache->tracked, cached);
	pcpu_cache_return_share(cache);
	return cached;
}

static void pcpu_trim_runs(struct pcpu_trim_batch *batch)
{
	struct pcpu_cache *cache = batch->cache;
	unsigned int i;

	batch->begun = true;
	if (batch->what == PCPU_TRIM_ALL || cache->run_idle) {
		swap(cache->run, batch->runs[0]);
		swap(cache->leftover, batch->runs[1]);
	}
	if (batch->what == PCPU_TRIM_ALL || cache->wides_idle)
		for (i = 0; i < PCPU_CACHE_WIDES; i++) {
			cache->capacity += pcpu_run_bytes(&cache->wides[i]);
			swap(cache->wides[i], batch->runs[2 + i]);
		}
	/* All objects are idle if the cache is tracked from now on. */
	if (batch->what == PCPU_TRIM_ALL)
		pcpu_cache_track(cache);
}

/* Take idle objects out of the cache, as many as the batch can hold. */
static void pcpu_trim_collect(struct pcpu_trim_batch *batch)
{
	struct pcpu_cache *cache = batch->cache;

	pcpu_cache_assert_owned(cache);

	if (!batch->begun)
		pcpu_trim_runs(batch);
	for (; batch->class < PCPU_NR_CLASSES; batch->class++) {
		pcpu_trim_magazine(batch, &cache->magazines[batch->class]);
		batch->more = cache->magazines[batch->class].low;
		if (batch->more)
			return;
	}
	batch->left = pcpu_cache_track(cache);
}

/* Lock the cache of this CPU, which is not locked, if the CPU is isolated now. */
static void pcpu_cache_check_isolated(struct pcpu_cache *cache)
{
	pcpu_cache_assert_owned(cache);

	if (likely(!pcpu_cpu_is_isolated(raw_smp_processor_id())))
		return;
	/* The holder of the lock after this one sees what this CPU wrote. */
	raw_spin_lock(&cache->lock);
	WRITE_ONCE(cache->locked, true);
	raw_spin_unlock(&cache->lock);
	raw_cpu_write(pcpu_cache_local, &pcpu_cache_common);
}

/*
 * Collect where the cache is locked, or owned by this CPU or by the caller. Return true if
 * it is.
 */
static bool pcpu_trim_collect_here(struct pcpu_trim_batch *batch)
{
	struct pcpu_cache *cache = batch->cache;
	unsigned long flags;
	bool here, locked;

	local_irq_save(flags);
	locked = READ_ONCE(cache->locked);
	here = locked || batch->cpu == PCPU_DEAD_CPU || batch->cpu == raw_smp_processor_id();
	if (locked)
		raw_spin_lock(&cache->lock);
	if (here)
		pcpu_trim_collect(batch);
	if (locked)
		raw_spin_unlock(&cache->lock);
	local_irq_restore(flags);
	return here;
}

/* On the CPU of the cache. An earlier interrupt may have locked it since the sender looked. */
static void pcpu_trim_collect_ipi(void *data)
{
	struct pcpu_trim_batch *batch = data;

	pcpu_trim_collect_here(batch);
	if (!batch->cache->locked)
		pcpu_cache_check_isolated(batch->cache);
}

/* Return true if the batch was collected. */
static bool pcpu_trim_on_cpu(struct pcpu_trim_batch *batch, bool may_wait)
{
	if (pcpu_trim_collect_here(batch))
		return true;
	/* Another trim may have found the CPU isolated meanwhile. */
	if (READ_ONCE(batch->cache->locked))
		return pcpu_trim_collect_here(batch);
	return may_wait && !irqs_disabled() &&
	       !smp_call_function_single(batch->cpu, pcpu_trim_collect_ipi,
					 batch, true);
}

/* Free the objects of the batch to the chunks. */
static void pcpu_trim_flush(struct pcpu_trim_batch *batch)
{
	unsigned int i, n;

	for (i = 0; i < batch->nr; i += n) {
		for (n = 1; i + n < batch->nr; n++)
			if (batch->classes[i + n] != batch->classes[i])
				break;
		pcpu_chunks_free_batch(batch->classes[i], batch->offs + i, n);
	}
	batch->nr = 0;
	for (i = 0; i < ARRAY_SIZE(batch->runs); i++) {
		if (batch->runs[i].nr)
			pcpu_chunks_free(batch->runs[i].off, batch->runs[i].nr);
		batch->runs[i].nr = 0;
	}
}

/*
 * Trim or drain one cache, or take a single batch if @may_wait is false. Return true
 * if objects are left that are not idle.
 */
static noinline bool pcpu_trim_cache(struct pcpu_cache *cache, unsigned int cpu,
				     enum pcpu_trim_what what, bool may_wait)
{
	struct pcpu_trim_batch batch = {
		.cache = cache,
		.cpu = cpu,
		.what = what,
	};

	/* Nothing cached: skip the IPI. */
	if (!READ_ONCE(cache->tracked))
		return false;
	do {
		if (!pcpu_trim_on_cpu(&batch, may_wait))
			return false;
		pcpu_trim_flush(&batch);
	} while (batch.more && may_wait);
	return batch.left;
}

/* Trim or drain all caches. Return true if objects are left. */
static bool pcpu_trim_caches(enum pcpu_trim_what what)
{
	bool left = pcpu_trim_cache(&pcpu_cache_common, 0, what, true);
	struct pcpu_cache *cache;
	unsigned int unit;

	for_each_pcpu_unit(unit) {
		cache = pcpu_cache_of_unit(unit);
		if (cache)
			left |= pcpu_trim_cache(cache, pcpu_unit_cpu(unit),
						what, true);
		cond_resched();
	}
	return left;
}

/* Empty the cache of a CPU that is offline now. */
static int pcpu_trim_dead_cpu(unsigned int cpu)
{
	pcpu_trim_cache(pcpu_cache_of_cpu(cpu), PCPU_DEAD_CPU, PCPU_TRIM_ALL, true);
	/* The worker may have found the CPU offline and its cache not empty. */
	pcpu_balance_kick();
	return 0;
}

/* Before a second CPU runs. Without memory for its cache a CPU stays offline. */
static int __init pcpu_trim_init(void)
{
	int state = cpuhp_setup_state(CPUHP_BP_PREPARE_DYN, "mm/percpu:prepare",
				      pcpu_cache_create, pcpu_trim_dead_cpu);

	if (state < 0)
		panic("percpu: no CPU hotplug state");
	return 0;
}
early_initcall(pcpu_trim_init);

/* Free up to @max idle batches to the chunks. */
static void pcpu_depot_trim(unsigned int max)
{
	struct pcpu_batch batch;

	for (batch.class = 0; max && pcpu_depot_get_idle(&batch); max--)
		pcpu_chunks_free_batch(batch.class, batch.offs, batch.nr);
}

/*
 * Return idle objects of all caches and the depot: those that were not allocated since the
 * last call. Process context, IRQs on; waits for other CPUs. Return true if objects are
 * left, so that another call is useful.
 */
bool pcpu_caches_trim(void)
{
	bool left = pcpu_trim_caches(PCPU_TRIM_IDLE);

	pcpu_depot_trim(UINT_MAX);
	return pcpu_depot_track() || left;
}

/*
 * Return all objects of all caches and the depot. Process context, IRQs on; waits for other
 * CPUs.
 */
void pcpu_caches_drain(void)
{
	pcpu_trim_caches(PCPU_TRIM_ALL);
	/* All batches are idle if they are tracked from now on. */
	pcpu_depot_track();
	pcpu_depot_trim(UINT_MAX);
	pcpu_depot_track();
}

/*
 * Return some objects for a caller that cannot wait, in any context: the runs and at most
 * PCPU_TRIM_BATCH_MAX objects of the cache of this CPU, and PCPU_DRAIN_BATCHES batches of
 * the depot. The other objects count as idle from then on: the next trim returns them.
 */
void pcpu_caches_drain_some(void)
{
	unsigned int cpu = raw_smp_processor_id();

	pcpu_trim_cache(&pcpu_cache_common, 0, PCPU_TRIM_ALL, false);
	pcpu_trim_cache(pcpu_cache_of_cpu(cpu), cpu,
			PCPU_TRIM_ALL, false);
	pcpu_depot_track();
	pcpu_depot_trim(PCPU_DRAIN_BATCHES);
}

/* Return true if a CPU has a locked cache, as it is or was isolated. Any context. */
bool pcpu_caches_isolated(void)
{
	const struct pcpu_cache *cache;
	unsigned int unit;

	for_each_pcpu_unit(unit) {
		cache = pcpu_cache_of_unit(unit);
		if (cache && READ_ONCE(cache->locked))
			return true;
	}
	return false;
}

/*
 * Count the objects of a cache, and add their bytes on one CPU to @bytes. Any context, no
 * lock needed; concurrent changes may be missed.
 */
unsigned int pcpu_cache_count(const struct pcpu_cache *cache,
			      unsigned long *bytes)
{
	unsigned int class, i, nr, sum = 0;

	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		/* A concurrent change may be missed. */
		nr = data_race(cache->magazines[class].nr);
		sum += nr;
		*bytes += nr * pcpu_class_size(class);
	}
	for (i = 0; i < PCPU_CACHE_WIDES; i++) {
		/* A concurrent change may be missed. */
		nr = data_race(cache->wides[i].nr);
		sum += !!nr;
		*bytes += nr << PCPU_GRANULE_SHIFT;
	}
	return sum;
}
