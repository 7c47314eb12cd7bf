// SPDX-License-Identifier: GPL-2.0
/*
 * Print the number of percpu objects from FILE, percpu_stats in debugfs.
 *
 * An idle CPU keeps the memory map of the process that it ran last, and a map has
 * percpu objects.  Run on all CPUs first, so that no map of an ended process is
 * counted.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * For an offline CPU the call fails, but such a CPU keeps no map. On PREEMPT_RT a
 * map is freed later, by RCU.
 */
static void visit_cpus(void)
{
	cpu_set_t one;
	int cpu;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
	}
	usleep(100 * 1000);
}

int main(int argc, char **argv)
{
	unsigned long nr;
	char line[128];
	FILE *file;

	if (argc != 2) {
		fprintf(stderr, "usage: count_objects FILE\n");
		return 2;
	}
	file = fopen(argv[1], "r");
	if (!file) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	visit_cpus();
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " nr_cur_alloc : %lu", &nr) == 1) {
			printf("%lu\n", nr);
			return 0;
		}
	}
	fprintf(stderr, "%s: no nr_cur_alloc\n", argv[1]);
	return 1;
}
