// SPDX-License-Identifier: GPL-2.0-only
/*
 * strict: what strict.h promises, and the memory behind the area.
 *
 * All layouts use the same address space, one after the other. A page that is
 * not populated has a pattern that nobody may touch, and AddressSanitizer, if
 * it is there, sees to it; a page fresh from the "page allocator" has another
 * one, so that an object that nobody cleared cannot look clean.
 */
#include <stdarg.h>
#include <sys/mman.h>

#include <sanitizer/asan_interface.h>

#include <shim.h>

#include "account.h"
#include "area.h"
#include "arena.h"
#include "balance.h"
#include "chunk.h"
#include "populate.h"
#include "small.h"
#include "strict_bed.h"

#define NOTHING_THERE	0xde
#define FRESH		0xa5

void (*strict_hook)(void);
bool strict_atomic;
unsigned long strict_reports, strict_warnings;
char strict_message[256];
long strict_allocated;
bool strict_heard;
long strict_announced;
struct obj_cgroup strict_cgroup;
struct alloc_tag strict_tag;
bool strict_charges, strict_profiles;

static struct strict_task strict_task = { .alloc_tag = &strict_tag };
struct strict_task *current = &strict_task;

static unsigned int strict_locks;
unsigned int strict_irqs;
int (*strict_cpu_dead)(unsigned int cpu);
unsigned int strict_dead = STRICT_NOBODY;
static int strict_left;
static unsigned long strict_failed;

static const struct strict_layout *strict_layout;
static struct strict_rules strict_rules;

/* By page of offsets: whether there is memory. */
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

void strict_say(unsigned long *count, const char *fmt, ...)
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
		strict_fail("a lock is held where none may be");
	if (strict_irqs)
		strict_fail("IRQs are off where they must not be");
	if (strict_hook)
		strict_hook();
}

/* No lock of the allocator's nests in another. */
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

/* Now and then another CPU has it. */
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
		strict_fail("a lock is let go that is not held");
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

/* A CPU on which nothing runs goes offline, and comes back at once. */
void strict_kill_cpu(unsigned int cpu)
{
	if (strict_dead != STRICT_NOBODY)
		return;
	strict_dead = cpu;
	strict_cpu_dead(cpu);
	strict_dead = STRICT_NOBODY;
}

/* The other CPU is where it may be interrupted, like all that are not this one. */
int smp_call_function_single(unsigned int cpu, void (*func)(void *info), void *info, bool wait)
{
	unsigned int here;

	if (cpu == strict_dead)
		return -ENXIO;
	if (strict_atomic)
		strict_fail("another CPU is waited for by who may not");
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

/* The memory allocator and those who charge fail after so many calls, once. */
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
		strict_fail("somebody sleeps for a caller who may not");
	if (gfp & __GFP_NOFAIL)
		strict_fail("__GFP_NOFAIL is passed on");
	strict_point();
}

void *strict_zalloc(size_t size, gfp_t gfp)
{
	void *p;

	if (!pcpu_metadata_allowed(gfp))
		strict_fail("memory is asked for before there is any");
	strict_may_alloc(gfp);
	if (strict_fails())
		return NULL;
	p = calloc(1, size);
	strict_allocated += !!p;
	return p;
}

void strict_free(void *p)
{
	strict_allocated -= !!p;
	free(p);
}

int obj_cgroup_charge(struct obj_cgroup *objcg, gfp_t gfp, size_t size)
{
	strict_may_alloc(gfp);
	if (strict_fails())
		return -ENOMEM;
	objcg->charged += size;
	return 0;
}

/* populate.h */

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

static void strict_put_memory(unsigned long off)
{
	unsigned int cpu;
	char *p;

	if (strict_pages[PFN_DOWN(off)])
		return;
	strict_pages[PFN_DOWN(off)] = true;
	for_each_possible_cpu(cpu) {
		p = (char *)pcpu_area_unit_addr(cpu, off);
		ASAN_UNPOISON_MEMORY_REGION(p, PAGE_SIZE);
		/* Never used before, or as it was left. */
		if ((*p && *p != (char)NOTHING_THERE) || memcmp(p, p + 1, PAGE_SIZE - 1))
			strict_fail("there was no memory, but somebody wrote to it");
		memset(p, FRESH, PAGE_SIZE);
	}
}

