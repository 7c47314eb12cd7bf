// SPDX-License-Identifier: GPL-2.0-only
/*
 * load: what the allocator asks of the page allocator and of other CPUs.
 *
 * 16 CPUs that have no memory allocate at once, and may sleep or must not: one page
 * serves them all, so one is to be populated. If they need a chunk, one is to be made.
 * Those that must not sleep do not wait for one that sleeps while it populates the page.
 * Then 64 MB of each unit are given back: the TLBs are to be flushed 8 times at most. And
 * objects are freed when caches are full: a free is to take one lock at most. Where pages
 * stay, as a CPU is isolated, calls are not to hurry the worker.
 */
#include <sys/wait.h>

#include <shim.h>

#include "bed.h"
#include "chunk.h"

#define CPUS		16
#define ROUNDS		20
#define OBJECTS		((64U << 20) / PAGE_SIZE)
#define FREES		40000
#define STAY		500

/* A sleep of the allocator takes so many times longer: no load makes it too short. */
#define SLEEP_LONGER	100

/* So long takes a turn of a CPU that waits and must not sleep, in us. */
#define RELAX_US	20000

static pthread_barrier_t barrier, all_miss;

/*
 * The first time that a CPU populates a page, makes a chunk, or waits for that, it stays
 * here until all CPUs do one of these, whatever the host runs meanwhile.
 */
static void meet(void)
{
	static __thread bool met;

	if (!met)
		pthread_barrier_wait(&all_miss);
	met = true;
}

static int sleep_longer(useconds_t us)
{
	meet();
	return usleep(us * SLEEP_LONGER);
}

static void relax_longer(void)
{
	meet();
	usleep(RELAX_US);
}

static gfp_t gfp;

static void *miss(void *cpu)
{
	shim_cpu = (unsigned long)cpu;
	pthread_barrier_wait(&barrier);
	return pcpu_alloc_noprof(64, 8, false, gfp);
}

/* All CPUs allocate, in an area with so many bytes of static data and no free page. */
static void miss_at_once(unsigned long static_size)
{
	pthread_t threads[CPUS];
	unsigned long i;

	bed_boot(CPUS, static_size, 0);
	bed_populate = meet;
	shim_sleep = sleep_longer;
	shim_relax = relax_longer;
	pthread_barrier_init(&barrier, NULL, CPUS);
	pthread_barrier_init(&all_miss, NULL, CPUS);
	for (i = 0; i < CPUS; i++)
		assert(!pthread_create(&threads[i], NULL, miss, (void *)i));
	for (i = 0; i < CPUS; i++)
		pthread_join(threads[i], NULL);
}

static unsigned int sleeping, served, waited;
static __thread unsigned int relaxed;

/* CPU 0 may sleep. It finds no page until all other CPUs have theirs. */
static void sleep_in_reclaim(void)
{
	if (shim_cpu) {
		__atomic_add_fetch(&waited, relaxed, __ATOMIC_RELAXED);
		return;
	}
	__atomic_store_n(&sleeping, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&served, __ATOMIC_ACQUIRE) < CPUS - 1)
		usleep(100);
}

static void count_relax(void)
{
	relaxed++;
	usleep(RELAX_US);
}

