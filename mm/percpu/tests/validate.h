/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * validate: check the invariants of each level, for tests and the fuzzer.
 */
#ifndef _MM_PERCPU_TESTS_VALIDATE_H
#define _MM_PERCPU_TESTS_VALIDATE_H

#include "../chunk.h"

const char *pcpu_validate_chunk(struct pcpu_chunk *chunk);
const char *pcpu_validate_area(void);
const char *pcpu_validate_conservation(void);

#endif /* _MM_PERCPU_TESTS_VALIDATE_H */
