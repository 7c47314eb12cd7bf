#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Instructions of each row of bench with many CPUs, beside the stock allocator: callgrind
# counts them, so that they do not depend on the machine and its load. A copy is cleared
# by the memset() of libc, with vector stores.
# More than 1.02 of the instructions of the stock allocator is a failure.
# usage: wide.sh DIR CPUS...: DIR has bench and stock-bench
set -eu

dir=$1
shift
export GLIBC_TUNABLES=glibc.cpu.x86_rep_stosb_threshold=1000000000
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# count PROGRAM CPUS: ROW and instructions of one operation, a row a line
count() {
	rm -f "$tmp"/out.*
	valgrind --tool=callgrind --callgrind-out-file="$tmp/out" --collect-atstart=no \
		--toggle-collect='count_*' --dump-after=count_cold --dump-after=count_pairs \
		--dump-after=count_churn --dump-after=count_frees --dump-after=count_aligned \
		"$dir/$1" "$2" count >"$tmp/rows" 2>"$tmp/log" || { cat "$tmp/log" >&2; return 1; }
	sed -nE 's/^bench: row=([^ ]*) .* value=([0-9]*).*/\1 \2/p' "$tmp/rows" | {
		n=0
		while read -r row ops; do
			n=$((n + 1))
			echo "$row" "$ops" "$(sed -n 's/^totals: *//p' "$tmp/out.$n")"
		done
	} | awk '{ printf "%s %.0f\n", $1, $3 / $2 }'
}

printf '%-16s %6s %12s %12s %6s\n' row CPUs area mm/percpu.c ratio
for cpus; do
	count bench "$cpus" >"$tmp/ours"
	count stock-bench "$cpus" >"$tmp/stock"
	join <(sort "$tmp/ours") <(sort "$tmp/stock") | sort -V | awk -v cpus="$cpus" '
		{ printf "%-16s %6d %12d %12d %6.2f\n", $1, cpus, $2, $3, $2 / $3 }
		!$2 || !$3 || $2 > 1.02 * $3 { worse = 1 }
		END { exit worse || !NR }' || status=1
done
exit "${status:-0}"
