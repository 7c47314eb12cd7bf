// SPDX-License-Identifier: GPL-2.0
/*
 * tour: print what a percpu pointer is, for a person to read.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/smp.h>

#include "test.h"

#define TOUR_ROUNDS	1000
#define TOUR_LINES	8

static void tour_increment(void *counter)
{
	this_cpu_inc(*(u64 __percpu *)counter);
}

static void tour_stride(u64 __percpu *counter)
{
	unsigned long addr, last = 0, stride = 0;
	bool constant = true;
	int cpu;

	for_each_possible_cpu(cpu) {
		addr = (unsigned long)per_cpu_ptr(counter, cpu);
		if (last && stride && addr - last != stride)
			constant = false;
		if (last)
			stride = addr - last;
		last = addr;
	}
	if (!stride)
		say("one CPU, no stride");
	else if (constant)
		say("from one CPU's copy to the next: %ld KB, always",
		    (long)stride / 1024);
	else
		say("from one CPU's copy to the next: it varies");
}

int test_tour(void)
{
	u64 __percpu *counter = alloc_percpu(u64);
	unsigned int online = 0, lines = 0;
	u64 sum = 0;
	int cpu, i;

	if (!counter)
		return -ENOMEM;
	say("a counter of %zu bytes on each of %u possible CPUs: one percpu pointer, %#lx",
	    sizeof(u64), num_possible_cpus(),
	    (__force unsigned long)counter);

	cpus_read_lock();
	for (i = 0; i < TOUR_ROUNDS; i++)
		on_each_cpu(tour_increment, (__force void *)counter, 1);
	online = num_online_cpus();
	cpus_read_unlock();

	for_each_possible_cpu(cpu) {
		u64 *copy = per_cpu_ptr(counter, cpu);

		sum += *copy;
		if (lines++ < TOUR_LINES)
			say("  cpu %2d: at %#lx, incremented %llu times",
			    cpu, (unsigned long)copy, *copy);
	}
	if (lines > TOUR_LINES)
		say("  and %u CPUs more", lines - TOUR_LINES);
	tour_stride(counter);
	say("sum %llu = %u CPUs online x %d", sum, online, TOUR_ROUNDS);
	free_percpu(counter);

	return sum == (u64)online * TOUR_ROUNDS ? 0 : -EIO;
}
