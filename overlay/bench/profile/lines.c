// SPDX-License-Identifier: GPL-2.0-only
/*
 * lines: a QEMU plugin that counts the cache lines of kernel memory that move between
 * the CPUs of a guest, and the instructions of each function. The guest must be booted
 * with nokaslr. Loaded with
 *
 *	symbols=FILE	the output of nm -n vmlinux
 *	mark=NAME	a function; the program calls it before it repeats its operation,
 *			when all CPUs have warmed up, and at the end
 *	ops=N		how often it repeats it between the last two
 *	locks=A:B...	spinlocks: moves under any of them are summed up apart
 *	group=A:B...	how the functions and data begin that are summed up apart, in place
 *			of those of the percpu allocators
 *	out=FILE	for the table
 *
 * A line moves when a CPU reads it after another CPU has written it, or writes it after
 * another CPU has read or written it. Caches are endless, so only what CPUs share is
 * counted. What helpers such as memset() and spinlocks access and execute counts for
 * their caller.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"
#include "symbols.h"

int qemu_plugin_version = 1;

#define MAX_CPUS	64
#define LINE_SHIFT	6
#define KERNEL_HALF	(1ULL << 63)
#define FIXMAP		0xffffffffff000000ULL	/* devices of each CPU */
#define MAX_LINES	(1 << 23)	/* a power of two */
#define SHOWN		40
#define MAX_LOCKS	8
#define MAX_WORDS	24

/* A line: its CPUs, and its moves between the last two marks */
struct line {
	uint64_t nr;		/* address >> LINE_SHIFT, 0 if the entry is free */
	uint64_t holders;	/* CPUs that have it; one of them if @dirty */
	unsigned int moves;
	int function;		/* has moved it most, if any has for half of the time */
	int votes;
	bool dirty;
};

/* A translated block: instructions of one function, without a jump between. */
struct block {
	int function;
	unsigned int nr;
};

enum phase { BOOT, WARM, COUNT, END };

static struct symbols functions, data;
static bool *helper, *percpu_function, *percpu_data;
static struct line *lines;
static unsigned long nr_lines;
static unsigned long *moved;	/* by function */
static unsigned long *executed_by;	/* by function: instructions */
static int current[MAX_CPUS];	/* by CPU: the last function that is no helper */
static int leaf[MAX_CPUS];	/* by CPU: the last function */
static bool holds[MAX_CPUS];	/* by CPU: it holds one of @locks */
static uint64_t locks[MAX_LOCKS];
static int nr_locks;
static unsigned long moved_locked;
static int mark;
static enum phase phase;
static unsigned int ops = 1;
static const char *out;

static struct line *line_of(uint64_t addr)
{
	uint64_t nr = addr >> LINE_SHIFT;
	uint64_t i = (nr * 0x9e3779b97f4a7c15ULL) >> 32;

	for (;; i++) {
		struct line *line = &lines[i & (MAX_LINES - 1)];

		if (line->nr == nr)
			return line;
		if (!line->nr) {
			if (++nr_lines == MAX_LINES)
				abort();
			line->nr = nr;
			return line;
		}
	}
}

static void count(struct line *line, int function)
{
	line->moves++;
	moved[function]++;
	if (!line->votes)
		line->function = function;
	line->votes += line->function == function ? 1 : -1;
}

/* Stores to a lock come from the functions that acquire and release it. */
static void note_lock(unsigned int vcpu, uint64_t addr)
{
	int i;

	for (i = 0; i < nr_locks; i++)
		if (addr - locks[i] < 4)
			holds[vcpu] = !strstr(functions.at[leaf[vcpu]].name, "unlock");
}

static void accessed(unsigned int vcpu, uint32_t info, uint64_t addr, void *unused)
{
	uint64_t cpu = 1ULL << vcpu;
	bool store = qemu_plugin_mem_is_store(info), moves;
	struct line *line;

	if (phase == BOOT || phase == END || addr < KERNEL_HALF || addr >= FIXMAP)
		return;
	line = line_of(addr);
	if (store)
		moves = line->holders & ~cpu;
	else
		moves = line->dirty && !(line->holders & cpu);
	if (store)
		note_lock(vcpu, addr);
	if (moves && phase == COUNT) {
		count(line, current[vcpu]);
		moved_locked += holds[vcpu];
	}
	if (store)
		line->holders = cpu;
	else
		line->holders |= cpu;
	line->dirty = store || (line->dirty && !moves);
}

