// SPDX-License-Identifier: GPL-2.0-only
/*
 * strict: the functions of strict.h, and the memory of the area.
 *
 * All layouts use the same address space, one after the other. A page that is not
 * populated is filled with a pattern that must not change, and is poisoned for
 * AddressSanitizer. A page that is populated is filled with another pattern, so
 * that an object that is not cleared is detected.
 */
#include <stdarg.h>
#include <sys/mman.h>

/* Compilers for other architectures may have no sanitizer. */
#if __has_include("sanitizer/asan_interface.h")
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, size)	((void)(p), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(p, size)	((void)(p), (void)(size))
#endif

#include <shim.h>

#include "account.h"
#include "cache.h"
#include "chunk.h"
#include "layout.h"
#include "pages.h"
#include "strict_bed.h"

#define NOT_POPULATED	0xde
#define FRESH		0xa5

void (*strict_hook)(void);
bool strict_atomic;
unsigned long strict_reports, strict_warnings;
char strict_message[256];
long strict_allocated;
bool strict_hooks;
long strict_traced;
struct obj_cgroup strict_cgroup;
struct alloc_tag strict_tag;
bool strict_charges, strict_profiles;

static struct strict_task strict_task = { .alloc_tag = &strict_tag };
struct strict_task *current = &strict_task;

static unsigned int strict_locks;
unsigned int strict_irqs;
int (*strict_cpu_prepare)(unsigned int cpu), (*strict_cpu_dead)(unsigned int cpu);
static unsigned int strict_isolated_calls;
unsigned int strict_dead = STRICT_NO_CPU;
static int strict_left;
static unsigned long strict_failed;

static const struct strict_layout *strict_layout;
static struct strict_rules strict_rules;

/* True for each page of offsets that is populated */
static bool strict_pages[STRICT_MAX_SIZE / PAGE_SIZE];
static unsigned long strict_tables;

void strict_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "strict: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	va_end(args);
	abort();
}

void strict_print(unsigned long *count, const char *fmt, ...)
{
	va_list args;

	(*count)++;
	va_start(args, fmt);
	vsnprintf(strict_message, sizeof(strict_message), fmt, args);
	va_end(args);
	if (shim_verbose)
		fputs(strict_message, stderr);
}

void strict_point(void)
{
	if (strict_locks)
		strict_fail("a lock is held at a point where none may be held");
	if (strict_irqs)
		strict_fail("IRQs are off at a point where they must be on");
	if (strict_hook)
		strict_hook();
}

/* The locks of the allocator do not nest. */
void raw_spin_lock(raw_spinlock_t *lock)
{
	if (lock->held)
		strict_fail("a lock is taken twice");
	if (strict_locks)
		strict_fail("a lock is taken under another");
	if (!strict_irqs)
		strict_fail("a lock is taken with IRQs on");
	lock->held = true;
	lock->taken++;
	strict_locks++;
}

/* Every eighth time another CPU holds the lock. */
bool raw_spin_trylock(raw_spinlock_t *lock)
{
	static unsigned int tries;

	if (!(++tries % 8))
		return false;
	raw_spin_lock(lock);
	return true;
}

void raw_spin_unlock(raw_spinlock_t *lock)
{
	if (!lock->held)
		strict_fail("a lock is released that is not held");
	lock->held = false;
	strict_locks--;
}

void strict_irq_save(void)
{
	strict_irqs++;
}

void strict_irq_restore(void)
{
	if (!strict_irqs--)
		strict_fail("IRQs are on already");
	if (!strict_irqs)
		strict_point();
}

/* Take a CPU offline on which no call is in progress, and online at once. */
void strict_kill_cpu(unsigned int cpu)
{
	if (strict_dead != STRICT_NO_CPU)
		return;
	strict_dead = cpu;
	strict_cpu_dead(cpu);
	if (strict_cpu_prepare(cpu))
		strict_fail("a CPU with a cache does not come online");
	strict_dead = STRICT_NO_CPU;
}

