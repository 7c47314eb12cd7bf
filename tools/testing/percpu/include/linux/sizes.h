/* SPDX-License-Identifier: GPL-2.0-only */
#include <shim.h>

#define SZ_64K			(64 << 10)
