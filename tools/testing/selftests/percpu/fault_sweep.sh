#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Everything that percpu memory is needed for fails cleanly: its first
# allocation of any kind fails, then the second, and so on until there are no
# more; or all pages from the first on, then from the second.  Nothing is lost: as
# many objects as before, as much memory, and no leaks where kmemleak looks.
#
# Needs CONFIG_FAIL_PERCPU, CONFIG_FAILSLAB and CONFIG_FAIL_PAGE_ALLOC, and the
# debugfs of fault injection.

. "$(dirname "$0")/functions.sh"

OUR_MODULES="test_percpu_fault test_percpu_gen_65536_n0000 $OUR_MODULES"
# By the name of what is done; populate has all pages fail.
KINDS="alloc atomic chunks populate account bigref tags module cgroup"
INJECTED=0
GROUP=

extra_cleanup() {
	[ -z "$GROUP" ] || rmdir "$GROUP"/* "$GROUP" 2>/dev/null
}

# All allocations are to fail, not only those that may not wait.
set_faults() {
	for kind in failslab fail_page_alloc fail_percpu; do
		[ -d "$DEBUGFS/$kind" ] || return 1
		echo 0 > "$DEBUGFS/$kind/verbose"
		for name in ignore-gfp-wait ignore-gfp-highmem; do
			[ ! -e "$DEBUGFS/$kind/$name" ] ||
				echo N > "$DEBUGFS/$kind/$name"
		done
	done
	echo 0 > "$DEBUGFS/fail_page_alloc/min-order"
}

nr_objects() {
	"$DIR/count_objects" "$DEBUGFS/percpu_stats"
}

# Fewer are well: what was there before may go as well.
objects_at_most() {
	drop_caches
	objects=$(nr_objects) && [ "$objects" -le "$1" ]
}

# What is removed goes a while later.
objects_settle() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		drop_caches
		objects=$(nr_objects) || return 1
		sleep 1
		[ "$(nr_objects)" != "$objects" ] || return 0
	done
}

# What runs in the group pays for what it allocates.
in_group() {
	sh -c 'echo 0 > "$0/cgroup.procs" && exec "$@"' "$GROUP/payer" "$@"
}

make_groups() {
	mount_point CGROUPS cgroup2 || return 1
	grep -qw memory "$CGROUPS/cgroup.controllers" || return 1
	echo +memory > "$CGROUPS/cgroup.subtree_control"
	GROUP=$CGROUPS/percpu_faults
	mkdir "$GROUP" "$GROUP/payer"
}

# Large pages are there from boot on; use what they have.
occupy() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		kb=$(percpu_kb)
		echo occupy > /sys/module/test_percpu_fault/parameters/run
		[ "$(percpu_kb)" -le "$kb" ] || break
	done
}

# drop <status>: what is kept
drop() {
	echo drop > $run
	return "$1"
}

# sweep <kind> [some]: with what it says in the report
sweep() {
	run=/sys/module/test_percpu_fault/parameters/run
	kind=$1
	set -- "$DIR/fault_sweep" $2
	case $kind in
	module) "$@" load "$(module_path test_percpu_gen_65536_n0000)" ;;
	cgroup) "$@" mkdir "$GROUP/swept" ;;
	account) in_group "$@" write $run account ;;
	chunks)
		"$@" write $run chunks
		drop $?
		;;
	populate)
		"$@" all write $run chunks
		drop $?
		;;
	*) "$@" write $run "$kind" ;;
	esac
}

# One planned test: all faults of a kind, and then as many objects as before. Some
# faults come first, as the first time something may stay for the next.
sweep_case() {
	if [ -z "$GROUP" ] && { [ "$1" = account ] || [ "$1" = cgroup ]; }; then
		skip "$1" "no cgroup with a memory controller"
		return
	fi
	log_mark
	said=$(sweep "$1" some 2>&1) && said=$(objects_settle 2>&1) &&
		before=$(nr_objects) && said=$(sweep "$1" 2>&1)
	verdict=$?
	say "$1: $said"
	injected=$(echo "$said" | sed -n 's/^\([0-9]*\) faults injected.*/\1/p')
	INJECTED=$((INJECTED + ${injected:-0}))
	if [ $verdict != 0 ]; then
		fail "$1" "it did not fail cleanly"
	elif [ "${injected:-0}" = 0 ]; then
		fail "$1" "no fault was injected"
	elif ! wait_for 20 objects_at_most "$before"; then
		fail "$1" "$before objects before, $objects after"
	elif ! log_is_clean 'kmemleak: Cannot allocate a scan area'; then
		fail "$1" "a report in the kernel's log"
	else
		pass "$1"
	fi
}

# An object that stays may lie elsewhere than the one before: two pages of it.
memory_returns() {
	most=$((USED + 2 * $(page_kb) * CPUS))
	rmmod test_percpu_fault
	[ -z "$GROUP" ] || rmdir "$GROUP/payer" "$GROUP" && GROUP=
	drop_caches
	wait_for 20 used_at_most $most
	say "$USED kB in use before, $(used_kb) kB after $INJECTED faults"
	used_at_most $most
}

# What is lost for five seconds is a leak.
no_leaks() {
	leaks=$DEBUGFS/kmemleak
	sleep 6
	echo scan > "$leaks"
	sleep 6
	echo scan > "$leaks"
	comment < "$leaks"
	[ -z "$(cat "$leaks")" ]
}

plan 11

if ! mount_point DEBUGFS debugfs || ! set_faults; then
	for name in $KINDS memory_returns no_leaks; do
		skip "$name" "no fault injection for all of slab, pages and percpu"
	done
	finish
fi
export FAIL_PAGE_ALLOC="$DEBUGFS/fail_page_alloc"
make_groups
module_load test_percpu_fault
drop_caches
USED=$(used_kb)
occupy
for kind in $KINDS; do
	sweep_case "$kind"
done
ktap_test_result memory_returns memory_returns
if [ -w "$DEBUGFS/kmemleak" ]; then
	ktap_test_result no_leaks no_leaks
else
	skip no_leaks "no kmemleak"
fi

finish
