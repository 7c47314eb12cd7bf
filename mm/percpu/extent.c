// SPDX-License-Identifier: GPL-2.0-only
/*
 * extent: granules with memory: placed in a chunk, then populated; and the call of the
 * worker, which keeps a reserve of populated pages.
 *
 * An extent has its place before its pages are populated, so that no lock is held
 * while memory is allocated. One that is longer than a chunk begins with a chunk.
 *
 * The worker, see balance.c, calls all levels. Levels above this one queue it by
 * pcpu_balance_kick(), in any context with none of the allocator's locks held.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/panic.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include "chunk.h"
#include "pages.h"

/*
 * The delay of the worker in jiffies: frees come in bursts and are often followed by
 * allocations.
 */
#define PCPU_BALANCE_DELAY	(HZ / 20UL)

static struct delayed_work pcpu_balance_dwork;

/* Unbound: the worker runs on no isolated CPU. */
static struct workqueue_struct *pcpu_balance_wq;

/* Set once workqueues run. */
static bool pcpu_balance_enabled __read_mostly;

/* The worker was queued because of a low reserve and has not begun; and when. */
static bool pcpu_balance_urgent;
static unsigned long pcpu_balance_called;

/* The worker is queued with a longer delay than after a burst of frees. */
static unsigned int pcpu_balance_waits;

/* Pages beyond the reserve that the worker has left until that delay is over. */
static long pcpu_balance_left;

/* An allocation lacks a chunk of its kind: the worker keeps no empty chunk. */
static unsigned int pcpu_chunk_wanted;

static bool pcpu_balance_is_due(void)
{
	return pcpu_counts_excess(PCPU_RESERVE_KEEP) - READ_ONCE(pcpu_balance_left) >
	       PCPU_RESERVE_HIGH - PCPU_RESERVE_KEEP;
}

/*
 * Queue the worker: at once if the reserve is low or a chunk is wanted, otherwise after a
 * delay. A longer delay becomes the same if there are pages to give back.
 *
 * "At once" is once a jiffy, as queueing costs more than an allocation. If the worker has
 * not begun in the next jiffy, its CPU may be too busy: it is queued again, from this CPU.
 */
void pcpu_balance_kick(void)
{
	unsigned long now = jiffies;

	if (!READ_ONCE(pcpu_balance_enabled))
		return;
	/*
	 * Pairs with smp_mb() in pcpu_worker_begin(): a worker that is no longer
	 * pending or urgent below sees the changes of the caller.
	 */
	smp_mb();
	if (READ_ONCE(pcpu_counts.empty) < PCPU_RESERVE_LOW || READ_ONCE(pcpu_chunk_wanted)) {
		if (READ_ONCE(pcpu_balance_urgent) && READ_ONCE(pcpu_balance_called) == now)
			return;
		WRITE_ONCE(pcpu_balance_called, now);
		WRITE_ONCE(pcpu_balance_urgent, true);
		WRITE_ONCE(pcpu_balance_waits, 0);
		mod_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork, 0);
	} else if (!delayed_work_pending(&pcpu_balance_dwork)) {
		queue_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork,
				   PCPU_BALANCE_DELAY);
	} else if (READ_ONCE(pcpu_balance_waits) && !READ_ONCE(pcpu_balance_urgent) &&
		 pcpu_balance_is_due() && xchg(&pcpu_balance_waits, 0)) {
		mod_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork, PCPU_BALANCE_DELAY);
		/* A caller that has hurried the worker meanwhile is not to wait for the delay. */
		if (READ_ONCE(pcpu_balance_urgent))
			mod_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork, 0);
	}
}

/* Queue the worker if the reserve is out of bounds. */
void pcpu_balance_check(void)
{
	if (unlikely(READ_ONCE(pcpu_counts.empty) < PCPU_RESERVE_LOW ||
		     pcpu_balance_is_due()))
		pcpu_balance_kick();
}

/* Let @run be queued as the worker, and queue it. At boot, once workqueues run. */
void __init pcpu_worker_enable(void (*run)(struct work_struct *work))
{
	pcpu_balance_wq = alloc_workqueue("percpu", WQ_UNBOUND, 0);
	if (!pcpu_balance_wq)
		panic("percpu: no memory for a workqueue");
	INIT_DELAYED_WORK(&pcpu_balance_dwork, run);
	/* Pairs with the control dependency in pcpu_balance_kick(). */
	smp_store_release(&pcpu_balance_enabled, true);
	queue_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork, 0);
}

/*
 * Note that the worker looks at the state from now on. Return true if no empty chunk is
 * to be kept.
 */
