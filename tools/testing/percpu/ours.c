// SPDX-License-Identifier: GPL-2.0-only
/*
 * ours: what the programs of the bed need of mm/percpu/, and the memory behind
 * the area: one sparse mapping, so that populating is only accounting.
 */
#include <sys/mman.h>

#include <shim.h>

#include "area.h"
#include "arena.h"
#include "balance.h"
#include "check.h"
#include "chunk.h"
#include "populate.h"
#include "bed.h"

const char bed_name[] = "ours";

/* The worker's turn, if it was called for; others may be in the allocator. */
void bed_work(void)
{
	if (!shim_work_due)
		return;
	shim_work_due = false;
	shim_work(NULL);
}

/* All that the worker could do; nobody else is in the allocator. */
const char *bed_settle(void)
{
	pcpu_balance_now();
	shim_quiesce();
	return pcpu_check_area();
}

/* The lock that all CPUs share */
unsigned long bed_shared_locks(void)
{
	return pcpu_chunk_lock.taken;
}

bool shim_irqs;
__thread unsigned int shim_irqs_off;
pthread_spinlock_t *shim_irq_locks;

/* From now on CPUs can be interrupted; nobody is inside the allocator. */
void bed_allow_irqs(void)
{
	unsigned int cpu;

	shim_irq_locks = calloc(shim_nr_cpus, sizeof(*shim_irq_locks));
	for_each_possible_cpu(cpu)
		pthread_spin_init(&shim_irq_locks[cpu], 0);
	shim_irqs = true;
}

/* The caller plays the other CPU, which cannot go on meanwhile. */
int smp_call_function_single(unsigned int cpu, void (*func)(void *info), void *info, bool wait)
{
	unsigned int here = shim_cpu;
	unsigned long flags;

	assert(!irqs_disabled());
	shim_cpu = cpu;
	local_irq_save(flags);
	func(info);
	local_irq_restore(flags);
	shim_cpu = here;
	return 0;
}

/* populate.h: the mapping is sparse and always there. */

static long shim_fail_after = -1;
unsigned long bed_populated, bed_depopulated;

void bed_fail_populate_after(long n)
{
	shim_fail_after = n;
}

int pcpu_populate_tables(unsigned long off, unsigned long size, gfp_t gfp)
{
	return 0;
}

void pcpu_populate_tables_exist(unsigned long end)
{
}

bool pcpu_metadata_allowed(gfp_t gfp)
{
	return true;
}

bool pcpu_populate_allowed(gfp_t gfp)
{
	return true;
}

int pcpu_populate_page(unsigned long off, gfp_t gfp)
{
	long left = READ_ONCE(shim_fail_after);

	do {
		if (!left)
			return -ENOMEM;
	} while (left > 0 &&
		 !__atomic_compare_exchange_n(&shim_fail_after, &left, left - 1, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	__atomic_add_fetch(&bed_populated, 1, __ATOMIC_RELAXED);
	return 0;
}

void pcpu_depopulate_page(unsigned long off, struct list_head *pages)
{
	unsigned int cpu;

	__atomic_add_fetch(&bed_depopulated, 1, __ATOMIC_RELAXED);
	for_each_possible_cpu(cpu)
		madvise((void *)pcpu_area_unit_addr(cpu, off), PAGE_SIZE,
			MADV_DONTNEED);
}

void pcpu_depopulate_flush(unsigned long first, unsigned long end, struct list_head *pages)
{
}

/**
 * bed_boot - set up an area as the kernel does at boot
 * @nr_cpus: simulated CPUs
 * @static_size: bytes at offset 0 that nobody may have
 * @early: bytes populated behind them
 */
void bed_boot(unsigned int nr_cpus, unsigned long static_size, unsigned long early)
{
	unsigned long size = nr_cpus > 256 ? 32UL << 20 : 256UL << 20;
	unsigned int nr_chunks = size >> PCPU_CHUNK_SHIFT, i, n;
	struct pcpu_arena *arenas;
	struct pcpu_chunk *chunk;
	void *base;

	shim_nr_cpus = nr_cpus;
	base = mmap(NULL, nr_cpus * (size + PAGE_SIZE), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert(base != MAP_FAILED);
	pcpu_area = (struct pcpu_area) {
		.base = (unsigned long)base,
		.stride = size + PAGE_SIZE,
		.size = size,
		.module_limit = size,
		.static_size = static_size,
		.window_shift = __builtin_ctzl(size),
		.span = nr_cpus * (size + PAGE_SIZE),
		.max_object = size,
		.nr_units = nr_cpus,
		.name = "bed",
	};
	pcpu_chunk_table_init(calloc(nr_chunks, sizeof(chunk)),
			      calloc(BITS_TO_LONGS(nr_chunks), sizeof(long)),
			      calloc(1, sizeof(struct pcpu_shelves)));
	n = pcpu_arenas_wanted();
	arenas = aligned_alloc(64, n * sizeof(*arenas));
	memset(arenas, 0, n * sizeof(*arenas));
	pcpu_arenas_init(arenas, n, calloc(n * pcpu_arena_nr_slots(), sizeof(u32)));
	pcpu_depot_init(calloc(1, sizeof(struct pcpu_depot)));

	n = DIV_ROUND_UP(static_size + early, PCPU_CHUNK_SIZE);
	for (i = 0; i < n; i++) {
		unsigned long off = (unsigned long)i << PCPU_CHUNK_SHIFT;
		unsigned long in = min(static_size + early - off, PCPU_CHUNK_SIZE);

		chunk = calloc(1, sizeof(*chunk));
		pcpu_chunk_init(chunk, i, calloc(1, PCPU_MARKS_SIZE));
		chunk->populated = pcpu_page_mask(0, PFN_UP(in) - 1);
		chunk->pinned = chunk->populated;
		pcpu_chunk_publish(chunk);
		if (static_size > off)
			pcpu_chunk_take(chunk, 0, min(static_size - off, PCPU_CHUNK_SIZE) >>
					PCPU_GRANULE_SHIFT);
	}
}
