/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _PERCPU_FUZZ_H
#define _PERCPU_FUZZ_H

#include <shim.h>

/* Maximum depth of steps within steps */
#define FUZZ_DEPTH	3

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#endif /* _PERCPU_FUZZ_H */
