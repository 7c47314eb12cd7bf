// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn: random allocations, frees and invalid frees by threads, each of which is a
 * CPU.  The contents of objects are always checked, the area after each round.
 * Between the rounds there are three races: all threads free the same objects, of
 * which each must be freed once; threads free and allocate small objects that share
 * granules; and invalid frees look up chunks that are created and released.
 *
 *	churn [CPUS [THREADS [SEED [STEP [ROUNDS]]]]]
 */
#include <shim.h>

#include "bed.h"
#include "chunk.h"
#include "debug/bad_free.h"
#include "debug/hooks.h"
#include "debug/redzone.h"
#include "layout.h"
#include "tests/validate.h"

#define OBJECTS		2048
#define ROUNDS		20
#define RACED		4096
#define NEIGHBOURS	64

struct object {
	char *ptr;
	unsigned int size;
	unsigned char tag;
	bool module;
};

struct thread {
	pthread_t id;
	unsigned int cpu;
	unsigned int seed;
	unsigned long ops;
	char *stale;
	struct object objects[OBJECTS];
};

static unsigned int nr_steps = 20000;

/* Objects that all threads free */
static char *raced[RACED];
static pthread_barrier_t race_starts;

/* Objects of 4 bytes: of nr_neighbours_of each, one belongs to a thread */
static char *neighbours[NEIGHBOURS];
static unsigned int nr_neighbours_of;

/* Address of an object in chunks of its own, live or freed; NULL ends the race */
static char *short_lived;
#define SHORT_LIVED_SIZE	(PCPU_CHUNK_SIZE + 4096)

static void fail(const char *what)
{
	fprintf(stderr, "churn: %s\n", what);
	abort();
}

static unsigned int pick_size(unsigned int *seed)
{
	unsigned int r = rand_r(seed);

	switch (r % 16) {
	case 0 ... 8:
		return 1 + (r >> 8) % 64;
	case 9 ... 13:
		return 1 + (r >> 8) % 1024;
	case 14:
		return 1 + (r >> 8) % 8192;
	default:
		return (r >> 8) % 64 ? 1 + (r >> 8) % 40000 : 1 + (r >> 8) % 900000;
	}
}

static char *copy_of(struct object *o, unsigned int cpu)
{
	return (char *)pcpu_area_unit_addr(cpu, pcpu_area_ptr_to_off(o->ptr));
}

/* The first bytes and the last one are enough to detect overlaps. */
static void fill(struct object *o, unsigned char tag)
{
	unsigned int cpu;

	o->tag = tag;
	for_each_pcpu_unit(cpu) {
		memset(copy_of(o, cpu), tag + cpu, min(o->size, 64U));
		copy_of(o, cpu)[o->size - 1] = tag + cpu;
	}
}

static void verify(struct object *o, bool zero)
{
	unsigned int cpu, i;

	for_each_pcpu_unit(cpu) {
		char want = zero ? 0 : (char)(o->tag + cpu), *p = copy_of(o, cpu);

		for (i = 0; i < min(o->size, 64U); i++)
			if (p[i] != want)
				fail(zero ? "an object is not zero" : "an object changed");
		if (p[o->size - 1] != want)
			fail("the end of an object changed");
	}
}

/* Allocate an object, or sometimes a module's section. */
static void allocate(struct thread *t, struct object *o, size_t align)
{
	gfp_t gfp = rand_r(&t->seed) % 4 ? GFP_KERNEL : GFP_ATOMIC;
	const char *why = NULL;

	o->size = pick_size(&t->seed);
	o->module = rand_r(&t->seed) % 32 == 0;
	if (!o->module) {
		o->ptr = pcpu_alloc_noprof(o->size, align, false, gfp);
		return;
	}
	o->ptr = pcpu_alloc_module_noprof(o->size, align, &why);
	if (!o->ptr == !why)
		fail("a failure without a reason, or a reason without a failure");
}