bool pcpu_worker_begin(void)
{
	WRITE_ONCE(pcpu_balance_urgent, false);
	WRITE_ONCE(pcpu_balance_left, 0);
	/*
	 * Pairs with smp_mb() in pcpu_balance_kick(): changes by a caller that saw
	 * "urgent" set are visible below.
	 */
	smp_mb();
	return xchg(&pcpu_chunk_wanted, 0);
}

/* Queue the worker once more; @delay is in jiffies. */
void pcpu_worker_again(unsigned long delay)
{
	/* What stays where CPUs are isolated must not make each caller hurry the worker. */
	if (delay > PCPU_BALANCE_DELAY)
		WRITE_ONCE(pcpu_balance_left, max(pcpu_counts_excess(PCPU_RESERVE_KEEP), 0L));
	/* Before: a caller that hurries the worker clears it. */
	WRITE_ONCE(pcpu_balance_waits, delay > PCPU_BALANCE_DELAY);
	if (!queue_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork, delay))
		WRITE_ONCE(pcpu_balance_waits, 0);
}

#if IS_ENABLED(CONFIG_PERCPU_KUNIT_TEST)
/*
 * For tests: keep the worker from running until pcpu_worker_resume(), and wait until it
 * does not run. Process context.
 */
void pcpu_worker_pause(void)
{
	disable_delayed_work_sync(&pcpu_balance_dwork);
}

/* Undo pcpu_worker_pause(). Kicks in between have queued nothing: the worker runs. */
void pcpu_worker_resume(void)
{
	enable_delayed_work(&pcpu_balance_dwork);
	WRITE_ONCE(pcpu_balance_waits, 0);
	mod_delayed_work(pcpu_balance_wq, &pcpu_balance_dwork, 0);
}
#endif

/* A run of fewer granules is a hole that a single object fills. */
#define PCPU_RUN_MIN		16U

/*
 * Where a page is populated for so few granules, the rest of the page becomes part of
 * the run. The rest behind a longer object is left to the chunk: smaller objects that
 * come next may fit into holes of other pages.
 */
#define PCPU_RUN_SHORT		4

/*
 * How often a caller waits for another CPU or the worker before it stops waiting: 40 ms
 * at least in all.
 */
#define PCPU_WAIT_TURNS		64

/*
 * How often a caller that must not sleep looks at a page of another CPU, for each unit, and
 * at a chunk: to make one takes the same time for any number of units.
 */
#define PCPU_SPIN_TURNS		8
#define PCPU_SPIN_CHUNK_TURNS	512

/*
 * Bytes of all units together that a caller which must not sleep populates and clears, at
 * most; or PCPU_MIN_UNIT_SIZE of each unit, if that is more.
 */
#define PCPU_ATOMIC_BYTES	SZ_4M

/*
 * Wait a moment, which becomes twice as long every eighth time. Return false if the
 * caller must go on: in reclaim it could wait for itself.
 */
static bool pcpu_extent_wait(unsigned int *turns, gfp_t gfp)
{
	unsigned int shift = *turns / 8;

	if (!gfpflags_allow_blocking(gfp) || *turns == PCPU_WAIT_TURNS ||
	    current->flags & PF_MEMALLOC)
		return false;
	usleep_range(20U << shift, 100U << shift);
	++*turns;
	return true;
}

/*
 * Return true if another search may find space after @err: once where the area is full,
 * as space may have been given back since the search; after a wait where it will be.
 */
static bool pcpu_extent_search_again(long err, unsigned int *full, unsigned int *turns,
				     gfp_t gfp)
{
	if (err == -ENOSPC)
		return !(*full)++;
	return err == -EBUSY && pcpu_extent_wait(turns, gfp);
}

/*
 * In a full area, an empty chunk of the other kind, present or not, would do once it is
 * given back: let the worker do it, and return -EBUSY then.
 */
static long pcpu_extent_want_chunk(enum pcpu_kind kind, long err)
{
	unsigned int others;

	/* Such a chunk may come or go at any time. */
	others = data_race(kind == PCPU_KIND_PRESENT ? pcpu_counts.empty_chunks :
						       pcpu_counts.present_chunks);
	if (err != -ENOSPC || !others)
		return err;
	WRITE_ONCE(pcpu_chunk_wanted, 1);
	pcpu_balance_kick();
	return -EBUSY;
}

/* Return true if @gfp allows to populate pages for @nr granules. */
static bool pcpu_extent_may_populate(unsigned int nr, enum pcpu_kind kind, gfp_t gfp)
{
	unsigned int units = IS_ENABLED(CONFIG_PERCPU_PRESENT) && kind == PCPU_KIND_PRESENT ?
			     READ_ONCE(pcpu_nr_present_units) : pcpu_area.nr_units;
	unsigned long most = max_t(unsigned long, PCPU_MIN_UNIT_SIZE,
				   PCPU_ATOMIC_BYTES / max(units, 1U));

	/* A page more: the object may have red zones, or the head of a slab. */
	most += PAGE_SIZE;
	return pcpu_populate_allowed(gfp) &&
	       (gfpflags_allow_blocking(gfp) ||
		(unsigned long)nr << PCPU_GRANULE_SHIFT <= most);
}

