// SPDX-License-Identifier: GPL-2.0
/*
 * bpf_values array|hash|grow SIZE CPUS: make a BPF map with percpu values of SIZE bytes,
 * write different values for each of CPUS possible CPUs, and compare what is read. A
 * table that grows allocates its values when they are written.
 *
 * Status: 0 if they are equal, 1 if not, 2 if the kernel refuses the size, 4 if it has
 * no BPF.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NR_VALUES	3

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int map_create(const char *type, uint32_t size)
{
	union bpf_attr attr = {
		.map_type = strcmp(type, "array") ? BPF_MAP_TYPE_PERCPU_HASH :
						    BPF_MAP_TYPE_PERCPU_ARRAY,
		.map_flags = strcmp(type, "grow") ? 0 : BPF_F_NO_PREALLOC,
		.key_size = 4,
		.value_size = size,
		.max_entries = NR_VALUES,
	};

	return bpf(BPF_MAP_CREATE, &attr);
}

/* Read or write the values of a key. */
static int map_value(enum bpf_cmd cmd, int map, uint32_t key, void *values)
{
	union bpf_attr attr = {
		.map_fd = map,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)values,
	};

	return bpf(cmd, &attr);
}

static void fill(uint64_t *values, size_t nr, uint32_t key)
{
	size_t i;

	for (i = 0; i < nr; i++)
		values[i] = i * NR_VALUES + key + 1;
}

static int compare(int map, size_t bytes)
{
	uint64_t *due = malloc(bytes), *values = malloc(bytes);
	int bad = !due || !values;
	uint32_t key;

	for (key = 0; key < NR_VALUES && !bad; key++) {
		fill(due, bytes / 8, key);
		bad = map_value(BPF_MAP_UPDATE_ELEM, map, key, due);
	}
	for (key = 0; key < NR_VALUES && !bad; key++) {
		fill(due, bytes / 8, key);
		bad = map_value(BPF_MAP_LOOKUP_ELEM, map, key, values) ||
		      memcmp(due, values, bytes);
	}
	if (bad)
		perror("values");
	free(due);
	free(values);
	return !!bad;
}

int main(int argc, char **argv)
{
	unsigned long size, cpus;
	int map;

	if (argc != 4)
		return 1;
	size = strtoul(argv[2], NULL, 0);
	cpus = strtoul(argv[3], NULL, 0);
	map = map_create(argv[1], size);
	if (map < 0) {
		int err = errno;

		perror("BPF_MAP_CREATE");
		return err == E2BIG ? 2 : err == ENOSYS || err == EPERM ? 4 : 1;
	}
	return compare(map, size * cpus);
}
