#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Print the source of a module with BYTES of percpu data, a multiple of four.  Its
# body is test_percpu_gen.h.
# usage: generate.sh BYTES [ALIGNMENT]

cat << END
// SPDX-License-Identifier: GPL-2.0
#define PERCPU_BYTES	$1
#define PERCPU_ALIGN	${2:-4}
#include "test_percpu_gen.h"
END
