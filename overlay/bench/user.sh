#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The userspace half: ours and stock in tools/testing/percpu, and the memory of
# recorded traces. Rows go to DIR/user-ours.rows and DIR/user-stock.rows.
# usage: user.sh DIR
. "$(dirname "$0")/../lib.sh"

out=$1
bed=$TOP/tools/testing/percpu
traces=${TRACES:-$TOP/../shared/traces}
mkdir -p "$out/user"

tree=$("$OVERLAY/source/apply.sh" "$("$OVERLAY/source/fetch.sh")")
logged "$out/user/build.log" "building the userspace bed" \
	env -u MAKEFLAGS -u MFLAGS make -C "$bed" OUT="$out/user" KSRC="$tree" all stock unchecked

# With the delay of the worker of most kernels, and of that of the recording
replays() {
	local program=$1 trace=$2 cpus late
	for cpus in 4 16; do
		for late in 32 256; do
			zcat "$trace" | "$program" $cpus "${MARK:-211}" $late |
				sed -E "s/.* peak ([0-9]+) \(live ([0-9]+)\) at mark ([0-9]+) end ([0-9]+) .*/\
trace_late${late}_live\t$cpus\tKB\t\2\n\
trace_late${late}_peak\t$cpus\tKB\t\1\n\
trace_late${late}_left\t$cpus\tKB\t\3\n\
trace_late${late}_end\t$cpus\tKB\t\4/"
		done
	done
}

# measure WHICH PREFIX, the prefix of its programs
measure() {
	local rows=$out/user-$1.rows trace
	say "measuring $1 in userspace"
	"$out/user/$2bench" |
		sed -nE 's/^bench: row=([^ ]*) cpus=([^ ]*) unit=([^ ]*) value=(.*)/user_\1\t\2\t\3\t\4/p' >"$rows"
	for trace in "$traces"/*.txt.gz; do
		if [ ! -f "$trace" ]; then
			say "no traces in $traces: set TRACES= to have their rows"
			return
		fi
		replays "$out/user/$2replay" "$trace" | sed "s/^/user_/" >>"$rows"
	done
}

# The cost of checks of frees: with and without them in turn, the median of five
checks() {
	local program row=unchecked_
	for program in unchecked-bench bench; do
		"$out/user/$program" 4 | sed -nE "s/^bench: row=(pair_(8|64|256)) cpus=4 unit=([^ ]*) value=(.*)/\
user_${row}\1\t4\t\3\t\4/p"
		row=checked_
	done
}

checks_rows() {
	for _ in 1 2 3 4 5; do checks; done | sort -t $'\t' -k1,1 -k4,4n | awk 'NR % 5 == 3'
}

measure ours ''
say "measuring the cost of checks of frees"
checks_rows >>"$out/user-ours.rows"
measure stock stock-

# Stock has no tag pools: compare with sbitmap_queue.
say "measuring tags in userspace"
logged "$out/user/tag.log" "building the tests of tags" env -u MAKEFLAGS -u MFLAGS \
	make -C "$bed/tag" OUT="$out/user/tag" KSRC="$tree" all
"$out/user/tag/bench" | sed -nE \
	's/^bench: row=([^ ]*) cpus=([^ ]*) unit=([^ ]*) value=(.*)/user_\1\t\2\t\3\t\4/p' \
	>>"$out/user-ours.rows"
# Nanoseconds are those of a processor.
echo "$("$OVERLAY/bench/head.sh"), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" |
	tee "$out/user-ours.head" >"$out/user-stock.head"
