#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Make image and initramfs of a guest that measures.
# usage: guest.sh DIR [CONFIG]
. "$(dirname "$0")/../lib.sh"

tests=$TOP/tools/testing/selftests/percpu
mkdir -p "$1"
"$OVERLAY/guest/module-guest.sh" "$1" "${2:-bench}" "$tests"/test_modules/bench_{percpu,refs}.c \
	"$tests/test_modules/bench_measure.h" -- "$tests/bench_syscalls.c" "$OVERLAY/bench/profile/move_lines.c"