static void executed(unsigned int vcpu, void *data)
{
	const struct block *block = data;

	leaf[vcpu] = block->function;
	if (!helper[leaf[vcpu]])
		current[vcpu] = leaf[vcpu];
	if (phase == COUNT)
		executed_by[current[vcpu]] += block->nr;
}

static void marked(unsigned int vcpu, void *data)
{
	if (phase < END)
		phase++;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	uint64_t addr = qemu_plugin_tb_vaddr(tb);
	size_t i, nr = qemu_plugin_tb_n_insns(tb);
	struct block *block;

	if (addr < KERNEL_HALF)
		return;
	block = malloc(sizeof(*block));
	if (!block)
		abort();
	block->function = symbols_find(&functions, addr);
	block->nr = nr;
	if (block->function == mark && addr == functions.at[mark].addr)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, marked, 0, NULL);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, block);
	for (i = 0; i < nr; i++)
		qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(tb, i), accessed, 0,
						 QEMU_PLUGIN_MEM_RW, NULL);
}

static const char *percpu[MAX_WORDS + 1] = {
	"pcpu_", "percpu_", "__percpu_", "alloc_percpu", "free_percpu"
};

static void set_group(const char *names)
{
	char *list = strdup(names);
	int nr = 0;

	for (char *name = strtok(list, ":"); name && nr < MAX_WORDS; name = strtok(NULL, ":"))
		percpu[nr++] = name;
	percpu[nr] = NULL;
}

static bool begins_with(const char *name, const char *const *words)
{
	for (; *words; words++)
		if (!strncmp(name, *words, strlen(*words)))
			return true;
	return false;
}

static void find_kinds(void)
{
	static const char *const helpers[] = {
		"_raw_", "queued_spin", "native_queued", "mem", "__mem", "clear_page", "copy_page",
		"rep_", "__list_", "_find_", "find_", "bitmap_", "__bitmap_", "rcu_read",
		"__rcu_read", "strlen", "__warn", NULL
	};
	int i;

	helper = calloc(functions.nr, sizeof(*helper));
	percpu_function = calloc(functions.nr, sizeof(*percpu_function));
	moved = calloc(functions.nr, sizeof(*moved));
	executed_by = calloc(functions.nr, sizeof(*executed_by));
	percpu_data = calloc(data.nr, sizeof(*percpu_data));
	if (!helper || !percpu_function || !moved || !executed_by ||
	    !percpu_data)
		abort();
	for (i = 0; i < functions.nr; i++) {
		helper[i] = begins_with(functions.at[i].name, helpers);
		percpu_function[i] = begins_with(functions.at[i].name, percpu);
	}
	for (i = 0; i < data.nr; i++)
		percpu_data[i] = begins_with(data.at[i].name, percpu);
}

static bool is_percpu(const struct line *line)
{
	uint64_t addr = line->nr << LINE_SHIFT;

	if (percpu_function[line->function])
		return true;
	return addr >= KERNEL_BEGIN && addr < MODULES_BEGIN &&
	       percpu_data[symbols_find(&data, addr + (1 << LINE_SHIFT) - 1)];
}

static int by_moves(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (y->moves > x->moves) - (y->moves < x->moves);
}

static const unsigned long *sort_by;

static int descending(const void *a, const void *b)
{
	unsigned long x = sort_by[*(const int *)a], y = sort_by[*(const int *)b];

	return (y > x) - (y < x);
}

static void print_line(FILE *file, const struct line *line)
{
	uint64_t addr = line->nr << LINE_SHIFT;

	fprintf(file, "%9.2f  %-34s ", (double)line->moves / ops,
		functions.at[line->function].name);
	if (addr >= KERNEL_BEGIN && addr < MODULES_BEGIN)
		fprintf(file, "%s\n",
			data.at[symbols_find(&data, addr + (1 << LINE_SHIFT) - 1)].name);
	else
		fprintf(file, "%" PRIx64 "\n", addr);
}