static void strict_take_memory(unsigned long off)
{
	unsigned int cpu;
	char *p;

	strict_pages[PFN_DOWN(off)] = false;
	for_each_possible_cpu(cpu) {
		p = (char *)pcpu_area_unit_addr(cpu, off);
		memset(p, NOTHING_THERE, PAGE_SIZE);
		ASAN_POISON_MEMORY_REGION(p, PAGE_SIZE);
	}
}

int pcpu_populate_page(unsigned long off, gfp_t gfp)
{
	if (!pcpu_populate_allowed(gfp))
		strict_fail("a page is populated for who may not");
	if (off + PAGE_SIZE > strict_tables)
		strict_fail("a page is populated that has no page tables");
	strict_may_alloc(gfp);
	if (strict_fails())
		return -ENOMEM;
	strict_put_memory(off);
	strict_point();
	return 0;
}

void pcpu_depopulate_page(unsigned long off, struct list_head *pages)
{
	strict_may_alloc(GFP_KERNEL);
	if (!strict_pages[PFN_DOWN(off)])
		strict_fail("a page is given back that is not there");
	strict_take_memory(off);
}

void pcpu_depopulate_flush(unsigned long first, unsigned long end, struct list_head *pages)
{
	if (first >= end || (first ^ (end - 1)) >> pcpu_area.window_shift)
		strict_fail("a flush goes beyond a window");
	strict_may_alloc(GFP_KERNEL);
}

/* An area, and its end */

/* Address space, all of it without memory. */
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

static void strict_describe_area(const struct strict_layout *l)
{
	unsigned long window = l->size / l->windows, unit = window + PAGE_SIZE;
	unsigned long base = (unsigned long)strict_space();

	assert(l->size <= STRICT_MAX_SIZE && l->units <= STRICT_MAX_CPUS);
	pcpu_area = (struct pcpu_area) {
		.base = base,
		/* A gap, which belongs to nobody */
		.rest = base + l->units * unit + 3 * PAGE_SIZE,
		.stride = unit,
		.pitch = l->units * unit + PAGE_SIZE,
		.size = l->size,
		.static_size = l->static_size,
		.reserved_size = l->reserved,
		.module_limit = l->module_limit,
		.window_shift = __builtin_ctzl(window),
		.nr_units = l->units,
		.span = l->units * unit,
		.max_object = window,
		.linear_size = l->linear ? l->populated : 0,
		.sparse = l->cpus < l->units,
		.name = l->name,
	};
}

/* Memory that is there from the start until strict_shutdown() */
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
	return pcpu_page_mask(0, PFN_UP(min(bytes - off, PCPU_CHUNK_SIZE)) - 1);
}

/* As the kernel does at boot, see first_chunk.c. */
static void strict_first_chunk(unsigned int nr)
{
	const struct strict_layout *l = strict_layout;
	u64 pages = strict_pages_below(nr, l->populated);
	struct pcpu_chunk *chunk = calloc(1, sizeof(*chunk));
	unsigned long flags, off = (unsigned long)nr << PCPU_CHUNK_SHIFT;

	strict_allocated += 2;
	pcpu_chunk_init(chunk, nr, calloc(1, PCPU_MARKS_SIZE));
	chunk->populated = pages;
	chunk->pinned = pages;
	chunk->reserved = pages & ~strict_pages_below(nr, l->populated - l->reserved);
	chunk->odd[0] = chunk->reserved;
	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	pcpu_chunk_publish(chunk);
	if (off < l->static_size)
		pcpu_chunk_take(chunk, 0, min(l->static_size - off, PCPU_CHUNK_SIZE) >>
				PCPU_GRANULE_SHIFT);
	if (l->linear && ~pages)
		pcpu_chunk_withhold(chunk, ~pages);
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
}

