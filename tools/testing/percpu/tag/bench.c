// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench: cost of a tag with percpu_tag and sbitmap_queue, one and two threads.
 *
 *	bench [RUNS]
 */
#include <time.h>

#include "shim.h"
#include <linux/percpu_tag.h>
#include <linux/sbitmap.h>

#define DEPTH	4096
#define PAIRS	100000

static struct percpu_tag_pool pool;
static struct sbitmap_queue queue;
static unsigned int ready, wanted;

struct player {
	pthread_t id;
	unsigned int cpu;
	double begin, end;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* All threads begin at the same time, so that they run concurrently. */
static void player_begin(struct player *p)
{
	shim_cpu = p->cpu;
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	while (READ_ONCE(ready) < wanted)
		;
	p->begin = now();
}

static void *play_ours(void *arg)
{
	struct player *p = arg;
	unsigned int i;

	player_begin(p);
	for (i = 0; i < PAIRS; i++)
		percpu_tag_free(&pool, percpu_tag_alloc(&pool, GFP_ATOMIC));
	p->end = now();
	return NULL;
}

static void *play_sbitmap(void *arg)
{
	struct player *p = arg;
	unsigned int i;

	player_begin(p);
	for (i = 0; i < PAIRS; i++)
		sbitmap_queue_clear(&queue, __sbitmap_queue_get(&queue), p->cpu);
	p->end = now();
	return NULL;
}

/* Return pairs per second, from the first begin to the last end. */
static double play(void *(*how)(void *), unsigned int nr)
{
	struct player p[2];
	unsigned int i;

	wanted = nr;
	ready = 0;
	for (i = 0; i < nr; i++) {
		p[i] = (struct player){ .cpu = i };
		pthread_create(&p[i].id, NULL, how, &p[i]);
	}
	for (i = 0; i < nr; i++)
		pthread_join(p[i].id, NULL);
	return nr * PAIRS / (max(p[0].end, p[nr - 1].end) - min(p[0].begin, p[nr - 1].begin));
}

/*
 * Print the best of many short runs, because the machine may have other load.
 */
static void rows(const char *name, void *(*how)(void *), unsigned int runs)
{
	double best[3] = { };
	unsigned int nr, i;

	for (i = 0; i < runs; i++)
		for (nr = 1; nr <= 2; nr++)
			best[nr] = max(best[nr], play(how, nr));
	printf("bench: row=%s_pairs_per_second_1_thread cpus=4 unit=pairs/s value=%.0f\n",
	       name, best[1]);
	printf("bench: row=%s_pairs_per_second_2_threads cpus=4 unit=pairs/s value=%.0f\n",
	       name, best[2]);
	printf("bench: row=%s_two_threads_against_one_x1000 cpus=4 unit=permille value=%.0f\n",
	       name, best[2] * 1000 / best[1]);
}

/* Print the best of many runs of @nr operations each, in picoseconds of one. */
#define time_best(row, cpus, runs, nr, work)				\
do {									\
	double best_ = 1, begin_;					\
	unsigned int run_, i_;						\
									\
	for (run_ = 0; run_ < (runs); run_++) {				\
		begin_ = now();						\
		for (i_ = 0; i_ < 1000; i_++)				\
			work;						\
		best_ = min(best_, (now() - begin_) / 1000 / (nr));	\
	}								\
	printf("bench: row=%s cpus=%u unit=ps value=%.0f\n", row, cpus, best_ * 1e12); \
} while (0)

static void batch_row(unsigned int runs)
{
	int tags[16];

	time_best("tag_batch_16", 4, runs, 16,
		  (percpu_tag_alloc_batch(&pool, tags, 16),
		   percpu_tag_free_batch(&pool, tags, 16)));
}

/* All tags are in use: the allocation fails. */
static void fail_row(const char *row, unsigned int cpus, unsigned int runs)
{
	static struct percpu_tag_pool full;

	shim_nr_cpus = cpus;
	shim_cpus[0] = cpus < 64 ? BIT(cpus) - 1 : ~0UL;
	if (percpu_tag_pool_init(&full, DEPTH, 0))
		abort();
	while (percpu_tag_alloc(&full, GFP_ATOMIC) >= 0)
		;
	time_best(row, cpus, runs, 1, percpu_tag_alloc(&full, GFP_ATOMIC));
}

int main(int argc, char **argv)
{
	unsigned int runs = argc > 1 ? atoi(argv[1]) : 200;

	shim_nr_cpus = 4;
	shim_cpus[0] = 15;
	if (percpu_tag_pool_init(&pool, DEPTH, 0) ||
	    sbitmap_queue_init_node(&queue, DEPTH, -1, false, GFP_KERNEL, NUMA_NO_NODE))
		return 1;
	rows("tag", play_ours, runs);
	rows("sbitmap", play_sbitmap, runs);
	batch_row(runs);
	fail_row("tag_fail_cpus4", 4, runs);
	fail_row("tag_fail_cpus64", 64, runs);
	return 0;
}
