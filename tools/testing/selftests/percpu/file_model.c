// SPDX-License-Identifier: GPL-2.0
/*
 * file_model FILE SEED: until SIGTERM, read, write, truncate and extend a file at random,
 * also through a mapping, and compare it with a copy in memory.
 * Prints the number of operations.
 *
 * Status: 0 on success, 1 on an error or other data.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SIZE	(256 << 10)
#define MAX_LENGTH	(32 << 10)

static const char *path;
static unsigned int seed;
static int stop;
static unsigned char model[MAX_SIZE];
static size_t size;
static int fd;
static unsigned long nr_done;

static void on_signal(int nr)
{
	__atomic_store_n(&stop, nr, __ATOMIC_RELAXED);
}

static void die(const char *what)
{
	fprintf(stderr, "file_model: %s: %s, operation %lu, size %zu\n", what, strerror(errno),
		nr_done, size);
	exit(1);
}

static unsigned int below(unsigned int limit)
{
	return limit ? rand_r(&seed) % limit : 0;
}

/* A part of @limit bytes: set @at, return its length, which may be 0. */
static size_t choose(size_t limit, size_t *at)
{
	size_t length;

	*at = below(limit);
	length = 1 + below(MAX_LENGTH);
	return length < limit - *at ? length : limit - *at;
}

static void fill(unsigned char *to, size_t length)
{
	while (length--)
		*to++ = rand_r(&seed);
}

static void compare(const unsigned char *data, size_t at, size_t length)
{
	errno = 0;
	if (memcmp(data, model + at, length))
		die("other data");
}

static void do_read(void)
{
	static unsigned char data[MAX_LENGTH];
	size_t at, length = choose(size, &at);

	if (pread(fd, data, length, at) != (ssize_t)length)
		die("read");
	compare(data, at, length);
}

static void do_write(void)
{
	size_t at, length = choose(MAX_SIZE, &at);

	fill(model + at, length);
	if (pwrite(fd, model + at, length, at) != (ssize_t)length)
		die("write");
	if (at + length > size)
		size = at + length;
}

static void do_truncate(void)
{
	size_t to = below(MAX_SIZE);

	if (ftruncate(fd, to))
		die("truncate");
	if (to < size)
		memset(model + to, 0, size - to);
	size = to;
}

/* A file system without a cache refuses shared mappings that can be written. */
static void do_map(int writes)
{
	unsigned char *map;
	size_t at, length = choose(size, &at);

	if (!length)
		return;
	map = mmap(NULL, size, PROT_READ | (writes ? PROT_WRITE : 0),
		   writes ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		if (writes)
			return;
		die("map");
	}
	compare(map + at, at, length);
	if (writes) {
		fill(model + at, length);
		memcpy(map + at, model + at, length);
		if (msync(map, size, MS_SYNC))
			die("msync");
	}
	munmap(map, size);
}

static void do_reopen(void)
{
	struct stat st;

	if (close(fd))
		die("close");
	fd = open(path, O_RDWR);
	if (fd < 0 || fstat(fd, &st))
		die("open");
	errno = 0;
	if ((size_t)st.st_size != size)
		die("other size");
}

static void do_one(void)
{
	switch (below(10)) {
	case 0:
		do_truncate();
		break;
	case 1:
		do_reopen();
		break;
	case 2:
		do_map(0);
		break;
	case 3:
		do_map(1);
		break;
	case 4 ... 6:
		do_write();
		break;
	default:
		do_read();
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 1;
	path = argv[1];
	seed = strtoul(argv[2], NULL, 0);
	signal(SIGTERM, on_signal);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		die("open");
	for (; !__atomic_load_n(&stop, __ATOMIC_RELAXED); nr_done++)
		do_one();
	if (close(fd))
		die("close");
	printf("%lu\n", nr_done);
	return 0;
}
