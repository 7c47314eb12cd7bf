// SPDX-License-Identifier: GPL-2.0
/*
 * disk_load DISK THREADS: until SIGTERM, threads write and read random blocks of a disk
 * past the page cache, each in its own part of the disk, and compare what they read
 * with what they wrote last.  Prints the number of requests.
 *
 * Status: 0 on success, 1 on an error or other data.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK		4096
#define NR_BLOCKS	64
#define MAX_THREADS	16

static const char *disk;
static int stop;
static unsigned long nr_done[MAX_THREADS];

static void on_signal(int nr)
{
	__atomic_store_n(&stop, nr, __ATOMIC_RELAXED);
}

static void die(const char *what)
{
	fprintf(stderr, "disk_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *load(void *arg)
{
	uint32_t stamps[NR_BLOCKS] = {}, *buffer;
	unsigned int thread = (uintptr_t)arg;
	unsigned int seed = thread + 1, i;
	int fd = open(disk, O_RDWR | O_DIRECT);
	off_t offset;

	if (fd < 0)
		die("open");
	buffer = aligned_alloc(BLOCK, BLOCK);
	if (!buffer)
		die("memory");
	/* On a slow machine the end can be due before the first request. */
	while (!nr_done[thread] || !__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		i = rand_r(&seed) % NR_BLOCKS;
		offset = (off_t)(thread * NR_BLOCKS + i) * BLOCK;
		if (!stamps[i] || rand_r(&seed) & 1) {
			stamps[i] = rand_r(&seed) | 1;
			buffer[0] = stamps[i];
			buffer[BLOCK / 4 - 1] = stamps[i];
			if (pwrite(fd, buffer, BLOCK, offset) != BLOCK)
				die("write");
		} else {
			memset(buffer, 0, BLOCK);
			if (pread(fd, buffer, BLOCK, offset) != BLOCK)
				die("read");
			errno = 0;
			if (buffer[0] != stamps[i] ||
			    buffer[BLOCK / 4 - 1] != stamps[i])
				die("other data");
		}
		nr_done[thread]++;
	}
	close(fd);
	free(buffer);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[MAX_THREADS];
	unsigned long nr, sum = 0;
	uintptr_t i;

	if (argc != 3)
		return 1;
	disk = argv[1];
	nr = strtoul(argv[2], NULL, 0);
	if (!nr || nr > MAX_THREADS)
		return 1;
	signal(SIGTERM, on_signal);
	for (i = 0; i < nr; i++)
		if (pthread_create(&threads[i], NULL, load, (void *)i))
			die("thread");
	for (i = 0; i < nr; i++) {
		pthread_join(threads[i], NULL);
		sum += nr_done[i];
	}
	printf("%lu\n", sum);
	return 0;
}
