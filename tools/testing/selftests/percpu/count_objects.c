// SPDX-License-Identifier: GPL-2.0
/*
 * Print how many percpu objects there are, as FILE, percpu_stats of debugfs, says.
 *
 * An idle CPU keeps the memory map of the process that it ran last, and a map has
 * percpu objects.  Be that process on all CPUs: so none counts that has ended.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * It is refused where there is no CPU, or an offline one: that keeps nothing. On
 * PREEMPT_RT what it kept goes a while later, by RCU.
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
