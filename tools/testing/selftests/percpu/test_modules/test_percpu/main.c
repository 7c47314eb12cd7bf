// SPDX-License-Identifier: GPL-2.0
/*
 * Percpu selftest: what a module can see of the percpu allocator.
 *
 *	insmod test_percpu.ko run=<name> [parameter=value ...]
 *
 * The test runs while the module is loaded.  It passes if insmod succeeds, and
 * logs lines "test_percpu: <name>: ...".  A line with "FAIL:" names an error, one
 * with "SKIP" the reason why the test cannot run.  The objects of the tests hold
 * and accounting live until rmmod.
 *
 * The tests use exported interfaces only, but for per_cpu_ptr_to_phys(): the
 * script passes its address.
 */
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/string.h>

#include "test.h"

char *test_run = "tour";
module_param_named(run, test_run, charp, 0444);
MODULE_PARM_DESC(run, "name of the test");

unsigned int test_seed;
module_param_named(seed, test_seed, uint, 0444);
MODULE_PARM_DESC(seed, "seed of the random sequences; 0 chooses one and prints it");

unsigned int test_seconds = 5;
module_param_named(seconds, test_seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "time that the tests with threads run");

bool test_stop;
module_param_named(stop, test_stop, bool, 0644);
MODULE_PARM_DESC(stop, "stop the tests with threads");

static const struct {
	const char *name;
	int (*fn)(void);
} tests[] = {
	{ "tour", test_tour },
	{ "basic", test_basic },
	{ "sizes_large", test_sizes_large },
	{ "churn", test_churn },
	{ "atomic_burst", test_atomic_burst },
	{ "irq", test_irq },
	{ "nofs_reclaim", test_nofs_reclaim },
	{ "bad_requests", test_bad_requests },
	{ "bad_frees", test_bad_frees },
	{ "module_static", test_module_static },
	{ "cpu_hotplug", test_cpu_hotplug },
	{ "phys", test_phys },
	{ "watch", test_watch },
	{ "accounting", test_accounting },
	{ "hold", test_hold },
	{ "pulse", test_pulse },
};

static int __init test_percpu_init(void)
{
	unsigned int i;
	int err;

	if (!test_seed)
		test_seed = get_random_u32() | 1;
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		if (strcmp(tests[i].name, test_run))
			continue;
		err = tests[i].fn();
		if (!err)
			say("ok");
		else if (err != -EOPNOTSUPP)
			complain("error %d", err);
		return err;
	}
	complain("no such test");
	return -EINVAL;
}

static void __exit test_percpu_exit(void)
{
	free_held();
}

module_init(test_percpu_init);
module_exit(test_percpu_exit);
MODULE_DESCRIPTION("Percpu selftest");
MODULE_LICENSE("GPL");
