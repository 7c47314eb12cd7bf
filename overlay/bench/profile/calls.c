// SPDX-License-Identifier: GPL-2.0-only
/*
 * calls: a QEMU plugin that counts the instructions of a guest by function, in
 * calls of one kernel function by modules. The guest must be booted with nokaslr.
 * Loaded with
 *
 *	symbols=FILE	the output of nm -n vmlinux
 *	call=NAME	the function
 *	rare=NAME	another: calls that reach it are summed up apart
 *	out=FILE	for the table
 *
 * Calls with an interrupt or an exception do not count. An instruction with a
 * repeat prefix counts once for each repetition, as with -icount.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"
#include "symbols.h"

int qemu_plugin_version = 1;

#define MAX_CPUS	256
#define MAX_CALLS	(1 << 16)
#define MAX_PARTS	96	/* functions in a call; a page fault has fewer */
#define MODULE		(-1)	/* instead of the number of a function */

/* What a function is */
struct kind {
	bool ours;
	bool interrupts;
};

/* A translated block: instructions of one function, without a jump between. */
struct block {
	uint64_t addr;
	int function;
	unsigned int nr;
};

struct part {
	int function;
	unsigned int nr;
};

struct call {
	unsigned int total;
	unsigned int foreign;	/* of these in functions that are not mm/percpu's */
	bool rare;
	int nr_parts;
	struct part parts[MAX_PARTS];
};

static struct symbols symbols;
static struct kind *kinds;	/* by function */
static int called = MODULE, rare = MODULE;
static const char *out;

static struct call *calls;
static int nr_calls;

/* The current call on one CPU */
static struct call now;
static bool going, disturbed;
static unsigned int on_cpu;
static bool in_module[MAX_CPUS];	/* by CPU: it last ran a module */
static int *part_of;	/* by function: its part, or 0 */

static void call_ends(void)
{
	int i;

	for (i = 0; i < now.nr_parts; i++)
		part_of[now.parts[i].function] = 0;
	if (!disturbed && nr_calls < MAX_CALLS)
		calls[nr_calls++] = now;
	going = false;
}

static void count(const struct block *block)
{
	int *part = &part_of[block->function];

	now.total += block->nr;
	if (!kinds[block->function].ours)
		now.foreign += block->nr;
	now.rare |= block->function == rare;
	disturbed |= kinds[block->function].interrupts;
	if (!*part) {
		if (now.nr_parts == MAX_PARTS)
			return;
		now.parts[now.nr_parts].function = block->function;
		now.parts[now.nr_parts].nr = 0;
		*part = ++now.nr_parts;
	}
	now.parts[*part - 1].nr += block->nr;
}

static void executed(unsigned int vcpu, void *data)
{
	const struct block *block = data;
	bool by_module;

	if (vcpu >= MAX_CPUS)
		return;
	by_module = in_module[vcpu];
	in_module[vcpu] = block->function == MODULE;
	if (!going) {
		if (!by_module || block->function == MODULE ||
		    block->addr != symbols.at[called].addr)
			return;
		memset(&now, 0, offsetof(struct call, parts));
		disturbed = false;
		going = true;
		on_cpu = vcpu;
	} else if (vcpu != on_cpu) {
		return;
	}
	if (block->function == MODULE)
		call_ends();
	else
		count(block);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	uint64_t addr = qemu_plugin_tb_vaddr(tb);
	struct block *block;

	if (addr < KERNEL_BEGIN)
		return;
	block = malloc(sizeof(*block));
	if (!block)
		abort();
	block->addr = addr;
	block->nr = qemu_plugin_tb_n_insns(tb);
	block->function = addr < MODULES_BEGIN ? symbols_find(&symbols, addr) : MODULE;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, block);
}

static int dearer(const void *a, const void *b)
{
	const struct call *x = a, *y = b;

	return (x->total > y->total) - (x->total < y->total);
}

/* Calls that are summed up: a column of the table. */
struct column {
	const char *name;
	bool rare;		/* only those that reached the rare function */
	int first, end;		/* of 1,000 such calls, sorted by cost */
	int nr;
	double *by_function;
};

static struct column columns[] = {
	{ "half", false, 250, 750 },
	{ "rare", true, 100, 900 },
	{ "top 1 %", false, 990, 1000 },
};

#define NR_COLUMNS	((int)(sizeof(columns) / sizeof(columns[0])))

static void add_call(struct column *column, const struct call *call)
{
	int i;

	column->nr++;
	for (i = 0; i < call->nr_parts; i++)
		column->by_function[call->parts[i].function] += call->parts[i].nr;
}

static void fill_column(struct column *column)
{
	int i, nr = 0, seen = 0;

	column->by_function = calloc(symbols.nr, sizeof(double));
	if (!column->by_function)
		abort();
	for (i = 0; i < nr_calls; i++)
		nr += calls[i].rare || !column->rare;
	for (i = 0; i < nr_calls; i++) {
		if (column->rare && !calls[i].rare)
			continue;
		if (seen >= nr * (long)column->first / 1000 &&
		    seen < nr * (long)column->end / 1000)
			add_call(column, &calls[i]);
		seen++;
	}
}

