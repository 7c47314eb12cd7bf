// SPDX-License-Identifier: GPL-2.0-only
/*
 * fail: fault injection, by the kernel's own framework.
 *
 * See Documentation/fault-injection/fault-injection.rst. What is below, slab
 * and the page allocator, has hooks of its own.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/init.h>

#include "fail.h"

DECLARE_FAULT_ATTR(pcpu_fail_attr);

/**
 * pcpu_should_fail - whether an allocation has to fail
 * @size: its bytes on one CPU
 * @gfp: its flags; who asks with %__GFP_NOFAIL is spared
 *
 * Context: any.
 * Return: whether it has to.
 */
bool pcpu_should_fail(size_t size, gfp_t gfp)
{
	if (gfp & __GFP_NOFAIL)
		return false;
	return should_fail_ex(&pcpu_fail_attr, size,
			      gfp & __GFP_NOWARN ? FAULT_NOWARN : 0);
}

static int __init pcpu_fail_setup(char *str)
{
	return setup_fault_attr(&pcpu_fail_attr, str);
}
__setup("fail_percpu=", pcpu_fail_setup);

/* Without debugfs there are still the boot option and fail-nth. */
static int __init pcpu_fail_debugfs(void)
{
	fault_create_debugfs_attr("fail_percpu", NULL, &pcpu_fail_attr);
	return 0;
}
late_initcall(pcpu_fail_debugfs);