/* An invalid free has the reason @why, and changes nothing. */
static void expect(struct object *o, enum pcpu_bad_free_kind why)
{
	struct pcpu_bad_free w;

	pcpu_bad_free_diagnose(o->ptr, &w);
	if (w.why != why || w.begin != w.off)
		fail("wrong reason of an invalid free");
	verify(o, false);
}

/* Each of the two frees refuses the objects of the other one. */
static void release(struct object *o)
{
	if (o->module) {
		free_percpu(o->ptr);
		expect(o, PCPU_BAD_FREE_MODULE);
		pcpu_free_module(o->ptr);
	} else {
		pcpu_free_module(o->ptr);
		expect(o, PCPU_BAD_FREE_REALLOCATED);
		free_percpu(o->ptr);
	}
	o->ptr = NULL;
}

static void step(struct thread *t)
{
	struct object *o = &t->objects[rand_r(&t->seed) % OBJECTS];
	unsigned int align = 1 << rand_r(&t->seed) % 13;

	t->ops++;
	if (o->ptr) {
		verify(o, false);
		if (rand_r(&t->seed) % 64 == 0 && o->size > 1)
			free_percpu(o->ptr + 1 + rand_r(&t->seed) % (o->size - 1));
		/* No object begins there, reallocated or not. */
		if (rand_r(&t->seed) % 16 == 0 && t->stale)
			free_percpu(t->stale + 1);
		t->stale = o->ptr;
		release(o);
		return;
	}
	allocate(t, o, align);
	if (!o->ptr)
		return;
	if ((unsigned long)pcpu_area_ptr_to_off(o->ptr) & (align - 1))
		fail("an object is not aligned");
	verify(o, true);
	fill(o, rand_r(&t->seed));
}

static void *run(void *arg)
{
	struct thread *t = arg;
	unsigned int i;

	shim_cpu = t->cpu;
	for (i = 0; i < nr_steps; i++)
		step(t);
	return NULL;
}

static void *race(void *arg)
{
	struct thread *t = arg;
	unsigned int i;

	shim_cpu = t->cpu;
	for (i = 0; i < RACED; i++) {
		if (i % 64 == 0)
			pthread_barrier_wait(&race_starts);
		free_percpu(raced[i]);
	}
	return NULL;
}

/* The cache returns the object that was freed last, so the objects stay the same. */
static void *share_granules(void *arg)
{
	struct thread *t = arg;
	unsigned int i, round;

	shim_cpu = t->cpu;
	pthread_barrier_wait(&race_starts);
	for (round = 0; round < nr_steps / 10; round++) {
		for (i = t->cpu / shim_cpu_step; i < NEIGHBOURS; i += nr_neighbours_of) {
			free_percpu(neighbours[i]);
			neighbours[i] = pcpu_alloc_noprof(4, 4, false, GFP_KERNEL);
		}
	}
	return NULL;
}

static void balance(void)
{
	const char *bad;

	pcpu_balance_now();
	bad = pcpu_validate_area();
	if (!bad)
		bad = pcpu_validate_conservation();
	if (bad)
		fail(bad);
	if (pcpu_debug_begun() && pcpu_debug_count())
		fail("an object was damaged");
	shim_quiesce();
}

static void in_threads(void *(*what)(void *arg), struct thread *threads, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		pthread_create(&threads[i].id, NULL, what, &threads[i]);
	/* Run the worker at the same time. */
	for (i = 0; i < 50; i++)
		pcpu_balance_now();
	for (i = 0; i < nr; i++)
		pthread_join(threads[i].id, NULL);
	balance();
}

/* Small objects share an entry of the object map, large ones are not cached. */
static void race_all(struct thread *threads, unsigned int nr)
{
	static const unsigned int sizes[] = { 4, 8, 16, 100, 2000 };
	unsigned int i;

	for (i = 0; i < RACED; i++)
		raced[i] = pcpu_alloc_noprof(sizes[i % ARRAY_SIZE(sizes)], 4, false, GFP_KERNEL);
	pthread_barrier_init(&race_starts, NULL, nr);
	in_threads(race, threads, nr);
	pthread_barrier_destroy(&race_starts);
}

