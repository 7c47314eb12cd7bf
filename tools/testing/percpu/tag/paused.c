// SPDX-License-Identifier: GPL-2.0-only
/*
 * paused: what one thread finds while another one stands still in the middle of an
 * allocation, where it is about to take locks, for as long as it takes.
 */
#include <unistd.h>

#include "shim.h"
#include <linux/percpu_tag.h>

/* The part of a thread, and how often it was about to take locks */
static __thread enum { NO_PART, SHALLOW } part;

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

static void hook(void)
{
	switch (part) {
	case SHALLOW:
		destroy_meanwhile();
		break;
	default:
		break;
	}
}

int main(void)
{
	shim_hook = hook;
	test_destroy();
	printf("paused: ok\n");
	return 0;
}
