#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Measure ours and stock, from one source, and report. The parts are those of PART=:
#   bench    guests with bench.config, guest instructions
#   distro   guests with bench-distro.config, guest instructions
#   memory   percpu memory of cgroups, modules that load
#   user     userspace programs, nanoseconds
# usage: bench.sh all|quick: all parts or those of PART=, or userspace only
. "$(dirname "$0")/../lib.sh"

what=$1
out=$CACHE/bench
mkdir -p "$out"
some=burst,pair_64,atomic,churn,remote,free_random,grow,inc,sum

# boot NAME ROWS CPUS SMP MEM WORDS: append the rows of a guest to a file, as ROW CPUS
# UNIT VALUE
boot() {
	local dir=$out/$1-$3
	say "measuring $1 on $3 CPUs"
	"$OVERLAY/bench/boot.sh" "$1" "$dir" "$4" "$5" "$6"
	tr -d '\r' <"$dir/verdict.tap" |
		sed -nE "s/^bench_[a-z]*: row=([^ ]*) unit=([^ ]*) value=([0-9]*)/\1\t$3\t\2\t\3/p" >>"$2"
}

# Of 32 and 64 possible CPUs 4 and 1 are online: QEMU with -icount is slow with many
# CPUs, and clears and sums are over all possible ones. System calls may also visit the
# online ones: they are measured with 32. 64 only with WIDE=1.
measure_bench() {
	"$OVERLAY/bench/guest.sh" "$out/$1"
	boot "$1" "$2" 4 4 1G "syscalls=1 rows=all"
	boot "$1" "$2" 16 16 2G "rows=$some"
	boot "$1" "$2" 32 32 2G "rows=pairs maxcpus=4"
	boot "$1" "$2" 32 32 2G "syscalls=1 rows=none"
	[ -z "${WIDE:-}" ] || boot "$1" "$2" 64 64 1G "rows=sum maxcpus=1"
}

measure_distro() {
	"$OVERLAY/bench/guest.sh" "$out/$1-distro" bench-distro
	boot "$1-distro" "$2" 4 4 1G "syscalls=1 rows=burst,populate,grow,pairs,churn,remote,free_random"
}

# cgroups PREFIX WORDS: rows of make compare
cgroups() {
	ARCH=bench APPEND=$2 "$OVERLAY/run.sh" cgroups | sed -nE "
		s/^idle  .*: *([0-9]+) kB/$1_idle\t4\tkB\t\1/p
		s/^1,100 cgroups .*: *([0-9]+) kB/$1_1100\t4\tkB\t\1/p
		s/^10 of 11 removed .*: *([0-9]+) kB/$1_10_of_11_removed\t4\tkB\t\1/p
		s/^all removed .*: *([0-9]+) kB/$1_all_removed\t4\tkB\t\1/p"
}

measure_memory() {
	say "measuring memory of $1"
	cgroups cgroups '' >>"$2"
	[ -n "$STOCK" ] || cgroups large percpu_alloc=large >>"$2"
	ARCH=bench "$OVERLAY/bench/modules.sh" |
		sed -nE 's/^modules with ([0-9]+) bytes: ([0-9]+) of .*/modules_\1\t4\tmodules\t\2/p' >>"$2"
}

# part NAME: measure stock and ours, and note when and of what. ONLY=ours keeps the
# rows of stock.
part() {
	local which rows
	for which in stock ours; do
		[ "${ONLY:-$which}" = $which ] || continue
		rows=$out/$1-$which.rows
		: >"$rows.new"
		if [ $which = stock ]; then
			STOCK=1 "measure_$1" $which "$rows.new"
		else
			STOCK='' "measure_$1" $which "$rows.new"
		fi
		# A second guest with as many CPUs repeats the rows about itself.
		awk -F'\t' '!seen[$1, $2]++' "$rows.new" >"$rows"
		rm "$rows.new"
		"$OVERLAY/bench/head.sh" >"$out/$1-$which.head"
	done
	touch "$out/$1"-{ours,stock}.{rows,head}
}

start=$SECONDS
if [ "$what" = all ]; then
	parts=${PART:-bench distro memory user}
	"$OVERLAY/source/packages.sh" gnuplot-nox
else
	parts=user
fi
for part in $parts; do
	case $part in
	bench | distro | memory) part "$part" ;;
	user) "$OVERLAY/bench/user.sh" "$out" ;;
	*) die "PART=$part must be of: bench distro memory user" ;;
	esac
done
"$OVERLAY/bench/report.sh" "$out"
say "that took $(clock $((SECONDS - start)))"
