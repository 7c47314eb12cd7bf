#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Make what a measuring guest boots from.
# usage: bench-guest.sh DIR
. "$(dirname "$0")/lib.sh"

tests=$TOP/tools/testing/selftests/percpu
mkdir -p "$1"
"$OVERLAY/module-guest.sh" "$1" bench "$tests"/bench_{percpu,refs}.c -- \
	"$tests/bench_syscalls.c"
