// SPDX-License-Identifier: GPL-2.0-only
/*
 * stock: the memory of the stock allocator, and its setup.
 *
 * One sparse mapping and an array of pages by address stand for vmalloc.  A page has
 * only its struct, because the mapping always has memory.  This is less work than in
 * the kernel, in favour of stock.
 */
#include <sys/mman.h>

#include <stock_shim.h>

#include "bed.h"
#include "percpu.h"

/* Valgrind has less address space. */
#define SPACE		(bed_size < 256UL << 20 ? 32UL << 30 : 256UL << 30)
#define MIN_STATIC	PAGE_SIZE

const char bed_name[] = "stock";
unsigned long bed_size = 256UL << 20;
unsigned long stock_mutex_taken;
struct stock_work *stock_pending;
unsigned long bed_populated, bed_depopulated;

extern spinlock_t pcpu_lock;

static unsigned long space, space_used;
static struct page **page_at;

unsigned long bed_shared_locks(void)
{
	return pcpu_lock.taken + stock_mutex_taken;
}

/* The bed gives chunks without end. */
bool bed_full(void)
{
	return false;
}

void bed_work(void)
{
	if (!shim_work_due)
		return;
	shim_work_due = false;
	bed_settle();
}

/* The work item runs even if it is not queued, as in ours.c. */
const char *bed_settle(void)
{
	if (stock_pending)
		stock_pending->func(stock_pending);
	return NULL;
}

struct page *alloc_pages_node(int node, gfp_t gfp, unsigned int order)
{
	return calloc(1, sizeof(struct page));
}

void __free_page(struct page *page)
{
	free(page);
}

struct page *vmalloc_to_page(const void *addr)
{
	return page_at[((unsigned long)addr - space) >> PAGE_SHIFT];
}

int vmap_pages_range_noflush(unsigned long addr, unsigned long end, int prot, struct page **pages,
			     unsigned int shift, gfp_t gfp)
{
	bed_populated += (end - addr) >> PAGE_SHIFT;
	for (; addr < end; addr += PAGE_SIZE)
		page_at[(addr - space) >> PAGE_SHIFT] = *pages++;
	return 0;
}

void vunmap_range_noflush(unsigned long addr, unsigned long end)
{
	bed_depopulated += (end - addr) >> PAGE_SHIFT;
	madvise((void *)addr, end - addr, MADV_DONTNEED);
	for (; addr < end; addr += PAGE_SIZE)
		page_at[(addr - space) >> PAGE_SHIFT] = NULL;
}

/* There is one group, so all areas have the same size. */
static struct vm_struct *free_areas[4096];
static unsigned int nr_free_areas;

struct vm_struct **pcpu_get_vm_areas(const unsigned long *offsets, const size_t *sizes, int nr,
				     size_t align)
{
	struct vm_struct **vms = calloc(1, sizeof(*vms));

	assert(nr == 1);
	if (nr_free_areas) {
		vms[0] = free_areas[--nr_free_areas];
		return vms;
	}
	assert(space_used + sizes[0] <= SPACE);
	vms[0] = calloc(1, sizeof(**vms));
	vms[0]->addr = (void *)(space + space_used);
	space_used += ALIGN(sizes[0], align);
	return vms;
}

void pcpu_free_vm_areas(struct vm_struct **vms, int nr)
{
	assert(nr_free_areas < ARRAY_SIZE(free_areas));
	free_areas[nr_free_areas++] = vms[0];
	free(vms);
}

static void *reserve(unsigned long size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert(p != MAP_FAILED);
	return p;
}

/**
 * bed_boot - set up the first chunk as x86-64 does
 * @nr_cpus: simulated CPUs
 * @static_size: bytes of static data at offset 0; at least a page
 * @early: bytes that are populated behind them
 *
 * Units of at least 256 KB share blocks of 2 MB, as in an embedded first chunk.
 */
void bed_boot(unsigned int nr_cpus, unsigned long static_size, unsigned long early)
{
	struct pcpu_alloc_info *ai;
	unsigned int cpu;

	shim_nr_cpus = nr_cpus;
	static_size = max(static_size, MIN_STATIC);
	space = (unsigned long)reserve(SPACE);
	page_at = reserve(SPACE / PAGE_SIZE * sizeof(*page_at));
	ai = pcpu_alloc_alloc_info(1, nr_cpus);
	ai->static_size = static_size;
	ai->dyn_size = PFN_ALIGN(static_size + early) - static_size;
	ai->unit_size = 256UL << 10;
	while (ai->unit_size * 2 * nr_cpus <= 2UL << 20)
		ai->unit_size *= 2;
	ai->atom_size = 2UL << 20;
	ai->alloc_size = ai->atom_size;
	ai->groups[0].nr_units = nr_cpus;
	for (cpu = 0; cpu < nr_cpus; cpu++)
		ai->groups[0].cpu_map[cpu] = cpu;
	space_used = ALIGN(nr_cpus * ai->unit_size, ai->atom_size);
	pcpu_setup_first_chunk(ai, (void *)space);
}

void bed_share_memory(void)
{
}
