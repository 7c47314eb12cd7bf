// SPDX-License-Identifier: GPL-2.0
/*
 * perf_phys ADDRESS: print the physical address that perf records for a write of
 * the kernel to the 8 bytes at ADDRESS, on CPU 0.
 *
 * A breakpoint on data is the only event for which every machine, also an emulated
 * one, knows the address of the data.
 */
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECONDS		60

/* A sample; the members are those that sample_type asks for. */
struct sample {
	struct perf_event_header header;
	uint64_t addr;
	uint64_t phys_addr;
};

static int open_event(unsigned long address)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_ADDR | PERF_SAMPLE_PHYS_ADDR,
		.wakeup_events = 1,
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = address,
		.bp_len = HW_BREAKPOINT_LEN_8,
	};

	return syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);
}

/* Use CPU 0: the kernel writes the statistics of a busy CPU. */
static void keep_busy(void)
{
	time_t end = time(NULL) + 1;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	while (time(NULL) <= end)
		;
}

int main(int argc, char **argv)
{
	struct perf_event_mmap_page *ring;
	long page = sysconf(_SC_PAGESIZE);
	struct sample *sample;
	struct pollfd fd;

	if (argc != 2) {
		fprintf(stderr, "usage: perf_phys ADDRESS\n");
		return 2;
	}
	fd.fd = open_event(strtoul(argv[1], NULL, 0));
	if (fd.fd < 0) {
		fprintf(stderr, "perf_event_open: %s\n", strerror(errno));
		return errno == ENOSYS || errno == ENOENT || errno == EOPNOTSUPP ||
		       errno == ENODEV ? 4 : 1;
	}
	ring = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd.fd, 0);
	if (ring == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	keep_busy();
	fd.events = POLLIN;
	if (poll(&fd, 1, SECONDS * 1000) != 1 || !ring->data_head) {
		fprintf(stderr, "no write in %u seconds\n", SECONDS);
		return 1;
	}
	sample = (struct sample *)((char *)ring + page);
	printf("%#llx\n", (unsigned long long)sample->phys_addr);
	return sample->header.type != PERF_RECORD_SAMPLE;
}
