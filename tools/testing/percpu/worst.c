// SPDX-License-Identifier: GPL-2.0-only
/*
 * worst: search for the longest time under each lock, and with IRQs off.
 *
 *	worst [-c CORPUS] [-s SECONDS [SEED]] [-k CORPUS] [SEQUENCE]...
 *
 * A step is a basic block of the allocator: its sources are compiled with
 * -fsanitize-coverage=trace-pc. Steps are counted between the acquisition and the
 * release of each lock, and between IRQs off and on. Each sequence runs in a
 * process and an area of its own:
 *
 *	fill PERCENT SIZE GROUP SIZE GROUP SIZE GROUP
 *			objects of these sizes in turn, up to PERCENT of the area
 *	get NR SIZE ALIGN ATOMIC	NR objects, for no group
 *	free GROUP EACH	each EACH-th object of a group, the oldest first
 *	back GROUP EACH	the same, the latest first
 *	work 0		the worker
 *	cpu CPU		the CPU of the next steps
 *
 * -c runs a corpus in areas of 64 MB and 256 MB. -s changes sequences at random, in
 * small areas, and keeps what raises the steps of any lock; the sequences that are
 * kept then run as a corpus does. -k prints the kept sequences to a file.
 *
 * Prints the most steps of each lock and of a call, and fails if they are more than the
 * bound in worst_bounds[]. Calls have no bound if they may sleep, where the area is full,
 * as all of it is searched then, and for objects over BIG, which have many pages. The stock
 * allocator has no bounds.
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shim.h>

#include "bed.h"

#define MAX_STEPS	12
#define MAX_ARGS	7
#define MAX_LOCKS	16
#define MAX_CORPUS	256
#define NR_GROUPS	4
#define NR_SIZES	3
#define SMALL_AREA	(8UL << 20)
#define BIG		65536
#define CALL_FULL	"call, area full"
#define CALL_BIG	"call, big object"
#define CALL_SLEEP	"call, may sleep"
#define NO_BOUND	ULONG_MAX

/* Bounds of ours, in steps. Documentation/mm/percpu.rst, "Bounds", explains them. */
static const struct worst_bound {
	const char *lock;
	unsigned long steps;
} worst_bounds[] = {
	{ "pcpu_chunk_lock", 8000 },
	{ "pcpu_depot_lock", 400 },
	{ SHIM_IRQS_OFF, 8000 },
	{ "call", 100000 },
	{ CALL_FULL, NO_BOUND },
	{ CALL_BIG, NO_BOUND },
	{ CALL_SLEEP, NO_BOUND },
	{ "free", NO_BOUND },
	{ NULL, 1000 },
};

enum worst_op { OP_FILL, OP_GET, OP_FREE, OP_BACK, OP_WORK, OP_CPU, NR_OPS };

static const struct {
	const char *name;
	unsigned int args;
} worst_ops[NR_OPS] = {
	[OP_FILL] = { "fill", 7 },
	[OP_GET] = { "get", 4 },
	[OP_FREE] = { "free", 2 },
	[OP_BACK] = { "back", 2 },
	[OP_WORK] = { "work", 1 },
	[OP_CPU] = { "cpu", 1 },
};

struct worst_step {
	enum worst_op op;
	unsigned int arg[MAX_ARGS];
};

struct worst_sequence {
	unsigned int nr;
	struct worst_step steps[MAX_STEPS];
};

/**
 * struct worst_lock - the longest time under a lock
 * @name: its name
 * @most: steps
 * @at: index of the step of the sequence
 */
struct worst_lock {
	char name[32];
	unsigned long most;
	unsigned int at;
};

/* What a sequence reaches: locks, and calls */
struct worst_result {
	unsigned int nr;
	bool done;
	struct worst_lock locks[MAX_LOCKS];
};

/* A lock that is held; @depth: acquisitions, as IRQs can be off several times */
struct worst_hold {
	const char *name;
	unsigned int depth;
	unsigned long since;
};

static struct worst_result *result;		/* shared with the child */
static struct worst_hold holds[MAX_LOCKS];
static unsigned int nr_holds, current_step;
static unsigned long steps;

/* gcc calls this in each basic block of the allocator. */
void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

