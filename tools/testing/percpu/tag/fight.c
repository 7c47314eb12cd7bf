// SPDX-License-Identifier: GPL-2.0-only
/*
 * fight: threads that simulate CPUs contend for few tags. Each operation is
 * checked: no tag is allocated twice or lost, and no waiter sleeps while a tag
 * is free.
 *
 *	fight THREADS TAGS SECONDS [enough]
 *
 * A thread holds at most two tags. With "enough", TAGS must be at least twice
 * THREADS, the pool is not resized, and no allocation may fail.
 */
#include <time.h>
#include <unistd.h>

#include "shim.h"
#include <linux/percpu_tag.h>

#define MOST	65536

static struct percpu_tag_pool pool;
static unsigned int nr_tags;
static bool stop, enough;
static unsigned int owner[MOST];

struct fighter {
	pthread_t id;
	unsigned int cpu;
	unsigned long ops, failed, late, canceled;
	double longest;
};

static void fail(const char *what)
{
	fprintf(stderr, "fight: FAIL: %s\n", what);
	abort();
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void hold(struct fighter *f, unsigned int tag)
{
	if (tag >= nr_tags)
		fail("tag out of range");
	if (xchg(&owner[tag], f->cpu + 1))
		fail("tag allocated twice");
}

static void let_go(struct fighter *f, unsigned int tag)
{
	if (xchg(&owner[tag], 0) != f->cpu + 1)
		fail("tag was allocated twice");
}

/* Allocate with GFP_KERNEL, with a timeout, or with GFP_ATOMIC. */
static int get(struct fighter *f, unsigned int kind)
{
	double start = now();
	int tag;

	if (kind < 6)
		tag = percpu_tag_alloc(&pool, GFP_KERNEL);
	else if (kind == 6)
		tag = percpu_tag_alloc_timeout(&pool, 1);
	else
		return percpu_tag_alloc(&pool, GFP_ATOMIC);
	f->longest = max(f->longest, now() - start);
	return tag;
}

static void *run(void *arg)
{
	struct fighter *f = arg;
	unsigned int seed = f->cpu + 1, i;
	int held[4];

	while (!READ_ONCE(stop)) {
		unsigned int nr = 0, want = 1 + rand_r(&seed) % 2;

		shim_cpu = f->cpu;
		if (rand_r(&seed) % 4 == 0) {
			nr = percpu_tag_alloc_batch(&pool, held, want);
			f->failed += nr < want;
			for (i = 0; i < nr; i++)
				hold(f, held[i]);
			want = nr;
		}
		while (nr < want) {
			/* A thread that holds a tag must not wait. */
			int tag = get(f, nr ? 7 : rand_r(&seed) % 8);

			if (tag < 0) {
				f->failed += tag == -ENOSPC;
				f->late += tag == -ETIMEDOUT;
				f->canceled += tag == -ECANCELED;
				break;
			}
			hold(f, tag);
			held[nr++] = tag;
		}
		f->ops += nr;
		/* Often free on a different CPU */
		if (rand_r(&seed) % 4 == 0)
			shim_cpu = rand_r(&seed) % nr_cpu_ids;
		if (rand_r(&seed) % 64 == 0)
			sched_yield();
		for (i = 0; i < nr; i++)
			let_go(f, held[i]);
		if (rand_r(&seed) % 2)
			percpu_tag_free_batch(&pool, held, nr);
		else
			while (nr)
				percpu_tag_free(&pool, held[--nr]);
	}
	return NULL;
}

/* Check invariants, resize the pool, end waits and drain CPUs during the fight. */
static void watch(double seconds)
{
	unsigned int seed = 99, checks = 0;
	double end = now() + seconds;

	while (now() < end) {
		const char *wrong;

		percpu_tag_pool_drain_cpu(&pool, rand_r(&seed) % nr_cpu_ids);
		if (checks % 16 == 8 && !enough)
			percpu_tag_pool_resize(&pool, rand_r(&seed) % (nr_tags + 1));
		else if (checks % 16 == 10)
			percpu_tag_pool_resize(&pool, nr_tags);
		if (checks % 16 == 12)
			percpu_tag_stop_waits(&pool);
		else if (checks % 16 == 13)
			percpu_tag_resume_waits(&pool);
		wrong = percpu_tag_pool_check(&pool, false);
		if (wrong)
			fail(wrong);
		checks++;
		usleep(200);
	}
	percpu_tag_pool_resize(&pool, nr_tags);
	percpu_tag_resume_waits(&pool);
	printf("fight: %u checks\n", checks);
}

int main(int argc, char **argv)
{
	unsigned int nr = argc > 1 ? atoi(argv[1]) : 4, i;
	struct fighter *f = calloc(nr, sizeof(*f));
	struct fighter all = { };

	nr_tags = argc > 2 ? atoi(argv[2]) : 8;
	enough = argc > 4;
	shim_nr_cpus = nr;
	shim_cpus[0] = nr < 64 ? BIT(nr) - 1 : ~0UL;
	if (percpu_tag_pool_init(&pool, nr_tags, 0))
		fail("percpu_tag_pool_init() failed");
	for (i = 0; i < nr; i++) {
		f[i].cpu = i;
		pthread_create(&f[i].id, NULL, run, &f[i]);
	}
	watch(argc > 3 ? atof(argv[3]) : 5);
	WRITE_ONCE(stop, true);
	for (i = 0; i < nr; i++) {
		pthread_join(f[i].id, NULL);
		all.ops += f[i].ops;
		all.failed += f[i].failed;
		all.late += f[i].late;
		all.canceled += f[i].canceled;
		all.longest = max(all.longest, f[i].longest);
	}
	if (enough && (nr_tags < 2 * nr || all.failed || all.late))
		fail("allocation failed while a tag was free");
	if (percpu_tag_pool_nr_free(&pool) != nr_tags)
		fail("tags were lost");
	if (percpu_tag_pool_check(&pool, true) || percpu_tag_pool_destroy(&pool))
		fail("pool is inconsistent at the end");
	printf("fight: %u threads, %u tags: %lu allocations, %lu failures, %lu timeouts, %lu canceled, longest wait %.1f ms\n",
	       nr, nr_tags, all.ops, all.failed, all.late, all.canceled, all.longest * 1e3);
	free(f);
	return 0;
}
