// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of percpu counters.
 *
 * Needs CONFIG_PERCPU_COUNTER_KUNIT_TEST.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>

#include <linux/cpu.h>
#include <linux/percpu_counter.h>
#include <linux/smp.h>

#include "../mm/percpu_cache_internal.h"
#include "percpu_counter_cache.h"

#define NR	5

static struct percpu_counter fbc[NR];

static void begin(struct kunit *test, s64 amount, unsigned int nr)
{
	KUNIT_ASSERT_EQ(test, percpu_counter_init_many(fbc, amount, GFP_KERNEL, nr), 0);
}

static void end(unsigned int nr)
{
	percpu_counter_destroy_many(fbc, nr);
}

/* Add on a CPU, in an interrupt. */
struct add {
	struct percpu_counter *fbc;
	s64 amount;
	s32 batch;
};

static void add_here(void *data)
{
	struct add *add = data;

	percpu_counter_add_batch(add->fbc, add->amount, add->batch);
}

static void add_on(unsigned int cpu, struct percpu_counter *counter, s64 amount)
{
	struct add add = { counter, amount, 32 };

	smp_call_function_single(cpu, add_here, &add, 1);
}

static void sums(struct kunit *test)
{
	unsigned int cpu;
	s64 sum = 1000;

	begin(test, sum, 1);
	KUNIT_EXPECT_EQ(test, percpu_counter_read(fbc), sum);
	KUNIT_EXPECT_EQ(test, percpu_counter_sum(fbc), sum);
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		add_on(cpu, fbc, 1 + cpu);
		add_on(cpu, fbc, -3);
		sum += (s64)cpu - 2;
		KUNIT_EXPECT_EQ(test, percpu_counter_sum(fbc), sum);
	}
	/* Over the batch */
	for_each_online_cpu(cpu) {
		add_on(cpu, fbc, 100);
		sum += 100;
		KUNIT_EXPECT_EQ(test, percpu_counter_sum(fbc), sum);
	}
	cpus_read_unlock();
	KUNIT_EXPECT_EQ(test, percpu_counter_read(fbc), sum);
	percpu_counter_set(fbc, 7);
	KUNIT_EXPECT_EQ(test, percpu_counter_sum(fbc), 7);
	end(1);
}

static void limits(struct kunit *test)
{
	begin(test, 0, 1);
	KUNIT_EXPECT_TRUE(test, percpu_counter_limited_add(fbc, 100, 60));
	KUNIT_EXPECT_FALSE(test, percpu_counter_limited_add(fbc, 100, 60));
	KUNIT_EXPECT_TRUE(test, percpu_counter_limited_add(fbc, 100, 1));
	KUNIT_EXPECT_TRUE(test, percpu_counter_limited_add(fbc, 1000000, 1));
	KUNIT_EXPECT_EQ(test, percpu_counter_sum(fbc), 62);
	KUNIT_EXPECT_EQ(test, percpu_counter_compare(fbc, 62), 0);
	end(1);
}

/* A new counter is zero on all CPUs, whatever the last one with its memory was. */
static void zero_again(struct kunit *test)
{
	unsigned int i, round, cpu;

	for (round = 0; round < 40; round++) {
		begin(test, 0, NR);
		for (i = 0; i < NR; i++) {
			for_each_possible_cpu(cpu) {
				s32 count = *per_cpu_ptr(fbc[i].counters, cpu);

				KUNIT_EXPECT_EQ(test, count, 0);
			}
			KUNIT_EXPECT_EQ(test, percpu_counter_sum(&fbc[i]), 0);
		}
		cpus_read_lock();
		for_each_online_cpu(cpu)
			for (i = 0; i < NR; i++)
				add_on(cpu, &fbc[i], 1 + round % 3 + i);
		cpus_read_unlock();
		percpu_counter_limited_add(&fbc[0], 1000000, 1);
		end(NR);
	}
}

#ifdef CONFIG_PERCPU_COUNTER_CACHE

/* Exactly the CPUs that changed a copy are visited. */
static void touched(struct kunit *test)
{
	unsigned int cpu, other;
	cpumask_var_t seen;

	KUNIT_ASSERT_TRUE(test, zalloc_cpumask_var(&seen, GFP_KERNEL));
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		begin(test, 0, 1);
		percpu_counter_for_each_cpu(other, fbc)
			KUNIT_FAIL(test, "CPU %u is visited", other);
		add_on(cpu, fbc, 1);
		cpumask_clear(seen);
		percpu_counter_for_each_cpu(other, fbc) {
			KUNIT_EXPECT_EQ(test, (other - cpu) % PERCPU_TOUCHED_BITS, 0);
			cpumask_set_cpu(other, seen);
		}
		KUNIT_EXPECT_TRUE(test, cpumask_test_cpu(cpu, seen));
		end(1);
	}
	cpus_read_unlock();
	free_cpumask_var(seen);
}

