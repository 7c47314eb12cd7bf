// SPDX-License-Identifier: GPL-2.0-only
/*
 * layout: what the layout costs in address space and memory, by the number of
 * possible CPUs, on x86-64 with four levels of page tables.  The rules are those
 * of mm/percpu/first_chunk.c; a kernel's boot log says the same of itself.
 */
#include <stdio.h>
#include <stdlib.h>

#include <shim.h>

#include "arena.h"
#include "bed.h"
#include "chunk.h"
#include "depot.h"

#define KB		(1UL << 10)
#define MB		(1UL << 20)
#define VMALLOC_BYTES	(32UL << 40)
#define VMALLOC_LAST	0xffffe90000000000UL
#define EARLY		(20 * KB)
#define RESERVE		(28 * KB)

/* How far a table of each level reaches, from the lowest up. */
static const unsigned int reach[] = { 21, 30, 39 };

/**
 * struct layout - one layout on one number of CPUs
 * @cpus: possible CPUs
 * @size: offset space of a unit
 * @stride: bytes from unit to unit
 * @base: address of unit 0, or of its second window
 * @space: vmalloc space reserved
 * @mapped: bytes of each unit that boot gives page tables
 */
struct layout {
	unsigned int cpus;
	unsigned long size;
	unsigned long stride;
	unsigned long base;
	unsigned long space;
	unsigned long mapped;
};

static unsigned long align_down(unsigned long x, unsigned long to)
{
	return x & ~(to - 1);
}

/* The order of units is that of addresses, so a table met last is met again. */
static unsigned long tables(const struct layout *l, unsigned long off, unsigned long bytes)
{
	unsigned long n = 0, addr, last[ARRAY_SIZE(reach)] = {};
	unsigned int cpu, level;

	for (cpu = 0; cpu < l->cpus; cpu++) {
		addr = l->base + cpu * l->stride + off;
		for (; addr < l->base + cpu * l->stride + off + bytes; addr += PAGE_SIZE) {
			for (level = 0; level < ARRAY_SIZE(reach); level++) {
				if (last[level] == addr >> reach[level])
					continue;
				last[level] = addr >> reach[level];
				n++;
			}
		}
	}
	return n;
}

static unsigned long metadata(const struct layout *l, unsigned long populated)
{
	unsigned long nr_chunks = l->size >> PCPU_CHUNK_SHIFT;
	unsigned long first = DIV_ROUND_UP(populated, PCPU_CHUNK_SIZE);
	unsigned long arenas = min(l->cpus, PCPU_MAX_ARENAS);

	return l->cpus * sizeof(long) + nr_chunks * sizeof(void *) + nr_chunks / 8 +
	       arenas * (sizeof(struct pcpu_arena) + pcpu_arena_nr_slots() * sizeof(u32)) +
	       sizeof(struct pcpu_depot) + sizeof(struct pcpu_shelves) +
	       first * (sizeof(struct pcpu_chunk) + PCPU_MARKS_SIZE);
}

static void print(const char *name, const struct layout *l, unsigned long populated)
{
	unsigned long more = 8 * MB, off = l->mapped ? more : 0;
	unsigned long added = tables(l, 0, off + more) - tables(l, 0, off);

	/* Tables are shared by neighbouring chunks: counted over 8 MB. */
	printf("%-16s %5u %8lu %10lu %10lu %10lu %10lu %10.1f %12lu\n", name, l->cpus,
	       l->size / MB, l->space / KB,
	       metadata(l, populated) / KB,
	       l->mapped ? tables(l, 0, l->mapped) * 4 : 0,
	       (sizeof(struct pcpu_chunk) + PCPU_MARKS_SIZE) / KB,
	       added * 4.0 / (more / PCPU_CHUNK_SIZE),
	       l->cpus * PCPU_CHUNK_SIZE / 8 / KB);
}

static void cpu_major(unsigned int cpus, unsigned long fixed, bool kasan)
{
	unsigned long populated = PFN_UP(fixed + EARLY) * PAGE_SIZE;
	struct layout l = { .cpus = cpus, .size = PCPU_AREA_MAX_SIZE };

	while (l.size > VMALLOC_BYTES / 16 / cpus)
		l.size /= 2;
	l.stride = l.size + (kasan ? 0 : PAGE_SIZE);
	l.space = cpus * l.stride;
	l.base = align_down(VMALLOC_LAST - l.space - PAGE_SIZE, l.size);
	l.mapped = round_up(populated, PCPU_CHUNK_SIZE);
	print(kasan ? "CPU-major+KASAN" : "CPU-major", &l, populated);
}

static void chunk_major(unsigned int cpus, unsigned long fixed)
{
	unsigned long populated = PFN_UP(fixed + RESERVE) * PAGE_SIZE;
	struct layout l = { .cpus = cpus };
	unsigned long window = 2 * MB, n = PCPU_AREA_MAX_SIZE / window - 1;

	l.stride = window + PAGE_SIZE;
	l.size = (n + 1) * window;
	l.space = n * cpus * l.stride;
	l.base = align_down(VMALLOC_LAST - l.space - PAGE_SIZE, window);
	print("chunk-major", &l, populated);
}

int main(int argc, char **argv)
{
	static const unsigned int cpus[] = { 4, 64, 1024, 4096 };
	unsigned long fixed = argc > 1 ? strtoul(argv[1], NULL, 0) : 180 * KB;
	unsigned int only = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	unsigned int i, n;

	printf("static percpu data: %lu bytes a CPU\n", fixed);
	printf("%-16s %5s %8s %10s %10s %10s %10s %10s %12s\n", "", "", "area", "vmalloc",
	       "boot: meta", "tables", "a chunk:", "tables", "KASAN shadow");
	printf("%-16s %5s %8s %10s %10s %10s %10s %10s %12s\n", "layout", "CPUs", "MB", "KB", "KB",
	       "KB", "meta KB", "KB", "KB");
	for (i = 0; i < ARRAY_SIZE(cpus); i++) {
		n = only ?: cpus[i];
		cpu_major(n, fixed, false);
		cpu_major(n, fixed, true);
		chunk_major(n, fixed);
		if (only)
			break;
	}
	return 0;
}
