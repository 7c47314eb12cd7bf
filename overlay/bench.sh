#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Measure ours and stock, of one source and one config, and report.
# usage: bench.sh all|quick: guests and userspace, or userspace only
. "$(dirname "$0")/lib.sh"

what=$1
out=$CACHE/bench
mkdir -p "$out"
some=burst,pair_64,atomic,churn,remote,free_random,grow,inc,sum

# boot WHICH CPUS SMP MEM WORDS: a guest's rows, as ROW CPUS UNIT VALUE
boot() {
	local which=$1 cpus=$2 dir=$out/$1-$2
	say "measuring $which on $cpus CPUs"
	"$OVERLAY/bench-boot.sh" "$which" "$dir" "$3" "$4" "$5"
	tr -d '\r' <"$dir/verdict.tap" |
		sed -nE "s/^bench_[a-z]*: row=([^ ]*) unit=([^ ]*) value=([0-9]*)/\1\t$cpus\t\2\t\3/p" \
			>>"$out/guest-$which.rows"
}

# With 64 possible CPUs and one online, a sum is over 64; but counted instructions
# come slowly with so many, so only if asked for.
measure() {
	local which=$1
	: >"$out/guest-$which.rows"
	"$OVERLAY/bench-guest.sh" "$out/$which"
	boot "$which" 4 4 1G "syscalls=1 rows=all"
	boot "$which" 16 16 2G "rows=$some"
	[ -z "${WIDE:-}" ] || boot "$which" 64 64 1G "rows=sum maxcpus=1"
}

start=$SECONDS
if [ "$what" = all ]; then
	"$OVERLAY/packages.sh" gnuplot-nox
	# Who tunes measures stock once, and then with ONLY=ours.
	[ "${ONLY:-stock}" != stock ] || STOCK=1 measure stock
	[ "${ONLY:-ours}" != ours ] || STOCK='' measure ours
	touch "$out"/guest-{ours,stock}.rows
fi
"$OVERLAY/bench-user.sh" "$out"
"$OVERLAY/bench-report.sh" "$what" "$out"
say "that took $(clock $((SECONDS - start)))"
