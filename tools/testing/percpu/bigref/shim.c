// SPDX-License-Identifier: GPL-2.0-only
/*
 * shim: the percpu counters of the one count that a program has.
 */
#include "bigref_internal.h"

unsigned int shim_cpu;
unsigned int shim_nr_readers;
unsigned int shim_nr_locked;
unsigned long counters[CPUS] __aligned(8);

unsigned long bigref_counters_sum(unsigned long *from)
{
	unsigned long sum = 0;
	int cpu;

	for (cpu = 0; from && cpu < CPUS; cpu++)
		sum += from[cpu];
	return sum;
}
