// SPDX-License-Identifier: GPL-2.0-only
/*
 * ours: setup of mm/percpu/ for the programs of the userspace test bed, and the
 * memory of the area: one sparse mapping, so that to populate a page is only
 * accounting.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include <shim.h>

#include "bed.h"
#include "cache.h"
#include "chunk.h"
#include "layout.h"
#include "pages.h"
#include "tests/validate.h"

const char bed_name[] = "ours";
/* 64 units of 32 MB fit into the address space of 32 bits. */
unsigned long bed_size = (sizeof(long) == 8 ? 256UL : 32UL) << 20;

/* Run the worker, if it is queued. Threads may be in the allocator. */
void bed_work(void)
{
	if (!shim_work_due)
		return;
	shim_work_due = false;
	shim_work(NULL);
}

/* Run the worker until it has nothing to do. No thread is in the allocator. */
const char *bed_settle(void)
{
	pcpu_balance_now();
	shim_quiesce();
	return pcpu_validate_area();
}

/* Acquisitions of the lock that all CPUs share */
unsigned long bed_shared_locks(void)
{
	return pcpu_chunk_lock.taken;
}

/* Return true if all offsets belong to chunks. */
bool bed_full(void)
{
	return pcpu_counts.chunks == pcpu_area_nr_chunks();
}

bool shim_irqs;
__thread unsigned int shim_irqs_off;
pthread_spinlock_t *shim_irq_locks;

/* Allow IPIs from now on. No thread is in the allocator. */
void bed_allow_irqs(void)
{
	unsigned int cpu;

	shim_irq_locks = calloc(nr_cpu_ids, sizeof(*shim_irq_locks));
	for_each_possible_cpu(cpu)
		pthread_spin_init(&shim_irq_locks[cpu], 0);
	shim_irqs = true;
}

/* The caller runs as the other CPU, which is stopped by its IRQ lock. */
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

/* pages.h: the sparse mapping always has memory. */

static long shim_fail_after = -1;
unsigned long bed_populated, bed_depopulated, bed_flushes;
void (*bed_populate)(void);
void (*bed_tables)(void);

void bed_fail_populate_after(long n)
{
	shim_fail_after = n;
}

int pcpu_populate_tables(unsigned long off, unsigned long size, gfp_t gfp)
{
	if (bed_tables)
		bed_tables();
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

int pcpu_populate_page(unsigned long off, gfp_t gfp, bool present)
{
	long left = READ_ONCE(shim_fail_after);

	do {
		if (!left)
			return -ENOMEM;
	} while (left > 0 &&
		 !__atomic_compare_exchange_n(&shim_fail_after, &left, left - 1, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	__atomic_add_fetch(&bed_populated, 1, __ATOMIC_RELAXED);
	if (bed_populate)
		bed_populate();
	return 0;
}

void pcpu_depopulate_page(unsigned long off, struct list_head *pages)
{
	unsigned int unit;

	__atomic_add_fetch(&bed_depopulated, 1, __ATOMIC_RELAXED);
	for_each_pcpu_unit(unit)
		madvise((void *)pcpu_area_unit_addr(unit, off), PAGE_SIZE,
			MADV_DONTNEED);
}

void pcpu_flush_units(unsigned int low, unsigned int high, unsigned long first,
		      unsigned long end, struct list_head *pages)
{
	bed_flushes++;
}

const unsigned long *pcpu_unit_offsets;

/* Number the units by rank, as first_chunk.c does. Return the CPU of each unit. */
static const u16 *bed_number_units(unsigned long stride)
{
	unsigned long *offsets = calloc(nr_cpu_ids, sizeof(*offsets));
	u16 *cpus = calloc(shim_nr_cpus, sizeof(*cpus));
	unsigned int cpu, unit = 0;

	for_each_possible_cpu(cpu) {
		cpus[unit] = cpu;
		offsets[cpu] = unit++ * stride;
	}
	pcpu_unit_offsets = offsets;
	return cpus;
}

/**
 * bed_boot - set up an area as the kernel does at boot
 * @nr_cpus: simulated CPUs
 * @static_size: bytes of static data at offset 0
 * @early: bytes that are populated behind them
 */
void bed_boot(unsigned int nr_cpus, unsigned long static_size, unsigned long early)
{
	unsigned long size = nr_cpus > 256 ? min(bed_size, 32UL << 20) : bed_size;
	unsigned int nr_chunks = size >> PCPU_CHUNK_SHIFT, cpu, i, n;
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
		.unit_cpus = bed_number_units(size + PAGE_SIZE),
		.name = "bed",
	};
	pcpu_nr_units = nr_cpus;
	pcpu_chunk_table_init(calloc(nr_chunks, sizeof(chunk)),
			      calloc(BITS_TO_LONGS(nr_chunks), sizeof(long)),
			      calloc(1, sizeof(struct pcpu_slots)));
	pcpu_caches_init(calloc(nr_cpus, sizeof(struct pcpu_cache *)),
			 calloc(1, pcpu_cache_size()));
	for_each_possible_cpu(cpu)
		pcpu_cache_create(cpu);
	pcpu_depot_init(calloc(1, sizeof(struct pcpu_depot)));

	n = DIV_ROUND_UP(static_size + early, PCPU_CHUNK_SIZE);
	for (i = 0; i < n; i++) {
		unsigned long off = (unsigned long)i << PCPU_CHUNK_SHIFT;
		unsigned long in = min(static_size + early - off, PCPU_CHUNK_SIZE);

		chunk = calloc(1, sizeof(*chunk));
		pcpu_chunk_init(chunk, i, calloc(1, PCPU_OBJMAP_SIZE));
		chunk->pinned = GENMASK_ULL(PFN_UP(in) - 1, 0);
		pcpu_chunk_add_first(chunk, static_size <= off ? 0 :
				     min(static_size - off, PCPU_CHUNK_SIZE) >> PCPU_GRANULE_SHIFT,
				     0);
	}
}

/* Let each 2 MB of the area use the same memory, for what does not read objects. */
void bed_share_memory(void)
{
	int fd = memfd_create("bed", 0);
	unsigned long part = 2UL << 20, at;

	assert(fd >= 0 && !ftruncate(fd, part));
	for (at = 0; at < pcpu_area.span; at += part)
		assert(mmap((void *)(pcpu_area.base + at), min(part, pcpu_area.span - at),
			    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
	close(fd);
}
