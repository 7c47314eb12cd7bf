/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * percpu_tag: what the files of the KUnit tests have in common. Each has a pool of its own.
 */
#ifndef _LIB_PERCPU_TAG_KUNIT_H
#define _LIB_PERCPU_TAG_KUNIT_H

#include <kunit/test.h>

#include <linux/percpu_tag.h>
#include <linux/smp.h>

#include "percpu_tag_internal.h"

#define NR	100

static struct percpu_tag_pool pool;

static inline void pool_begin(struct kunit *test, unsigned int nr)
{
	KUNIT_ASSERT_EQ(test, percpu_tag_pool_init(&pool, nr, 0), 0);
}

static inline void pool_check(struct kunit *test)
{
	const char *wrong = percpu_tag_pool_check(&pool, true);

	KUNIT_EXPECT_TRUE_MSG(test, !wrong, "%s", wrong ?: "");
}

static inline void pool_end(struct kunit *test)
{
	pool_check(test);
	KUNIT_EXPECT_EQ(test, percpu_tag_pool_destroy(&pool), 0);
}

static inline void free_all(void)
{
	int tag;

	percpu_tag_for_each_in_use(&pool, tag)
		percpu_tag_free(&pool, tag);
}

/* Run @fn on a CPU, in an interrupt. */
static inline void on_cpu(unsigned int cpu, void (*fn)(void *), void *arg)
{
	smp_call_function_single(cpu, fn, arg, 1);
}

static inline void alloc_here(void *tag)
{
	*(int *)tag = percpu_tag_alloc(&pool, GFP_ATOMIC);
}

static inline void free_here(void *tag)
{
	percpu_tag_free(&pool, *(int *)tag);
}

#endif /* _LIB_PERCPU_TAG_KUNIT_H */
