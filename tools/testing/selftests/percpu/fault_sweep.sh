#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: slow
#
# Operations that need percpu memory fail cleanly: the first allocation in them
# fails, then the second, and so on until all succeed; or all page allocations from
# the first on fail, then from the second.  Afterwards there are as many objects and
# as much memory as before, and kmemleak finds no leak.
#
# Needs CONFIG_FAIL_PERCPU, CONFIG_FAILSLAB and CONFIG_FAIL_PAGE_ALLOC, and the
# debugfs of fault injection.

. "$(dirname "$0")/functions.sh"

OUR_MODULES="test_percpu_fault test_percpu_gen_65536_n0000 $OUR_MODULES"
# The operations; in populate all page allocations fail.
KINDS="alloc atomic chunks populate account bigref tags module cgroup aio"
INJECTED=0
GROUP=

extra_cleanup() {
	[ -z "$GROUP" ] || rmdir "$GROUP"/* "$GROUP" 2>/dev/null
}

# Inject faults into all allocations, also those that may sleep.
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

# Fewer objects are no error: older ones may have been freed.
objects_at_most() {
	drop_caches
	objects=$(nr_objects) && [ "$objects" -le "$1" ]
}

# Wait until objects that are freed with a delay are freed.
objects_settle() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		drop_caches
		objects=$(nr_objects) || return 1
		sleep 1
		[ "$(nr_objects)" != "$objects" ] || return 0
	done
}

# in_group <command...>: charge the allocations of the command to the group
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

# Use up the large pages of boot, so that the tests populate pages.
occupy() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		kb=$(percpu_kb)
		echo occupy > /sys/module/test_percpu_fault/parameters/run
		[ "$(percpu_kb)" -le "$kb" ] || break
	done
}

# drop <status>: free the objects that the module keeps, and return the status
drop() {
	echo drop > $run
	return "$1"
}

# sweep <kind> [some]: run the sweep and print its result
sweep() {
	run=/sys/module/test_percpu_fault/parameters/run
	kind=$1
	set -- "$DIR/fault_sweep" $2
	case $kind in
	module) "$@" load "$(module_path test_percpu_gen_65536_n0000)" ;;
	cgroup) "$@" mkdir "$GROUP/swept" ;;
	aio) "$@" aio 64 ;;
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

# One planned test: sweep one operation, and compare the number of objects.  A short
# sweep runs first, because its allocations may be kept for the next.
sweep_case() {
	if [ -z "$GROUP" ] && { [ "$1" = account ] || [ "$1" = cgroup ]; }; then
		skip "$1" "no cgroup with a memory controller"
		return
	fi
	if [ "$1" = aio ] && [ ! -e /proc/sys/fs/aio-nr ]; then
		skip aio "no AIO"
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
		fail "$1" "a failure with another error, or a failure without a fault"
	elif [ "${injected:-0}" = 0 ]; then
		fail "$1" "no fault was injected"
	elif ! wait_for 60 objects_at_most "$before"; then
		fail "$1" "$before objects before, $objects after"
	elif ! log_is_clean 'kmemleak: Cannot allocate a scan area'; then
		fail "$1" "a report in the kernel's log"
	else
		pass "$1"
	fi
}

# An object that is reallocated may use other pages than before: allow two.
memory_returns() {
	most=$((USED + 2 * $(page_kb) * CPUS))
	rmmod test_percpu_fault || return 1
	[ -z "$GROUP" ] || rmdir "$GROUP/payer" "$GROUP" && GROUP=
	drop_caches
	wait_for 60 used_at_most $most
	say "$USED kB in use before, $(used_kb) kB after $INJECTED faults"
	used_at_most $most
}

# kmemleak reports objects that are older than five seconds.
no_leaks() {
	leaks=$DEBUGFS/kmemleak
	sleep 6
	echo scan > "$leaks"
	sleep 6
	echo scan > "$leaks"
	comment < "$leaks"
	[ -z "$(cat "$leaks")" ]
}

plan 12

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
