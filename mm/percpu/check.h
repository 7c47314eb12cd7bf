/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check: one validator per level, for tests and fuzzers.
 */
#ifndef _MM_PERCPU_CHECK_H
#define _MM_PERCPU_CHECK_H

#include "chunk.h"

const char *pcpu_check_chunk(struct pcpu_chunk *chunk);
const char *pcpu_check_area(void);
const char *pcpu_check_conservation(void);

#endif /* _MM_PERCPU_CHECK_H */
