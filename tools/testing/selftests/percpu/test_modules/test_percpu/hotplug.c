// SPDX-License-Identifier: GPL-2.0
/*
 * cpu_hotplug: the copies of a CPU keep their contents while it is offline.
 */
#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/percpu.h>

#include "test.h"

#define HOTPLUG_OBJECTS	24
#define HOTPLUG_CPUS	3

static struct live_object hotplug_before[HOTPLUG_OBJECTS];
static struct live_object hotplug_during[HOTPLUG_OBJECTS];
static atomic_t nr_hotplug_calls = ATOMIC_INIT(0);

static int hotplug_call(unsigned int cpu)
{
	void __percpu *ptr;
	int err;

	atomic_inc(&nr_hotplug_calls);
	err = alloc_fresh(&ptr, 48, 8, cpu);
	free_percpu(ptr);
	return err;
}

static int alloc_set(struct live_object *set, u8 tag)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < HOTPLUG_OBJECTS && !err; i++) {
		set[i].size = 8 << (i % 10);
		set[i].tag = tag + i;
		err = alloc_fresh(&set[i].ptr, set[i].size, 8, set[i].tag);
	}
	return err;
}

static int free_set(struct live_object *set)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < HOTPLUG_OBJECTS; i++)
		err = free_live(&set[i]) ?: err;
	return err;
}

static int check_set(struct live_object *set)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < HOTPLUG_OBJECTS && !err; i++)
		err = check_tag(set[i].ptr, set[i].size, set[i].tag);
	return err;
}

static int hotplug_one(int cpu)
{
	int back, err;

	err = alloc_set(hotplug_before, 0x20);
	if (err)
		goto out;
	err = remove_cpu(cpu);
	if (err) {
		say("cpu %d does not go offline (%d)", cpu, err);
		err = -ENODEV;
		goto out;
	}
	err = check_set(hotplug_before);
	if (!err)
		err = alloc_set(hotplug_during, 0x60);
	back = add_cpu(cpu);
	if (back)
		complain("cpu %d does not come back (%d)", cpu, back);
	err = err ?: back;
	if (!err)
		err = check_set(hotplug_before);
out:
	err = free_set(hotplug_during) ?: err;
	return free_set(hotplug_before) ?: err;
}

int test_cpu_hotplug(void)
{
	int prepare, online, cpu, last = 0, done = 0, err = 0;

	prepare = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
					    "test_percpu:prepare",
					    hotplug_call, hotplug_call);
	online = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN,
					   "test_percpu:online",
					   hotplug_call, hotplug_call);
	if (prepare < 0 || online < 0)
		err = -EBUSY;
	for_each_online_cpu(cpu)
		last = cpu;
	/* Begin with the last CPU: the first ones may be needed for interrupts. */
	for (cpu = last; cpu > 0 && done < HOTPLUG_CPUS && !err; cpu--) {
		if (!cpu_online(cpu))
			continue;
		err = hotplug_one(cpu);
		if (err == -ENODEV)
			err = 0;
		else
			done++;
	}
	if (online >= 0)
		cpuhp_remove_state_nocalls(online);
	if (prepare >= 0)
		cpuhp_remove_state_nocalls(prepare);
	if (!err && !done) {
		say("SKIP no CPU goes offline");
		return -EOPNOTSUPP;
	}
	say("%d CPUs went offline and came back, %d calls allocated", done,
	    atomic_read(&nr_hotplug_calls));
	if (!err && atomic_read(&nr_hotplug_calls) != 4 * done) {
		complain("%d calls were expected", 4 * done);
		err = -ENODATA;
	}
	return err;
}
