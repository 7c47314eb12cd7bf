// SPDX-License-Identifier: GPL-2.0
/*
 * aio_contexts TEST FILE SECONDS: life and end of AIO contexts, by the system calls.
 *
 *	pairs	io_setup and io_destroy, also of a context that is gone
 *	data	write a file by AIO, and read it again
 *	cancel	io_destroy and exit with requests that never complete by themselves
 *	threads	requests of several threads while the context is destroyed
 *	limit	contexts beyond aio-max-nr
 *
 * Status: 0 on success, 1 on failure, 4 if the kernel has no AIO.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NR_REQS		16
#define NR_THREADS	4
#define BLOCK		4096

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "line %d: %s, errno %d\n",	\
				__LINE__, #cond, errno);		\
			exit(1);					\
		}							\
	} while (0)

static const char *file_name;
static time_t end;

static int io_setup(unsigned int nr, aio_context_t *ctx)
{
	*ctx = 0;
	return syscall(SYS_io_setup, nr, ctx);
}

static int io_destroy(aio_context_t ctx)
{
	return syscall(SYS_io_destroy, ctx);
}

static int io_submit(aio_context_t ctx, long nr, struct iocb **reqs)
{
	return syscall(SYS_io_submit, ctx, nr, reqs);
}

static int io_getevents(aio_context_t ctx, long min, long nr,
			struct io_event *events)
{
	return syscall(SYS_io_getevents, ctx, min, nr, events, NULL);
}

static int more_time(void)
{
	return time(NULL) < end;
}

/* The contexts of all processes, by the requests that they may have */
static long aio_nr(void)
{
	FILE *f = fopen("/proc/sys/fs/aio-nr", "r");
	long nr = -1;

	if (f) {
		if (fscanf(f, "%ld", &nr) != 1)
			nr = -1;
		fclose(f);
	}
	return nr;
}

static void test_pairs(void)
{
	aio_context_t ctx, many[NR_REQS];
	struct iocb *req = NULL;
	int i;

	do {
		CHECK(!io_setup(NR_REQS, &ctx));
		CHECK(!io_destroy(ctx));
		CHECK(io_destroy(ctx) == -1 && errno == EINVAL);
		CHECK(io_submit(ctx, 0, &req) == -1 && errno == EINVAL);
		CHECK(io_getevents(ctx, 0, 0, NULL) == -1 && errno == EINVAL);
		for (i = 0; i < NR_REQS; i++)
			CHECK(!io_setup(1, &many[i]));
		for (i = 0; i < NR_REQS; i++)
			CHECK(!io_destroy(many[i]));
	} while (more_time());
}

static void transfer(aio_context_t ctx, int fd, int opcode, char *buffer)
{
	struct iocb reqs[NR_REQS] = {}, *list[NR_REQS];
	struct io_event events[NR_REQS];
	int i, done = 0, n;

	for (i = 0; i < NR_REQS; i++) {
		reqs[i].aio_lio_opcode = opcode;
		reqs[i].aio_fildes = fd;
		reqs[i].aio_buf = (uintptr_t)buffer + i * BLOCK;
		reqs[i].aio_nbytes = BLOCK;
		reqs[i].aio_offset = i * BLOCK;
		list[i] = &reqs[i];
	}
	CHECK(io_submit(ctx, NR_REQS, list) == NR_REQS);
	while (done < NR_REQS) {
		n = io_getevents(ctx, 1, NR_REQS, events);
		CHECK(n > 0);
		for (i = 0; i < n; i++)
			CHECK(events[i].res == BLOCK);
		done += n;
	}
	CHECK(!io_getevents(ctx, 0, NR_REQS, events));
}

static void test_data(void)
{
	static char buffer[NR_REQS * BLOCK], back[NR_REQS * BLOCK];
	aio_context_t ctx;
	unsigned int i;
	int fd;

	fd = open(file_name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0);
	do {
		for (i = 0; i < sizeof(buffer); i++)
			buffer[i] = rand();
		CHECK(!io_setup(NR_REQS, &ctx));
		transfer(ctx, fd, IOCB_CMD_PWRITE, buffer);
		transfer(ctx, fd, IOCB_CMD_PREAD, back);
		CHECK(!memcmp(buffer, back, sizeof(back)));
		CHECK(!io_destroy(ctx));
	} while (more_time());
	close(fd);
	unlink(file_name);
}

