// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark of system calls that allocate percpu memory, in ticks of the TSC: under
 * QEMU's icount, guest instructions.  Other architectures than x86 have nanoseconds.
 *
 *	bench_syscalls CGROUP	a cgroup2 folder with controllers for children
 *
 * Prints "bench_syscalls: row=<name> unit=cycles value=<n>", the median of many
 * rounds.  The program runs on one CPU and sleeps after each round, so that work
 * items of a round are done before the next one.
 *
 * The rows of calls that wait for a grace period are the CPU time of the program in
 * nanoseconds, which is the same number where a tick is a nanosecond; what RCU
 * callbacks and workers do for the call is not in it.  Rows of AIO and of disks are
 * missing if the kernel has no AIO, or no /dev/nullb0.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS	301
#define DISK		"/dev/nullb0"
#define SECTOR		512
/* A store of any limit of a queue freezes it. */
#define FREEZES		"/sys/block/nullb0/queue/iostats"

static char cgroup[256];
static char *sector;
static int disk = -1, freezes = -1;

static unsigned long long nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

#if __has_builtin(__builtin_ia32_rdtsc)
static unsigned long long ticks(void)
{
	unsigned int lo, hi;

	asm volatile("lfence; rdtsc" : "=a" (lo), "=d" (hi) : : "memory");
	return (unsigned long long)hi << 32 | lo;
}
#else
static unsigned long long ticks(void)
{
	return nanoseconds(CLOCK_MONOTONIC);
}
#endif

static unsigned long long cpu_time(void)
{
	return nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}

static void die(const char *what)
{
	fprintf(stderr, "bench_syscalls: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void child_exits(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("fork");
}

static void child_execs(void)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/proc/self/exe", "bench_syscalls", "exit", NULL);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("fork");
}

static void new_net(void)
{
	if (unshare(CLONE_NEWNET))
		die("unshare");
}

static void new_cgroup(void)
{
	if (mkdir(cgroup, 0755))
		die("mkdir");
	if (rmdir(cgroup))
		die("rmdir");
}

static void aio_pair(void)
{
	aio_context_t ctx = 0;

	if (syscall(SYS_io_setup, 16, &ctx))
		die("io_setup");
	if (syscall(SYS_io_destroy, ctx))
		die("io_destroy");
}

static void disk_read(void)
{
	if (pread(disk, sector, SECTOR, 0) != SECTOR)
		die("pread");
}

static void disk_freeze(void)
{
	if (pwrite(freezes, "1", 1, 0) != 1)
		die("iostats");
}

static int compare(const void *a, const void *b)
{
	unsigned long long x = *(unsigned long long *)a;
	unsigned long long y = *(unsigned long long *)b;

	return x < y ? -1 : x > y;
}

static void measure_by(unsigned long long (*now)(void), const char *row,
		       void (*once)(void), int rounds)
{
	static unsigned long long samples[MAX_ROUNDS];
	unsigned long long start;
	int i;

	for (i = -3; i < rounds; i++) {
		start = now();
		once();
		if (i >= 0)
			samples[i] = now() - start;
		usleep(30000);
	}
	qsort(samples, rounds, sizeof(samples[0]), compare);
	printf("bench_syscalls: row=%s unit=cycles value=%llu\n", row,
	       samples[rounds / 2]);
	fflush(stdout);
}

static void measure(const char *row, void (*once)(void), int rounds)
{
	measure_by(ticks, row, once, rounds);
}

static void measure_aio(void)
{
	aio_context_t ctx = 0;

	if (syscall(SYS_io_setup, 1, &ctx))
		return;
	syscall(SYS_io_destroy, ctx);
	measure_by(cpu_time, "io_setup_destroy", aio_pair, 101);
}

static void measure_disk(void)
{
	disk = open(DISK, O_RDONLY | O_DIRECT);
	freezes = open(FREEZES, O_WRONLY);
	sector = aligned_alloc(SECTOR, SECTOR);
	if (disk < 0 || freezes < 0 || !sector)
		return;
	measure("nullb_read", disk_read, 101);
	measure_by(cpu_time, "nullb_freeze_unfreeze", disk_freeze, 101);
}

int main(int argc, char **argv)
{
	cpu_set_t cpus;

	if (argc != 2)
		return 2;
	if (!strcmp(argv[1], "exit"))
		return 0;
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("sched_setaffinity");
	snprintf(cgroup, sizeof(cgroup), "%s/bench", argv[1]);

	measure("fork_exit_wait", child_exits, 101);
	measure("fork_exec_wait", child_execs, 101);
	measure("unshare_net", new_net, 31);
	measure("cgroup_mkdir_rmdir", new_cgroup, 101);
	measure_aio();
	measure_disk();
	return 0;
}
