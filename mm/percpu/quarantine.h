/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * quarantine: freed objects that nobody is given for a while.
 */
#ifndef _MM_PERCPU_QUARANTINE_H
#define _MM_PERCPU_QUARANTINE_H

#include <linux/types.h>

bool pcpu_quarantine_init(unsigned long bytes);
bool pcpu_quarantine_push(unsigned long off, size_t room);
unsigned long pcpu_quarantine_pop(bool all);
unsigned long pcpu_quarantine_held(unsigned long *bytes);

#endif /* _MM_PERCPU_QUARANTINE_H */