static struct worst_hold *hold_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_holds; i++)
		if (!strcmp(holds[i].name, name))
			return &holds[i];
	assert(nr_holds < MAX_LOCKS);
	holds[nr_holds] = (struct worst_hold) { .name = name };
	return &holds[nr_holds++];
}

void shim_hold(const char *name)
{
	struct worst_hold *hold = hold_of(name);

	if (!hold->depth++)
		hold->since = steps;
}

static void note(const char *name, unsigned long taken)
{
	struct worst_lock *lock;
	unsigned int i;

	for (i = 0; i < result->nr; i++)
		if (!strcmp(result->locks[i].name, name))
			break;
	lock = &result->locks[i];
	if (i == result->nr) {
		assert(result->nr < MAX_LOCKS);
		snprintf(lock->name, sizeof(lock->name), "%s", name);
		result->nr++;
	}
	if (taken > lock->most) {
		lock->most = taken;
		lock->at = current_step;
	}
}

void shim_release(const char *name)
{
	struct worst_hold *hold = hold_of(name);

	assert(hold->depth);
	if (!--hold->depth)
		note(name, steps - hold->since);
}

/* Execution of a sequence */

static struct { void **ptrs; unsigned int nr, max; } groups[NR_GROUPS];
static unsigned long live;

static void *alloc(unsigned int size, unsigned int align, gfp_t gfp)
{
	unsigned long since = steps;
	void *ptr = pcpu_alloc_noprof(size, align, false, gfp);

	note(bed_full() ? CALL_FULL : size > BIG ? CALL_BIG :
	     gfpflags_allow_blocking(gfp) ? CALL_SLEEP : "call", steps - since);
	return ptr;
}

static void keep(unsigned int group, void *ptr)
{
	if (groups[group].nr == groups[group].max) {
		groups[group].max = 2 * groups[group].max + 64;
		groups[group].ptrs = realloc(groups[group].ptrs,
					     groups[group].max * sizeof(ptr));
	}
	groups[group].ptrs[groups[group].nr++] = ptr;
}

static void fill(const unsigned int *arg)
{
	unsigned long most = bed_size / 100 * arg[0];
	unsigned int i = 0;
	void *ptr;

	while (live < most) {
		ptr = alloc(arg[1 + 2 * i], 1, GFP_KERNEL);
		if (!ptr)
			return;
		live += max(arg[1 + 2 * i], 4);
		keep(arg[2 + 2 * i], ptr);
		i = (i + 1) % NR_SIZES;
	}
}

static void free_each(unsigned int group, unsigned int each, bool back)
{
	unsigned int i, nr = groups[group].nr, left = 0;
	void **ptrs = groups[group].ptrs;

	for (i = 0; i < nr; i++) {
		unsigned int k = back ? nr - 1 - i : i;
		unsigned long since = steps;

		if (k % each)
			continue;
		free_percpu(ptrs[k]);
		note("free", steps - since);
		ptrs[k] = NULL;
	}
	for (i = 0; i < nr; i++)
		if (ptrs[i])
			ptrs[left++] = ptrs[i];
	groups[group].nr = left;
	live = 0;
}

static void run_step(const struct worst_step *step)
{
	const unsigned int *arg = step->arg;
	unsigned int i;

	switch (step->op) {
	case OP_FILL:
		fill(arg);
		break;
	case OP_GET:
		for (i = 0; i < arg[0]; i++)
			alloc(arg[1], arg[2], arg[3] ? GFP_ATOMIC | __GFP_NOWARN : GFP_KERNEL);
		break;
	case OP_FREE:
	case OP_BACK:
		free_each(arg[0], arg[1], step->op == OP_BACK);
		break;
	case OP_WORK:
		/* The second trim returns what the first one found unused. */
		for (i = 0; i < 3; i++) {
			shim_work_due = true;
			bed_work();
		}
		break;
	default:
		shim_cpu = arg[0];
	}
}

/* The area gets the memory of 2 MB, again and again: nothing looks at its contents. */
static void boot(unsigned long size)
{
	bed_size = size;
	bed_boot(2, 0, 20 << 10);
	bed_share_memory();
}

