#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: slow
#
# A percpu_cache with PERCPU_CACHE_PRESENT where CPUs never were online, for example
# with maxcpus=: its objects have memory on the other ones only ("memory"), and so have
# memory cgroups ("cgroups"), for which other cgroups are charged ("charge"). CPUs come
# online for the first time, one by one, under load ("load"), and some go and come again
# ("again"). Then the memory is given back ("returns"). The KUnit tests let each page of
# a CPU that comes be refused.

. "$(dirname "$0")/functions.sh"

OBJECTS=4096
BYTES=256
NR=${NR:-1000}
TOP=
CHILD=
CGROUPS=

extra_cleanup() {
	module_unload test_percpu_cache
	[ -z "$TOP" ] || rmdir "$TOP"/* "$TOP" 2>/dev/null
	[ -z "$CHILD" ] || rmdir "$CHILD"
	[ -z "$CGROUPS" ] || rmdir "$CGROUPS"/present.* 2>/dev/null
}

absent_cpus() {
	grep -l 0 $CPU_DIR/cpu[0-9]*/online 2>/dev/null |
		sed 's/.*cpu\([0-9]*\).online/\1/' | sort -n
}

# pcpu_stat <name>: the first value of that name in the statistics of the allocator
pcpu_stat() {
	sed -n "s/^ *$1 *: *//p" "$DEBUGFS/percpu_stats" | head -n 1
}

# Set $grown to the kB that Percpu: grows by for the objects.
grow() {
	settle
	module_load test_percpu_cache run=charge nr_objects=$OBJECTS "$@" || {
		wrong="the module was not loaded"
		return
	}
	grown=$(($(used_kb) - before))
	module_unload test_percpu_cache || wrong=${wrong:-"the module does not unload"}
}

# Percpu: for the objects, with and without the flag. A page for each CPU may be added by
# what the kernel does meanwhile.
memory() {
	wrong=
	log_mark
	grow present=0
	ordinary=$grown
	grow present=1
	units=$(pcpu_stat present_units)
	say "$OBJECTS objects of $BYTES bytes, $units of $CPUS CPUs"
	say "Percpu: +$ordinary kB, with the flag +$grown kB"
	slack=$((8 * $(page_kb) * CPUS))
	[ $((grown * CPUS)) -le $(((ordinary + slack) * units + slack * CPUS)) ] ||
		wrong=${wrong:-"+$grown kB are too much"}
	log_is_clean || wrong=${wrong:-"a report in the kernel log"}
	conclude memory "$wrong"
}

# Mount the cgroups at $CGROUPS, unless there is no memory controller.
memory_cgroups() {
	mount_point CGROUPS cgroup2 && grep -qw memory "$CGROUPS/cgroup.controllers" &&
		echo +memory > "$CGROUPS/cgroup.subtree_control"
}

# The bytes of a memory cgroup on each CPU, in caches of the kernel
group_bytes() {
	awk '$1 == "memcg_stats" || $1 == "cgroup_rstat" || $1 == "css_rstat_cpu" {
		sum += $4
	} END {print sum + 0}' "$DEBUGFS/percpu_cache"
}

# Set $grown to the kB that Percpu: grows by for $NR memory cgroups.
grow_groups() {
	TOP=$CGROUPS/percpu_groups
	mkdir "$TOP" && echo +memory > "$TOP/cgroup.subtree_control"
	settle
	# shellcheck disable=SC2046 # one word for each group
	(cd "$TOP" && mkdir $(seq "$NR")) || wrong="mkdir"
	grown=$(($(used_kb) - before))
	# shellcheck disable=SC2046
	(cd "$TOP" && rmdir $(seq "$NR")) || wrong="rmdir"
	rmdir "$TOP" && TOP=
}

# Percpu: for memory cgroups: what the caches have on the CPUs that were online, a fifth
# for what lies between the objects, and a 32nd for what has memory on all CPUs.
groups_memory() {
	wrong=
	bytes=$(group_bytes)
	if [ "$bytes" = 0 ] || ! memory_cgroups; then
		skip cgroups "no memory cgroups from percpu caches"
		return
	fi
	log_mark
	grow_groups
	units=$(pcpu_stat present_units)
	all=$((NR * bytes * CPUS / 1024))
	most=$((all * units * 6 / 5 / CPUS + all / 32 + 8 * $(page_kb) * units))
	say "$NR memory cgroups of $bytes bytes, $units of $CPUS CPUs: Percpu: +$grown kB"
	say "at most +$most kB; on all CPUs they would have $all kB"
	[ "$grown" -le "$most" ] || wrong=${wrong:-"+$grown kB are too much"}
	log_is_clean || wrong=${wrong:-"a report in the kernel log"}
	conclude cgroups "$wrong"
}

