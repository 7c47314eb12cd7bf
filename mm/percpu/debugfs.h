/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debugfs: files that other rooms have the contents of.
 */
#ifndef _MM_PERCPU_DEBUGFS_H
#define _MM_PERCPU_DEBUGFS_H

#include <linux/fs.h>

extern const struct file_operations pcpu_report_fops;
extern const struct file_operations pcpu_owners_fops;

#endif /* _MM_PERCPU_DEBUGFS_H */