static double mean(const struct column *column, int function)
{
	return column->nr ? column->by_function[function] / column->nr : 0;
}

static int by_rare(const void *a, const void *b)
{
	double x = columns[1].by_function[*(const int *)a];
	double y = columns[1].by_function[*(const int *)b];

	return (y > x) - (y < x);
}

static int greater(const void *a, const void *b)
{
	const unsigned int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print_percentiles(FILE *file, const char *name, bool foreign)
{
	static const int permille[] = { 500, 900, 990, 999, 1000 };
	unsigned int *costs = calloc(nr_calls + 1, sizeof(*costs));
	int i;

	if (!costs)
		abort();
	for (i = 0; i < nr_calls; i++)
		costs[i] = foreign ? calls[i].foreign : calls[i].total;
	qsort(costs, nr_calls, sizeof(*costs), greater);
	fprintf(file, "%-34s", name);
	for (i = 0; i < (int)(sizeof(permille) / sizeof(permille[0])); i++)
		fprintf(file, " %9u",
			nr_calls ? costs[(nr_calls - 1) * (long)permille[i] / 1000] : 0);
	fprintf(file, "\n");
	free(costs);
}

static void print_row(FILE *file, const char *name, const double *values)
{
	int i;

	fprintf(file, "%-34s", name);
	for (i = 0; i < NR_COLUMNS; i++)
		fprintf(file, " %9.0f", values[i]);
	fprintf(file, "\n");
}

/* Sums over the functions that are, or are not, of mm/percpu; then each. */
static void print_rows(FILE *file, const int *order)
{
	double ours[NR_COLUMNS] = { }, others[NR_COLUMNS] = { }, row[NR_COLUMNS];
	int i, k;

	for (i = 0; i < symbols.nr; i++) {
		double *sum = kinds[i].ours ? ours : others;

		for (k = 0; k < NR_COLUMNS; k++)
			sum[k] += mean(&columns[k], i);
	}
	print_row(file, "pcpu_*", ours);
	print_row(file, "all others", others);
	for (i = 0; i < symbols.nr; i++) {
		bool any = false;

		for (k = 0; k < NR_COLUMNS; k++) {
			row[k] = mean(&columns[k], order[i]);
			any |= row[k] >= 10;
		}
		if (any)
			print_row(file, symbols.at[order[i]].name, row);
	}
}

static void at_exit(uint64_t id, void *data)
{
	int *order = calloc(symbols.nr, sizeof(*order));
	FILE *file = fopen(out, "w");
	int i;

	if (!order || !file)
		abort();
	qsort(calls, nr_calls, sizeof(calls[0]), dearer);
	for (i = 0; i < NR_COLUMNS; i++)
		fill_column(&columns[i]);
	for (i = 0; i < symbols.nr; i++)
		order[i] = i;
	qsort(order, symbols.nr, sizeof(*order), by_rare);

	fprintf(file, "%d calls of %s(), instructions\n\n%-34s %9s %9s %9s %9s %9s\n",
		nr_calls, symbols.at[called].name, "percentile", "50", "90", "99", "99.9", "100");
	print_percentiles(file, "all", false);
	print_percentiles(file, "not in pcpu_*", true);
	fprintf(file, "\nby function, mean of\n");
	fprintf(file, "half: the middle half of all, %d\n", columns[0].nr);
	fprintf(file, "rare: the middle 80 %% of those with %s(), %d\n",
		symbols.at[rare].name, columns[1].nr);
	fprintf(file, "top 1 %%: the most expensive hundredth of all, %d\n\n",
		columns[2].nr);
	fprintf(file, "%-34s", "function");
	for (i = 0; i < NR_COLUMNS; i++)
		fprintf(file, " %9s", columns[i].name);
	fprintf(file, "\n");
	print_rows(file, order);
	fclose(file);
}

static bool read_functions(const char *path)
{
	int i;

	if (!symbols_read(&symbols, path, "tTwW"))
		return false;
	kinds = calloc(symbols.nr, sizeof(*kinds));
	if (!kinds)
		abort();
	for (i = 0; i < symbols.nr; i++) {
		kinds[i].ours = !strncmp(symbols.at[i].name, "pcpu_", 5);
		kinds[i].interrupts = !strncmp(symbols.at[i].name, "asm_", 4);
	}
	return true;
}

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	const char *path = "", *call = "", *unusual = "";
	int i;

	for (i = 0; i < argc; i++) {
		path = value_of(argv[i], "symbols") ?: path;
		call = value_of(argv[i], "call") ?: call;
		unusual = value_of(argv[i], "rare") ?: unusual;
		out = value_of(argv[i], "out") ?: out;
	}
	if (!out || !read_functions(path)) {
		fprintf(stderr, "calls: symbols= and out= are needed\n");
		return 1;
	}
	called = symbols_named(&symbols, call);
	rare = symbols_named(&symbols, unusual);
	if (called == MODULE || rare == MODULE) {
		fprintf(stderr, "calls: the kernel has no function %s\n",
			called == MODULE ? call : unusual);
		return 1;
	}
	calls = calloc(MAX_CALLS, sizeof(*calls));
	part_of = calloc(symbols.nr, sizeof(*part_of));
	if (!calls || !part_of)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