# The charge is for the CPUs of the time of the allocation, and all of it comes back.
charge_in_group() {
	group_refresh "$CHILD"
	start=$(group_percpu "$CHILD")
	due=$((start + OBJECTS * BYTES * $(pcpu_stat present_units)))
	group_run "$CHILD" insmod "$(module_path test_percpu_cache)" \
			run=charge present=1 nr_objects=$OBJECTS || {
		wrong="the module was not loaded"
		return
	}
	wait_for 60 group_has "$CHILD" $due $((BYTES * CPUS)) ||
		wrong="charged $(group_percpu "$CHILD") bytes, not $due"
	first=$(absent_cpus | head -n 1)
	[ -z "$first" ] || set_cpu "$first" 1 || wrong=${wrong:-"cpu $first does not come"}
	group_has "$CHILD" $due $((BYTES * CPUS)) ||
		wrong=${wrong:-"the charge is $(group_percpu "$CHILD") bytes then, not $due"}
	module_unload test_percpu_cache || wrong="the module does not unload"
	wait_for 60 group_has "$CHILD" "$start" $((BYTES * CPUS)) ||
		wrong=${wrong:-"$(group_percpu "$CHILD") bytes stay charged, $start before"}
}

charge() {
	wrong=
	if ! memory_cgroups; then
		skip charge "no memory controller"
		return
	fi
	CHILD=$CGROUPS/percpu_present.$$
	mkdir "$CHILD" || wrong="the cgroup cannot be made"
	log_mark
	[ -n "$wrong" ] || charge_in_group
	log_is_clean || wrong=${wrong:-"a report in the kernel log"}
	conclude charge "$wrong"
}

busy() {
	[ ! -e "$DONE" ]
}

forks() {
	while busy; do
		true | true
	done
}

# Groups come and go, and tasks of one that stays run on all CPUs, also on those that come.
groups() {
	[ -n "$CGROUPS" ] || return 0
	mkdir "$CGROUPS/present.0"
	while busy; do
		mkdir "$CGROUPS/present.1" && rmdir "$CGROUPS/present.1" &&
			group_run "$CGROUPS/present.0" dd if=/dev/zero of=/dev/null bs=64k \
				count=4 2>/dev/null || return 1
	done
	cat "$CGROUPS/present.0/cpu.stat" "$CGROUPS/present.0/memory.stat" >/dev/null
	rmdir "$CGROUPS/present.0"
}

namespaces() {
	unshare -n true 2>/dev/null || return 0
	while busy; do
		unshare -n true || return 1
	done
}

# under_load <test> <command...>: run the command while objects, tasks, cgroups and
# network namespaces come and go
under_load() {
	test=$1
	shift
	if [ -z "$(absent_cpus)$(hotplug_cpus)" ]; then
		skip "$test" "no CPU can come"
		return
	fi
	DONE=$(mktemp -u)
	log_mark
	wrong=
	job_begin test_percpu_cache run=fight present=1 seconds=600
	forks & pids=$!
	groups & pids="$pids $!"
	namespaces & pids="$pids $!"
	"$@"
	: > "$DONE"
	for pid in $pids; do
		wait "$pid" || wrong=${wrong:-"a load failed"}
	done
	job_end || wrong=${wrong:-"the module failed"}
	rm -f "$DONE"
	module_unload test_percpu_cache || wrong=${wrong:-"the module does not unload"}
	log_is_clean || wrong=${wrong:-"a report in the kernel log"}
	log_say 'test_percpu_cache: .*'
	! log_grep -q 'percpu_cache: .*\(invalid free\|constructed state\|not destroyed\)' ||
		wrong=${wrong:-"the cache reports an error"}
	conclude "$test" "$wrong"
}

come_one_by_one() {
	for cpu in $(absent_cpus); do
		sleep 1
		set_cpu "$cpu" 1 || wrong=${wrong:-"cpu $cpu does not come"}
	done
	sleep 1
	[ "$(pcpu_stat present_units)" -ge "$(count_cpus $CPU_DIR/online)" ] ||
		wrong=${wrong:-"$(pcpu_stat present_units) CPUs have memory"}
}

again() {
	# shellcheck disable=SC2046 # one word for each CPU
	hotplug_rounds $(hotplug_cpus)
}

# Groups of the system may have been created meanwhile.
has_no_pages() {
	[ "$(pcpu_stat present_pages)" -le $((FIRST + 4)) ]
}

module_path test_percpu_cache >/dev/null ||
	skip_all "no test_percpu_cache.ko: the kernel has no percpu caches"
mount_point DEBUGFS debugfs || skip_all "no debugfs"
[ -n "$(pcpu_stat present_units)" ] || skip_all "no caches for present CPUs"
[ "$(pcpu_stat present_units)" -lt "$(possible_cpus)" ] ||
	skip_all "all possible CPUs have been online"
plan 6

FIRST=$(pcpu_stat present_pages)
memory
groups_memory
charge
under_load load come_one_by_one
under_load again again
ktap_test_result returns wait_for 60 has_no_pages
say "$(pcpu_stat present_pages) pages for present CPUs, $FIRST before"

finish
