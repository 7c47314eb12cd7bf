/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bench_percpu.c measures by: sizes, samples of get_cycles(), and rows of the result.
 */
#ifndef _SELFTESTS_PERCPU_BENCH_MEASURE_H
#define _SELFTESTS_PERCPU_BENCH_MEASURE_H

#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/kernel_stat.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/timex.h>
#include <linux/types.h>

#define MAX_SAMPLES	20000
#define SAMPLES		101
#define CALIBRATION	100000

static u64 samples[MAX_SAMPLES];
static unsigned long nr_samples;
static unsigned long nr_disturbed;

/* Ticks of CALIBRATION rounds of two instructions, and of one get_cycles() */
static u64 calibrated;
static u64 overhead;

/* The sequence is the same for all kernels. */
static u32 seed;

static u32 next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

/* Sizes as in real kernels: many counters, few structures. */
static size_t mixed_size(void)
{
	u32 r = next_random();

	switch (r % 10) {
	case 0 ... 1:
		return 4;
	case 2 ... 4:
		return 8;
	case 5 ... 6:
		return 16 + (r >> 8) % 7 * 8;
	case 7 ... 8:
		return 72 + (r >> 8) % 24 * 8;
	default:
		return 264 + (r >> 8) % 96 * 8;
	}
}

static u64 to_instructions(u64 ticks)
{
	return div64_u64(ticks * CALIBRATION * 2 + calibrated / 2, calibrated);
}

static void report_value(const char *row, const char *unit, u64 value)
{
	pr_info("row=%s unit=%s value=%llu\n", row, unit, value);
}

static void report(const char *row, u64 ticks, unsigned int per)
{
	u64 cost = to_instructions(ticks);

	report_value(row, "cycles", div_u64(cost + per / 2, per));
}

static u64 since(u64 start)
{
	u64 ticks = get_cycles() - start;

	return ticks > overhead ? ticks - overhead : 0;
}

/*
 * Return a number that changes on each interrupt or switch to another task. Names
 * of counters of an architecture differ between versions, so add all of them.
 */
static unsigned long interruptions(void)
{
	unsigned long n = raw_cpu_read(kstat.irqs_sum) + current->nivcsw;
#ifdef __ARCH_IRQ_STAT
	unsigned int *count = (unsigned int *)raw_cpu_ptr(&irq_stat);
	unsigned int i;

	for (i = 0; i < sizeof(irq_stat) / sizeof(*count); i++)
		n += count[i];
#endif
	return n;
}

static int cmp_samples(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void samples_begin(void)
{
	nr_samples = 0;
	nr_disturbed = 0;
}

static void sample(u64 ticks, bool disturbed)
{
	if (disturbed)
		nr_disturbed++;
	else if (nr_samples < MAX_SAMPLES)
		samples[nr_samples++] = ticks;
}

static void samples_sort(void)
{
	sort(samples, nr_samples, sizeof(samples[0]), cmp_samples, NULL);
}

/* Return the value that @permille of the sorted samples do not exceed. */
static u64 percentile(unsigned int permille)
{
	unsigned long i = nr_samples * permille / 1000;

	if (!nr_samples)
		return 0;
	return samples[min(i, nr_samples - 1)];
}

static u64 median(void)
{
	samples_sort();
	return percentile(500);
}

static u64 samples_sum(void)
{
	unsigned long i;
	u64 sum = 0;

	for (i = 0; i < nr_samples; i++)
		sum += samples[i];
	return sum;
}

static void calibrate(void)
{
	unsigned int i;

	samples_begin();
	for (i = 0; i < SAMPLES; i++) {
		u64 start = get_cycles();

		sample(since(start), false);
	}
	overhead = median();

	samples_begin();
	for (i = 0; i < SAMPLES; i++) {
		unsigned long n = CALIBRATION;
		unsigned long flags;
		u64 start;

		local_irq_save(flags);
		start = get_cycles();
#ifdef CONFIG_X86
		asm volatile("1: dec %0; jnz 1b" : "+r" (n) : : "cc");
#else
		while (n--)
			barrier();
#endif
		sample(since(start), false);
		local_irq_restore(flags);
	}
	calibrated = median() ?: 1;
	report_value("ticks_per_1000_instructions", "ticks",
		     div_u64(calibrated * 1000, CALIBRATION * 2));
	report_value("ticks_of_a_reading", "ticks", overhead);
}

#endif /* _SELFTESTS_PERCPU_BENCH_MEASURE_H */