/* Run a sequence in a process of its own. */
static void run(const struct worst_sequence *seq, unsigned long size)
{
	int status;
	pid_t pid;

	memset(result, 0, sizeof(*result));
	pid = fork();
	if (!pid) {
		boot(size);
		nr_holds = 0;
		result->nr = 0;
		for (; current_step < seq->nr; current_step++)
			run_step(&seq->steps[current_step]);
		result->done = true;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (!result->done) {
		fprintf(stderr, "worst: a sequence ends with status %#x\n", status);
		exit(1);
	}
}

/* Sequences as text */

static void print(FILE *to, const struct worst_sequence *seq)
{
	unsigned int i, j;

	for (i = 0; i < seq->nr; i++) {
		fprintf(to, "%s%s", i ? "; " : "", worst_ops[seq->steps[i].op].name);
		for (j = 0; j < worst_ops[seq->steps[i].op].args; j++)
			fprintf(to, " %u", seq->steps[i].arg[j]);
	}
	fputc('\n', to);
}

static bool parse(char *line, struct worst_sequence *seq)
{
	char *step, *word, *more, *rest;

	seq->nr = 0;
	for (step = strtok_r(line, ";\n", &more); step; step = strtok_r(NULL, ";\n", &more)) {
		struct worst_step *s = &seq->steps[seq->nr];
		unsigned int i;

		word = strtok_r(step, " ", &rest);
		for (s->op = 0; s->op < NR_OPS && strcmp(word, worst_ops[s->op].name);)
			s->op++;
		if (s->op == NR_OPS || seq->nr++ == MAX_STEPS)
			return false;
		for (i = 0; i < worst_ops[s->op].args; i++) {
			word = strtok_r(NULL, " ", &rest);
			if (!word)
				return false;
			s->arg[i] = atoi(word);
		}
	}
	return seq->nr;
}

static struct worst_sequence corpus[MAX_CORPUS];
static unsigned int nr_corpus;

static void add(const struct worst_sequence *seq)
{
	if (nr_corpus < MAX_CORPUS)
		corpus[nr_corpus++] = *seq;
}

static void add_line(char *line)
{
	struct worst_sequence seq;

	if (line[0] == '#')
		return;
	if (!parse(line, &seq)) {
		fprintf(stderr, "worst: not a sequence: %s\n", line);
		exit(2);
	}
	add(&seq);
}

static void read_corpus(const char *name)
{
	FILE *f = fopen(name, "r");
	char line[1024];

	if (!f) {
		perror(name);
		exit(2);
	}
	while (fgets(line, sizeof(line), f))
		add_line(line);
	fclose(f);
}

/* The search */

static unsigned int pick(const unsigned int *from, unsigned int nr)
{
	return from[rand() % nr];
}

static void random_step(struct worst_step *s)
{
	static const unsigned int sizes[] = { 4, 8, 16, 32, 48, 64, 80, 96, 112, 128, 240, 256,
		272, 512, 1024, 1040, 2048, 4080, 4096, 4112, 8192, 65536, 262144, 1 << 20 };
	static const unsigned int aligns[] = { 1, 16, 32, 64, 128, 256, 1024, 4096 };
	static const unsigned int counts[] = { 1, 2, 40, 400 };
	static const unsigned int percents[] = { 10, 50, 90, 95, 100 };
	unsigned int i;

	s->op = rand() % NR_OPS;
	for (i = 0; i < MAX_ARGS; i++)
		s->arg[i] = rand() % NR_GROUPS;
	if (s->op == OP_FILL) {
		s->arg[0] = pick(percents, ARRAY_SIZE(percents));
		for (i = 0; i < NR_SIZES; i++)
			s->arg[1 + 2 * i] = pick(sizes, ARRAY_SIZE(sizes));
	} else if (s->op == OP_GET) {
		s->arg[0] = pick(counts, ARRAY_SIZE(counts));
		s->arg[1] = pick(sizes, ARRAY_SIZE(sizes));
		s->arg[2] = pick(aligns, ARRAY_SIZE(aligns));
		s->arg[3] &= 1;
	} else if (s->op == OP_FREE || s->op == OP_BACK) {
		s->arg[1] = 1 + rand() % 3;
	} else {
		s->arg[0] &= s->op == OP_CPU;
	}
}

/* Change a sequence: insert, replace or remove some steps. */
static void mutate(struct worst_sequence *seq)
{
	unsigned int n = 1 + rand() % 3, at;

	while (n--) {
		at = rand() % (seq->nr + 1);
		switch (rand() % 3) {
		case 0:
			if (seq->nr == MAX_STEPS)
				break;
			memmove(&seq->steps[at + 1], &seq->steps[at],
				(seq->nr++ - at) * sizeof(*seq->steps));
			random_step(&seq->steps[at]);
			break;
		case 1:
			if (at < seq->nr)
				random_step(&seq->steps[at]);
			break;
		default:
			if (at < seq->nr && seq->nr > 1)
				memmove(&seq->steps[at], &seq->steps[at + 1],
					(--seq->nr - at) * sizeof(*seq->steps));
		}
	}
}

/* The best of all sequences, by lock */
static struct { struct worst_lock lock; struct worst_sequence seq; } best[MAX_LOCKS + 1];
static unsigned int nr_best;

/* Note the longest times of a sequence. Return true if it raises any. */
static bool note_best(const struct worst_sequence *seq)
{
	bool raised = false;
	unsigned int i, j;

	for (i = 0; i < result->nr; i++) {
		for (j = 0; j < nr_best; j++)
			if (!strcmp(best[j].lock.name, result->locks[i].name))
				break;
		nr_best = max(nr_best, j + 1);
		if (result->locks[i].most <= best[j].lock.most)
			continue;
		best[j].lock = result->locks[i];
		best[j].seq = *seq;
		raised = true;
	}
	return raised;
}

/* -n: the same sequences on every machine that is fast enough */
static unsigned long max_runs = ~0UL;

static void search(unsigned int seconds, unsigned int seed)
{
	time_t end = time(NULL) + seconds;
	struct worst_sequence seq;
	unsigned long runs = 0;
	unsigned int i;

	srand(seed);
	nr_best = 0;
	for (i = 0; i < nr_corpus; i++) {
		run(&corpus[i], SMALL_AREA);
		note_best(&corpus[i]);
	}
	for (; time(NULL) < end && runs < max_runs; runs++) {
		if (nr_best && rand() % 4)
			seq = best[rand() % nr_best].seq;
		else if (nr_corpus)
			seq = corpus[rand() % nr_corpus];
		else
			seq.nr = 0;
		mutate(&seq);
		if (!seq.nr)
			continue;
		run(&seq, SMALL_AREA);
		note_best(&seq);
	}
	printf("%s: search: %lu sequences, seed %u\n", bed_name, runs, seed);
	for (i = 0; i < nr_best; i++)
		add(&best[i].seq);
}

/* The verdict */

static unsigned long bound_of(const char *lock)
{
	unsigned int i;

	for (i = 0; worst_bounds[i].lock; i++)
		if (!strcmp(worst_bounds[i].lock, lock))
			break;
	return worst_bounds[i].steps;
}

/* Run all sequences, print the worst of each lock. Return false over a bound. */
static bool report(unsigned long size)
{
	bool good = true;
	unsigned int i;

	memset(best, 0, sizeof(best));
	nr_best = 0;
	for (i = 0; i < nr_corpus; i++) {
		run(&corpus[i], size);
		note_best(&corpus[i]);
	}
	for (i = 0; i < nr_best; i++) {
		unsigned long bound = bound_of(best[i].lock.name), most = best[i].lock.most;
		/* The bed cannot stop stock. */
		bool bad = !strcmp(bed_name, "ours") && most > bound;

		printf("%s: %3lu MB: %s: %lu steps%s, step %u of: ", bed_name, size >> 20,
		       best[i].lock.name, most, bad ? ", OVER THE BOUND" : "",
		       best[i].lock.at + 1);
		print(stdout, &best[i].seq);
		good &= !bad;
	}
	return good;
}

int main(int argc, char **argv)
{
	const char *kept = NULL;
	bool good;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-c") && i + 1 < argc)
			read_corpus(argv[++i]);
		else if (!strcmp(argv[i], "-k") && i + 1 < argc)
			kept = argv[++i];
		else if (!strcmp(argv[i], "-n") && i + 1 < argc)
			max_runs = strtoul(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "-s") && i + 2 < argc)
			search(atoi(argv[i + 1]), atoi(argv[i + 2])), i += 2;
		else
			add_line(argv[i]);
	}
	good = report(64UL << 20);
	good &= report(256UL << 20);
	if (kept) {
		FILE *f = fopen(kept, "w");

		for (i = 0; i < nr_best; i++)
			print(f, &best[i].seq);
		fclose(f);
	}
	return !good;
}
