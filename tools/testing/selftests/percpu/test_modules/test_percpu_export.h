/* SPDX-License-Identifier: GPL-2.0 */
/* Declarations of test_percpu_export.c for test_percpu_import.c */
#ifndef TEST_PERCPU_EXPORT_H
#define TEST_PERCPU_EXPORT_H

#include <linux/percpu.h>
#include <linux/types.h>

#define TEST_PERCPU_SHARED	20060404ULL

DECLARE_PER_CPU(u64, test_percpu_shared);

u64 __percpu *test_percpu_shared_ptr(void);

#endif /* TEST_PERCPU_EXPORT_H */
