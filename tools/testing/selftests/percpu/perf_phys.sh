#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: reports
#
# perf records the physical address of static percpu data, as with --phys-data.

. "$(dirname "$0")/functions.sh"

# The module prints where the statistics of CPU 0 are.
recorded() {
	load watch phys_fn="$(phys_address)" || return 1
	watch=$(log_since_mark | sed -n 's/.*watch \(0x[0-9a-f]*\) at \(0x[0-9a-f]*\).*/\1 \2/p')
	module_unload test_percpu || return 1
	say "address and physical address" "$watch"
	[ -n "$watch" ] || return 1
	found=$("$DIR/perf_phys" "${watch% *}") || return $?
	say "perf records" "$found"
	[ $((found)) = $((${watch#* })) ]
}

old_allocator && skip_all "the first chunk is linear memory"
grep -qw ibt /proc/cpuinfo && skip_all "indirect branch tracking"

plan 1

recorded
case $? in
0) pass recorded ;;
4) skip recorded "no breakpoints on data" ;;
*) fail recorded "another physical address, or none" ;;
esac

finish
