// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay: run a recorded allocation trace ("a id size align", "f id"), and print the
 * populated memory at its peak and at its end.
 */
#include <shim.h>

#include "bed.h"

#define MAX_ID	(1 << 20)

static void *ptrs[MAX_ID];
static unsigned int sizes[MAX_ID];

static void settle(void)
{
	const char *bad = bed_settle();

	if (bad) {
		fprintf(stderr, "replay: %s\n", bad);
		exit(1);
	}
}

static unsigned long populated(void)
{
	return pcpu_nr_pages() / shim_nr_cpus;
}

static void step(char op, unsigned int id, unsigned int size, unsigned int align)
{
	assert(id < MAX_ID);
	if (op == 'f') {
		free_percpu(ptrs[id]);
		return;
	}
	ptrs[id] = pcpu_alloc_noprof(size, align, false, GFP_KERNEL);
	sizes[id] = size;
	if (!ptrs[id]) {
		fprintf(stderr, "replay: allocation %u failed\n", id);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	unsigned int cpus = argc > 1 ? atoi(argv[1]) : 4, id, size, align, n = 0;
	unsigned int late = argc > 3 ? atoi(argv[3]) : 32;
	unsigned long live = 0, peak = 0, peak_live = 0, base, mark = 0, left = 0;
	char line[128], op;
	/* A cgroup allocates more than 16 objects at once, on one CPU. */
	unsigned int stay = argc > 4 ? atoi(argv[4]) : 64;

	if (argc > 2)
		mark = strtoul(argv[2], NULL, 0) << 10;
	bed_boot(cpus, 0, 20 << 10);
	settle();
	base = populated();
	while (fgets(line, sizeof(line), stdin)) {
		size = 0;
		align = 0;
		if (sscanf(line, "%c %u %u %u", &op, &id, &size, &align) < 2)
			continue;
		shim_cpu = n++ / stay % cpus;
		if (op == 'a')
			live += size;
		else
			live -= sizes[id];
		step(op, id, size, align);
		/* In the kernel the worker runs with a delay, too. */
		if (n % late == 0)
			bed_work();
		if (mark && !left && peak_live > 2 * mark && live <= mark) {
			settle();
			left = populated();
		}
		if (populated() > peak) {
			peak = populated();
			peak_live = live;
		}
	}
	settle();
	printf("cpus %u ops %u KB/unit: start %lu peak %lu (live %lu) at mark %lu end %lu (live %lu)\n",
	       cpus, n, base * 4, peak * 4, peak_live >> 10, left * 4,
	       populated() * 4, live >> 10);
	return 0;
}
