// SPDX-License-Identifier: GPL-2.0
/*
 * Repeat an operation while the first allocation in it fails, then the second, and
 * so on, until it has no more allocations.
 *
 *	fault_sweep write FILE WORD	write WORD to FILE
 *	fault_sweep mkdir DIR		make a directory; remove it on success
 *	fault_sweep load FILE		load a module; unload it on success
 *	fault_sweep aio NR		make an AIO context; destroy it on success
 *
 * With "some" in front, only every eighth allocation fails.  With "all" in front,
 * all page allocations from the N-th on fail, by the attributes in the folder that
 * FAIL_PAGE_ALLOC names, so that retries fail, too.
 *
 * Prints the number of injected faults and of failures.  The exit status is 1 if
 * the operation failed with an error other than ENOMEM, or without a fault.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_FAULTS	100000

static int fail_nth, make_it_fail, space;
static unsigned int step = 1;
static const char *file, *word;
static char module[64];
static aio_context_t context;
static int fd = -1;

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_or_die(const char *name, int flags)
{
	int f = open(name, flags);

	if (f < 0)
		die(name);
	return f;
}

static void write_number(int f, int n)
{
	char buf[16];
	int len = snprintf(buf, sizeof(buf), "%d", n);

	if (write(f, buf, len) != len)
		die("number");
}

static int read_number(int f)
{
	char buf[16] = "";

	if (pread(f, buf, sizeof(buf) - 1, 0) <= 0)
		die("number");
	return atoi(buf);
}

/* Inject one fault, or faults from the N-th allocation on. */

static void one_begin(unsigned int n)
{
	write_number(fail_nth, n);
}

/* Return true if the fault was injected. */
static int one_end(int ret)
{
	int left = read_number(fail_nth);

	write_number(fail_nth, 0);
	return !left;
}

static void all_begin(unsigned int n)
{
	write_number(space, n);
	write_number(make_it_fail, 1);
}

/* There is no counter, but the operation fails if all its pages are refused. */
static int all_end(int ret)
{
	write_number(make_it_fail, 0);
	return ret != 0;
}

static void set_attribute(const char *dir, const char *name, const char *value)
{
	char path[256];
	int f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = open_or_die(path, O_WRONLY);
	if (write(f, value, strlen(value)) < 0)
		die(path);
	close(f);
}

static void set_all(void)
{
	const char *dir = getenv("FAIL_PAGE_ALLOC") ?: "/sys/kernel/debug/fail_page_alloc";
	char path[256];

	set_attribute(dir, "task-filter", "Y");
	set_attribute(dir, "probability", "100");
	set_attribute(dir, "interval", "1");
	set_attribute(dir, "times", "-1");
	snprintf(path, sizeof(path), "%s/space", dir);
	space = open_or_die(path, O_RDWR);
	make_it_fail = open_or_die("/proc/self/make-it-fail", O_RDWR);
}

/* The operations return 0 or -1. A successful one is undone. */

static int do_write(void)
{
	return write(fd, word, strlen(word)) < 0 ? -1 : 0;
}

static int do_mkdir(void)
{
	return mkdir(file, 0755);
}

static int do_aio(void)
{
	context = 0;
	return syscall(SYS_io_setup, atoi(file), &context);
}

static int do_load(void)
{
	return syscall(SYS_finit_module, fd, "", 0);
}

static int undo_nothing(void)
{
	return 0;
}

static int undo_mkdir(void)
{
	return rmdir(file);
}

static int undo_aio(void)
{
	return syscall(SYS_io_destroy, context);
}

static int undo_load(void)
{
	return syscall(SYS_delete_module, module, 0);
}

/* Get the name of the module from that of its file. */
static void name_module(void)
{
	const char *slash = strrchr(file, '/');

	snprintf(module, sizeof(module), "%s", slash ? slash + 1 : file);
	module[strcspn(module, ".")] = 0;
}

static int sweep(int (*act)(void), int (*undo)(void))
{
	unsigned int n, faults = 0, failed = 0;
	int ret, err, more = 1;

	for (n = 1; more && n < MAX_FAULTS; n += step) {
		space ? all_begin(n) : one_begin(n);
		ret = act();
		err = errno;
		more = space ? all_end(ret) : one_end(ret);
		faults += more;
		if (ret) {
			failed++;
			errno = err;
			/* The module loader and io_setup() return other errors, too. */
			if (!more || (err != ENOMEM && act != do_load &&
				      (err != EAGAIN || act != do_aio)))
				die(file);
		} else if (undo()) {
			die("undo");
		}
	}
	printf("%u faults injected, %u times failed\n", faults, failed);
	return more;
}

static int usage(void)
{
	fprintf(stderr, "usage: fault_sweep [some] [all] OPERATION ARGUMENTS\n");
	return 2;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "some")) {
		step = 8;
		argc--;
		argv++;
	}
	if (argc > 1 && !strcmp(argv[1], "all")) {
		set_all();
		argc--;
		argv++;
	}
	if (argc < 3)
		return usage();
	file = argv[2];
	word = argv[3];
	fail_nth = open_or_die("/proc/thread-self/fail-nth", O_RDWR);
	if (mlockall(MCL_CURRENT))
		die("mlockall");
	if (!strcmp(argv[1], "mkdir"))
		return sweep(do_mkdir, undo_mkdir);
	if (!strcmp(argv[1], "aio"))
		return sweep(do_aio, undo_aio);
	fd = open_or_die(file, word ? O_WRONLY : O_RDONLY);
	if (word)
		return sweep(do_write, undo_nothing);
	name_module();
	return sweep(do_load, undo_load);
}