/* The other CPUs are at points where they can be interrupted. */
int smp_call_function_single(unsigned int cpu, void (*func)(void *info), void *info, bool wait)
{
	unsigned int here;

	if (cpu == strict_dead)
		return -ENXIO;
	if (strict_atomic)
		strict_fail("an IPI is sent in atomic context");
	if (cpu == shim_isolated && strict_isolated_calls++ >= strict_layout->late)
		strict_fail("an IPI is sent to an isolated CPU");
	strict_point();
	here = shim_cpu;
	shim_cpu = cpu;
	strict_irqs++;
	func(info);
	strict_irqs--;
	shim_cpu = here;
	strict_point();
	return 0;
}

/* Make the @n-th allocation or charge from now on fail. */
void strict_fail_after(int n)
{
	strict_left = n;
	current->fail_nth = strict_rules.inject ? n : 0;
}

unsigned long strict_failures(void)
{
	return strict_failed;
}

static bool strict_fails(void)
{
	if (strict_left <= 0 || --strict_left)
		return false;
	strict_failed++;
	return true;
}

bool should_fail_ex(struct fault_attr *attr, size_t size, int flags)
{
	return strict_rules.inject && strict_fails();
}

void strict_may_alloc(gfp_t gfp)
{
	if (strict_atomic && gfpflags_allow_blocking(gfp))
		strict_fail("the allocator sleeps in atomic context");
	if (gfp & __GFP_NOFAIL)
		strict_fail("__GFP_NOFAIL is passed on");
	strict_point();
}

void *strict_zalloc(size_t size, gfp_t gfp)
{
	void *p;

	if (!pcpu_metadata_allowed(gfp))
		strict_fail("memory is allocated in early boot");
	strict_may_alloc(gfp);
	if (strict_fails())
		return NULL;
	p = calloc(1, size);
	strict_allocated += !!p;
	return p;
}

/* What is not cleared has no zeroes. */
void *strict_malloc(size_t size, gfp_t gfp)
{
	void *p = strict_zalloc(size, gfp);

	return p ? memset(p, 0xa5, size) : NULL;
}

void strict_free(void *p)
{
	strict_allocated -= !!p;
	free(p);
}

/* The kernel cuts a charge to 32 bits, far more than the objects here have. */
static size_t strict_charge(size_t size)
{
	if (size > PCPU_CHARGE_MAX)
		strict_fail("a charge of %zu bytes is not made in parts", size);
	return size;
}

int obj_cgroup_charge(struct obj_cgroup *objcg, gfp_t gfp, size_t size)
{
	strict_may_alloc(gfp);
	if (strict_fails())
		return -ENOMEM;
	objcg->charged += strict_charge(size);
	return 0;
}

void obj_cgroup_uncharge(struct obj_cgroup *objcg, size_t size)
{
	objcg->charged -= strict_charge(size);
}

/* pages.h */

bool strict_has_memory(unsigned long off, unsigned long size)
{
	unsigned long page;

	for (page = PFN_DOWN(off); page < PFN_UP(off + size); page++)
		if (!strict_pages[page])
			return false;
	return true;
}

unsigned long strict_nr_pages(void)
{
	unsigned long page, nr = 0;

	for (page = 0; page < ARRAY_SIZE(strict_pages); page++)
		nr += strict_pages[page];
	return nr;
}

bool strict_is_mapped(unsigned long addr)
{
	unsigned long off;
	unsigned int unit;

	return pcpu_area_addr_to_off(addr, &off, &unit) &&
	       off >= pcpu_area.linear_size;
}

int pcpu_populate_tables(unsigned long off, unsigned long size, gfp_t gfp)
{
	if (off + size <= strict_tables)
		return 0;
	if (!gfpflags_allow_blocking(gfp))
		return -ENOMEM;
	strict_may_alloc(gfp);
	if (strict_fails())
		return -ENOMEM;
	pcpu_populate_tables_exist(off + size);
	return 0;
}

void pcpu_populate_tables_exist(unsigned long end)
{
	strict_tables = max(strict_tables, end);
}

bool pcpu_metadata_allowed(gfp_t gfp)
{
	return !strict_rules.early;
}

bool pcpu_populate_allowed(gfp_t gfp)
{
	return pcpu_metadata_allowed(gfp) &&
	       (gfpflags_allow_blocking(gfp) || !strict_rules.no_atomic_populate);
}

