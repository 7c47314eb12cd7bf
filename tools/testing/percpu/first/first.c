// SPDX-License-Identifier: GPL-2.0-only
/*
 * first: set up the first chunk as boot does, on a machine of given size, and check it.
 *
 *	first embed|page CPUS TABLE VMALLOC MEMORY LAYOUT AREA
 *
 * A page table maps TABLE MB. The result must be LAYOUT, with an area of AREA KB.
 */
#include "cache.h"
#include "chunk.h"
#include "first_window.h"
#include "layout.h"
#include "pages.h"

unsigned long first_pmd_size, first_vmalloc_size, first_memory;
unsigned int shim_nr_cpus, shim_cpu_step = 1;
int init_mm;
pgd_t first_table;

static void fail(const char *what)
{
	fprintf(stderr, "first: %s\n", what);
	exit(1);
}

#define NR	(1 << 16)

/* Free memory, a stack of ranges */
static struct range {
	unsigned long start;
	unsigned long end;
} first_ranges[NR];
static unsigned int first_nr_ranges;

void first_free(unsigned long phys, size_t size)
{
	assert(size && first_nr_ranges < NR);
	first_ranges[first_nr_ranges++] = (struct range) { phys, phys + size };
}

void *first_alloc(size_t size, size_t align)
{
	struct range *r;

	for (r = first_ranges + first_nr_ranges; r-- > first_ranges; ) {
		unsigned long end = r->end, at = round_down(end - size, align);

		if (end - r->start < size || at < r->start)
			continue;
		r->end = at;
		if (at + size < end)
			first_free(at + size, end - at - size);
		return __va(at);
	}
	return NULL;
}

/* Metadata and page tables: not of the memory that is simulated. */
void *memblock_alloc(size_t size, size_t align)
{
	return calloc(1, size);
}

/* The ranges that have page tables */
static unsigned long first_tables[NR];
static unsigned int first_nr_tables;

static bool first_has_table(unsigned long addr)
{
	unsigned int i;

	for (i = first_nr_tables; i--;)
		if (first_tables[i] == addr / PMD_SIZE)
			return true;
	return false;
}

void pcpu_populate_pte(unsigned long addr)
{
	if (first_has_table(addr))
		return;
	assert(first_nr_tables < NR);
	first_tables[first_nr_tables++] = addr / PMD_SIZE;
}

/* A TLB joins pages where address and memory are alike in 64 KB. */
void first_map(unsigned long addr, unsigned long pfn)
{
	if (!first_has_table(addr))
		fail("a page is mapped without a page table");
	if ((addr ^ pfn << PAGE_SHIFT) & (SZ_64K - 1) & PAGE_MASK)
		fail("memory and address differ in 64 KB");
}

static unsigned long first_tables_end;

void pcpu_populate_tables_exist(unsigned long end)
{
	first_tables_end = end;
}

/* Each offset that boot says to have page tables has them in each unit. */
static void check_tables(void)
{
	unsigned long off;
	unsigned int unit;

	for_each_pcpu_unit(unit)
		for (off = pcpu_area.first; off < first_tables_end; off += PAGE_SIZE)
			if (!first_has_table(pcpu_area_unit_addr(unit, off)))
				fail("a page of the first chunk has no page table");
}

void pcpu_chunk_table_init(struct pcpu_chunk **table, unsigned long *nrs,
			   struct pcpu_slots *slots)
{
}

void pcpu_chunk_reserve_nrs(unsigned int first, unsigned int nr)
{
}

void pcpu_chunk_init(struct pcpu_chunk *chunk, unsigned int nr, void *objmap)
{
	chunk->nr = nr;
}

void pcpu_chunk_add_first(struct pcpu_chunk *chunk, unsigned int static_granules,
			  u64 withheld)
{
	if ((chunk->pinned | withheld) & ~PCPU_ALL_PAGES)
		fail("a chunk has too many pages");
	if (pcpu_area.linear_size && (chunk->pinned | withheld) != PCPU_ALL_PAGES)
		fail("a page of a linear chunk has no memory and is not withheld");
}

size_t pcpu_cache_size(void)
{
	return sizeof(struct pcpu_cache);
}

void pcpu_caches_init(struct pcpu_cache **caches, struct pcpu_cache *boot)
{
}

void pcpu_depot_init(struct pcpu_depot *depot)
{
}

static int boot(bool page)
{
	/* As setup_per_cpu_areas() of most architectures */
	if (!page && !pcpu_embed_first_chunk(0, PERCPU_DYNAMIC_RESERVE, PAGE_SIZE, NULL, NULL))
		return 0;
	return pcpu_page_first_chunk(0, NULL);
}

int main(int argc, char **argv)
{
	assert(argc == 8);
	shim_nr_cpus = atoi(argv[2]);
	first_pmd_size = strtoul(argv[3], NULL, 0) << 20;
	first_vmalloc_size = strtoul(argv[4], NULL, 0) << 20;
	first_memory = strtoul(argv[5], NULL, 0) << 20;
	first_free(SZ_1M, first_memory - SZ_1M);
	if (boot(!strcmp(argv[1], "page")))
		fail("there is no first chunk");
	printf("first: %s, area %lu KB, window %lu KB, stride %lu KB, chunk %lu KB\n",
	       pcpu_area.name, pcpu_area.size >> 10, pcpu_area_window_size() >> 10,
	       pcpu_area.stride >> 10, PCPU_CHUNK_SIZE >> 10);
	if (strcmp(pcpu_area.name, argv[6]) || pcpu_area.size >> 10 != strtoul(argv[7], NULL, 0))
		fail("another layout was expected");
	if (!pcpu_area.linear_size)
		check_tables();
	return 0;
}
