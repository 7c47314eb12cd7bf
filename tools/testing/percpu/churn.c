// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn: random allocations and frees, right and wrong ones, from threads that
 * play CPUs; contents are checked all the time, the books at the end of rounds.
 * Between rounds all threads free the same objects: each is freed once; and
 * each frees and allocates what shares its granule with objects of others; and
 * they look, by wrong frees, at chunks that come and go.
 */
#include <shim.h>

#include "area.h"
#include "balance.h"
#include "check.h"
#include "debug.h"
#include "wrong.h"
#include "bed.h"

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

/* Objects that everybody frees, side by side */
static char *raced[RACED];
static pthread_barrier_t race_starts;

/* Objects of which every so many-th is a thread's */
static char *neighbours[NEIGHBOURS];
static unsigned int nr_neighbours_of;

/* Where an object is, or was, that has chunks to itself; NULL: the end */
static char *going;
#define GOING_SIZE	(PCPU_CHUNK_SIZE + 4096)

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

/* First and last bytes tell as much about overlaps as all of them. */
static void fill(struct object *o, unsigned char tag)
{
	unsigned int cpu;

	o->tag = tag;
	for_each_possible_cpu(cpu) {
		memset(copy_of(o, cpu), tag + cpu, min(o->size, 64U));
		copy_of(o, cpu)[o->size - 1] = tag + cpu;
	}
}

static void verify(struct object *o, bool zero)
{
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		char want = zero ? 0 : (char)(o->tag + cpu), *p = copy_of(o, cpu);

		for (i = 0; i < min(o->size, 64U); i++)
			if (p[i] != want)
				fail(zero ? "an object is not zero" : "an object changed");
		if (p[o->size - 1] != want)
			fail("the end of an object is wrong");
	}
}

/* Mostly for everybody, sometimes a module's section. */
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
		fail("a module's section is refused without a reason, or had with one");
}

/* A wrong free is known for what it is, and has changed nothing. */
static void expect(struct object *o, enum pcpu_wrong why)
{
	struct pcpu_wrong_free w;

	pcpu_wrong_diagnose(o->ptr, &w);
	if (w.why != why || w.begin != w.off)
		fail("an object is not what it was");
	verify(o, false);
}

/* What a module has only the loader gives back, and that nothing else. */
static void release(struct object *o)
{
	if (o->module) {
		free_percpu(o->ptr);
		expect(o, PCPU_WRONG_MODULE);
		pcpu_free_module(o->ptr);
	} else {
		pcpu_free_module(o->ptr);
		expect(o, PCPU_WRONG_LIVE);
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
		/* Nothing begins there, whosever it is by now; if it still is. */
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

/* What is at hand is given out again first, so they stay the same ones. */
static void *live_beside(void *arg)
{
	struct thread *t = arg;
	unsigned int i, round;

	shim_cpu = t->cpu;
	pthread_barrier_wait(&race_starts);
	for (round = 0; round < nr_steps / 10; round++) {
		for (i = t->cpu; i < NEIGHBOURS; i += nr_neighbours_of) {
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
	bad = pcpu_check_area();
	if (!bad)
		bad = pcpu_check_conservation();
	if (bad)
		fail(bad);
	if (pcpu_debug_count())
		fail("an object was damaged");
	shim_quiesce();
}

static void in_threads(void *(*what)(void *arg), struct thread *threads, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		pthread_create(&threads[i].id, NULL, what, &threads[i]);
	/* The worker runs beside them. */
	for (i = 0; i < 50; i++)
		pcpu_balance_now();
	for (i = 0; i < nr; i++)
		pthread_join(threads[i].id, NULL);
	balance();
}

/* Small ones share a mark, large ones do not even stay at hand. */
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

/* All of it is right, so nothing may be refused. */
static void live_beside_each_other(struct thread *threads, unsigned int nr)
{
	unsigned int i, refused = shim_refused;

	for (i = 0; i < NEIGHBOURS; i++)
		neighbours[i] = pcpu_alloc_noprof(4, 4, false, GFP_KERNEL);
	nr_neighbours_of = nr;
	pthread_barrier_init(&race_starts, NULL, nr);
	in_threads(live_beside, threads, nr);
	pthread_barrier_destroy(&race_starts);
	for (i = 0; i < NEIGHBOURS; i++)
		free_percpu(neighbours[i]);
	if (shim_refused != refused)
		fail("what is right is refused");
}

/* At an odd address nothing begins, so nothing happens, but for a look. */
static void *look_at_what_goes(void *arg)
{
	struct thread *t = arg;
	char *ptr;

	shim_cpu = t->cpu;
	while ((ptr = READ_ONCE(going)))
		free_percpu(ptr + PCPU_CHUNK_SIZE + 1);
	return NULL;
}

static void let_chunks_go(struct thread *threads, unsigned int nr)
{
	unsigned int i, rounds = 50;

	going = pcpu_alloc_noprof(GOING_SIZE, 16, false, GFP_KERNEL);
	for (i = 0; i < nr; i++)
		pthread_create(&threads[i].id, NULL, look_at_what_goes, &threads[i]);
	while (going && rounds--) {
		free_percpu(going);
		pcpu_balance_now();
		WRITE_ONCE(going, pcpu_alloc_noprof(GOING_SIZE, 16, false, GFP_KERNEL));
	}
	free_percpu(going);
	WRITE_ONCE(going, NULL);
	for (i = 0; i < nr; i++)
		pthread_join(threads[i].id, NULL);
	balance();
}

int main(int argc, char **argv)
{
	unsigned int cpus = argc > 1 ? atoi(argv[1]) : 4;
	unsigned int nr = argc > 2 ? atoi(argv[2]) : 2;
	unsigned int seed = argc > 3 ? atoi(argv[3]) : 1, round, i, k;
	static struct thread threads[64];
	unsigned long start, ops = 0;

	bed_boot(cpus, 5008, 20 << 10);
	bed_allow_irqs();
	pcpu_balance_now();
	start = pcpu_counts.populated;
	for (i = 0; i < nr; i++)
		threads[i] = (struct thread){ .cpu = i % cpus, .seed = seed + i };
	for (round = 0; round < ROUNDS; round++) {
		bed_fail_populate_after(round % 4 == 3 ? 300 : -1);
		in_threads(run, threads, nr);
		race_all(threads, nr);
		bed_fail_populate_after(-1);
		live_beside_each_other(threads, min(nr, cpus));
		/* With many CPUs most of it would be to clear them. */
		if (cpus <= 4)
			let_chunks_go(threads, nr - 1);
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
	       cpus, nr, seed, ops, start, pcpu_counts.populated);
	if (pcpu_counts.populated > start + 4)
		fail("memory did not come back");
	return 0;
}
