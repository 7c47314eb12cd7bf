/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fail: fault injection, by the kernel's own framework.
 */
#ifndef _MM_PERCPU_FAIL_H
#define _MM_PERCPU_FAIL_H

#include <linux/types.h>

#ifdef CONFIG_FAIL_PERCPU

#include <linux/fault-inject.h>
#include <linux/sched.h>

extern struct fault_attr pcpu_fail_attr;

bool pcpu_should_fail(size_t size, gfp_t gfp);

/* Whether an allocation of this task might have to fail. */
static inline bool pcpu_may_have_to_fail(void)
{
	return READ_ONCE(pcpu_fail_attr.probability) ||
	       READ_ONCE(current->fail_nth);
}

#else

static inline bool pcpu_should_fail(size_t size, gfp_t gfp)
{
	return false;
}

static inline bool pcpu_may_have_to_fail(void)
{
	return false;
}

#endif

#endif /* _MM_PERCPU_FAIL_H */
