#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Where the instructions of the benchmark's calls go, by function: a plugin of
# QEMU's counts them in the guest that make bench measures.
# usage: profile.sh [ROW [FUNCTION [RARE]]]: what the row's calls of FUNCTION do, and
# apart from the others, those that get to RARE
. "$(dirname "$0")/lib.sh"

row=${1:-grow} function=${2:-pcpu_alloc_noprof}
which=ours populates=pcpu_populate_page
[ -z "$STOCK" ] || which=stock populates=pcpu_populate_chunk
rare=${3:-$populates}
dir=$CACHE/bench/$which-profile
mkdir -p "$dir"

"$OVERLAY/packages.sh"
"$OVERLAY/bench-guest.sh" "$CACHE/bench/$which"
build=$(sed -n 's/^build tree: *//p' "$CACHE/bench/$which/kernel")
nm -n "$build/vmlinux" >"$dir/symbols"
logged "$dir/build.log" "building the plugin" gcc -O2 -Wall -Werror -shared -fPIC \
	-o "$dir/calls.so" "$OVERLAY/profile/calls.c"

say "profiling row $row of the benchmark, $which; this takes minutes"
rm -f "$dir/table"
"$OVERLAY/bench-boot.sh" "$which" "$dir" "${SMP:-4}" "${MEM:-1G}" "nokaslr rows=$row" \
	-plugin "$dir/calls.so,symbols=$dir/symbols,call=$function,rare=$rare,out=$dir/table"
! grep -q "^0 calls" "$dir/table" || die "row $row has the module call no $function() itself"
cat "$dir/table"
