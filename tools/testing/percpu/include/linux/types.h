/* SPDX-License-Identifier: GPL-2.0-only */
/* What headers of the C library expect of this name, as signal.h of s390 */
#include <asm/types.h>
#include <shim.h>
