#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Print how many cache lines move between CPUs for an operation that is repeated on one
# CPU after another, and its instructions: a QEMU plugin counts them, see profile/lines.c.
# System calls are measured on ours and stock; requests of users of percpu tags with these
# tags and with what the users have otherwise.
# usage: lines.sh [OPERATION...]: exec, fork, cgroup, netns, scsi or 9p; default exec
. "$(dirname "$0")/../lib.sh"

smp=${SMP:-16} rounds=${ROUNDS:-10}
# Those of both allocators, and of percpu_counter
locks=pcpu_lock:percpu_counters_lock:pcpu_chunk_lock:pcpu_depot_lock:pcpu_cache_common
# What allocates tags, and the functions of its users that have a part of it inlined
tags=percpu_tag:alloc_nowait_slow:free_slow:sbitmap:__sbitmap:scsi_budget:scsi_device_unbusy
tags=$tags:scsi_mq_get_budget:scsi_mq_put_budget:p9_tag:p9_client_prepare_req:p9_req_put
tags=$tags:idr_:__idr:radix_tree:__radix_tree:xa_:xas_
out=$CACHE/bench/lines
mkdir -p "$out"
"$OVERLAY/source/packages.sh"
logged "$out/build.log" "building the plugin" gcc -O2 -Wall -Werror -shared -fPIC \
	-o "$out/lines.so" "$OVERLAY"/bench/profile/{lines,symbols}.c

# guest NAME CONFIG: build a guest, and read the symbols of its kernel
guest() {
	local build
	"$OVERLAY/bench/guest.sh" "$CACHE/bench/$1" "$2"
	build=$(sed -n 's/^build tree: *//p' "$CACHE/bench/$1/kernel")
	nm -n "$build/vmlinux" >"$out/$1.symbols"
}

# count NAME OPERATION GROUP [QEMU OPTION...]: boot a guest, and keep its table
count() {
	local dir=$out/$1-$2
	say "counting lines of $2, $1; this takes minutes"
	rm -f "$dir/table"
	"$OVERLAY/bench/boot.sh" "$1" "$dir" "$smp" "${MEM:-2G}" \
		"nokaslr lines=$2 rounds=$rounds" \
		-plugin "$out/lines.so,symbols=$out/$1.symbols,mark=__x64_sys_times,$(
			)locks=$locks,${3:+group=$3,}ops=$((smp * rounds)),out=$dir/table" "${@:4}"
	grep -q '^move_lines: row=' "$dir/verdict.tap" || die "no operation was repeated; see $dir"
}

value() { sed -n "s/^$3 //p" "$out/$1-$2/table"; }

# table COLUMN COLUMN NAME NAME OPERATION...
table() {
	local a=$3 b=$4 op row
	printf '%-8s %-30s %10s %10s\n' operation 'per operation' "$1" "$2"
	for op in "${@:5}"; do
		for row in moves moves_percpu moves_locked lines_of_each lines_of_each_percpu \
			instructions instructions_percpu; do
			printf '%-8s %-30s %10s %10s\n' "$op" \
				"$([ "$1" = tags ] && echo "${row/percpu/tags}" || echo "$row")" \
				"$(value "$a" "$op" $row)" "$(value "$b" "$op" $row)"
		done
	done
}

system_calls() {
	local which
	for which in stock ours; do
		if [ $which = stock ]; then STOCK=1; else STOCK=''; fi
		export STOCK
		guest $which bench
		for op in none "$@"; do
			count $which "$op" ''
		done
	done
	table area mm/percpu.c ours stock none "$@"
}

users() {
	local which config=$out/peer.config
	printf '%s\n' CONFIG_SCSI_PERCPU_TAG=n CONFIG_NET_9P_PERCPU_TAG=n >"$config"
	mkdir -p "$out/host"
	for which in tags peer; do
		if [ $which = peer ]; then EXTRA_CONFIG=$config; else EXTRA_CONFIG=''; fi
		export EXTRA_CONFIG
		guest users-$which bench-users
		for op in none "$@"; do
			count users-$which "$op" "$tags" \
				-virtfs "local,path=$out/host,mount_tag=host,security_model=none"
		done
	done
	table tags otherwise users-tags users-peer none "$@"
}

calls=() requests=()
for op in "${@:-exec}"; do
	case $op in
	scsi | 9p) requests+=("$op") ;;
	*) calls+=("$op") ;;
	esac
done
[ ${#calls[@]} = 0 ] || system_calls "${calls[@]}"
[ ${#requests[@]} = 0 ] || users "${requests[@]}"
say "the lines and functions of each are in $out"
