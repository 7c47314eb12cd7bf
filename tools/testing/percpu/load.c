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

static pthread_barrier_t barrier;

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
	bed_populate_us = 1000;
	pthread_barrier_init(&barrier, NULL, CPUS);
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

/*
 * Pages asked for in all rounds. Where the host stops the first thread for longer than
 * the others wait, these populate, too: the best of three tries counts.
 */
static unsigned int pages_asked(void)
{
	unsigned int try, i, asked, best = -1;

	for (try = 0; try < 3 && best > ROUNDS * 5 / 4; try++) {
		for (i = 0, asked = 0; i < ROUNDS; i++)
			asked += run(miss_at_once);
		best = min(best, asked);
	}
	return best;
}

int main(void)
{
	unsigned int asked = pages_asked(), flushes;

	flushes = run(give_back);
	printf("load: %.2f pages asked for per page needed, %u flushes for 64 MB\n",
	       (double)asked / ROUNDS, flushes);
	return asked > ROUNDS * 5 / 4 || flushes > 8;
}
