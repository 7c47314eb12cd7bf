// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_main: run inputs of the fuzzer without libFuzzer.
 *
 *	fuzz-run FILE...		run inputs
 *	fuzz-run -c CORPUS		run the inputs of a corpus: one a line, in hex
 *	fuzz-run -r SECONDS [SEED]	run random inputs
 *	fuzz-run -u CORPUS DIR		unpack a corpus to files for libFuzzer
 *	fuzz-run -p DIR			pack the files of DIR, to stdout
 *
 * With FUZZ_TRACE set each step is printed. The bytes of an input that fails are
 * always printed.
 */
#include <dirent.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <shim.h>

#include "fuzz.h"
#include "model.h"

#define FUZZ_MAX	4096

static u8 input[FUZZ_MAX];
static size_t input_size;
static unsigned long nr_inputs;

static void print_hex(FILE *f, const u8 *data, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		fprintf(f, "%02x", data[i]);
	fputc('\n', f);
}

static void on_abort(int sig)
{
	fprintf(stderr, "fuzz: after %lu inputs, this one fails:\n", nr_inputs);
	print_hex(stderr, input, input_size);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void run(void)
{
	LLVMFuzzerTestOneInput(input, input_size);
	nr_inputs++;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void read_file(const char *name)
{
	FILE *f = fopen(name, "r");

	if (!f)
		die(name);
	input_size = fread(input, 1, sizeof(input), f);
	fclose(f);
}

/* Read the next input of a corpus; return false at its end. Skip comments. */
static bool read_line(FILE *f)
{
	char line[2 * FUZZ_MAX + 2];
	unsigned int byte;

	do {
		if (!fgets(line, sizeof(line), f))
			return false;
	} while (line[0] == '#');
	for (input_size = 0; sscanf(line + 2 * input_size, "%2x", &byte) == 1; input_size++)
		input[input_size] = byte;
	return true;
}

static FILE *open_corpus(const char *name)
{
	FILE *f = fopen(name, "r");

	if (!f)
		die(name);
	return f;
}

static void run_corpus(const char *name)
{
	FILE *f = open_corpus(name);

	while (read_line(f))
		run();
	fclose(f);
}

static void unpack(const char *name, const char *dir)
{
	FILE *f = open_corpus(name), *out;
	char path[4096];
	unsigned int n = 0;

	while (read_line(f)) {
		snprintf(path, sizeof(path), "%s/%03u", dir, n++);
		out = fopen(path, "w");
		if (!out || fwrite(input, 1, input_size, out) != input_size || fclose(out))
			die(path);
	}
	fclose(f);
}

static void pack(const char *dir)
{
	struct dirent **names;
	char path[4096];
	int i, n = scandir(dir, &names, NULL, alphasort);

	if (n < 0)
		die(dir);
	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
			read_file(path);
			print_hex(stdout, input, input_size);
		}
		free(names[i]);
	}
	free(names);
}

/*
 * Sequences of uniform random bytes reach little. So arguments are repeated, and
 * every second input has only a few kinds of steps.
 */
static void run_random(unsigned int *seed)
{
	unsigned int kinds = rand_r(seed) % 2 ? 1 + rand_r(seed) % 4 : 256;
	u8 kind[4], args[8];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kind); i++)
		kind[i] = rand_r(seed) >> 8;
	for (i = 0; i < ARRAY_SIZE(args); i++)
		args[i] = rand_r(seed) >> 8;
	input_size = 2 + 4 * (1 + rand_r(seed) % 250);
	for (i = 0; i < input_size; i++) {
		u8 any = rand_r(seed) >> 8;

		if (i % 4 == 2 && kinds < 256 && any & 3)
			input[i] = kind[(any >> 2) % kinds];
		else
			input[i] = any & 1 ? args[(any >> 1) % 8] : rand_r(seed) >> 8;
	}
	run();
}

static void run_for(unsigned int seconds, unsigned int seed)
{
	time_t end = time(NULL) + seconds;

	printf("fuzz: seed %u\n", seed);
	while (time(NULL) < end)
		run_random(&seed);
}

int main(int argc, char **argv)
{
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGABRT, on_abort);
	model_trace = getenv("FUZZ_TRACE");
	if (argc > 3 && !strcmp(argv[1], "-u")) {
		unpack(argv[2], argv[3]);
		return 0;
	}
	if (argc > 2 && !strcmp(argv[1], "-p")) {
		pack(argv[2]);
		return 0;
	}
	if (argc > 2 && !strcmp(argv[1], "-c")) {
		run_corpus(argv[2]);
	} else if (argc > 2 && !strcmp(argv[1], "-r")) {
		run_for(atoi(argv[2]), argc > 3 ? atoi(argv[3]) : time(NULL));
	} else {
		for (i = 1; i < argc; i++) {
			read_file(argv[i]);
			run();
		}
	}
	printf("fuzz: %lu inputs, %lu objects, %lu refused, %lu invalid frees, %lu nested calls\n",
	       nr_inputs, model_counts.allocated, model_counts.refused, model_counts.invalid,
	       model_counts.nested);
	return 0;
}
