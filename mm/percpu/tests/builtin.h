/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * builtin: the part of the tests that is always built-in.
 */
#ifndef _MM_PERCPU_TESTS_BUILTIN_H
#define _MM_PERCPU_TESTS_BUILTIN_H

#include <linux/percpu-defs.h>

/* Static percpu data of the kernel, that one test at a time writes */
DECLARE_PER_CPU(long, pcpu_test_static);

#endif /* _MM_PERCPU_TESTS_BUILTIN_H */