/**
 * strict_boot - set up an area as the kernel does at boot
 * @layout: where what lies; must stay
 * @rules: what is allowed
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
	shim_cpu = 0;
	shim_work_due = false;
	strict_describe_area(layout);
	for (off = 0; off < layout->populated; off += PAGE_SIZE)
		strict_put_memory(off);
	pcpu_chunk_table_init(strict_early_alloc(nr_chunks * sizeof(void *)),
			      strict_early_alloc(BITS_TO_LONGS(nr_chunks) * sizeof(long)),
			      strict_early_alloc(sizeof(struct pcpu_shelves)));
	pcpu_arenas_most = layout->arenas ?: PCPU_MAX_ARENAS;
	n = pcpu_arenas_wanted();
	pcpu_arenas_init(strict_early_alloc(n * sizeof(struct pcpu_arena)), n,
			 strict_early_alloc(n * pcpu_arena_nr_slots() * sizeof(u32)));
	pcpu_depot_init(strict_early_alloc(sizeof(struct pcpu_depot)));
	n = DIV_ROUND_UP(layout->populated, PCPU_CHUNK_SIZE);
	for (i = 0; i < n; i++)
		strict_first_chunk(i);
	strict_tables = n << PCPU_CHUNK_SHIFT;
	if (layout->linear) {
		strict_tables = pcpu_area_window_size();
		pcpu_chunk_forbid(n, (strict_tables >> PCPU_CHUNK_SHIFT) - n);
	}
}

void strict_set_rules(const struct strict_rules *rules)
{
	strict_rules = *rules;
	strict_charges = rules->charge;
	strict_cgroup.root = rules->root;
	strict_profiles = rules->profile;
	strict_heard = rules->heard;
}

/* What a chunk has of the memory allocator's */
static long strict_chunk_allocations(struct pcpu_chunk *chunk)
{
	long nr = 2;
	int i;

	for (i = 0; i < PCPU_CHUNK_PAGES; i++)
		nr += !!chunk->rooms[i] + !!chunk->owners[i];
	return nr;
}

/* Memory that chunks have, when nobody is in the allocator */
long strict_held_by_chunks(void)
{
	unsigned int i;
	long nr = 0;

	for (i = 0; i < pcpu_area_nr_chunks(); i++)
		if (pcpu_chunk_table[i])
			nr += strict_chunk_allocations(pcpu_chunk_table[i]);
	return nr;
}

static void strict_free_chunk(struct pcpu_chunk *chunk)
{
	int i;

	for (i = 0; i < PCPU_CHUNK_PAGES; i++) {
		strict_free(chunk->rooms[i]);
		strict_free(chunk->owners[i]);
	}
	strict_free(chunk->marks);
	strict_free(chunk);
}

/**
 * strict_shutdown - forget an area in which nothing is allocated
 */
void strict_shutdown(void)
{
	unsigned long flags, off;
	unsigned int i;
	u32 none;

	raw_spin_lock_irqsave(&pcpu_chunk_lock, flags);
	/* Lists are only hints, and forget what a search does not find. */
	for (i = 0; i < PCPU_NR_SMALL; i++)
		if (pcpu_small_take(i, &none, 1))
			strict_fail("nothing is allocated, but small objects are free");
	raw_spin_unlock_irqrestore(&pcpu_chunk_lock, flags);
	for (i = 0; i < pcpu_area_nr_chunks(); i++)
		if (pcpu_chunk_table[i])
			strict_free_chunk(pcpu_chunk_table[i]);
	for (off = 0; off < pcpu_area.size; off += PAGE_SIZE)
		if (strict_pages[PFN_DOWN(off)])
			strict_take_memory(off);
	pcpu_counts = (struct pcpu_counts) { };
	memset(pcpu_arena_local, 0, shim_nr_cpus * sizeof(pcpu_arena_local[0]));
	while (strict_nr_early)
		free(strict_early[--strict_nr_early]);
}