static void print_functions(FILE *file, const char *title, const unsigned long *values)
{
	int *order = calloc(functions.nr, sizeof(*order));
	int i;

	if (!order)
		abort();
	for (i = 0; i < functions.nr; i++)
		order[i] = i;
	sort_by = values;
	qsort(order, functions.nr, sizeof(*order), descending);
	fprintf(file, "\n%s per operation\n\n", title);
	for (i = 0; i < SHOWN && values[order[i]]; i++)
		fprintf(file, "%9.2f  %s\n", (double)values[order[i]] / ops,
			functions.at[order[i]].name);
	free(order);
}

static void at_exit(uint64_t id, void *unused)
{
	FILE *file = fopen(out, "w");
	unsigned long all = 0, percpu = 0, hot = 0, hot_percpu = 0;
	unsigned long instructions = 0, instructions_percpu = 0;
	unsigned int i;

	if (!file)
		abort();
	if (phase != END)
		fprintf(file, "the program has not called %s() three times\n",
			functions.at[mark].name);
	for (i = 0; i < MAX_LINES; i++) {
		const struct line *line = &lines[i];
		bool each = line->moves >= 0.9 * ops, ours;

		if (!line->moves)
			continue;
		ours = is_percpu(line);
		all += line->moves;
		percpu += ours ? line->moves : 0;
		hot += each;
		hot_percpu += each && ours;
	}
	for (i = 0; i < functions.nr; i++) {
		instructions += executed_by[i];
		instructions_percpu += percpu_function[i] ? executed_by[i] : 0;
	}
	fprintf(file, "operations %u\n", ops);
	fprintf(file, "moves %.1f\n", (double)all / ops);
	fprintf(file, "moves_percpu %.1f\n", (double)percpu / ops);
	fprintf(file, "moves_locked %.1f\n", (double)moved_locked / ops);
	fprintf(file, "lines_of_each %lu\n", hot);
	fprintf(file, "lines_of_each_percpu %lu\n", hot_percpu);
	fprintf(file, "instructions %lu\n", instructions / ops);
	fprintf(file, "instructions_percpu %lu\n", instructions_percpu / ops);
	qsort(lines, MAX_LINES, sizeof(*lines), by_moves);
	fprintf(file, "\nlines, moves per operation\n\n");
	for (i = 0; i < SHOWN && lines[i].moves; i++)
		print_line(file, &lines[i]);
	print_functions(file, "functions that move lines, moves", moved);
	print_functions(file, "functions, instructions", executed_by);
	fclose(file);
}

/* Find the locks of a list of names; a kernel may lack some. */
static void find_locks(const char *names)
{
	char *list = strdup(names), *name;
	int i;

	for (name = strtok(list, ":"); name && nr_locks < MAX_LOCKS; name = strtok(NULL, ":")) {
		i = symbols_named(&data, name);
		if (i >= 0)
			locks[nr_locks++] = data.at[i].addr;
	}
	free(list);
}

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	const char *path = "", *name = "", *list = "", *group = NULL;
	int i;

	for (i = 0; i < argc; i++) {
		list = value_of(argv[i], "locks") ?: list;
		group = value_of(argv[i], "group") ?: group;
		path = value_of(argv[i], "symbols") ?: path;
		name = value_of(argv[i], "mark") ?: name;
		ops = atoi(value_of(argv[i], "ops") ?: "") ?: ops;
		out = value_of(argv[i], "out") ?: out;
	}
	if (!out || !symbols_read(&functions, path, "tTwW") ||
	    !symbols_read(&data, path, "dDbBrRvV")) {
		fprintf(stderr, "lines: symbols= and out= are needed\n");
		return 1;
	}
	mark = symbols_named(&functions, name);
	if (mark < 0) {
		fprintf(stderr, "lines: the kernel has no function %s\n", name);
		return 1;
	}
	if (group)
		set_group(group);
	find_kinds();
	find_locks(list);
	lines = calloc(MAX_LINES, sizeof(*lines));
	if (!lines)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
