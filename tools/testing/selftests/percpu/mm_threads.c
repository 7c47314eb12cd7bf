// SPDX-License-Identifier: GPL-2.0
/*
 * Processes with threads, as the scheduler's percpu memory of a process has to return in
 * its constructed state:
 *
 *	mm_threads ROUNDS
 *
 * In each round a process has more threads than CPUs it may use, so that CPUs own
 * concurrency IDs (mm_cid). It ends with all of its threads ("group"), after its threads
 * one by one ("joined"), or by an exec ("exec"); another one ends without threads, on
 * each of its CPUs in turn ("moved"). After an exec that fails, a task has no concurrency
 * ID until it is scheduled, while its CPU may own one ("failed").
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int nr_cpus;

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* A CPU that is offline is left out. */
	sched_setaffinity(0, sizeof(set), &set);
}

static void *yields(void *arg)
{
	int i;

	for (i = 0; i < 20; i++)
		sched_yield();
	return NULL;
}

static void *waits(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static void start(void *(*fn)(void *), pthread_t *threads, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		if (pthread_create(&threads[i], NULL, fn, NULL))
			_exit(1);
}

static void group(int round)
{
	pthread_t threads[3];

	pin(round % nr_cpus);
	start(waits, threads, 3);
	sched_yield();
	_exit(0);
}

static void joined(int round)
{
	pthread_t threads[64];
	int i, nr = 2 * nr_cpus + 1 > 64 ? 64 : 2 * nr_cpus + 1;

	start(yields, threads, nr);
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

static void execs(int round)
{
	pthread_t threads[3];

	pin(round % nr_cpus);
	start(waits, threads, 3);
	sched_yield();
	execl("/proc/self/exe", "mm_threads", "0", NULL);
	_exit(1);
}

static void *sleeps(void *arg)
{
	usleep(20000);
	return NULL;
}

/* Run without a system call that sleeps. */
static void spin(int ms)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000 +
		 (now.tv_nsec - begin.tv_nsec) / 1000000 < ms);
}

/* The threads end while the task has no ID, and then the task does. */
static void failed(int round)
{
	static const char bad[] = "no program";
	static char *const none[] = { NULL };
	pthread_t threads[64];
	int fd = memfd_create("bad", 0);

	if (fd < 0 || write(fd, bad, sizeof(bad)) != sizeof(bad))
		_exit(1);
	start(sleeps, threads, nr_cpus > 64 ? 64 : nr_cpus);
	sched_yield();
	syscall(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH);
	spin(50);
	_exit(0);
}

static void moved(int round)
{
	int cpu;

	for (cpu = 0; cpu < nr_cpus; cpu++)
		pin(cpu);
	_exit(0);
}

static int run(void (*child)(int), int round)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		child(round);
	return pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(int round);
	} children[] = {
		{ "group", group },
		{ "joined", joined },
		{ "exec", execs },
		{ "failed", failed },
		{ "moved", moved },
		{ }
	}, *child;
	int round, rounds = argc > 1 ? atoi(argv[1]) : 100;

	nr_cpus = sysconf(_SC_NPROCESSORS_CONF);
	for (round = 0; round < rounds; round++) {
		for (child = children; child->name; child++) {
			if (!run(child->run, round))
				continue;
			fprintf(stderr, "mm_threads: %s failed in round %d\n",
				child->name, round);
			return 1;
		}
	}
	return 0;
}