static void strict_populate(unsigned long off, bool present)
{
	unsigned int cpu;
	char *p;

	if (strict_pages[PFN_DOWN(off)])
		return;
	strict_pages[PFN_DOWN(off)] = true;
	for_each_pcpu_unit(cpu) {
		if (present && !test_bit(cpu, pcpu_present_units))
			continue;
		p = (char *)pcpu_area_unit_addr(cpu, off);
		ASAN_UNPOISON_MEMORY_REGION(p, PAGE_SIZE);
		/* The page was never populated, or has the pattern. */
		if ((*p && *p != (char)NOT_POPULATED) || memcmp(p, p + 1, PAGE_SIZE - 1))
			strict_fail("a write to a page that was not populated");
		memset(p, FRESH, PAGE_SIZE);
	}
}

static void strict_depopulate(unsigned long off)
{
	unsigned int cpu;
	char *p;

	strict_pages[PFN_DOWN(off)] = false;
	for_each_pcpu_unit(cpu) {
		p = (char *)pcpu_area_unit_addr(cpu, off);
		/* An absent unit has no memory. */
		ASAN_UNPOISON_MEMORY_REGION(p, PAGE_SIZE);
		memset(p, NOT_POPULATED, PAGE_SIZE);
		ASAN_POISON_MEMORY_REGION(p, PAGE_SIZE);
	}
}

int pcpu_populate_page(unsigned long off, gfp_t gfp, bool present)
{
	if (!pcpu_populate_allowed(gfp))
		strict_fail("a page is populated in a context that does not allow it");
	if (off + PAGE_SIZE > strict_tables)
		strict_fail("a page is populated that has no page tables");
	if (present != pcpu_chunk_of(off)->present)
		strict_fail("a page is populated as if its chunk was of another kind");
	strict_may_alloc(gfp);
	if (strict_fails())
		return -ENOMEM;
	strict_populate(off, present);
	strict_point();
	return 0;
}

void pcpu_depopulate_page(unsigned long off, struct list_head *pages)
{
	strict_may_alloc(GFP_KERNEL);
	if (!strict_pages[PFN_DOWN(off)])
		strict_fail("a page is depopulated that is not populated");
	strict_depopulate(off);
}

void pcpu_flush_units(unsigned int low, unsigned int high, unsigned long first,
		      unsigned long end, struct list_head *pages)
{
	/* Later windows follow one another, the first one may lie elsewhere. */
	if (first >= end || (first < pcpu_area.linear_size && end > pcpu_area.linear_size))
		strict_fail("a flush reaches linear memory");
	strict_may_alloc(GFP_KERNEL);
}

/* Setup and teardown of an area */

