/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * age: what nobody needs goes back from arenas and the depot to the chunks.
 */
#ifndef _MM_PERCPU_AGE_H
#define _MM_PERCPU_AGE_H

#include <linux/types.h>

bool pcpu_age(bool all, bool may_wait);

#endif /* _MM_PERCPU_AGE_H */
