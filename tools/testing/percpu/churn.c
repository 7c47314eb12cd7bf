// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn: random allocations and frees, right and wrong ones, from threads that
 * play CPUs; contents are checked all the time, the books at the end of rounds.
 */
#include <shim.h>

#include "area.h"
#include "balance.h"
#include "check.h"
#include "bed.h"

#define OBJECTS		2048
#define ROUNDS		20

struct object {
	char *ptr;
	unsigned int size;
	unsigned char tag;
};

struct thread {
	pthread_t id;
	unsigned int cpu;
	unsigned int seed;
	unsigned long ops;
	struct object objects[OBJECTS];
};

static unsigned int nr_steps = 20000;

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
	if (rand_r(&t->seed) % 32) {
		o->ptr = pcpu_alloc_noprof(o->size, align, false, gfp);
		return;
	}
	o->ptr = pcpu_alloc_module_noprof(o->size, align, &why);
	if (!o->ptr == !why)
		fail("a module's section is refused without a reason, or had with one");
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
		free_percpu(o->ptr);
		o->ptr = NULL;
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

static void balance(void)
{
	const char *bad;

	pcpu_balance_now();
	bad = pcpu_check_area();
	if (!bad)
		bad = pcpu_check_conservation();
	if (bad)
		fail(bad);
	shim_quiesce();
}

int main(int argc, char **argv)
{
	unsigned int cpus = argc > 1 ? atoi(argv[1]) : 4;
	unsigned int nr = argc > 2 ? atoi(argv[2]) : 2;
	unsigned int seed = argc > 3 ? atoi(argv[3]) : 1, round, i, k;
	static struct thread threads[64];
	unsigned long start, ops = 0;

	bed_boot(cpus, 5000, 20 << 10);
	bed_allow_irqs();
	pcpu_balance_now();
	start = pcpu_counts.populated;
	for (i = 0; i < nr; i++)
		threads[i] = (struct thread){ .cpu = i % cpus, .seed = seed + i };
	for (round = 0; round < ROUNDS; round++) {
		bed_fail_populate_after(round % 4 == 3 ? 300 : -1);
		for (i = 0; i < nr; i++)
			pthread_create(&threads[i].id, NULL, run, &threads[i]);
		/* The worker runs beside them. */
		for (i = 0; i < 50; i++)
			pcpu_balance_now();
		for (i = 0; i < nr; i++)
			pthread_join(threads[i].id, NULL);
		balance();
	}
	bed_fail_populate_after(-1);
	for (i = 0; i < nr; i++) {
		for (k = 0; k < OBJECTS; k++)
			free_percpu(threads[i].objects[k].ptr);
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