/* Place an extent that is longer than a chunk. */
static int pcpu_extent_place_long(unsigned int nr, enum pcpu_kind kind, gfp_t gfp,
				  struct pcpu_run *run)
{
	unsigned long limit = kind == PCPU_KIND_MODULE ? pcpu_area.module_limit :
							 pcpu_area.size;
	unsigned int full = 0, turns = 0;
	long first;

	if (!pcpu_extent_may_populate(nr, kind, gfp))
		return -EAGAIN;
	limit = min(limit, pcpu_area.size) >> PCPU_CHUNK_SHIFT;
	do {
		first = pcpu_chunks_create_run(DIV_ROUND_UP(nr, PCPU_CHUNK_GRANULES),
					       limit, gfp);
		first = pcpu_extent_want_chunk(kind, first);
	} while (pcpu_extent_search_again(first, &full, &turns, gfp));
	if (first < 0)
		return first;
	pcpu_chunks_alloc_claimed(first, nr);
	*run = (struct pcpu_run) { .off = first << PCPU_CHUNK_SHIFT, .nr = nr };
	return 0;
}

/*
 * Bits: a CPU that must not sleep makes a chunk that is not present, or is; and the same for
 * a CPU that may sleep.
 */
static unsigned long pcpu_chunk_creating;

/*
 * Wait for the CPU that makes a chunk, which is of the same kind. A caller that must not
 * sleep waits once, about as long as it takes. Return true if another search is useful.
 */
static bool pcpu_extent_wait_chunk(unsigned int bit, unsigned int *turns, gfp_t gfp)
{
	unsigned int spins = PCPU_SPIN_CHUNK_TURNS;

	if (gfpflags_allow_blocking(gfp))
		return pcpu_extent_wait(turns, gfp);
	if ((*turns)++)
		return false;
	while (spins-- && test_bit_acquire(bit, &pcpu_chunk_creating))
		cpu_relax();
	return true;
}

/*
 * Make another chunk for granules of @kind. Of CPUs that need one at once, those that may
 * wait leave it to the first one of their kind, and search again.
 */
static int pcpu_extent_add_chunk(enum pcpu_kind kind, unsigned int *turns, gfp_t gfp)
{
	bool present = kind == PCPU_KIND_PRESENT;
	unsigned int mine = 2 * gfpflags_allow_blocking(gfp) + present;
	bool first = !test_and_set_bit(mine, &pcpu_chunk_creating);
	int err = 0;

	if (!first && pcpu_extent_wait_chunk(mine, turns, gfp))
		return 0;
	if (kind == PCPU_KIND_MODULE)
		err = pcpu_chunk_creatable(pcpu_area.module_limit >>
					   PCPU_CHUNK_SHIFT);
	err = err ?: PTR_ERR_OR_ZERO(pcpu_chunk_create(gfp, present));
	if (first)
		clear_bit_unlock(mine, &pcpu_chunk_creating);
	return pcpu_extent_want_chunk(kind, err);
}

/*
 * Populate the page at @off for @run, unless it is populated. Of CPUs that need it at once,
 * those that may wait leave it to the first one. Those that must not sleep leave it to the
 * first one of their kind, about as long as it takes, and populate the page themselves then:
 * one that may sleep may do so in reclaim.
 */
static int pcpu_extent_populate_page(unsigned long off, struct pcpu_run *run,
				     unsigned int max, gfp_t gfp)
{
	struct pcpu_chunk *chunk = pcpu_chunk_of(off);
	unsigned int page = pcpu_off_to_page(off);
	bool sleeps = gfpflags_allow_blocking(gfp), first;
	unsigned int mine = sleeps ? PCPU_CHUNK_PAGES + page : page;
	unsigned int turns = 0, spins = PCPU_SPIN_TURNS * pcpu_area.nr_units;
	int err = 0;

	if (likely(READ_ONCE(chunk->populated) & BIT_ULL(page)))
		return 0;
	do {
		first = !test_and_set_bit(mine, chunk->populating);
	} while (!first && pcpu_extent_wait(&turns, gfp));
	while ((sleeps || !first) && spins-- && test_bit_acquire(page, chunk->populating))
		cpu_relax();
	/* Another CPU may have done it meanwhile. */
	if (!(READ_ONCE(chunk->populated) & BIT_ULL(page)))
		err = pcpu_populate_page(off, gfp, chunk->present);
	if (!err)
		pcpu_chunk_publish_pages(chunk, BIT_ULL(page), run, max);
	/* Pairs with test_bit_acquire() above: the page is populated. */
	if (first)
		clear_bit_unlock(mine, chunk->populating);
	return err;
}

