// SPDX-License-Identifier: GPL-2.0-only
/*
 * shim: the parts of the kernel that are no one-liners, and the memory behind
 * the area: one sparse mapping, so that populating is only accounting.
 */
#include <sys/mman.h>

#include <shim.h>

#ifndef BED_STOCK
#include "area.h"
#include "arena.h"
#include "balance.h"
#include "check.h"
#include "chunk.h"
#include "populate.h"
#endif
#include "bed.h"

unsigned int shim_nr_cpus;
__thread unsigned int shim_cpu;
__thread struct shim_locks shim_locks;
int shim_verbose;
bool shim_work_due;
void (*shim_work)(struct work_struct *work);
char __per_cpu_start[1] __attribute__((aligned(4096))), __per_cpu_end[1];

unsigned long find_next_bit(const unsigned long *p, unsigned long size, unsigned long from)
{
	unsigned long word;

	for (; from < size; from = (from | 63) + 1) {
		word = p[from / 64] >> (from % 64);
		if (word)
			return min(size, from + __builtin_ctzl(word));
	}
	return size;
}

unsigned long find_next_zero_bit(const unsigned long *p, unsigned long size, unsigned long from)
{
	unsigned long word;

	for (; from < size; from = (from | 63) + 1) {
		word = ~p[from / 64] >> (from % 64);
		if (word)
			return min(size, from + __builtin_ctzl(word));
	}
	return size;
}

unsigned long find_last_bit(const unsigned long *p, unsigned long size)
{
	unsigned long i, word;

	for (i = BITS_TO_LONGS(size); i-- > 0;) {
		word = p[i];
		if (i == size / 64)
			word &= ~(~0UL << (size % 64));
		if (word)
			return i * 64 + 63 - __builtin_clzl(word);
	}
	return size;
}

static void bitmap_fill_range(unsigned long *p, unsigned int start, unsigned int nr, bool on)
{
	while (nr) {
		unsigned int part = min(nr, 64 - start % 64);
		unsigned long mask = (~0UL >> (64 - part)) << (start % 64);

		if (on)
			p[start / 64] |= mask;
		else
			p[start / 64] &= ~mask;
		start += part;
		nr -= part;
	}
}

void bitmap_set(unsigned long *p, unsigned int start, unsigned int nr)
{
	bitmap_fill_range(p, start, nr, true);
}

void bitmap_clear(unsigned long *p, unsigned int start, unsigned int nr)
{
	bitmap_fill_range(p, start, nr, false);
}

unsigned int bitmap_weight(const unsigned long *p, unsigned int nr)
{
	unsigned int i, sum = 0;

	for (i = 0; i < nr / 64; i++)
		sum += hweight64(p[i]);
	return nr % 64 ? sum + hweight64(p[i] << (64 - nr % 64)) : sum;
}

void *memchr_inv(const void *start, int c, size_t bytes)
{
	const unsigned char *p = start, *end = p + bytes;

	for (; p < end; p++)
		if (*p != (unsigned char)c)
			return (void *)p;
	return NULL;
}

unsigned long bitmap_find_next_zero_area(unsigned long *p, unsigned long size, unsigned long start,
					 unsigned int nr, unsigned long align_mask)
{
	unsigned long end, used;

	for (;;) {
		start = find_next_zero_bit(p, size, start);
		start = (start + align_mask) & ~align_mask;
		end = start + nr;
		if (end > size)
			return end;
		used = find_next_bit(p, end, start);
		if (used >= end)
			return start;
		start = used + 1;
	}
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

static struct rcu_head *shim_rcu;

void call_rcu(struct rcu_head *rcu, void (*func)(struct rcu_head *))
{
	rcu->func = func;
	rcu->next = shim_rcu;
	shim_rcu = rcu;
}

/* Nobody is inside the allocator: run what waited for that. */
void shim_quiesce(void)
{
	while (shim_rcu) {
		struct rcu_head *rcu = shim_rcu;

		shim_rcu = rcu->next;
		rcu->func(rcu);
	}
}

#ifndef BED_STOCK

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
			      calloc(PCPU_NR_BY_FREE, sizeof(struct list_head)));
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

#endif /* !BED_STOCK */
