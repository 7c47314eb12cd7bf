// SPDX-License-Identifier: GPL-2.0-only
/*
 * shim: functions of the kernel that are longer than a line.
 */
#include <shim.h>

unsigned int shim_nr_cpus, shim_cpu_step = 1;
unsigned int shim_isolated = ~0U;
unsigned long shim_ram, shim_hurried;
__thread unsigned int shim_cpu;
__thread struct shim_locks shim_locks;
int shim_verbose;
unsigned int shim_refused;
unsigned long shim_jiffies;
int (*shim_sleep)(useconds_t us) = usleep;

static void yield(void)
{
	sched_yield();
}

void (*shim_relax)(void) = yield;
bool shim_work_due;
void (*shim_work)(struct work_struct *work);
unsigned long *pcpu_present_units;
unsigned int pcpu_nr_present_units;
char __per_cpu_start[1] __attribute__((aligned(4096))), __per_cpu_end[1];

unsigned long find_next_bit(const unsigned long *p, unsigned long size, unsigned long from)
{
	unsigned long word;

	for (; from < size; from = (from | (BITS_PER_LONG - 1)) + 1) {
		word = p[from / BITS_PER_LONG] >> (from % BITS_PER_LONG);
		if (word)
			return min(size, from + __builtin_ctzl(word));
	}
	return size;
}

unsigned long find_next_zero_bit(const unsigned long *p, unsigned long size, unsigned long from)
{
	unsigned long word;

	for (; from < size; from = (from | (BITS_PER_LONG - 1)) + 1) {
		word = ~p[from / BITS_PER_LONG] >> (from % BITS_PER_LONG);
		if (word)
			return min(size, from + __builtin_ctzl(word));
	}
	return size;
}

unsigned long find_last_bit(const unsigned long *p, unsigned long size)
{
	unsigned long i, word;

	for (i = BITS_TO_LONGS(size); i-- > 0;) {
		word = p[i];
		if (i == size / BITS_PER_LONG)
			word &= ~(~0UL << (size % BITS_PER_LONG));
		if (word)
			return i * BITS_PER_LONG + BITS_PER_LONG - 1 - __builtin_clzl(word);
	}
	return size;
}

static void bitmap_fill_range(unsigned long *p, unsigned int start, unsigned int nr, bool on)
{
	while (nr) {
		unsigned int part = min(nr, BITS_PER_LONG - start % BITS_PER_LONG);
		unsigned long mask = (~0UL >> (BITS_PER_LONG - part)) << (start % BITS_PER_LONG);

		if (on)
			p[start / BITS_PER_LONG] |= mask;
		else
			p[start / BITS_PER_LONG] &= ~mask;
		start += part;
		nr -= part;
	}
}

void bitmap_set(unsigned long *p, unsigned int start, unsigned int nr)
{
	bitmap_fill_range(p, start, nr, true);
}

void bitmap_clear(unsigned long *p, unsigned int start, unsigned int nr)
{
	bitmap_fill_range(p, start, nr, false);
}

unsigned int bitmap_weight(const unsigned long *p, unsigned int nr)
{
	unsigned int i, sum = 0;

	for (i = 0; i < nr / BITS_PER_LONG; i++)
		sum += hweight64(p[i]);
	nr %= BITS_PER_LONG;
	return nr ? sum + hweight64(p[i] << (BITS_PER_LONG - nr)) : sum;
}

void *memchr_inv(const void *start, int c, size_t bytes)
{
	const unsigned char *p = start, *end = p + bytes;

	for (; p < end; p++) {
		/* As in the kernel, a word is a step. */
		while (!c && end - p >= (long)sizeof(long) &&
		       !((unsigned long)p & (sizeof(long) - 1)) && !*(unsigned long *)p)
			p += sizeof(long);
		if (p < end && *p != (unsigned char)c)
			return (void *)p;
	}
	return NULL;
}

static struct rcu_head *shim_rcu;

void call_rcu(struct rcu_head *rcu, void (*func)(struct rcu_head *))
{
	rcu->func = func;
	rcu->next = shim_rcu;
	shim_rcu = rcu;
}

/* Run RCU callbacks. The caller makes sure that no thread is in the allocator. */
void shim_quiesce(void)
{
	while (shim_rcu) {
		struct rcu_head *rcu = shim_rcu;

		shim_rcu = rcu->next;
		rcu->func(rcu);
	}
}
