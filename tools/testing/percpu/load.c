// SPDX-License-Identifier: GPL-2.0-only
/*
 * load: what the allocator asks of the page allocator and of other CPUs.
 *
 * 16 CPUs that have no memory allocate at once: one page serves them all, so one is
 * to be populated. And 64 MB of each unit are given back: the TLBs are to be flushed
 * 8 times at most.
 */
#include <sys/wait.h>

#include <shim.h>

#include "bed.h"

#define CPUS		16
#define ROUNDS		20
#define OBJECTS		((64U << 20) / PAGE_SIZE)

/* A sleep of the allocator takes so many times longer: no load makes it too short. */
#define SLEEP_LONGER	100

static pthread_barrier_t barrier, all_miss;

/*
 * The first time that a CPU populates a page, or waits for it, it stays here until all
 * CPUs do one of these, whatever the host runs meanwhile.
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

static void *miss(void *cpu)
{
	shim_cpu = (unsigned long)cpu;
	pthread_barrier_wait(&barrier);
	return pcpu_alloc_noprof(64, 8, false, GFP_KERNEL);
}

/* Return the pages of each unit that were populated. */
static unsigned int miss_at_once(void)
{
	pthread_t threads[CPUS];
	unsigned long i;

	bed_boot(CPUS, PAGE_SIZE, 0);
	bed_populate = meet;
	shim_sleep = sleep_longer;
	pthread_barrier_init(&barrier, NULL, CPUS);
	pthread_barrier_init(&all_miss, NULL, CPUS);
	for (i = 0; i < CPUS; i++)
		assert(!pthread_create(&threads[i], NULL, miss, (void *)i));
	for (i = 0; i < CPUS; i++)
		pthread_join(threads[i], NULL);
	return bed_populated;
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

/* Pages asked for in all rounds */
static unsigned int pages_asked(void)
{
	unsigned int i, asked = 0;

	for (i = 0; i < ROUNDS; i++)
		asked += run(miss_at_once);
	return asked;
}

int main(void)
{
	unsigned int asked = pages_asked(), flushes;

	flushes = run(give_back);
	printf("load: %.2f pages asked for per page needed, %u flushes for 64 MB\n",
	       (double)asked / ROUNDS, flushes);
	return asked > ROUNDS * 5 / 4 || flushes > 8;
}
