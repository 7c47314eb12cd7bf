#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Print Percpu: of idle guests of several sizes, and of 11,000 cgroups that come and
# go, for the percpu area and for stock.
# usage: memory.sh [MEM:CPUS...]
. "$(dirname "$0")/../lib.sh"

dir=$(mktemp -d "$CACHE/logs/memory.XXXXXX")
for which in ours stock; do
	STOCK=${which#ours} "$OVERLAY/source/kernel.sh" "$ARCH" "$dir/$which" >/dev/null
done

# percpu WHICH MEM CPUS PARENTS: boot, and keep the lines of the guest as "what:kB"
percpu() {
	local run=$dir/$1 status=0
	"$OVERLAY/guest/boot.sh" "$run" "$ARCH" "$run" "$3" "$2" 1800 \
		"guest=cgroups parents=$4 quiet kunit.enable=0" \
		-accel tcg,thread=single || status=$?
	"$OVERLAY/guest/verdict.sh" memory "$run/console.log" "$run/verdict.tap" "$status" \
		cgroups >/dev/null || die "the guest did not end well; see $run"
	tr -d '\r' <"$run/verdict.tap" |
		sed -n 's/^\(.*[^ ]\) *Percpu: *\([0-9]*\) kB$/\1:\2/p' >"$run/rows"
}

# rows MEM CPUS PARENTS: print a line for each line of the guests
rows() {
	percpu ours "$@"
	percpu stock "$@"
	paste -d : "$dir/ours/rows" "$dir/stock/rows" | awk -F : -v at="$1, $2 CPUs" '
		{printf "%-14s %-18s %8d %8d %6.2f\n", at, $1, $2, $4, $2 / $4}'
}

printf '%-14s %-18s %8s %8s %6s\n' guest "Percpu: in kB" area stock ratio
[ $# -gt 0 ] || set -- 512M:1 1G:4 2G:4 4G:8 16G:16
for shape; do
	rows "${shape%:*}" "${shape#*:}" 0
done
rows 2G 4 1000
rm -rf "$dir"
