// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the budget of SCSI devices as percpu tags.
 *
 * Needs CONFIG_SCSI_PERCPU_TAG_KUNIT_TEST.
 */
#include <kunit/test.h>
#include <linux/mutex.h>
#include <scsi/scsi_budget.h>

#define DEEP	64
#define FLAT	8

static struct scsi_budget budget;
static int tokens[DEEP];

static void budget_begin(struct kunit *test)
{
	memset(&budget, 0, sizeof(budget));
	KUNIT_ASSERT_EQ(test, scsi_budget_init(&budget, DEEP, DEEP, GFP_KERNEL,
					       NUMA_NO_NODE), 0);
}

/* Take tokens until there is none. Return their number. */
static unsigned int take_all(struct kunit *test, unsigned int depth)
{
	unsigned int nr = 0;

	for (;;) {
		int token = scsi_budget_get(&budget);

		if (token < 0)
			return nr;
		KUNIT_EXPECT_LT(test, token, depth);
		KUNIT_ASSERT_LT(test, nr, DEEP);
		tokens[nr++] = token;
	}
}

static void put_all(unsigned int nr)
{
	while (nr--)
		scsi_budget_put(&budget, tokens[nr]);
}

static void budget_end(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, scsi_budget_is_busy(&budget));
	KUNIT_EXPECT_EQ(test, scsi_budget_busy(&budget), 0);
	scsi_budget_free(&budget);
	KUNIT_EXPECT_EQ(test, budget.pool.reported, 0);
	/* As for a device that was never set up */
	scsi_budget_free(&budget);
}

/* The worker cannot run: a smaller depth counts at once, a larger one does not. */
static void depth_without_worker(struct kunit *test)
{
	unsigned int nr;

	budget_begin(test);
	mutex_lock(&budget.pool.resize);
	scsi_budget_resize(&budget, FLAT);
	nr = take_all(test, FLAT);
	KUNIT_EXPECT_LE(test, nr, FLAT);
	/* The last token was refused: for once a retry does not wait for a command. */
	KUNIT_EXPECT_FALSE(test, scsi_budget_is_busy(&budget));
	KUNIT_EXPECT_EQ(test, scsi_budget_is_busy(&budget), nr > 0);
	put_all(nr);
	mutex_unlock(&budget.pool.resize);
	flush_work(&budget.resize);
	KUNIT_EXPECT_EQ(test, take_all(test, FLAT), FLAT);
	mutex_lock(&budget.pool.resize);
	scsi_budget_resize(&budget, DEEP);
	KUNIT_EXPECT_LT(test, scsi_budget_get(&budget), 0);
	mutex_unlock(&budget.pool.resize);
	flush_work(&budget.resize);
	put_all(FLAT);
	nr = take_all(test, DEEP);
	KUNIT_EXPECT_EQ(test, nr, DEEP);
	put_all(nr);
	budget_end(test);
}

/* Tokens of a larger depth stay valid, and do not count. */
static void depth_while_busy(struct kunit *test)
{
	unsigned int nr, i;

	budget_begin(test);
	nr = take_all(test, DEEP);
	KUNIT_ASSERT_EQ(test, nr, DEEP);
	KUNIT_EXPECT_EQ(test, scsi_budget_busy(&budget), DEEP);
	scsi_budget_resize(&budget, FLAT);
	KUNIT_EXPECT_EQ(test, scsi_budget_busy(&budget), FLAT);
	flush_work(&budget.resize);
	for (i = 0; i < nr; i++) {
		if (tokens[i] < FLAT)
			scsi_budget_put(&budget, tokens[i]);
	}
	KUNIT_EXPECT_FALSE(test, scsi_budget_is_busy(&budget));
	for (i = 0; i < nr; i++) {
		if (tokens[i] >= FLAT)
			scsi_budget_put(&budget, tokens[i]);
	}
	nr = take_all(test, FLAT);
	KUNIT_EXPECT_EQ(test, nr, FLAT);
	KUNIT_EXPECT_TRUE(test, scsi_budget_is_busy(&budget));
	put_all(nr);
	/* The depth is limited by the size of the pool. */
	scsi_budget_resize(&budget, 2 * DEEP);
	flush_work(&budget.resize);
	nr = take_all(test, DEEP);
	KUNIT_EXPECT_EQ(test, nr, DEEP);
	put_all(nr);
	budget_end(test);
}

static struct kunit_case scsi_budget_cases[] = {
	KUNIT_CASE(depth_without_worker),
	KUNIT_CASE(depth_while_busy),
	{ }
};

static struct kunit_suite scsi_budget_suite = {
	.name = "scsi_budget",
	.test_cases = scsi_budget_cases,
};

kunit_test_suite(scsi_budget_suite);
