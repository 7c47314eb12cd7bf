// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench: what a tag costs, ours and sbitmap_queue, one real thread and two.
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

/* All begin at once, for threads that take turns do not meet. */
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

/* Pairs in a second, from the first thread's begin to the last one's end */
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

/* The best of many short runs, for somebody else may need this machine too. */
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
	return 0;
}