/* The mask is walked in order, with CPUs that share a bit. */
static void next_cpu(struct kunit *test)
{
	struct percpu_counter some = { };
	unsigned int cpu, nr = 0, last = 0;

	KUNIT_EXPECT_EQ(test, percpu_touched_next(&some.touched, 0), nr_cpu_ids);
	atomic_set(&some.touched, -1);
	percpu_counter_for_each_cpu(cpu, &some) {
		KUNIT_EXPECT_TRUE(test, cpu_possible(cpu));
		KUNIT_EXPECT_TRUE(test, !nr || cpu > last);
		last = cpu;
		nr++;
	}
	KUNIT_EXPECT_EQ(test, nr, num_possible_cpus());
	for_each_possible_cpu(last) {
		atomic_set(&some.touched, BIT(last % PERCPU_TOUCHED_BITS));
		cpu = percpu_touched_next(&some.touched, last);
		KUNIT_EXPECT_EQ(test, cpu, last);
	}
}

/* The copies of a dead CPU are folded into all counters, and no sum changes. */
static void dead_cpu(struct kunit *test)
{
	unsigned int cpu, i;

	begin(test, 10, NR);
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		for (i = 0; i < NR; i++)
			add_on(cpu, &fbc[i], i);
		/* Others change, as the CPU is online. */
		percpu_counter_cache_fold(cpu, fbc);
		for (i = 0; i < NR; i++)
			KUNIT_EXPECT_EQ(test, *per_cpu_ptr(fbc[i].counters, cpu), 0);
	}
	cpus_read_unlock();
	for (i = 0; i < NR; i++) {
		s64 due = 10 + i * num_online_cpus();

		KUNIT_EXPECT_EQ(test, percpu_counter_sum(&fbc[i]), due);
		KUNIT_EXPECT_EQ(test, percpu_counter_read(&fbc[i]), due);
	}
	end(NR);
}

static void *no_meta(size_t size, gfp_t gfp)
{
	return NULL;
}

/* Without memory for a cache or a slab counters are not created. */
static void init_fails(struct kunit *test)
{
	struct percpu_counter *many = kunit_kcalloc(test, 3000, sizeof(*many), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, many);
	many[0].counters = (s32 __percpu *)fbc;
	kunit_activate_static_stub(test, percpu_cache_alloc_meta, no_meta);
	KUNIT_EXPECT_EQ(test, percpu_counter_init_many(many, 0, GFP_KERNEL, 3000), -ENOMEM);
	kunit_deactivate_static_stub(test, percpu_cache_alloc_meta);
	KUNIT_EXPECT_FALSE(test, percpu_counter_initialized(&many[0]));
	KUNIT_EXPECT_EQ(test, percpu_counter_init_many(many, 0, GFP_NOWAIT, 3000), -ENOMEM);
	KUNIT_EXPECT_EQ(test, percpu_counter_init_many(many, 0, GFP_KERNEL, 3000), 0);
	percpu_counter_add(&many[2999], 5);
	KUNIT_EXPECT_EQ(test, percpu_counter_sum(&many[2999]), 5);
	percpu_counter_destroy_many(many, 3000);
	KUNIT_EXPECT_FALSE(test, percpu_counter_initialized(&many[0]));
}

#endif

static struct kunit_case percpu_counter_cases[] = {
	KUNIT_CASE(sums),
	KUNIT_CASE(limits),
	KUNIT_CASE(zero_again),
#ifdef CONFIG_PERCPU_COUNTER_CACHE
	KUNIT_CASE(touched),
	KUNIT_CASE(next_cpu),
	KUNIT_CASE(dead_cpu),
	KUNIT_CASE(init_fails),
#endif
	{ }
};

static struct kunit_suite percpu_counter_suite = {
	.name = "percpu_counter",
	.test_cases = percpu_counter_cases,
};

kunit_test_suite(percpu_counter_suite);

MODULE_DESCRIPTION("KUnit tests of percpu counters");
MODULE_LICENSE("GPL");
