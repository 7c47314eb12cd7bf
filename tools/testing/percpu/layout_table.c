// SPDX-License-Identifier: GPL-2.0-only
/*
 * layout: address space and memory that the layout needs, by the number of possible
 * CPUs, on x86-64 with four levels of page tables.  The rules are those of
 * mm/percpu/first_chunk.c.  The boot log of a kernel has the same numbers.
 *
 * "large" is CPU-major with the first window in large pages.  Boot chooses it if the
 * large pages of all CPUs are at most 1/1024 of the memory, or by percpu_alloc=large.
 */
#include <stdio.h>
#include <stdlib.h>

#include <shim.h>

#include "bed.h"
#include "cache.h"
#include "chunk.h"

#define KB		1024UL
#define MB		(1024 * KB)
#define VMALLOC_END	0xffffe8ffffffffffUL
#define VMALLOC_TOTAL	((32UL << 40) - 1)
#define EARLY		(20 * KB)
#define RESERVE		(28 * KB)
#define MODULES		(8 * KB)
#define VM_STRUCT	72

/* Shift of the address range of a table, by level from the lowest up */
static const unsigned int table_shift[] = { 21, 30, 39 };

/* Size of a large page, and address range of a table of the lowest level */
#define LARGE		(2 * MB)

/**
 * struct layout - one layout on one number of CPUs
 * @cpus: possible CPUs
 * @size: offset space of a unit
 * @window: offsets of a unit that are contiguous
 * @stride: bytes from unit to unit
 * @window_stride: bytes from window to window
 * @base: address of unit 0; if its first window is linear memory, one
 *	@window_stride below its second one
 * @space: vmalloc space reserved
 * @populated: bytes of each unit that boot populates
 * @linear: offsets in linear memory, which need no page tables
 * @mapped: offsets that have page tables after boot, or need none
 * @large: each unit begins with a large page
 */
struct layout {
	unsigned int cpus;
	unsigned long size;
	unsigned long window;
	unsigned long stride;
	unsigned long window_stride;
	unsigned long base;
	unsigned long space;
	unsigned long populated;
	unsigned long linear;
	unsigned long mapped;
	bool large;
};

/* Page tables of ascending addresses: the number, and the last one of each level */
struct tables_seen {
	unsigned long last[ARRAY_SIZE(table_shift)];
	unsigned long n;
};

static void count_tables(struct tables_seen *seen, unsigned long addr)
{
	unsigned int level;

	for (level = 0; level < ARRAY_SIZE(table_shift); level++) {
		if (seen->last[level] == addr >> table_shift[level])
			continue;
		seen->last[level] = addr >> table_shift[level];
		seen->n++;
	}
}

/* Count the tables of @bytes of one unit, from offset @off on, in one window. */
static void count_unit_tables(struct tables_seen *seen, const struct layout *l, unsigned int cpu,
			      unsigned long off, unsigned long bytes)
{
	unsigned long addr = l->base + off / l->window * l->window_stride +
			     cpu * l->stride + off % l->window;
	unsigned long end = addr + bytes;

	/* A large page has no table of the lowest level, but boot allocates the next. */
	if (l->large && !off) {
		count_tables(seen, addr ^ LARGE);
		addr += LARGE;
	}
	for (; addr < end; addr = round_down(addr, LARGE) + LARGE)
		count_tables(seen, addr);
}

/*
 * Return the number of tables of all units from one offset to another. Addresses
 * ascend, so it is enough to compare with the last table of each level.
 */
static unsigned long tables(const struct layout *l, unsigned long from, unsigned long to)
{
	struct tables_seen seen = {};
	unsigned long end;
	unsigned int cpu;

	for (; from < to; from = end) {
		end = min(to, round_down(from, l->window) + l->window);
		for (cpu = 0; cpu < l->cpus; cpu++)
			count_unit_tables(&seen, l, cpu, from, end - from);
	}
	return seen.n;
}

