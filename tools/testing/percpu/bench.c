// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench: benchmark of the allocator as a userspace program, ours or stock.
 *
 *	bench [CPUS [SECONDS [threads]]]
 *		CPUS simulated CPUs, or the rows with threads; the default is all rows
 *	bench CPUS count
 *		each row once and short, for wide.sh
 *
 * Prints "bench: row=<name> cpus=<n> unit=<unit> value=<n>". Some rows use real
 * threads, each of which is a CPU. With "count" the value is a number of operations.
 */
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shim.h>

#include "bed.h"

#define LIVE		4096	/* objects of churn */
#define LIVE_BYTES	(96UL << 20)	/* that they may use on all CPUs */
#define MANY		20000
#define ALIGNED		576
#define COLD		416	/* of 5,000 bytes, in 8 chunks of ours */
#define SAMPLES		31
#define LOCK_THREADS	16
#define LOCK_PAIRS	20000
#define SMALL_AREA	(8UL << 20)	/* valgrind has little address space */

static void *objects[MANY];
static double samples[MANY];
static unsigned int nr_samples;
static unsigned int cpus;
static double seconds = 0.3;
static bool counting;

/* wide.sh counts the instructions of these functions by name: one call is one row. */
#define __counted	__attribute__((noipa))

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void report(const char *row, const char *unit, double value)
{
	printf("bench: row=%s cpus=%u unit=%s value=%.1f\n", row, cpus, unit, value);
	fflush(stdout);
}