/* All frees are valid, so none may be refused. */
static void share_all_granules(struct thread *threads, unsigned int nr)
{
	unsigned int i, refused = shim_refused;

	for (i = 0; i < NEIGHBOURS; i++)
		neighbours[i] = pcpu_alloc_noprof(4, 4, false, GFP_KERNEL);
	nr_neighbours_of = nr;
	pthread_barrier_init(&race_starts, NULL, nr);
	in_threads(share_granules, threads, nr);
	pthread_barrier_destroy(&race_starts);
	for (i = 0; i < NEIGHBOURS; i++)
		free_percpu(neighbours[i]);
	if (shim_refused != refused)
		fail("a valid free is refused");
}

/* No object begins at an odd address, so the free only looks up the chunk. */
static void *look_up_short_lived(void *arg)
{
	struct thread *t = arg;
	char *ptr;

	shim_cpu = t->cpu;
	while ((ptr = READ_ONCE(short_lived)))
		free_percpu(ptr + PCPU_CHUNK_SIZE + 1);
	return NULL;
}

static void release_chunks(struct thread *threads, unsigned int nr)
{
	unsigned int i, rounds = 50;

	short_lived = pcpu_alloc_noprof(SHORT_LIVED_SIZE, 16, false, GFP_KERNEL);
	for (i = 0; i < nr; i++)
		pthread_create(&threads[i].id, NULL, look_up_short_lived, &threads[i]);
	while (short_lived && rounds--) {
		free_percpu(short_lived);
		pcpu_balance_now();
		WRITE_ONCE(short_lived, pcpu_alloc_noprof(SHORT_LIVED_SIZE, 16, false, GFP_KERNEL));
	}
	free_percpu(short_lived);
	WRITE_ONCE(short_lived, NULL);
	for (i = 0; i < nr; i++)
		pthread_join(threads[i].id, NULL);
	balance();
}

int main(int argc, char **argv)
{
	unsigned int cpus = argc > 1 ? atoi(argv[1]) : 4;
	unsigned int nr = argc > 2 ? atoi(argv[2]) : 2;
	unsigned int seed = argc > 3 ? atoi(argv[3]) : 1, round, i, k;
	unsigned int rounds = argc > 5 ? atoi(argv[5]) : ROUNDS;
	static struct thread threads[64];
	unsigned long start, ops = 0;

	shim_cpu_step = argc > 4 ? atoi(argv[4]) : 1;
	/* CPU 1 is isolated once it has a cache. */
	bed_boot(cpus, 5008, 20 << 10);
	shim_isolated = shim_cpu_step;
	bed_allow_irqs();
	pcpu_balance_now();
	start = pcpu_nr_populated;
	for (i = 0; i < nr; i++)
		threads[i] = (struct thread){ .cpu = i % cpus * shim_cpu_step, .seed = seed + i };
	for (round = 0; round < rounds; round++) {
		bed_fail_populate_after(round % 4 == 3 ? 300 : -1);
		in_threads(run, threads, nr);
		race_all(threads, nr);
		bed_fail_populate_after(-1);
		share_all_granules(threads, min(nr, cpus));
		/* With many CPUs this would only take time to clear objects. */
		if (cpus <= 4)
			release_chunks(threads, nr - 1);
	}
	for (i = 0; i < nr; i++) {
		for (k = 0; k < OBJECTS; k++)
			if (threads[i].objects[k].ptr)
				release(&threads[i].objects[k]);
		ops += threads[i].ops;
	}
	pcpu_balance_now();
	balance();
	printf("churn: cpus %u threads %u seed %u: %lu operations, pages %lu before, %lu after\n",
	       cpus, nr, seed, ops, start, pcpu_nr_populated);
	if (pcpu_nr_populated > start + 4)
		fail("memory is not returned");
	return 0;
}
