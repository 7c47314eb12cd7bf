#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The least memory with which a capture kernel boots: 8, 32 or 64 CPUs are possible, and
# one is used. The kernel and its initramfs are smaller than those of a distribution, so the
# difference of both columns counts. Output: CACHE/capture.
# usage: capture.sh [CPUS...]
. "$(dirname "$0")/../lib.sh"

config=x86_64-capture
step=512 # kB
dir=$CACHE/capture

# boots KERNEL CPUS KB: return true if the guest comes to its end. With too little memory
# it may stop without a word: the limit is a multiple of the first boot.
boots() {
	local start=$SECONDS
	"$OVERLAY/guest/boot.sh" "$dir/$1" $config "$dir/$1/$2" "$2" "$3K" "$limit" \
		"guest=life steps= nokaslr maxcpus=1" -accel tcg,thread=single || true
	tr -d '\r' <"$dir/$1/$2/verdict.tap" | grep -qx 'done' || return 1
	grep -q "nr_cpu_ids:$2 " "$dir/$1/$2/console.log" ||
		die "$1: not $2 possible CPUs; see $dir/$1/$2/console.log"
	[ "$limit" -lt 300 ] || limit=$((20 + 4 * (SECONDS - start)))
}

# least KERNEL CPUS: in kB, between a size that fails and one that succeeds
least() {
	local low=$((8192 / step)) high=$((65536 / step)) middle limit=300
	boots "$1" "$2" $((high * step)) || die "$1 does not boot with $2 possible CPUs; see $dir"
	while [ $((high - low)) -gt 1 ]; do
		middle=$(((low + high) / 2))
		if boots "$1" "$2" $((middle * step)); then
			high=$middle
		else
			low=$middle
		fi
	done
	echo $((high * step))
}

module=$TOP/tools/testing/selftests/percpu/test_modules/test_percpu
STOCK='' "$OVERLAY/guest/module-guest.sh" "$dir/area" $config "$module"
STOCK=1 "$OVERLAY/guest/module-guest.sh" "$dir/stock" $config "$module"
[ $# -gt 0 ] || set -- 8 32 64
printf '%-14s %10s %12s\n' "possible CPUs" "area, kB" "mm/percpu.c"
for cpus; do
	area=$(least area "$cpus")
	stock=$(least stock "$cpus")
	printf '%-14s %10s %12s\n' "$cpus" "$area" "$stock"
done