/* The sequence is the same for ours and stock. */
static unsigned int next_random(unsigned int *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Sizes as in real kernels: many counters, few structures. */
static size_t mixed_size(unsigned int *seed)
{
	unsigned int r = next_random(seed);

	switch (r % 10) {
	case 0 ... 1:
		return 4;
	case 2 ... 4:
		return 8;
	case 5 ... 6:
		return 16 + (r >> 8) % 7 * 8;
	case 7 ... 8:
		return 72 + (r >> 8) % 24 * 8;
	default:
		return 264 + (r >> 8) % 96 * 8;
	}
}

static void *alloc(size_t size, gfp_t gfp)
{
	void *p = pcpu_alloc_noprof(size, size < 8 ? 4 : 8, false, gfp);

	if (!p) {
		fprintf(stderr, "bench: %s: an allocation of %zu failed\n", bed_name, size);
		exit(1);
	}
	return p;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void sort_samples(void)
{
	qsort(samples, nr_samples, sizeof(samples[0]), compare);
}

static double percentile(double percent)
{
	unsigned int i = nr_samples * percent / 100;

	return samples[min(i, nr_samples - 1)];
}

static double median(void)
{
	sort_samples();
	return percentile(50);
}

static __counted void count_pairs(size_t size, gfp_t gfp, unsigned int nr)
{
	while (nr--)
		free_percpu(alloc(size, gfp));
}

static void pair(const char *row, size_t size, gfp_t gfp)
{
	unsigned int pairs = cpus > 64 ? 200 : 2000;
	double start;

	if (counting) {
		/* The first pair fills the cache. */
		free_percpu(alloc(size, gfp));
		count_pairs(size, gfp, 10);
		report(row, "ops", 10);
		return;
	}
	for (nr_samples = 0; nr_samples < SAMPLES; nr_samples++) {
		start = now();
		count_pairs(size, gfp, pairs);
		samples[nr_samples] = (now() - start) / pairs;
		bed_work();
	}
	report(row, "ns", median());
}

static void row_pairs(void)
{
	static const unsigned int sizes[] = { 8, 64, 256, 1024, 4096 };
	char row[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(row, sizeof(row), "pair_%u", sizes[i]);
		pair(row, sizes[i], GFP_KERNEL);
	}
	pair("pair_64_atomic", 64, GFP_ATOMIC);
}

static __counted void count_cold(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		objects[i] = alloc(5000, GFP_KERNEL);
}

/* Objects over a page that need new pages, and at times a new chunk. */
static void row_cold(void)
{
	unsigned int i, nr = min((unsigned long)COLD, LIVE_BYTES / 5000 / cpus);
	double start = now();

	count_cold(nr);
	start = now() - start;
	for (i = 0; i < nr; i++)
		free_percpu(objects[i]);
	bed_work();
	report("cold_5000", counting ? "ops" : "ns", counting ? nr : start / nr);
}

static __counted void count_churn(unsigned int live, unsigned int *seed)
{
	unsigned int i;

	for (i = 0; i < live; i++) {
		void **slot = &objects[next_random(seed) % live];

		free_percpu(*slot);
		*slot = alloc(mixed_size(seed), GFP_KERNEL);
		if (i % 64 == 0)
			bed_work();
	}
}

static void row_churn(void)
{
	unsigned int seed = 0x9e3779b9, live = min((unsigned long)LIVE, LIVE_BYTES / 160 / cpus);
	unsigned int i;
	double start;

	for (i = 0; i < live; i++) {
		objects[i] = alloc(mixed_size(&seed), GFP_KERNEL);
		bed_work();
	}
	for (nr_samples = 0; nr_samples < 9; nr_samples++) {
		start = now();
		count_churn(live, &seed);
		samples[nr_samples] = (now() - start) / live;
		if (counting)
			break;
	}
	for (i = 0; i < live; i++)
		free_percpu(objects[i]);
	bed_work();
	if (counting)
		report("churn_4096", "ops", live);
	else
		report("churn_4096", "ns", median());
}

static __counted void count_aligned(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		objects[i] = pcpu_alloc_noprof(1100, 64, false, GFP_KERNEL);
	for (i = 0; i < nr; i++)
		free_percpu(objects[i]);
}

/* Objects that leave gaps, one after another, in pages that have been used before. */
static void row_aligned(void)
{
	unsigned int nr = min((unsigned long)ALIGNED, LIVE_BYTES / 1152 / cpus), i;
	double start;

	for (i = 0; i < nr; i++)
		objects[i] = alloc(1100, GFP_KERNEL);
	for (i = 0; i < nr; i++)
		free_percpu(objects[i]);
	start = now();
	count_aligned(nr);
	start = now() - start;
	bed_work();
	report("aligned_1100", counting ? "ops" : "ns", counting ? nr : start / nr);
}

static __counted void count_frees(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		free_percpu(objects[i]);
		if (i % 64 == 0)
			bed_work();
	}
}

static void row_free_random(void)
{
	unsigned int seed = 12345, i;

	for (i = 0; i < MANY; i++) {
		objects[i] = alloc(64, GFP_KERNEL);
		bed_work();
	}
	for (i = MANY; i > 1; i--) {
		unsigned int other = next_random(&seed) % i;

		swap(objects[i - 1], objects[other]);
	}
	if (counting) {
		count_frees(MANY);
		report("free_random", "ops", MANY);
		return;
	}
	for (nr_samples = 0; nr_samples < MANY; nr_samples++) {
		double start = now();

		free_percpu(objects[nr_samples]);
		samples[nr_samples] = now() - start;
		if (nr_samples % 64 == 0)
			bed_work();
	}
	sort_samples();
	report("free_random_p50", "ns", percentile(50));
	report("free_random_p90", "ns", percentile(90));
	report("free_random_p99", "ns", percentile(99));
}

/* Threads */
struct bench_thread {
	pthread_t thread;
	unsigned int cpu;
	unsigned long pairs;
	struct shim_locks locks;
} __attribute__((aligned(256)));	/* no cache line is shared */

static bool stop;

static void *thread_pairs(void *arg)
{
	struct bench_thread *p = arg;

	shim_cpu = p->cpu;
	while (!READ_ONCE(stop)) {
		free_percpu(alloc(64, GFP_KERNEL));
		p->pairs++;
	}
	return NULL;
}

/* Allocate and free small objects; some live for a while. */
static void *thread_small(void *arg)
{
	unsigned int i, seed = 1;
	void *held[64] = { };
	struct bench_thread *p = arg;

	shim_cpu = p->cpu;
	seed += p->cpu;
	for (i = 0; i < LOCK_PAIRS; i++) {
		void **slot = &held[next_random(&seed) % ARRAY_SIZE(held)];

		free_percpu(*slot);
		*slot = alloc(8 + next_random(&seed) % 8 * 8, GFP_KERNEL);
	}
	for (i = 0; i < ARRAY_SIZE(held); i++)
		free_percpu(held[i]);
	p->pairs = LOCK_PAIRS;
	p->locks = shim_locks;
	return NULL;
}

static unsigned long run_threads(struct bench_thread *threads, unsigned int nr,
				 void *(*how)(void *), double time)
{
	unsigned long pairs = 0;
	unsigned int i;

	WRITE_ONCE(stop, false);
	for (i = 0; i < nr; i++) {
		threads[i] = (struct bench_thread){ .cpu = i };
		pthread_create(&threads[i].thread, NULL, how, &threads[i]);
	}
	usleep(time * 1e6);
	WRITE_ONCE(stop, true);
	for (i = 0; i < nr; i++) {
		pthread_join(threads[i].thread, NULL);
		pairs += threads[i].pairs;
	}
	bed_work();
	return pairs;
}

/* The best of some runs, because other processes may use the machine. */
static double pairs_per_second(unsigned int nr)
{
	struct bench_thread threads[2];
	double best = 0;
	int i;

	for (i = 0; i < 5; i++)
		best = max(best, run_threads(threads, nr, thread_pairs, seconds) / seconds);
	return best;
}

static void row_threads(void)
{
	double one = pairs_per_second(1), two = pairs_per_second(2);

	report("pairs_per_second_1_thread", "pairs/s", one);
	report("pairs_per_second_2_threads", "pairs/s", two);
	report("two_threads_against_one_x1000", "permille", two / one * 1000);
}

static void row_locks(void)
{
	static struct bench_thread threads[LOCK_THREADS];
	unsigned long shared, taken = 0, foreign = 0, pairs;
	unsigned int i;

	/* The first run populates pages for the next one. */
	run_threads(threads, LOCK_THREADS, thread_small, 0);
	shared = bed_shared_locks();
	pairs = run_threads(threads, LOCK_THREADS, thread_small, 0);
	shared = bed_shared_locks() - shared;
	for (i = 0; i < LOCK_THREADS; i++) {
		taken += threads[i].locks.taken;
		foreign += threads[i].locks.foreign;
	}
	report("shared_locks_per_1000_pairs", "locks", shared * 1000.0 / pairs);
	report("locks_per_1000_pairs", "locks", taken * 1000.0 / pairs);
	report("foreign_locks_per_1000_pairs", "locks", foreign * 1000.0 / pairs);
}

/* Print the rows of one number of CPUs, in a process of their own. */
static void rows_at(unsigned int nr, bool threads)
{
	pid_t pid = counting ? 0 : fork();
	int status;

	if (!pid) {
		cpus = nr;
		bed_boot(cpus, PAGE_SIZE, 28 << 10);
		bed_settle();
		if (threads) {
			row_threads();
			row_locks();
			exit(0);
		}
		row_cold();
		row_pairs();
		row_churn();
		row_aligned();
		if (cpus <= 64)
			row_free_random();
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		exit(1);
}

int main(int argc, char **argv)
{
	static const unsigned int numbers[] = { 4, 16, 64, 256, 1024 };
	unsigned int i;

	counting = argc > 2 && !strcmp(argv[2], "count");
	if (counting)
		bed_size = SMALL_AREA;
	else if (argc > 2)
		seconds = atof(argv[2]);
	if (argc > 1) {
		rows_at(atoi(argv[1]), argc > 3);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		rows_at(numbers[i], false);
	rows_at(LOCK_THREADS, true);
	return 0;
}
