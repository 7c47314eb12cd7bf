/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * quarantine: freed objects that nobody is given for a while.
 */
#ifndef _MM_PERCPU_QUARANTINE_H
#define _MM_PERCPU_QUARANTINE_H

#include <linux/types.h>

#ifdef CONFIG_PERCPU_DEBUG

bool pcpu_quarantine_init(unsigned long bytes);
void pcpu_quarantine_add(unsigned long off, size_t room);
void pcpu_quarantine_drain(void);
unsigned long pcpu_quarantine_held(unsigned long *bytes);

#else

static inline void pcpu_quarantine_drain(void)
{
}

#endif

#endif /* _MM_PERCPU_QUARANTINE_H */
