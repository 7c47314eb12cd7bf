// SPDX-License-Identifier: GPL-2.0-only
/*
 * fault: fault injection, see Documentation/fault-injection/fault-injection.rst.
 *
 * Slab and the page allocator, which populate pages and charges need, have
 * fault injection of their own.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/init.h>

#include "hooks.h"

DECLARE_FAULT_ATTR(pcpu_fail_attr);

/**
 * pcpu_should_fail - decide whether an allocation must fail
 * @size: bytes on each CPU
 * @gfp: allocation flags; an allocation with %__GFP_NOFAIL does not fail
 *
 * Context: any.
 * Return: true if the allocation must fail.
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

/* Without debugfs the boot option and fail-nth remain. */
static int __init pcpu_fail_debugfs(void)
{
	fault_create_debugfs_attr("fail_percpu", NULL, &pcpu_fail_attr);
	return 0;
}
late_initcall(pcpu_fail_debugfs);
