// SPDX-License-Identifier: GPL-2.0-only
/*
 * paused: what one thread finds while another one stands still in the middle of an
 * allocation, where it is about to take locks, for as long as it takes.
 */
#include <unistd.h>

#include "shim.h"
#include <linux/percpu_tag.h>

/* The part of a thread, and how often it was about to take locks */
static __thread enum { NO_PART, SHALLOW, FIRST, SECOND } part;
static __thread unsigned int nr_pauses;

static struct percpu_tag_pool *pool;
static int result;

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "paused: FAIL: %s\n", what);
	exit(1);
}

static void pool_begin(unsigned int nr_cpus, unsigned int nr_tags, unsigned int flags)
{
	pool = shim_alloc(sizeof(*pool));
	shim_nr_cpus = nr_cpus;
	shim_cpus[0] = BIT(nr_cpus) - 1;
	check(!percpu_tag_pool_init(pool, nr_tags, flags), "no pool");
}

static void pool_end(void)
{
	check(!percpu_tag_pool_check(pool, true), "the pool is inconsistent");
	check(!percpu_tag_pool_destroy(pool), "the pool cannot be destroyed");
	kfree(pool);
	pool = NULL;
}

/*
 * The wait of a shallow allocation for its tag was canceled, and its count is still to be
 * undone: the pool cannot be destroyed.
 */
static unsigned int nr_destroys;

static void destroy_meanwhile(void)
{
	if (pool->nr_waits)
		return;
	nr_destroys++;
	if (percpu_tag_pool_destroy(pool) == -EBUSY)
		return;
	/* The sanitizer reports the access that follows. */
	kfree(pool);
	fprintf(stderr, "paused: the pool is freed during an allocation\n");
}

static void *shallow_thread(void *unused)
{
	part = SHALLOW;
	shim_cpu = 1;
	result = percpu_tag_alloc_shallow(pool, 1, GFP_KERNEL);
	return NULL;
}

static void test_destroy(void)
{
	pthread_t thread;

	pool_begin(2, 1, 0);
	percpu_tag_pool_resize(pool, 0);
	check(!pthread_create(&thread, NULL, shallow_thread, NULL), "no thread");
	while (!READ_ONCE(pool->nr_waits))
		usleep(100);
	percpu_tag_stop_waits(pool);
	pthread_join(thread, NULL);
	check(result == -ECANCELED, "the wait was not canceled");
	check(nr_destroys, "the allocation was not paused");
	percpu_tag_pool_resize(pool, 1);
	pool_end();
}

/*
 * Three tags, and at most three in use: one waiter is paused before it looks for a tag, and
 * another one finds one nevertheless.  Both miss the tags first, as a third thread moves
 * them behind the search.
 */
static void move(unsigned int from, unsigned int to)
{
	unsigned int before = part, cpu = shim_cpu, i;
	int tag;

	part = NO_PART;
	for (i = 0; i < 3; i++) {
		shim_cpu = from;
		tag = percpu_tag_alloc(pool, GFP_NOWAIT);
		if (tag < 0)
			break;
		shim_cpu = to;
		percpu_tag_free(pool, tag);
	}
	shim_cpu = cpu;
	part = before;
}

static void *second_thread(void *unused)
{
	part = SECOND;
	nr_pauses = 0;
	shim_cpu = 1;
	result = percpu_tag_alloc_timeout(pool, 1000);
	return NULL;
}

/* The first waiter searches the lists 2, 0, 1, and is paused in the second search. */
static void first_paused(void)
{
	pthread_t thread;

	if (++nr_pauses == 1) {
		move(0, 2);
	} else if (nr_pauses == 2) {
		move(2, 0);
		check(!pthread_create(&thread, NULL, second_thread, NULL), "no thread");
		pthread_join(thread, NULL);
	}
}

/* The search tries the lists 2 and 0. */
static void second_paused(void)
{
	if (++nr_pauses == 2)
		move(0, 2);
}

static void test_enough(unsigned int flags)
{
	int tag;

	pool_begin(3, 3, flags);
	part = FIRST;
	nr_pauses = 0;
	shim_cpu = 1;
	tag = percpu_tag_alloc(pool, GFP_KERNEL);
	part = NO_PART;
	check(nr_pauses >= 2, "the first waiter was not paused");
	check(result >= 0, "an allocation waits while three tags are free");
	percpu_tag_free(pool, tag);
	percpu_tag_free(pool, result);
	pool_end();
}

static void hook(void)
{
	switch (part) {
	case SHALLOW:
		destroy_meanwhile();
		break;
	case FIRST:
		first_paused();
		break;
	case SECOND:
		second_paused();
		break;
	default:
		break;
	}
}

int main(void)
{
	shim_hook = hook;
	test_destroy();
	test_enough(0);
	test_enough(PERCPU_TAG_FIFO);
	printf("paused: ok\n");
	return 0;
}