static unsigned long metadata(const struct layout *l)
{
	unsigned long nr_chunks = l->size >> PCPU_CHUNK_SHIFT;
	unsigned long first = DIV_ROUND_UP(l->populated, PCPU_CHUNK_SIZE);

	return VM_STRUCT + l->cpus * (sizeof(long) + sizeof(u16)) +
	       nr_chunks * sizeof(void *) + nr_chunks / 8 +
	       l->cpus * sizeof(void *) + pcpu_cache_size() +
	       sizeof(struct pcpu_depot) + sizeof(struct pcpu_slots) +
	       first * (sizeof(struct pcpu_chunk) + PCPU_OBJMAP_SIZE);
}

static void print(const char *name, const struct layout *l)
{
	unsigned long boot = tables(l, l->linear, l->mapped);
	unsigned long later = tables(l, l->linear, l->size) - boot;

	/* Chunks share tables, so print the average of later chunks. */
	printf("%-16s %5u %5lu %7lu %11lu %9lu %5lu %7lu %9lu %7.1f %7lu\n", name, l->cpus,
	       l->size / MB, l->stride / KB, l->space / KB,
	       l->cpus * l->populated / KB, metadata(l) / KB, boot * PAGE_SIZE / KB,
	       (sizeof(struct pcpu_chunk) + PCPU_OBJMAP_SIZE) / KB,
	       later * 4.0 / ((l->size - l->mapped) / PCPU_CHUNK_SIZE),
	       l->cpus * PCPU_CHUNK_SIZE / 8 / KB);
}

/* Return the address at which boot reserves @space bytes. */
static unsigned long reserve(unsigned long space, unsigned long align)
{
	return round_down(VMALLOC_END - space - PAGE_SIZE, align);
}

/* The distance of units is their size plus @skew bytes. */
static void cpu_major(const char *name, unsigned int cpus, unsigned long fixed,
		      unsigned long skew)
{
	struct layout l = { .cpus = cpus, .size = PCPU_AREA_MAX_SIZE };

	while (l.size > VMALLOC_TOTAL / 16 / cpus)
		l.size /= 2;
	l.window = l.size;
	l.stride = l.size + skew;
	l.space = cpus * l.stride;
	l.base = reserve(l.space, l.size);
	l.large = skew == LARGE;
	l.populated = l.large ? LARGE : round_up(fixed + EARLY, PAGE_SIZE);
	l.mapped = round_up(l.populated, PCPU_CHUNK_SIZE);
	print(name, &l);
}

static void chunk_major(unsigned int cpus, unsigned long fixed)
{
	struct layout l = { .cpus = cpus, .size = PCPU_AREA_MAX_SIZE, .window = 2 * MB };

	l.stride = l.window + PAGE_SIZE;
	l.window_stride = cpus * l.stride;
	l.space = (l.size / l.window - 1) * l.window_stride;
	l.base = reserve(l.space, l.window) - l.window_stride;
	l.populated = round_up(fixed + RESERVE, PAGE_SIZE) + MODULES;
	l.linear = l.window;
	l.mapped = l.window;
	print("chunk-major", &l);
}

int main(int argc, char **argv)
{
	static const unsigned int cpus[] = { 4, 64, 1024, 4096 };
	unsigned long fixed = argc > 1 ? strtoul(argv[1], NULL, 0) : 180 * KB;
	unsigned int only = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	unsigned int i, n;

	printf("static percpu data: %lu bytes a CPU\n", fixed);
	printf("%-16s %5s %5s %7s %11s %9s %5s %7s %9s %7s %7s\n", "", "", "area", "stride",
	       "vmalloc", "boot:", "meta", "tables", "a chunk:", "tables", "KASAN");
	printf("%-16s %5s %5s %7s %11s %9s %5s %7s %9s %7s %7s\n", "layout", "CPUs", "MB", "KB",
	       "KB", "memory KB", "KB", "KB", "meta KB", "KB", "KB");
	for (i = 0; i < ARRAY_SIZE(cpus); i++) {
		n = only ?: cpus[i];
		cpu_major("CPU-major", n, fixed, PAGE_SIZE);
		cpu_major("CPU-major+KASAN", n, fixed, 0);
		cpu_major("CPU-major, large", n, fixed, LARGE);
		chunk_major(n, fixed);
		if (only)
			break;
	}
	return 0;
}
