#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic load slow users
#
# All loads at once: threads allocate and free objects, references and tags, modules
# with percpu data, cgroups and network namespaces are created and removed, CPUs go
# offline and online, debugfs is read, and memory is short.  Afterwards Percpu: is
# what it was before.
#
# PERCPU_TEST_SECONDS sets the time; 1800 is a real soak.  The runner of kselftest ends
# a script after 300 seconds, and a soak takes half as long again as it is told:
#
#	PERCPU_TEST_SECONDS=1800 ./run_kselftest.sh -t percpu:soak.sh -o 2700

. "$(dirname "$0")/functions.sh"

JOBS='churn torture fight pressure modules groups namespaces readers'

extra_cleanup() {
	hotplug_cleanup
	rm -f "$OWNERS" "$NEVER"
	for module in test_bigref test_percpu_tag test_pressure; do
		module_unload $module
	done
	[ -z "$CGROUPS" ] || rmdir "$CGROUPS"/soak.* 2>/dev/null
}

busy() {
	[ "$(date +%s)" -lt "$END" ]
}

churn() {
	module_load test_percpu run=churn max_objects="$OBJECTS" seconds="$1"
}

torture() {
	! module_path test_bigref >/dev/null ||
		module_load test_bigref run=torture seconds="$1"
}

fight() {
	! module_path test_percpu_tag >/dev/null ||
		module_load test_percpu_tag run=fight nr_threads=4 nr_tags=16 \
			nr_timers=2 seconds="$1"
}

pressure() {
	! module_path test_pressure >/dev/null ||
		module_load test_pressure seconds="$1"
}

# retry <command...>: repeat it, because memory is short; test_pressure frees some each
# second
retry() {
	wait_for 60 "$@"
}

static_module() {
	module_unload test_percpu_static
	module_load test_percpu_static && module_unload test_percpu_static
}

modules() {
	while busy; do
		retry static_module || return 1
	done
}

groups() {
	[ -n "$CGROUPS" ] || return 0
	while busy; do
		for nr in 1 2 3 4 5 6 7 8; do
			retry mkdir "$CGROUPS/soak.$nr" || return 1
		done
		for nr in 1 2 3 4 5 6 7 8; do
			rmdir "$CGROUPS/soak.$nr" || return 1
		done
	done
}

namespaces() {
	unshare -n true 2>/dev/null || return 0
	while busy; do
		retry unshare -n true || return 1
	done
}

readers() {
	while busy; do
		wait_for 8 cat "$DEBUGFS"/percpu/* "$DEBUGFS/percpu_stats" >/dev/null ||
			return 1
		sleep 1
	done
}

# everything <seconds>: run all jobs; set $wrong if one of them fails
everything() {
	END=$(($(date +%s) + $1))
	pids=
	for job in $JOBS; do
		$job "$1" &
		pids="$pids $job:$!"
	done
	SECONDS_TO_RUN=$1
	cpus=$(hotplug_cpus)
	[ -z "$cpus" ] || hotplug_rounds $cpus
	for job in $pids; do
		wait "${job#*:}" || wrong=${wrong:-"${job%:*} failed"}
	done
	for module in test_percpu test_bigref test_percpu_tag test_pressure; do
		module_unload $module || wrong=${wrong:-"$module does not unload"}
	done
}

# pause <seconds>: without a process, if read of the shell has a timeout
pause() {
	if [ -n "$NEVER" ]; then
		read -r -t "$1" _ <> "$NEVER"
	else
		sleep "$1"
	fi
}

# Set $percpu to the kB of Percpu:, $in_use to the kB that are in use, and $objects to
# the number of objects.  Before, no process is started for two seconds, because a
# process has percpu memory while it runs.
look() {
	pause 2
	objects='?'
	while read -r name kb _; do
		[ "$name" != Percpu: ] || percpu=$kb
	done < /proc/meminfo
	in_use=$percpu
	[ -r "$DEBUGFS/percpu_stats" ] || return 0
	while read -r name _ value _; do
		case $name in
		nr_cur_alloc) objects=$value ;;
		empty_pop_pages) in_use=$((percpu - value * PAGE_KB * CPUS)) ;;
		esac
	done < "$DEBUGFS/percpu_stats"
}

# Objects that smpcfd_prepare_cpu() allocated during the load keep the pages that were
# populated then.  So take the CPUs offline and online once more after the load,
# when the caches are empty.
rest() {
	cpus_go $cpus
	pause 2
	cpus_come $cpus
	sync
	drop_caches
	settle
	look
}

# In less than a minute some objects that the kernel allocates only once are not
# allocated yet, and those that are can be in any page.
is_short() {
	[ "$SECONDS_ASKED" -lt 60 ]
}

# percent <kB>: print one percent more
percent() {
	echo $(($1 + $1 / 100))
}

# Return true if no more memory is in use than before.
back() {
	drop_caches
	look
	[ "$in_use" -le "$LIMIT" ] && { is_short || [ "$percpu" -le "$MOST" ]; }
}

# Print the lines of stats and owners that differ from those at the start.
owners_differ() {
	now=$(cat "$DEBUGFS/percpu/stats" /proc/allocinfo 2>/dev/null)
	say now
	printf '%s\n' "$now" | grep -vxF -f "$OWNERS" | comment
	say before
	printf '%s\n' "$now" | grep -vxF -f - "$OWNERS" | comment
}

plan 2
mount_point DEBUGFS debugfs
OWNERS=$(mktemp)
PAGE_KB=$(page_kb)
NEVER=
if (echo | read -r -t 1 _) 2>/dev/null; then
	NEVER=$(mktemp -u)
	mkfifo "$NEVER" || NEVER=
fi
mount_point CGROUPS cgroup2 || CGROUPS=
[ -z "$CGROUPS" ] || echo +memory > "$CGROUPS/cgroup.subtree_control"
ONLINE=$(count_cpus $CPU_DIR/online)
OBJECTS=$(churn_objects 8 "$ONLINE" 1024)
SECONDS_ASKED=$SECONDS_TO_RUN

# A first short run allocates what the kernel allocates only once.
wrong=''
log_mark
everything "$(max 2 $((SECONDS_ASKED / 30)))"
rest
IDLE=$in_use
LIMIT=$(percent "$IDLE")
! is_short || LIMIT=$(max "$LIMIT" $((IDLE + 2 * CPUS * PAGE_KB)))
MOST=$(percent "$percpu")
idle="$IDLE kB of $percpu kB, $objects objects"
cat "$DEBUGFS/percpu/stats" /proc/allocinfo > "$OWNERS" 2>/dev/null
everything "$SECONDS_ASKED"
log_is_clean || wrong=${wrong:-"a report in the kernel's log"}
conclude soak "$wrong"

rest
wrong=''
wait_for 20 back || wrong="more than $IDLE kB in use"
[ "$in_use" = "$IDLE" ] || owners_differ
say "In use before: $idle"
say "after $SECONDS_ASKED s: $in_use kB of $percpu kB, $objects objects"
conclude memory_back "$wrong"
finish