/* Requests that complete only by a write to the pipe or by cancellation */
static int submit_polls(aio_context_t ctx, int fd, struct iocb *reqs)
{
	struct iocb *list[NR_REQS];
	int i;

	memset(reqs, 0, NR_REQS * sizeof(*reqs));
	for (i = 0; i < NR_REQS; i++) {
		reqs[i].aio_lio_opcode = IOCB_CMD_POLL;
		reqs[i].aio_fildes = fd;
		reqs[i].aio_buf = POLLIN;
		list[i] = &reqs[i];
	}
	return io_submit(ctx, NR_REQS, list);
}

static void exit_with_polls(int fd)
{
	struct iocb reqs[NR_REQS];
	aio_context_t ctx;
	int status;
	pid_t pid;

	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		CHECK(!io_setup(NR_REQS, &ctx));
		CHECK(submit_polls(ctx, fd, reqs) == NR_REQS);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
}

static void test_cancel(void)
{
	struct io_event events[NR_REQS];
	struct iocb reqs[NR_REQS];
	aio_context_t ctx;
	int pipes[2];

	CHECK(!pipe(pipes));
	do {
		CHECK(!io_setup(NR_REQS, &ctx));
		CHECK(submit_polls(ctx, pipes[0], reqs) == NR_REQS);
		CHECK(!io_getevents(ctx, 0, NR_REQS, events));
		CHECK(!io_destroy(ctx));

		/* Some of the requests complete before the end. */
		CHECK(!io_setup(NR_REQS, &ctx));
		CHECK(submit_polls(ctx, pipes[0], reqs) == NR_REQS);
		CHECK(write(pipes[1], "x", 1) == 1);
		CHECK(io_getevents(ctx, 3, 3, events) == 3);
		CHECK(!io_destroy(ctx));
		CHECK(read(pipes[0], events, 1) == 1);

		exit_with_polls(pipes[0]);
	} while (more_time());
}

static struct {
	aio_context_t ctx;
	int pipes[2];
} shared;

static void *submitter(void *unused)
{
	struct iocb reqs[NR_REQS];
	struct io_event events[NR_REQS];

	for (;;) {
		if (submit_polls(shared.ctx, shared.pipes[0], reqs) < 0 &&
		    errno != EAGAIN) {
			CHECK(errno == EINVAL);
			return NULL;
		}
		if (io_getevents(shared.ctx, 0, NR_REQS, events) < 0) {
			CHECK(errno == EINVAL);
			return NULL;
		}
	}
}

static void test_threads(void)
{
	pthread_t threads[NR_THREADS];
	int i;

	CHECK(!pipe(shared.pipes));
	do {
		CHECK(!io_setup(NR_REQS * NR_THREADS, &shared.ctx));
		for (i = 0; i < NR_THREADS; i++)
			CHECK(!pthread_create(&threads[i], NULL, submitter, NULL));
		usleep(rand() % 3000);
		CHECK(write(shared.pipes[1], "x", 1) == 1);
		usleep(rand() % 3000);
		CHECK(!io_destroy(shared.ctx));
		for (i = 0; i < NR_THREADS; i++)
			CHECK(!pthread_join(threads[i], NULL));
		CHECK(read(shared.pipes[0], &i, 1) == 1);
	} while (more_time());
}

static void test_limit(void)
{
	FILE *f = fopen("/proc/sys/fs/aio-max-nr", "r");
	aio_context_t first, ctx;
	long max;

	CHECK(f && fscanf(f, "%ld", &max) == 1);
	fclose(f);
	CHECK(!io_setup(max - aio_nr() - 2, &first));
	do {
		CHECK(io_setup(NR_REQS, &ctx) == -1 && errno == EAGAIN);
		CHECK(!io_setup(1, &ctx));
		CHECK(!io_destroy(ctx));
	} while (more_time());
	CHECK(!io_destroy(first));
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "pairs", test_pairs },
	{ "data", test_data },
	{ "cancel", test_cancel },
	{ "threads", test_threads },
	{ "limit", test_limit },
	{}
};

int main(int argc, char **argv)
{
	aio_context_t ctx;
	unsigned int i;

	if (argc != 4)
		return 1;
	file_name = argv[2];
	if (io_setup(1, &ctx))
		return errno == ENOSYS ? 4 : 1;
	CHECK(!io_destroy(ctx));
	end = time(NULL) + atoi(argv[3]);
	/* A destroy that hangs must not hang the test. */
	alarm(120 + 10 * atoi(argv[3]));
	for (i = 0; tests[i].name; i++) {
		if (strcmp(argv[1], tests[i].name))
			continue;
		tests[i].run();
		return 0;
	}
	return 1;
}