/* Reserve the address space; no page is populated. */
static void *strict_space(void)
{
	const size_t size = 2 * STRICT_MAX_CPUS * (STRICT_MAX_SIZE + PAGE_SIZE);
	static void *space;

	if (!space) {
		space = mmap(NULL, size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		assert(space != MAP_FAILED);
		ASAN_POISON_MEMORY_REGION(space, size);
	}
	return space;
}

static unsigned long strict_unit_offsets[SHIM_MAX_CPUS];
const unsigned long *pcpu_unit_offsets = strict_unit_offsets;
static u16 strict_unit_cpus[STRICT_MAX_CPUS];

/* Number the units by rank, as first_chunk.c does. */
static void strict_number_units(void)
{
	unsigned int cpu, unit = 0;

	for_each_possible_cpu(cpu) {
		strict_unit_cpus[unit] = cpu;
		strict_unit_offsets[cpu] = unit++ * pcpu_area.stride;
	}
}

/* The CPUs of every other unit were online. */
static void strict_choose_present(const struct strict_layout *l)
{
	static unsigned long present[BITS_TO_LONGS(STRICT_MAX_CPUS)];
	unsigned int unit;

	memset(present, 0, sizeof(present));
	for (unit = 0; unit < l->cpus; unit += 2)
		set_bit(unit, present);
	pcpu_present_units = present;
	pcpu_nr_present_units = DIV_ROUND_UP(l->cpus, 2);
}

static void strict_describe_area(const struct strict_layout *l)
{
	unsigned long window = l->size / l->windows;
	unsigned long unit = (l->on_nodes ? l->size : window) + PAGE_SIZE;
	unsigned long base = (unsigned long)strict_space();

	assert(l->size <= STRICT_MAX_SIZE && l->cpus <= STRICT_MAX_CPUS);
	pcpu_area = (struct pcpu_area) {
		.base = base,
		/* A gap of address space that no unit uses */
		.later_windows = base + l->cpus * unit + 3 * PAGE_SIZE,
		.stride = unit,
		.window_stride = l->on_nodes ? window : l->cpus * unit + PAGE_SIZE,
		.size = l->size,
		.static_size = l->static_size,
		.reserved_size = l->reserved,
		.module_limit = l->module_limit,
		.window_shift = __builtin_ctzl(window),
		.nr_units = l->cpus,
		.unit_cpus = strict_unit_cpus,
		.span = l->cpus * unit,
		.max_object = window,
		.linear_size = l->linear ? l->populated : 0,
		.on_nodes = l->on_nodes,
		.name = l->name,
	};
	pcpu_nr_units = pcpu_area.nr_units;
	strict_choose_present(l);
}

/* Memory that lives from strict_boot() to strict_shutdown() */
static void *strict_early[8];
static unsigned int strict_nr_early;

static void *strict_early_alloc(size_t size)
{
	void *p = aligned_alloc(64, round_up(size, 64UL));

	assert(p && strict_nr_early < ARRAY_SIZE(strict_early));
	strict_early[strict_nr_early++] = p;
	return memset(p, 0, round_up(size, 64UL));
}

static u64 strict_pages_below(unsigned int nr, unsigned long bytes)
{
	unsigned long off = (unsigned long)nr << PCPU_CHUNK_SHIFT;

	if (bytes <= off)
		return 0;
	return GENMASK_ULL(PFN_UP(min(bytes - off, PCPU_CHUNK_SIZE)) - 1, 0);
}

/* All CPUs come online before the first rules apply. */
static void strict_create_caches(const struct strict_layout *l)
{
	const unsigned int isolated = l->isolated ? l->isolated * l->step : ~0U;
	const struct strict_rules rules = strict_rules;
	unsigned int cpu;

	pcpu_caches_init(strict_early_alloc(l->cpus * sizeof(struct pcpu_cache *)),
			 strict_early_alloc(pcpu_cache_size()));
	strict_rules.early = false;
	shim_isolated = l->late ? ~0U : isolated;
	for_each_possible_cpu(cpu)
		if (strict_cpu_prepare(cpu))
			strict_fail("a CPU does not come online");
	shim_isolated = isolated;
	strict_rules = rules;
	strict_allocated -= l->cpus - 1;
	strict_isolated_calls = 0;
}

/* Create a chunk of boot, as first_chunk.c does. */
static void strict_first_chunk(unsigned int nr)
{
	const struct strict_layout *l = strict_layout;
	u64 pages = strict_pages_below(nr, l->populated);
	struct pcpu_chunk *chunk = calloc(1, sizeof(*chunk));
	unsigned long off = (unsigned long)nr << PCPU_CHUNK_SHIFT;
	unsigned int granules = 0;

	strict_allocated += 2;
	pcpu_chunk_init(chunk, nr, calloc(1, PCPU_OBJMAP_SIZE));
	chunk->pinned = pages;
	chunk->reserved = pages & ~strict_pages_below(nr, l->populated - l->reserved);
	if (off < l->static_size)
		granules = min(l->static_size - off, PCPU_CHUNK_SIZE) >> PCPU_GRANULE_SHIFT;
	pcpu_chunk_add_first(chunk, granules, l->linear ? ~pages : 0);
}

static bool strict_working;

/**
 * strict_work - run the worker, unless it runs
 */
void strict_work(void)
{
	if (strict_working)
		return;
	strict_working = true;
	shim_work_due = false;
	shim_work(NULL);
	strict_working = false;
}

/**
 * strict_works - test if the worker runs
 */
bool strict_works(void)
{
	return strict_working;
}

/**
 * strict_sleep - let the worker run, if it is queued
 */
void strict_sleep(void)
{
	if (shim_work_due)
		strict_work();
}

/**
 * strict_boot - set up an area as the kernel does at boot
 * @layout: layout of the area; must live until strict_shutdown()
 * @rules: state of the kernel
 */
void strict_boot(const struct strict_layout *layout, const struct strict_rules *rules)
{
	unsigned int i, n, nr_chunks = layout->size >> PCPU_CHUNK_SHIFT;
	unsigned long off;

	strict_layout = layout;
	strict_set_rules(rules);
	strict_fail_after(0);
	strict_atomic = false;
	shim_nr_cpus = layout->cpus;
	shim_cpu_step = layout->step;
	shim_cpu = 0;
	shim_work_due = false;
	strict_describe_area(layout);
	strict_number_units();
	for (off = 0; off < layout->populated; off += PAGE_SIZE)
		strict_populate(off, false);
	pcpu_chunk_table_init(strict_early_alloc(nr_chunks * sizeof(void *)),
			      strict_early_alloc(BITS_TO_LONGS(nr_chunks) * sizeof(long)),
			      strict_early_alloc(sizeof(struct pcpu_slots)));
	strict_create_caches(layout);
	pcpu_depot_init(strict_early_alloc(sizeof(struct pcpu_depot)));
	n = DIV_ROUND_UP(layout->populated, PCPU_CHUNK_SIZE);
	for (i = 0; i < n; i++)
		strict_first_chunk(i);
	strict_tables = n << PCPU_CHUNK_SHIFT;
	if (layout->linear) {
		strict_tables = pcpu_area_window_size();
		pcpu_chunk_reserve_nrs(n, (strict_tables >> PCPU_CHUNK_SHIFT) - n);
	}
}

void strict_set_rules(const struct strict_rules *rules)
{
	strict_rules = *rules;
	strict_charges = rules->charge;
	strict_cgroup.root = rules->root;
	strict_profiles = rules->profile;
	strict_hooks = rules->hooks;
}

/* Number of slab allocations of a chunk */
static long strict_chunk_allocations(struct pcpu_chunk *chunk)
{
	long nr = 2;
	int i;

	for (i = 0; i < PCPU_CHUNK_PAGES; i++)
		nr += !!chunk->free_masks[i] + !!chunk->owners[i];
	return nr;
}

/* Number of slab allocations of all chunks, while no call is in progress */
long strict_held_by_chunks(void)
{
	unsigned int i;
	long nr = 0;

	for (i = 0; i < pcpu_area_nr_chunks(); i++)
		if (pcpu_chunk_table[i])
			nr += strict_chunk_allocations(pcpu_chunk_table[i]);
	if (pcpu_chunk_ready)
		nr += strict_chunk_allocations(pcpu_chunk_ready);
	return nr;
}

/**
 * strict_shutdown - tear down an area in which nothing is allocated
 */
void strict_shutdown(void)
{
	unsigned long off;
	unsigned int i;
	u32 none;

	/* Lists of pages with small objects are hints: a search cleans them up. */
	for (i = 0; i < PCPU_NR_SMALL; i++)
		if (pcpu_chunks_alloc_small(i, &none, 1))
			strict_fail("small objects are free, although nothing is allocated");
	for (i = 0; i < pcpu_area_nr_chunks(); i++)
		if (pcpu_chunk_table[i])
			pcpu_chunk_free_rcu(&pcpu_chunk_table[i]->rcu);
	if (pcpu_chunk_ready)
		pcpu_chunk_free_rcu(&pcpu_chunk_ready->rcu);
	pcpu_chunk_ready = NULL;
	for (off = 0; off < pcpu_area.size; off += PAGE_SIZE)
		if (strict_pages[PFN_DOWN(off)])
			strict_depopulate(off);
	pcpu_counts = (struct pcpu_counts) { };
	pcpu_nr_populated = 0;
	pcpu_nr_present = 0;
	memset(pcpu_cache_local, 0, nr_cpu_ids * sizeof(pcpu_cache_local[0]));
	for_each_pcpu_unit(i)
		if (i)
			free(pcpu_caches[i]);
	while (strict_nr_early)
		free(strict_early[--strict_nr_early]);
}
