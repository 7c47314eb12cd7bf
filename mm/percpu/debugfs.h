/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debugfs: files that other rooms have the contents of.
 */
#ifndef _MM_PERCPU_DEBUGFS_H
#define _MM_PERCPU_DEBUGFS_H

struct seq_file;

int pcpu_report_show(struct seq_file *m, void *v);
int pcpu_owners_show(struct seq_file *m, void *v);

#endif /* _MM_PERCPU_DEBUGFS_H */
