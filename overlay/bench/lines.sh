#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Print how many cache lines move between CPUs for a system call that is repeated on one
# CPU after another, and its instructions, of ours and stock: a QEMU plugin counts them, see profile/lines.c.
# usage: lines.sh [OPERATION...]: exec, fork, cgroup or netns; default exec
. "$(dirname "$0")/../lib.sh"

smp=${SMP:-16} rounds=10
# Those of both allocators, and of percpu_counter
locks=pcpu_lock:percpu_counters_lock:pcpu_chunk_lock:pcpu_depot_lock:pcpu_cache_common
out=$CACHE/bench/lines
mkdir -p "$out"
"$OVERLAY/source/packages.sh"
logged "$out/build.log" "building the plugin" gcc -O2 -Wall -Werror -shared -fPIC \
	-o "$out/lines.so" "$OVERLAY"/bench/profile/{lines,symbols}.c

# count NAME OPERATION: boot a guest, and keep its table
count() {
	local dir=$out/$1-$2
	rm -f "$dir/table"
	"$OVERLAY/bench/boot.sh" "$1" "$dir" "$smp" "${MEM:-2G}" \
		"nokaslr lines=$2 rounds=$rounds" \
		-plugin "$out/lines.so,symbols=$out/$1.symbols,mark=__x64_sys_times,$(
			)locks=$locks,ops=$((smp * rounds)),out=$dir/table"
	grep -q '^move_lines: row=' "$dir/verdict.tap" || die "no operation was repeated; see $dir"
}

for which in stock ours; do
	name=$which
	if [ $which = stock ]; then STOCK=1; else STOCK=''; fi
	export STOCK
	"$OVERLAY/bench/guest.sh" "$CACHE/bench/$name"
	build=$(sed -n 's/^build tree: *//p' "$CACHE/bench/$name/kernel")
	nm -n "$build/vmlinux" >"$out/$name.symbols"
	for op in none "${@:-exec}"; do
		say "counting lines of $op, $which; this takes minutes"
		count "$name" "$op"
	done
done

value() { sed -n "s/^$3 //p" "$out/$1-$2/table"; }

printf '%-8s %-30s %10s %10s\n' operation 'per operation' area mm/percpu.c
for op in none "${@:-exec}"; do
	for row in moves moves_percpu moves_locked lines_of_each lines_of_each_percpu \
		instructions instructions_percpu; do
		printf '%-8s %-30s %10s %10s\n' "$op" "$row" \
			"$(value ours "$op" $row)" "$(value stock "$op" $row)"
	done
done
say "the lines and functions of each are in $out"
