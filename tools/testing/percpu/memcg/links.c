// SPDX-License-Identifier: GPL-2.0-only
/*
 * links: an update of the statistics of a memory cgroup finds the links of its copy and
 * of all ancestors set, in interrupts also, after a number of steps that is in proportion
 * to the depth.
 */
#include "../../../../mm/memcg_percpu.h"

#define NR_TREES	20000
#define NR_MAX		14
#define NESTED_MAX	3
/* Accesses of copies that a cgroup may cost if there is no interrupt */
#define STEPS		20

size_t cache_size;
typeof(node_states) node_states;

static struct mem_cgroup *cgroups[20000];
static unsigned int nr, nested;
static unsigned long steps, nr_interrupts;
static bool interrupts;

static void fail(const char *what)
{
	fprintf(stderr, "links: %s\n", what);
	exit(1);
}

/* As memcg_rstat_updated() */
static void update(struct mem_cgroup *memcg)
{
	const struct memcg_vmstats_percpu *statc;
	unsigned int levels = 0, depth = 0;

	memcg_vmstats_link(memcg);
	for (statc = memcg->vmstats_percpu; statc; statc = statc->parent_pcpu) {
		if (!statc->vmstats)
			fail("a copy that is not linked is reached");
		levels++;
	}
	for (; memcg; memcg = memcg->parent)
		depth++;
	if (levels != depth)
		fail("links do not lead to the root");
}

void interrupt(void)
{
	steps++;
	if (!interrupts || nested == NESTED_MAX || rand() % 8)
		return;
	nested++;
	nr_interrupts++;
	update(cgroups[rand() % nr]);
	nested--;
}

static void make(struct mem_cgroup *parent)
{
	struct mem_cgroup *memcg = calloc(1, sizeof(*memcg));

	memcg->parent = parent;
	memcg->vmstats = calloc(1, sizeof(*memcg->vmstats));
	memcg->vmstats_percpu = memcg_vmstats_alloc();
	memset(memcg->vmstats_percpu, 0, cache_size);
	cgroups[nr++] = memcg;
}

/* Free all. The copies are zero then, as the cache wants them. */
static void unmake(void)
{
	while (nr) {
		struct mem_cgroup *memcg = cgroups[--nr];

		memcg_free_vmstats(memcg->vmstats_percpu, &memcg->css.rstat_touched);
		free(memcg->vmstats);
		free(memcg);
	}
}

static void random_trees(void)
{
	unsigned int tree, i, max;

	interrupts = true;
	for (tree = 0; tree < NR_TREES; tree++) {
		max = 1 + rand() % NR_MAX;
		make(NULL);
		while (nr < max)
			make(cgroups[rand() % 4 ? nr - 1 : rand() % nr]);
		for (i = 0; i < nr; i++)
			update(cgroups[nr - 1 - i]);
		unmake();
	}
	interrupts = false;
}

static unsigned long steps_of_depth(unsigned int depth)
{
	make(NULL);
	while (nr < depth)
		make(cgroups[nr - 1]);
	steps = 0;
	update(cgroups[nr - 1]);
	unmake();
	return steps;
}

int main(void)
{
	unsigned int depth;

	memcg_percpu_create();
	random_trees();
	for (depth = 10; depth <= 10000; depth *= 10)
		if (steps_of_depth(depth) > STEPS * depth)
			fail("the steps grow faster than the depth");
	printf("links: %d trees, %lu interrupts, %lu steps for a depth of 10000: ok\n",
	       NR_TREES, nr_interrupts, steps);
	return 0;
}
