// SPDX-License-Identifier: GPL-2.0
/*
 * Repeat a system call on one CPU after another, so that a line which all calls write
 * moves each time.
 *
 *	move_lines exec|fork|cgroup|netns|none ROUNDS	"none" only passes the turn on
 *	move_lines scsi|9p ROUNDS FILE		read 512 bytes of a disk, stat a file
 *
 * A process on each CPU waits for its turn. times(2) marks the beginning, the end of a
 * first round in which the caches of all CPUs fill, and the end.  The working directory
 * is a cgroup2 folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CPUS	64
#define WARM_ROUNDS	3
#define SECTOR		512

static const char *file;

static void die(const char *what)
{
	fprintf(stderr, "move_lines: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void child(int exec)
{
	pid_t pid = fork();

	if (!pid) {
		if (exec)
			execl("/proc/self/exe", "move_lines", NULL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("fork");
}

/* Read a sector of a disk, without the page cache: one command. */
static void read_sector(void)
{
	static char buffer[SECTOR] __attribute__((aligned(SECTOR)));
	static int fd = -1;

	if (fd < 0)
		fd = open(file, O_RDONLY | O_DIRECT);
	if (fd < 0 || pread(fd, buffer, SECTOR, 0) != SECTOR)
		die(file);
}

static void once(const char *what, int cpu)
{
	struct stat st;
	char name[32];

	if (!strcmp(what, "exec") || !strcmp(what, "fork")) {
		child(*what == 'e');
	} else if (!strcmp(what, "cgroup")) {
		snprintf(name, sizeof(name), "lines%d", cpu);
		if (mkdir(name, 0755) || rmdir(name))
			die("mkdir");
	} else if (!strcmp(what, "scsi")) {
		read_sector();
	} else if (!strcmp(what, "9p")) {
		if (stat(file, &st))
			die(file);
	} else if (!strcmp(what, "netns") && unshare(CLONE_NEWNET)) {
		die("unshare");
	}
}

static void pin(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("sched_setaffinity");
}

/* A process that does one operation for each byte that it reads. */
static void worker(const char *what, int cpu, int turn, int done)
{
	char byte;

	pin(cpu);
	while (read(turn, &byte, 1) == 1) {
		once(what, cpu);
		if (write(done, &byte, 1) != 1)
			die("write");
	}
	exit(0);
}

static void rounds(const int *turns, int done, int cpus, int nr)
{
	char byte = 0;
	int i;

	for (i = 0; i < nr * cpus; i++)
		if (write(turns[i % cpus], &byte, 1) != 1 || read(done, &byte, 1) != 1)
			die("turn");
}

int main(int argc, char **argv)
{
	pid_t pids[MAX_CPUS];
	int turns[MAX_CPUS], turn[2], done[2], cpus = sysconf(_SC_NPROCESSORS_ONLN), i;
	struct tms unused;

	if (argc < 3)
		return argc != 1;
	file = argv[3];
	if (cpus > MAX_CPUS)
		cpus = MAX_CPUS;
	pin(0);
	if (pipe(done))
		die("pipe");
	for (i = 0; i < cpus; i++) {
		if (pipe(turn))
			die("pipe");
		turns[i] = turn[1];
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (!pids[i])
			worker(argv[1], i, turn[0], done[1]);
	}
	times(&unused);
	rounds(turns, done[0], cpus, WARM_ROUNDS);
	times(&unused);
	rounds(turns, done[0], cpus, atoi(argv[2]));
	times(&unused);
	printf("move_lines: row=%s unit=operations value=%d\n", argv[1], cpus * atoi(argv[2]));
	for (i = 0; i < cpus; i++)
		kill(pids[i], SIGKILL);
	return 0;
}