/*
 * Populate a run where it is not populated yet, or free it and leave it empty. The rest of a
 * page that is populated joins a run of less than @max granules only then, so that other
 * CPUs find granules in that page meanwhile, and populate none of their own.
 */
static int pcpu_extent_populate(struct pcpu_run *run, unsigned int max, gfp_t gfp)
{
	unsigned long off = round_down(run->off, PAGE_SIZE);
	unsigned long end = run->off + ((unsigned long)run->nr << PCPU_GRANULE_SHIFT);

	for (; off < end; off += PAGE_SIZE) {
		if (pcpu_extent_populate_page(off, run, max, gfp)) {
			pcpu_chunks_free(run->off, run->nr);
			run->nr = 0;
			return -ENOMEM;
		}
		if (gfpflags_allow_blocking(gfp))
			cond_resched();
	}
	return 0;
}

/*
 * Place a run in a chunk, a new one if need be, and populate it. The run in @run is freed
 * first. Without memory for pages, another search looks for it in populated pages, some of
 * which the first one may have left out.
 */
static int pcpu_extent_place(struct pcpu_fit *fit, gfp_t gfp, struct pcpu_run *run)
{
	bool module = fit->kind == PCPU_KIND_MODULE, cut;
	unsigned int full = 0, turns = 0;
	int err, failed = 0;

	fit->populated = !module && !pcpu_extent_may_populate(fit->nr, fit->kind, gfp);
	for (;;) {
		/* Offsets of modules are the scarcest; others may sleep meanwhile. */
		fit->thorough = module || gfpflags_allow_blocking(gfp);
		while (!pcpu_chunks_alloc_run(fit, run, &cut)) {
			/* These chunks have their pages for ever. */
			if (module && pcpu_modules_in_first_window())
				return -ENOSPC;
			err = fit->populated ? -EAGAIN :
			      pcpu_extent_add_chunk(fit->kind, &turns, gfp);
			if (err && cut)
				fit->thorough = true;
			else if (err && !pcpu_extent_search_again(err, &full, &turns, gfp))
				return failed ?: err;
		}
		failed = pcpu_extent_populate(run, fit->nr <= PCPU_RUN_SHORT ? fit->max : 0,
					      gfp);
		if (!failed || module)
			return failed;
		fit->populated = true;
	}
}

/*
 * Allocate @nr granules, not 0, that begin aligned to @align bytes, a power of two of up
 * to PAGE_SIZE, in any context that @gfp allows. Return their offset, populated but not
 * cleared, or an error as IS_ERR_VALUE(): -ENOSPC if the area or the module range is full,
 * -EBUSY if it may soon not be, -EAGAIN if @gfp does not allow to populate pages, or
 * -ENOMEM.
 */
unsigned long pcpu_extent_alloc(unsigned int nr, size_t align, enum pcpu_kind kind,
				gfp_t gfp)
{
	struct pcpu_fit fit = {
		.nr = nr,
		.wanted = nr,
		.max = nr,
		.align = max(align >> PCPU_GRANULE_SHIFT, 1UL),
		.kind = kind,
	};
	struct pcpu_run run = { };
	int err;

	if (nr > PCPU_CHUNK_GRANULES &&
	    !(kind == PCPU_KIND_MODULE && pcpu_modules_in_first_window())) {
		err = pcpu_extent_place_long(nr, kind, gfp, &run);
		err = err ?: pcpu_extent_populate(&run, 0, gfp);
	} else {
		err = pcpu_extent_place(&fit, gfp, &run);
	}
	return err ? (unsigned long)err : run.off;
}

/*
 * Allocate a run of up to @max granules, from which objects are cut: the first one takes
 * @nr granules that begin aligned to @align bytes, as for pcpu_extent_alloc(). The run in
 * @run, which may be empty, is freed first. Return 0, or an error with @run empty.
 */
int pcpu_extent_alloc_run(unsigned int nr, size_t align, unsigned int max, gfp_t gfp,
			  struct pcpu_run *run)
{
	struct pcpu_fit fit = {
		.nr = nr,
		.wanted = nr,
		.max = max(max, nr),
		.align = max(align >> PCPU_GRANULE_SHIFT, 1UL),
	};

	/* So much is skipped to align the object; others fill it, if it is short. */
	if (align <= L1_CACHE_BYTES)
		fit.wanted = max(nr + fit.align - 1, PCPU_RUN_MIN);
	return pcpu_extent_place(&fit, gfp, run);
}
