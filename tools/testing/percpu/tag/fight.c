// SPDX-License-Identifier: GPL-2.0-only
/*
 * fight: threads that simulate CPUs contend for few tags. Each operation is
 * checked: no tag is allocated twice or lost, and no waiter sleeps while a tag
 * is free.
 *
 *	fight THREADS TAGS SECONDS [enough] [calm] [fifo] [shallow=DEPTH]
 *
 * A thread holds at most two tags. With "enough", TAGS must be at least twice
 * THREADS, and DEPTH more, the pool is not resized, and no allocation may fail, with
 * "fifo" not even by a timeout, as none waits. With
 * "calm" a thread holds one tag and always waits for it, and the pool is only checked:
 * nothing but frees and timeouts ends a wait. With "fifo" the pool has
 * PERCPU_TAG_FIFO. With a DEPTH some allocations are shallow, with depths up to that
 * one, and they may wait but not hold more tags.
 */
#include <time.h>
#include <unistd.h>

#include "shim.h"
#include <linux/percpu_tag.h>

#define MOST	65536

static struct percpu_tag_pool pool;
static unsigned int nr_tags;
static bool stop, enough, calm, fifo;
static unsigned int depth, nr_shallow, nr_done;
static unsigned int owner[MOST];

/* A wait of that many milliseconds is one that nothing ends. */
#define FOREVER	60000

struct fighter {
	pthread_t id;
	unsigned int cpu;
	unsigned long ops, failed, late, canceled, shallow;
	unsigned long since;
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

	WRITE_ONCE(f->since, jiffies);
	if (kind < 6)
		tag = percpu_tag_alloc(&pool, GFP_KERNEL);
	else if (kind == 6)
		tag = percpu_tag_alloc_timeout(&pool, 1);
	else
		tag = percpu_tag_alloc(&pool, GFP_ATOMIC);
	WRITE_ONCE(f->since, 0);
	f->longest = max(f->longest, now() - start);
	return tag;
}

/* Hold one shallow tag for a moment. */
static void hold_shallow(struct fighter *f, unsigned int *seed)
{
	unsigned int limit = 1 + rand_r(seed) % depth, kind = rand_r(seed) % 4;
	double start = now();
	int tag;

	WRITE_ONCE(f->since, jiffies);
	if (kind < 2)
		tag = percpu_tag_alloc_shallow(&pool, limit, GFP_KERNEL);
	else if (kind == 2)
		tag = percpu_tag_alloc_shallow_wait(&pool, limit, TASK_UNINTERRUPTIBLE, 1);
	else
		tag = percpu_tag_alloc_shallow(&pool, limit, GFP_ATOMIC);
	WRITE_ONCE(f->since, 0);
	f->longest = max(f->longest, now() - start);
	if (tag < 0)
		return;
	hold(f, tag);
	if (__atomic_fetch_add(&nr_shallow, 1, __ATOMIC_SEQ_CST) >= depth)
		fail("more shallow tags than their depth");
	f->shallow++;
	if (rand_r(seed) % 4 == 0)
		shim_cpu = rand_r(seed) % nr_cpu_ids;
	if (rand_r(seed) % 16 == 0)
		sched_yield();
	__atomic_fetch_sub(&nr_shallow, 1, __ATOMIC_SEQ_CST);
	let_go(f, tag);
	percpu_tag_free(&pool, tag);
}

static void *run(void *arg)
{
	struct fighter *f = arg;
	unsigned int seed = f->cpu + 1, i;
	int held[4];

	while (!READ_ONCE(stop)) {
		unsigned int nr = 0, want = calm ? 1 : 1 + rand_r(&seed) % 2;

		shim_cpu = f->cpu;
		if (depth && rand_r(&seed) % 2) {
			hold_shallow(f, &seed);
			continue;
		}
		if (!calm && rand_r(&seed) % 4 == 0) {
			nr = percpu_tag_alloc_batch(&pool, held, want);
			f->failed += nr < want;
			for (i = 0; i < nr; i++)
				hold(f, held[i]);
			want = nr;
		}
		while (nr < want) {
			/* A thread that holds a tag must not wait. */
			int tag = get(f, nr ? 7 : calm ? 3 + rand_r(&seed) % 4 : rand_r(&seed) % 8);

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
		if (calm && rand_r(&seed) % 256 == 0)
			usleep(1000);
		for (i = 0; i < nr; i++)
			let_go(f, held[i]);
		if (rand_r(&seed) % 2)
			percpu_tag_free_batch(&pool, held, nr);
		else
			while (nr)
				percpu_tag_free(&pool, held[--nr]);
	}
	/* A wakeup of a task may come late: no thread exits before all are here. */
	__atomic_fetch_add(&nr_done, 1, __ATOMIC_SEQ_CST);
	while (READ_ONCE(nr_done) < nr_cpu_ids)
		usleep(100);
	return NULL;
}

/* Fail if a thread waits for a tag although tags are freed all the time. */
static void check_waits(const struct fighter *f, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		unsigned long since = READ_ONCE(f[i].since);

		if (since && jiffies - since > FOREVER)
			fail("a wait does not end");
	}
}