static void *miss_mixed(void *cpu)
{
	shim_cpu = (unsigned long)cpu;
	while (shim_cpu && !__atomic_load_n(&sleeping, __ATOMIC_ACQUIRE))
		usleep(100);
	assert(pcpu_alloc_noprof(64, 8, false, shim_cpu ? GFP_ATOMIC : GFP_KERNEL));
	__atomic_add_fetch(&served, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Return how long those of the other CPUs have waited that populate a page then. */
static unsigned int miss_beside_sleeper(void)
{
	pthread_t threads[CPUS];
	unsigned long i;

	bed_boot(CPUS, PAGE_SIZE, 0);
	bed_populate = sleep_in_reclaim;
	shim_relax = count_relax;
	for (i = 0; i < CPUS; i++)
		assert(!pthread_create(&threads[i], NULL, miss_mixed, (void *)i));
	for (i = 0; i < CPUS; i++)
		pthread_join(threads[i], NULL);
	return min(waited, 255U);
}

/* Return the pages of each unit that were populated. */
static unsigned int miss_page(void)
{
	miss_at_once(PAGE_SIZE);
	return bed_populated;
}

/* Static data fill the first chunk. Return how many others were made. */
static unsigned int miss_chunk(void)
{
	bed_tables = meet;
	miss_at_once(PCPU_CHUNK_SIZE);
	return pcpu_counts.chunks - 1;
}

/* Return the number of flushes. */
static unsigned int give_back(void)
{
	static void *ptrs[OBJECTS];
	unsigned int i;

	bed_boot(2, 0, 20 << 10);
	for (i = 0; i < OBJECTS; i++) {
		ptrs[i] = pcpu_alloc_noprof(PAGE_SIZE, 8, false, GFP_KERNEL);
		assert(ptrs[i]);
	}
	for (i = 0; i < OBJECTS; i++)
		free_percpu(ptrs[i]);
	assert(!bed_settle());
	assert(bed_depopulated >= OBJECTS - 16);
	/* An exit status has 8 bits. */
	return min(bed_flushes, 255UL);
}

/* Return the most locks that a free takes, of many objects of many sizes: caches are full. */
static unsigned int free_all(void)
{
	static void *ptrs[FREES];
	unsigned int i, j, seed = 1, most = 0;
	unsigned long taken;

	bed_boot(4, 0, 20 << 10);
	for (i = 0; i < FREES; i++) {
		ptrs[i] = pcpu_alloc_noprof(16 * (1 + rand_r(&seed) % 64), 8, false, GFP_KERNEL);
		assert(ptrs[i]);
		j = rand_r(&seed) % (i + 1);
		swap(ptrs[i], ptrs[j]);
	}
	for (i = 0; i < FREES; i++) {
		taken = shim_locks.taken;
		free_percpu(ptrs[i]);
		if (i >= FREES / 2)
			most = max(most, (unsigned int)(shim_locks.taken - taken));
	}
	return min(most, 255U);
}

/*
 * Return how often calls hurry the worker that leaves pages, as a CPU is isolated, or 255 if
 * pages do not stay.
 */
static unsigned int hurry_isolated(void)
{
	static void *ptrs[STAY];
	unsigned int i;

	shim_isolated = 1;
	shim_ram = STAY * 4UL * 2048;
	bed_boot(4, 0, 20 << 10);
	for (i = 0; i < STAY; i++) {
		ptrs[i] = pcpu_alloc_noprof(PAGE_SIZE, 8, false, GFP_KERNEL);
		assert(ptrs[i]);
	}
	for (i = 0; i < STAY; i++)
		free_percpu(ptrs[i]);
	for (i = 0; i < 100; i++)
		bed_work();
	if (bed_depopulated)
		return 255;
	shim_hurried = 0;
	for (i = 0; i < 100; i++) {
		free_percpu(pcpu_alloc_noprof(3 * PAGE_SIZE, 8, false, GFP_KERNEL));
		bed_work();
	}
	return min(shim_hurried, 254UL);
}

/* Run a function in a process of its own. */
static unsigned int run(unsigned int (*function)(void))
{
	int status;

	if (!fork())
		_exit(function());
	wait(&status);
	assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The sum of all rounds; @flags: of the allocations */
static unsigned int sum(unsigned int (*function)(void), gfp_t flags)
{
	unsigned int i, all = 0;

	gfp = flags;
	for (i = 0; i < ROUNDS; i++)
		all += run(function);
	return all;
}

int main(void)
{
	unsigned int asked = sum(miss_page, GFP_KERNEL), atomic = sum(miss_page, GFP_ATOMIC);
	unsigned int chunks = sum(miss_chunk, GFP_KERNEL), flushes = run(give_back);
	unsigned int atomic_chunks = sum(miss_chunk, GFP_ATOMIC);
	unsigned int beside = run(miss_beside_sleeper), locks = run(free_all);
	unsigned int hurried = run(hurry_isolated);

	printf("load: %.2f pages asked for per page needed, %.2f if callers must not sleep\n",
	       (double)asked / ROUNDS, (double)atomic / ROUNDS);
	printf("load: %.2f chunks made per chunk needed, %.2f if callers must not sleep\n",
	       (double)chunks / ROUNDS, (double)atomic_chunks / ROUNDS);
	printf("load: %u flushes for 64 MB, %u turns lost beside a CPU that sleeps\n", flushes,
	       beside);
	printf("load: %u locks at most for a free when caches are full\n", locks);
	printf("load: the worker was hurried %u times as pages stay for an isolated CPU\n",
	       hurried);
	return max3(asked, atomic, max(chunks, atomic_chunks)) > ROUNDS * 5 / 4 || flushes > 8 ||
	       beside || locks > 1 || hurried;
}
