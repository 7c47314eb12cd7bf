// SPDX-License-Identifier: GPL-2.0-only
/*
 * walk: the functions and files that one call of the allocator passes.
 *
 *	walk-run [-v]	-v prints the sequence of calls as well
 *
 * Prints "walk: <name>: <n> functions, <n> files, <n> changes of file".
 *
 * mm/percpu is compiled with -finstrument-functions and without optimization.
 * Each function counts once, under the file that defines it, so that a static
 * inline function of a header counts for the header.  Macros, assertions and
 * functions of the kernel do not count.  Of pages.c only the functions that are
 * called from outside count, because ours.c stands for it here.  A change of
 * file is a function that is entered after a function of another file; a return
 * is none.
 *
 * The walks, on two simulated CPUs, in one chunk of which static data takes the
 * first pages, all that are populated:
 *
 *   cold allocation	The first allocation of 64 bytes: magazine, depot and
 *			shared run are empty, no populated page has free
 *			granules, so that a page is populated.
 *   next allocation	The same again, on the same CPU.
 *   free		A free on the CPU that allocated the object.
 *   warm allocation	The object comes from the magazine.
 *   remote free	A free on the other CPU, while the magazine is full: half
 *			of the magazine goes to the depot.
 */
#include <shim.h>

#include "bed.h"
#include "cache.h"

#define WALK_SIZE	64
#define WALK_STATIC	(64UL << 10)
#define MAX_CALLS	4096
#define MAX_OBJECTS	1024
#define MAX_NAME	64

/**
 * struct walk_function - a function of mm/percpu
 * @addr: its address; a static inline function has one for each user
 * @name: its name
 * @file: the file that defines it
 */
struct walk_function {
	void *addr;
	char name[MAX_NAME];
	char file[MAX_NAME];
};

/**
 * struct walk_call - a function that is entered
 * @addr: its address
 * @depth: how many functions of mm/percpu are entered and not left
 */
struct walk_call {
	void *addr;
	unsigned int depth;
};

static struct walk_function functions[MAX_CALLS];
static unsigned int nr_functions;
static struct walk_call calls[MAX_CALLS];
static unsigned int nr_calls, depth;
static bool recording, verbose;
static const char *program;

/* gcc calls these two at the beginning and at the end of each function. */
void __cyg_profile_func_enter(void *func, void *caller)
{
	if (!recording)
		return;
	assert(nr_calls < MAX_CALLS);
	calls[nr_calls++] = (struct walk_call) { func, depth++ };
}

void __cyg_profile_func_exit(void *func, void *caller)
{
	depth -= recording;
}

static void walk_start(void)
{
	nr_calls = 0;
	depth = 0;
	recording = true;
}

static void walk_stop(void)
{
	recording = false;
}

static const struct walk_function *walk_function_of(void *addr)
{
	unsigned int i;

	for (i = 0; i < nr_functions; i++)
		if (functions[i].addr == addr)
			return &functions[i];
	return NULL;
}

/* Read a line up to its end or a colon; of a path keep the last part. */
static void read_name(FILE *from, char *name)
{
	char line[4096], *last;

	if (!fgets(line, sizeof(line), from)) {
		fprintf(stderr, "walk: addr2line does not answer\n");
		exit(1);
	}
	line[strcspn(line, ":\n")] = '\0';
	last = strrchr(line, '/');
	last = last ? last + 1 : line;
	if (!strcmp(last, "ours.c"))
		last = "pages.c";
	snprintf(name, MAX_NAME, "%.*s", MAX_NAME - 1, last);
}

/* Look up the names of the functions that were called for the first time. */
static void walk_resolve(void)
{
	char command[64 + 24 * MAX_CALLS];
	unsigned int i, known = nr_functions;
	size_t len;
	FILE *from;

	len = snprintf(command, sizeof(command), "addr2line -f -e '%s'", program);
	for (i = 0; i < nr_calls; i++) {
		if (walk_function_of(calls[i].addr))
			continue;
		len += snprintf(command + len, sizeof(command) - len, " %p", calls[i].addr);
		functions[nr_functions++].addr = calls[i].addr;
	}
	if (known == nr_functions)
		return;
	from = popen(command, "r");
	assert(from);
	for (i = known; i < nr_functions; i++) {
		read_name(from, functions[i].name);
		read_name(from, functions[i].file);
	}
	pclose(from);
}

/* Return true if no call before call @nr has the same file, and name if @name. */
static bool is_first(unsigned int nr, bool name)
{
	const struct walk_function *f = walk_function_of(calls[nr].addr), *other;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		other = walk_function_of(calls[i].addr);
		if (!strcmp(f->file, other->file) &&
		    (!name || !strcmp(f->name, other->name)))
			return false;
	}
	return true;
}

static void walk_print(const char *what)
{
	unsigned int i, nr = 0, files = 0, changes = 0;
	const struct walk_function *f, *last = NULL;

	walk_resolve();
	for (i = 0; i < nr_calls; i++) {
		f = walk_function_of(calls[i].addr);
		nr += is_first(i, true);
		files += is_first(i, false);
		changes += last && strcmp(f->file, last->file);
		last = f;
	}
	printf("walk: %s: %u functions, %u files, %u changes of file\n", what, nr, files, changes);
	for (i = 0; i < nr_calls && verbose; i++) {
		f = walk_function_of(calls[i].addr);
		printf("  %-16s %*s%s\n", f->file, 2 * (int)calls[i].depth, "", f->name);
	}
}

static void *walk_alloc(void)
{
	void *ptr = pcpu_alloc_noprof(WALK_SIZE, WALK_SIZE, false, GFP_KERNEL);

	assert(ptr);
	return ptr;
}

static void *walk_alloc_printed(const char *what)
{
	void *ptr;

	walk_start();
	ptr = walk_alloc();
	walk_stop();
	walk_print(what);
	return ptr;
}

static void walk_free_printed(const char *what, void *ptr)
{
	walk_start();
	free_percpu(ptr);
	walk_stop();
	walk_print(what);
}

/* Free on CPU 1 what CPU 0 allocated, until the depot gets a batch. */
static void walk_free_to_depot(const char *what)
{
	static void *objects[MAX_OBJECTS];
	unsigned int i;

	for (i = 0; i < MAX_OBJECTS; i++)
		objects[i] = walk_alloc();
	shim_cpu = 1;
	for (i = 0; i < MAX_OBJECTS && !pcpu_depot->bytes; i++) {
		walk_start();
		free_percpu(objects[i]);
		walk_stop();
	}
	assert(pcpu_depot->bytes);
	walk_print(what);
}

int main(int argc, char **argv)
{
	void *ptr;

	program = argv[0];
	verbose = argc > 1 && !strcmp(argv[1], "-v");
	bed_boot(2, WALK_STATIC, 0);
	ptr = walk_alloc_printed("cold allocation");
	walk_alloc_printed("next allocation");
	walk_free_printed("free", ptr);
	walk_alloc_printed("warm allocation");
	walk_free_to_depot("remote free to the depot");
	return 0;
}