static void disturb(unsigned int checks, unsigned int *seed)
{
	percpu_tag_pool_drain_cpu(&pool, rand_r(seed) % nr_cpu_ids);
	if (checks % 16 == 8 && !enough)
		percpu_tag_pool_resize(&pool, rand_r(seed) % (nr_tags + 1));
	else if (checks % 16 == 10)
		percpu_tag_pool_resize(&pool, nr_tags);
	if (checks % 16 == 12)
		percpu_tag_stop_waits(&pool);
	else if (checks % 16 == 13)
		percpu_tag_resume_waits(&pool);
}

/* Check invariants, resize the pool, end waits and drain CPUs during the fight. */
static void watch(const struct fighter *f, unsigned int nr, double seconds)
{
	unsigned int seed = 99, checks = 0;
	double end = now() + seconds;

	while (now() < end) {
		const char *wrong;

		if (!calm)
			disturb(checks, &seed);
		wrong = percpu_tag_pool_check(&pool, false);
		if (wrong)
			fail(wrong);
		check_waits(f, nr);
		checks++;
		usleep(200);
	}
	percpu_tag_pool_resize(&pool, nr_tags);
	percpu_tag_resume_waits(&pool);
	printf("fight: %u checks\n", checks);
}

static void parse(char *word)
{
	if (!strcmp(word, "enough"))
		enough = true;
	else if (!strcmp(word, "calm"))
		calm = true;
	else if (!strcmp(word, "fifo"))
		fifo = true;
	else if (!strncmp(word, "shallow=", 8))
		depth = atoi(word + 8);
	else
		fail(word);
}

int main(int argc, char **argv)
{
	unsigned int nr = argc > 1 ? atoi(argv[1]) : 4, i;
	struct fighter *f = calloc(nr, sizeof(*f));
	struct fighter all = { };

	nr_tags = argc > 2 ? atoi(argv[2]) : 8;
	for (i = 4; i < (unsigned int)argc; i++)
		parse(argv[i]);
	shim_nr_cpus = nr;
	shim_cpus[0] = nr < 64 ? BIT(nr) - 1 : ~0UL;
	if (percpu_tag_pool_init(&pool, nr_tags, fifo ? PERCPU_TAG_FIFO : 0))
		fail("percpu_tag_pool_init() failed");
	for (i = 0; i < nr; i++) {
		f[i].cpu = i;
		pthread_create(&f[i].id, NULL, run, &f[i]);
	}
	watch(f, nr, argc > 3 ? atof(argv[3]) : 5);
	WRITE_ONCE(stop, true);
	for (i = 0; i < nr; i++) {
		/* At the end, each wait must end without help. */
		while (pthread_tryjoin_np(f[i].id, NULL)) {
			check_waits(f, nr);
			usleep(200);
		}
		all.ops += f[i].ops;
		all.failed += f[i].failed;
		all.late += f[i].late;
		all.canceled += f[i].canceled;
		all.shallow += f[i].shallow;
		all.longest = max(all.longest, f[i].longest);
	}
	if (enough && (nr_tags < 2 * nr + depth || all.failed || (fifo && all.late)))
		fail("allocation failed while a tag was free");
	if (percpu_tag_pool_nr_free(&pool) != nr_tags)
		fail("tags were lost");
	if (percpu_tag_pool_check(&pool, true) || percpu_tag_pool_destroy(&pool))
		fail("pool is inconsistent at the end");
	printf("fight: %u threads, %u tags: %lu allocations, %lu shallow, %lu failures, %lu timeouts, %lu canceled, longest wait %.1f ms\n",
	       nr, nr_tags, all.ops, all.shallow, all.failed, all.late, all.canceled,
	       all.longest * 1e3);
	free(f);
	return 0;
}
