// SPDX-License-Identifier: GPL-2.0-only
/*
 * Strides that lead from node to node.
 *
 * Needs CONFIG_NUMA.
 */
#include <kunit/test.h>

#include "../first_window.h"

/* Units 0 to 5, two on each of three nodes of 100 bytes, and so on. */
static const struct pcpu_node_run three_nodes[] = {
	{ .first = 0, .last = 1, .node = 0, .start = 0, .end = 100 },
	{ .first = 2, .last = 3, .node = 1, .start = 100, .end = 200 },
	{ .first = 4, .last = 5, .node = 2, .start = 200, .end = 300 },
};

/* One unit on the second node. */
static const struct pcpu_node_run uneven[] = {
	{ .first = 0, .last = 3, .node = 0, .start = 0, .end = 1000 },
	{ .first = 4, .last = 4, .node = 1, .start = 1000, .end = 1100 },
};

/* The second node is further away than the first one is long. */
static const struct pcpu_node_run far_away[] = {
	{ .first = 0, .last = 1, .node = 0, .start = 0, .end = 100 },
	{ .first = 2, .last = 2, .node = 1, .start = 1000, .end = 1100 },
};

/* CPUs that take turns. */
static const struct pcpu_node_run in_turns[] = {
	{ .first = 0, .last = 0, .node = 0, .start = 0, .end = 100 },
	{ .first = 1, .last = 1, .node = 1, .start = 100, .end = 200 },
	{ .first = 2, .last = 2, .node = 0, .start = 0, .end = 100 },
};

/* Nodes in descending order of addresses. */
static const struct pcpu_node_run descending[] = {
	{ .first = 0, .last = 0, .node = 1, .start = 100, .end = 200 },
	{ .first = 1, .last = 1, .node = 0, .start = 0, .end = 100 },
};

struct stride_case {
	const struct pcpu_node_run *runs;
	unsigned int nr;
	unsigned long size;
	bool possible;
	unsigned long min;
	unsigned long max;
};

static const struct stride_case stride_cases[] = {
	/* From unit 1 to unit 4, and from unit 2 to unit 3. */
	{ three_nodes, 3, 10, true, 37, 58 },
	/* Both units of a node fill it. */
	{ three_nodes, 3, 50, true, 50, 50 },
	{ three_nodes, 3, 51, false },
	{ three_nodes, 2, 10, true, 10, 63 },
	{ uneven, 2, 100, true, 100, 250 },
	{ uneven, 2, 101, false },
	{ far_away, 2, 10, false },
	{ in_turns, 3, 10, false },
	{ descending, 2, 10, false },
};

/* Return true if @base and @stride put all units on their nodes. */
static bool on_nodes(const struct stride_case *c, unsigned long base,
		     unsigned long stride)
{
	const struct pcpu_node_run *run;
	unsigned int unit;

	for (run = c->runs; run < c->runs + c->nr; run++) {
		for (unit = run->first; unit <= run->last; unit++) {
			unsigned long at = base + unit * stride;

			if (at < run->start || at + c->size > run->end)
				return false;
		}
	}
	return true;
}

static void strides(struct kunit *test)
{
	unsigned long min, max;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stride_cases); i++) {
		const struct stride_case *c = &stride_cases[i];

		KUNIT_ASSERT_EQ_MSG(test, c->possible,
				    pcpu_node_stride(c->runs, c->nr, c->size,
						     &min, &max), "case %u", i);
		if (!c->possible)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, c->min, min, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, c->max, max, "case %u", i);
	}
}

/* With each stride, those bases are found that put all units on their nodes. */
static void bases(struct kunit *test)
{
	unsigned long stride, base, low, high;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stride_cases); i++) {
		const struct stride_case *c = &stride_cases[i];

		if (!c->possible)
			continue;
		for (stride = c->size; stride <= c->max + 1; stride++) {
			bool found = pcpu_node_base(c->runs, c->nr, c->size,
						    stride, &low, &high);

			for (base = 0; base < 1100; base++)
				KUNIT_ASSERT_EQ_MSG(test,
						    on_nodes(c, base, stride),
						    found && base >= low &&
						    base <= high,
						    "case %u, stride %lu, base %lu",
						    i, stride, base);
		}
	}
}

static struct kunit_case pcpu_first_nodes_cases[] = {
	KUNIT_CASE(strides),
	KUNIT_CASE(bases),
	{ }
};

static struct kunit_suite pcpu_first_nodes_suite = {
	.name = "percpu_first_nodes",
	.test_cases = pcpu_first_nodes_cases,
};

kunit_test_suite(pcpu_first_nodes_suite);

MODULE_DESCRIPTION("KUnit tests of percpu units on the nodes of their CPUs");
MODULE_LICENSE("GPL");
