#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Boot a guest made by guest.sh in CACHE/bench/NAME. One thread runs all CPUs, and the TSC counts
# instructions.
# usage: boot.sh NAME DIR SMP MEM WORDS [QEMU OPTION...]
. "$(dirname "$0")/../lib.sh"

which=$1 dir=$2 smp=$3 mem=$4 words=$5 status=0
shift 5
mkdir -p "$dir"
"$OVERLAY/guest/boot.sh" "$CACHE/bench/$which" bench "$dir" "$smp" "$mem" "${LIMIT:-1800}" \
	"guest=bench quiet tsc=reliable clocksource=hpet $words" \
	-icount shift=0,sleep=off -accel tcg,thread=single "$@" || status=$?
"$OVERLAY/guest/verdict.sh" "$which" "$dir/console.log" "$dir/verdict.tap" \
	"$status" bench >/dev/null || die "the guest did not end well; see $dir"
