// SPDX-License-Identifier: GPL-2.0-only
/*
 * same_pages: two processes with the same pages, which KSM may merge, and with huge
 * pages, until a signal.
 *
 * usage: same_pages MEGABYTES
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

static void fill(size_t size, int advice)
{
	char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || madvise(pages, size, advice))
		exit(1);
	memset(pages, 1, size);
}

int main(int argc, char **argv)
{
	size_t size = (argc > 1 ? strtoul(argv[1], NULL, 0) : 64) << 20;

	if (!fork())
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	fill(size / 2, MADV_MERGEABLE);
	fill(size / 2, MADV_HUGEPAGE);
	pause();
	return 0;
}
