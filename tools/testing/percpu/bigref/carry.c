// SPDX-License-Identifier: GPL-2.0-only
/*
 * carry [ROUNDS]: the sum of a bigref and its percpu counters, with words of 32 bits or
 * of 64.
 *
 * On 32-bit a counter that is 2^20 from zero moves to the count.  The counters together
 * cannot wrap then, and more gets than a word can count are reported, although no get
 * sees the sum.
 */
#include "bigref_internal.h"

#define FAR		(1u << 19)	/* half of what a counter may be */

static int failed;

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "carry: %s\n", what);
	failed = 1;
}

/* kernel/bigref_mode.c and kernel/bigref_counters.c for this count */
void bigref_mode_set_misused(struct bigref *ref)
{
	ref->mode = BIGREF_ENDED;
}

void bigref_mode_set_dead(struct bigref *ref)
{
	ref->mode = BIGREF_ENDED;
}

void bigref_hint_update(struct bigref *ref)
{
}

void shim_step(void)
{
}

static void begin(struct bigref *ref)
{
	int cpu;

	for (cpu = 0; cpu < CPUS; cpu++)
		counters[cpu] = 0;
	*ref = (struct bigref) {
		.mode = (unsigned long)(uintptr_t)counters | BIGREF_PERCPU,
		.count.counter = __BIGREF_BIAS,
	};
	bigref_nr_reports.counter = 0;
}

/* How far a counter may be from zero after a get or put */
static bool counters_bounded(void)
{
	int cpu;

	for (cpu = 0; cpu < CPUS; cpu++)
		if (BITS_PER_LONG == 32 &&
		    counters[cpu] + __BIGREF_CARRY > 2 * __BIGREF_CARRY)
			return false;
	return true;
}

/* 2^32 gets: all values that a 32-bit word has */
static void test_wrap(void)
{
	struct bigref ref;
	unsigned int i;

	begin(&ref);
	for (i = 0; i < 8192; i++) {
		shim_cpu = i % CPUS;
		bigref_get_many(&ref, FAR);
	}
#if BITS_PER_LONG == 32
	check(bigref_val(&ref) == BIGREF_VAL_SATURATED, "2^32 gets are not seen");
	check(atomic_read(&bigref_nr_reports) == 1, "2^32 gets are not reported");
#else
	check(bigref_val(&ref) == 8192UL * FAR + 1, "2^32 gets are not counted");
#endif
}

/* Gets on one CPU, puts on another: one counter climbs and one falls. */
static void test_balance(void)
{
	struct bigref ref;
	unsigned int i;

	begin(&ref);
	for (i = 0; i < 100000; i++) {
		shim_cpu = 0;
		bigref_get_many(&ref, FAR);
		check(counters_bounded(), "a counter is too far from zero");
		shim_cpu = CPUS - 1;
		bigref_put_many(&ref, FAR);
		check(counters_bounded(), "a counter is too far from zero");
		check(bigref_val(&ref) == 1, "the balance is not 1");
		if (failed)
			return;
	}
	check(!atomic_read(&bigref_nr_reports), "balanced gets and puts are reported");
}

/* The last single gets and puts before a counter moves, and the one that moves it */
static void test_edge(void)
{
	struct bigref ref;
	unsigned int i;

	shim_cpu = 1;
	begin(&ref);
	counters[1] = __BIGREF_CARRY - 2;
	for (i = 0; i < 5; i++) {
		bigref_get(&ref);
		check(bigref_val(&ref) == __BIGREF_CARRY + i, "a get is lost");
	}
	begin(&ref);
	counters[0] = 2 * __BIGREF_CARRY;
	counters[1] = 2 - __BIGREF_CARRY;
	for (i = 0; i < 5; i++) {
		bigref_put(&ref);
		check(bigref_val(&ref) == __BIGREF_CARRY + 2 - i, "a put is lost");
	}
}

static void test_random(unsigned int rounds)
{
	unsigned int held = 0, nr, i;
	struct bigref ref;

	begin(&ref);
	for (i = 0; i < rounds; i++) {
		shim_cpu = rand() % CPUS;
		nr = rand() % (i & 1 ? 8 : 2 * FAR);
		if (held >= nr && (rand() & 1 || held > 100 * FAR)) {
			bigref_put_many(&ref, nr);
			held -= nr;
		} else {
			bigref_get_many(&ref, nr);
			held += nr;
		}
		check(counters_bounded(), "a counter is too far from zero");
		check(bigref_val(&ref) == held + 1, "the value is wrong");
		if (failed)
			return;
	}
	check(!atomic_read(&bigref_nr_reports), "a count is reported");
}

int main(int argc, char **argv)
{
	srand(1);
	test_wrap();
	test_balance();
	test_edge();
	test_random(argc > 1 ? strtoul(argv[1], NULL, 0) : 1000000);
	printf("carry, %d bits: %s\n", BITS_PER_LONG, failed ? "FAILED" : "ok");
	return failed;
}
