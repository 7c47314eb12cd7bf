#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Print the instructions of calls of the benchmark, by function: a QEMU plugin counts
# them in the guest of make bench.
# usage: profile.sh [ROW [FUNCTION [RARE]]]: calls of FUNCTION in a row, and apart from
# the others those that reach RARE
. "$(dirname "$0")/../lib.sh"

row=${1:-grow} function=${2:-pcpu_alloc_noprof}
which=ours populates=pcpu_populate_page
[ -z "$STOCK" ] || which=stock populates=pcpu_populate_chunk
rare=${3:-$populates}
dir=$CACHE/bench/$which-profile
mkdir -p "$dir"

"$OVERLAY/source/packages.sh"
"$OVERLAY/bench/guest.sh" "$CACHE/bench/$which"
build=$(sed -n 's/^build tree: *//p' "$CACHE/bench/$which/kernel")
nm -n "$build/vmlinux" >"$dir/symbols"
logged "$dir/build.log" "building the plugin" gcc -O2 -Wall -Werror -shared -fPIC \
	-o "$dir/calls.so" "$OVERLAY"/bench/profile/{calls,symbols}.c

say "profiling row $row of the benchmark, $which; this takes minutes"
rm -f "$dir/table"
"$OVERLAY/bench/boot.sh" "$which" "$dir" "${SMP:-4}" "${MEM:-1G}" "nokaslr rows=$row" \
	-plugin "$dir/calls.so,symbols=$dir/symbols,call=$function,rare=$rare,out=$dir/table"
! grep -q "^0 calls" "$dir/table" || die "the module does not call $function() in row $row"
cat "$dir/table"
