#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic slow
#
# Threads and timers contend for the objects of a percpu_cache while it is walked and
# trimmed ("fight"), also during CPU hotplug. Objects are charged to a cgroup while they
# are allocated ("charge"), and debugfs shows the caches ("debugfs").

. "$(dirname "$0")/functions.sh"

OBJECTS=64
BYTES=256
CHILD=

extra_cleanup() {
	hotplug_cleanup
	module_unload test_percpu_cache
	[ -z "$CHILD" ] || rmdir "$CHILD"
}

# judge <test> <error so far>: pass or fail the test
judge() {
	wrong=$2
	log_fetch
	log_say 'test_percpu_cache: .*'
	module_unload test_percpu_cache || wrong=${wrong:-"the module does not unload"}
	log_is_clean || wrong=${wrong:-"a report in the kernel log"}
	! log_grep -q 'percpu_cache: .*\(invalid free\|constructed state\|not destroyed\)' ||
		wrong=${wrong:-"the cache reports an error"}
	conclude "$1" "$wrong"
}

fight() {
	log_mark
	wrong=
	module_load test_percpu_cache run=fight seconds="$SECONDS_TO_RUN" ||
		wrong="the module was not loaded"
	judge fight "$wrong"
}

fight_hotplug() {
	cpus=$(hotplug_cpus)
	if [ -z "$cpus" ]; then
		skip fight_hotplug "no CPU can go offline"
		return
	fi
	log_mark
	job_begin test_percpu_cache run=fight seconds=600
	wrong=
	# shellcheck disable=SC2086 # one word for each CPU
	hotplug_rounds $cpus
	job_end || wrong=${wrong:-"the module failed"}
	judge fight_hotplug "$wrong"
}

charge_in_group() {
	group_refresh "$CHILD"
	before=$(group_percpu "$CHILD")
	due=$((before + OBJECTS * BYTES * CPUS))
	# The shell of the group loads the module, and is charged.
	group_run "$CHILD" insmod "$(module_path test_percpu_cache)" run=charge \
			nr_objects=$OBJECTS || {
		wrong="the module was not loaded"
		return
	}
	wait_for 60 group_has "$CHILD" $due $((BYTES * CPUS)) ||
		wrong="charged $(group_percpu "$CHILD") bytes, not $due"
	module_unload test_percpu_cache || wrong="the module does not unload"
	wait_for 60 group_has "$CHILD" "$before" $((BYTES * CPUS)) ||
		wrong=${wrong:-"$(group_percpu "$CHILD") bytes stay charged, $before before"}
}

charge() {
	wrong=
	if ! mount_point CGROUPS cgroup2 ||
	   ! grep -qw memory "$CGROUPS/cgroup.controllers"; then
		skip charge "no memory controller"
		return
	fi
	echo +memory > "$CGROUPS/cgroup.subtree_control"
	CHILD=$CGROUPS/percpu_cache.$$
	mkdir "$CHILD" || wrong="the cgroup cannot be made"
	log_mark
	[ -n "$wrong" ] || charge_in_group
	judge charge "$wrong"
}

debugfs() {
	if ! mount_point DEBUGFS debugfs || [ ! -r "$DEBUGFS/percpu_cache" ]; then
		skip debugfs "no file in debugfs"
		return
	fi
	wrong=
	module_load test_percpu_cache run=charge nr_objects=$OBJECTS ||
		wrong="the module was not loaded"
	line=$(grep '^test_percpu_cache ' "$DEBUGFS/percpu_cache")
	say "$line"
	# shellcheck disable=SC2086 # one word for each column
	set -- $line
	[ "${2:-}" = $OBJECTS ] ||
		wrong=${wrong:-"$OBJECTS objects are live, debugfs has ${2:-none}"}
	[ "${4:-}" = $BYTES ] || wrong=${wrong:-"the size is $BYTES, debugfs has ${4:-none}"}
	module_unload test_percpu_cache || wrong=${wrong:-"the module does not unload"}
	! grep -q '^test_percpu_cache ' "$DEBUGFS/percpu_cache" ||
		wrong=${wrong:-"debugfs has a cache that is destroyed"}
	conclude debugfs "$wrong"
}

module_path test_percpu_cache >/dev/null ||
	skip_all "no test_percpu_cache.ko: the kernel has no percpu caches"
plan 4

fight
fight_hotplug
charge
debugfs

finish
