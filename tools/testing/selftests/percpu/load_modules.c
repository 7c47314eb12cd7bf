// SPDX-License-Identifier: GPL-2.0
/*
 * Load copies of a module under other names, many at once, and unload them; or
 * load a copy with an invalid size or alignment of its percpu data.
 *
 * The names of the file and of the module end in _n0000.  In copy K each _n0000 of
 * the file is replaced by _nK, with four digits.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK		"_n0000"
#define MARK_LEN	6

struct image {
	char *data;
	size_t size;
	char name[64];
};

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

/* Get the name of the module from that of its file. */
static void name_of(const char *path, char *name, size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(name, size, "%s", slash ? slash + 1 : path);
	name[strcspn(name, ".")] = 0;
}

static int read_image(struct image *image, const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return fail(path);
	image->size = st.st_size;
	image->data = malloc(image->size);
	if (!image->data ||
	    read(fd, image->data, image->size) != (ssize_t)image->size)
		return fail(path);
	close(fd);
	name_of(path, image->name, sizeof(image->name));
	return 0;
}

/* Replace each MARK by that of copy @nr. */
static void rename_image(struct image *image, unsigned int nr)
{
	char *p = image->data, *end = image->data + image->size, to[16];

	snprintf(to, sizeof(to), "_n%04u", nr % 10000);
	while ((p = memmem(p, end - p, MARK, MARK_LEN)))
		memcpy(p, to, MARK_LEN);
}

static int load(const struct image *image)
{
	return syscall(SYS_init_module, image->data, image->size, "");
}

/* Load the copies of one of @jobs processes: every @jobs-th. */
static int load_some(const struct image *image, unsigned int first,
		     unsigned int end, unsigned int jobs)
{
	struct image copy = *image;
	unsigned int nr;

	copy.data = malloc(copy.size);
	if (!copy.data)
		return fail("malloc");
	for (nr = first; nr < end; nr += jobs) {
		memcpy(copy.data, image->data, copy.size);
		rename_image(&copy, nr);
		if (load(&copy)) {
			fprintf(stderr, "copy %u: %s\n", nr, strerror(errno));
			return 1;
		}
	}
	return 0;
}

static int unload_some(const struct image *image, unsigned int first,
		       unsigned int end, unsigned int jobs)
{
	unsigned int nr;
	int wrong = 0;

	for (nr = first; nr < end; nr += jobs) {
		char name[64];

		memcpy(name, image->name, sizeof(name));
		snprintf(name + strlen(name) - MARK_LEN, MARK_LEN + 1, "_n%04u",
			 nr % 10000);
		if (syscall(SYS_delete_module, name, O_NONBLOCK) &&
		    errno != ENOENT) {
			fail(name);
			wrong = 1;
		}
	}
	return wrong;
}

static int in_parallel(const struct image *image, int unload,
		       unsigned int first, unsigned int count,
		       unsigned int jobs)
{
	unsigned int i;
	int status, wrong = 0;

	for (i = 0; i < jobs; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return fail("fork");
		if (!pid)
			_exit((unload ? unload_some : load_some)
			      (image, first + i, first + count, jobs));
	}
	while (wait(&status) > 0)
		wrong |= !WIFEXITED(status) || WEXITSTATUS(status);
	return wrong;
}

static ElfW(Shdr) *percpu_section(const struct image *image)
{
	ElfW(Ehdr) *eh = (ElfW(Ehdr) *)image->data;
	ElfW(Shdr) *sh = (ElfW(Shdr) *)(image->data + eh->e_shoff);
	const char *names = image->data + sh[eh->e_shstrndx].sh_offset;
	unsigned int i;

	for (i = 1; i < eh->e_shnum; i++)
		if (!strcmp(names + sh[i].sh_name, ".data..percpu"))
			return sh + i;
	return NULL;
}

/*
 * Change the percpu section to one without contents, of any size. The loader must
 * refuse it: if it does not, the initial values are missing.
 */
static int load_invalid(struct image *image, unsigned long size,
			unsigned long align)
{
	ElfW(Shdr) *sh = percpu_section(image);

	if (!sh) {
		fprintf(stderr, "%s has no percpu data\n", image->name);
		return 1;
	}
	sh->sh_type = SHT_NOBITS;
	sh->sh_size = size;
	sh->sh_addralign = align;
	return load(image) ? fail(image->name) : 0;
}

int main(int argc, char **argv)
{
	struct image image;
	int unload;

	if (argc == 5 && !strcmp(argv[1], "bent"))
		return read_image(&image, argv[2]) ||
		       load_invalid(&image, strtoul(argv[3], NULL, 0),
				    strtoul(argv[4], NULL, 0));
	unload = argc > 1 && !strcmp(argv[1], "unload");
	if (argc == 6 && (unload || !strcmp(argv[1], "load")))
		return read_image(&image, argv[2]) ||
		       in_parallel(&image, unload, atoi(argv[3]), atoi(argv[4]),
				   atoi(argv[5]));
	fprintf(stderr, "usage: %s load|unload FILE FIRST COUNT JOBS\n"
			"       %s bent FILE SIZE ALIGNMENT\n", argv[0], argv[0]);
	return 2;
}
