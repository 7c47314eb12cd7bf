// SPDX-License-Identifier: GPL-2.0-only
/*
 * layout: what the layout costs in address space and memory, by the number of
 * possible CPUs, on x86-64 with four levels of page tables.  The rules are those
 * of mm/percpu/first_chunk.c; a kernel's boot log says the same of itself, and
 * overlay/layout-check.sh compares.
 *
 * "large" is CPU-major with the first window in large pages, which is what boot
 * chooses where those of all CPUs are 1/128 of the memory at most: 16 GB for 64
 * CPUs.
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
#define VMALLOC_END	0xffffe8ffffffffffUL
#define VMALLOC_TOTAL	((32UL << 40) - 1)
#define EARLY		(20 * KB)
#define RESERVE		(28 * KB)
#define MODULES		(8 * KB)
#define VM_STRUCT	72

/* How far a table of each level reaches, from the lowest up. */
static const unsigned int reach[] = { 21, 30, 39 };

/* What the lowest one does, and so does a large page. */
#define LARGE		(2 * MB)

/**
 * struct layout - one layout on one number of CPUs
 * @cpus: possible CPUs
 * @size: offset space of a unit
 * @window: offsets of a unit that lie in one piece
 * @stride: bytes from unit to unit
 * @pitch: bytes from window to window
 * @base: address of unit 0; where its first window is linear memory, one pitch
 *	below its second one
 * @space: vmalloc space reserved
 * @populated: bytes of each unit that have memory from boot on
 * @linear: offsets that need no page tables, as they are in linear memory
 * @mapped: offsets that have page tables after boot, or need none
 * @large: a large page is the beginning of each unit
 */
struct layout {
	unsigned int cpus;
	unsigned long size;
	unsigned long window;
	unsigned long stride;
	unsigned long pitch;
	unsigned long base;
	unsigned long space;
	unsigned long populated;
	unsigned long linear;
	unsigned long mapped;
	bool large;
};

/* Tables that were met on the way up: how many, and the last of each level. */
struct met {
	unsigned long last[ARRAY_SIZE(reach)];
	unsigned long n;
};

static void meet(struct met *met, unsigned long addr)
{
	unsigned int level;

	for (level = 0; level < ARRAY_SIZE(reach); level++) {
		if (met->last[level] == addr >> reach[level])
			continue;
		met->last[level] = addr >> reach[level];
		met->n++;
	}
}

/* Those of @bytes of one unit, from offset @off on, in one window. */
static void meet_unit(struct met *met, const struct layout *l, unsigned int cpu,
		      unsigned long off, unsigned long bytes)
{
	unsigned long addr = l->base + off / l->window * l->pitch +
			     cpu * l->stride + off % l->window;
	unsigned long end = addr + bytes;

	/* No table of the lowest level; but boot makes the one beside it. */
	if (l->large && !off) {
		meet(met, addr ^ LARGE);
		addr += LARGE;
	}
	for (; addr < end; addr = round_down(addr, LARGE) + LARGE)
		meet(met, addr);
}

/*
 * Tables of all units from one offset to another. The order of windows, and of
 * units in a window, is that of addresses, so a table met last is met again.
 */
static unsigned long tables(const struct layout *l, unsigned long from, unsigned long to)
{
	struct met met = {};
	unsigned long end;
	unsigned int cpu;

	for (; from < to; from = end) {
		end = min(to, round_down(from, l->window) + l->window);
		for (cpu = 0; cpu < l->cpus; cpu++)
			meet_unit(&met, l, cpu, from, end - from);
	}
	return met.n;
}

static unsigned long metadata(const struct layout *l)
{
	unsigned long nr_chunks = l->size >> PCPU_CHUNK_SHIFT;
	unsigned long first = DIV_ROUND_UP(l->populated, PCPU_CHUNK_SIZE);
	unsigned long arenas = min(l->cpus, PCPU_MAX_ARENAS);

	return VM_STRUCT + l->cpus * sizeof(long) +
	       nr_chunks * sizeof(void *) + nr_chunks / 8 +
	       arenas * (sizeof(struct pcpu_arena) + pcpu_arena_nr_slots() * sizeof(u32)) +
	       sizeof(struct pcpu_depot) + sizeof(struct pcpu_shelves) +
	       first * (sizeof(struct pcpu_chunk) + PCPU_MARKS_SIZE);
}

static void print(const char *name, const struct layout *l)
{
	unsigned long boot = tables(l, l->linear, l->mapped);
	unsigned long later = tables(l, l->linear, l->size) - boot;

	/* Chunks share tables with their neighbours: the average of all that follow. */
	printf("%-16s %5u %5lu %7lu %11lu %9lu %5lu %7lu %9lu %7.1f %7lu\n", name, l->cpus,
	       l->size / MB, l->stride / KB, l->space / KB,
	       l->cpus * l->populated / KB, metadata(l) / KB, boot * PAGE_SIZE / KB,
	       (sizeof(struct pcpu_chunk) + PCPU_MARKS_SIZE) / KB,
	       later * 4.0 / ((l->size - l->mapped) / PCPU_CHUNK_SIZE),
	       l->cpus * PCPU_CHUNK_SIZE / 8 / KB);
}

/* Where boot reserves @space bytes. */
static unsigned long reserve(unsigned long space, unsigned long align)
{
	return round_down(VMALLOC_END - space - PAGE_SIZE, align);
}

/* Of units that are @skew bytes more than their size apart. */
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
	l.pitch = cpus * l.stride;
	l.space = (l.size / l.window - 1) * l.pitch;
	l.base = reserve(l.space, l.window) - l.pitch;
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
