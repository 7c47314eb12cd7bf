#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Everything at once: threads allocate and free, count references and fight for
# tags, while modules with percpu data, control groups, network namespaces and
# CPUs come and go, debugfs is read and memory is short.  Then Percpu: is what it
# was.
#
# Nothing is slow here but the machine; PERCPU_TEST_SECONDS=1800 is a soak.

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

# Whether a command succeeds, in the end: memory is short, and some is let go every
# second.
patiently() {
	for _ in 1 2 3 4 5 6 7 8; do
		"$@" && return 0
		sleep 1
	done
	return 1
}

static_module() {
	module_unload test_percpu_static
	module_load test_percpu_static && module_unload test_percpu_static
}

modules() {
	while busy; do
		patiently static_module || return 1
	done
}

groups() {
	[ -n "$CGROUPS" ] || return 0
	while busy; do
		for nr in 1 2 3 4 5 6 7 8; do
			patiently mkdir "$CGROUPS/soak.$nr" || return 1
		done
		for nr in 1 2 3 4 5 6 7 8; do
			rmdir "$CGROUPS/soak.$nr" || return 1
		done
	done
}

namespaces() {
	unshare -n true 2>/dev/null || return 0
	while busy; do
		patiently unshare -n true || return 1
	done
}

readers() {
	while busy; do
		patiently cat "$DEBUGFS"/percpu/* "$DEBUGFS/percpu_stats" >/dev/null ||
			return 1
		sleep 1
	done
}

# everything <seconds>: sets $wrong if one of them fails
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

# pause <seconds>, without a process for it where the shell can read that long
pause() {
	if [ -n "$NEVER" ]; then
		read -r -t "$1" _ <> "$NEVER"
	else
		sleep "$1"
	fi
}

# Sets $percpu to what /proc/meminfo says, in kB, $in_use to what is in use of it,
# and $objects to how many there are, after nothing was started for two seconds: a
# process has percpu memory, and what that lies in is kept while it runs.
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

# What a CPU came back with under load (smpcfd_prepare_cpu() has it allocated) lies
# where there was room then, and stays: so they come back once more, when nobody
# has at hand any more what they had.
rest() {
	cpus_go $cpus
	pause 2
	cpus_come $cpus
	sync
	drop_caches
	settle
	look
}

# In less than a minute not all is allocated that is once and for all, and it lies
# where there is room.
is_short() {
	[ "$SECONDS_ASKED" -lt 60 ]
}

# One percent more than so many kB
percent() {
	echo $(($1 + $1 / 100))
}

# What is removed goes a while later, and what caches hold of it then.
back() {
	drop_caches
	look
	[ "$in_use" -le "$LIMIT" ] && { is_short || [ "$percpu" -le "$MOST" ]; }
}

# Who has how much now and had not at first, and the other way round
owners_differ() {
	now=$(cat "$DEBUGFS/percpu/stats" "$DEBUGFS/percpu/owners" 2>/dev/null)
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

# What is allocated once and for all is, after a first time.
wrong=''
log_mark
everything "$(max 2 $((SECONDS_ASKED / 30)))"
rest
IDLE=$in_use
LIMIT=$(percent "$IDLE")
! is_short || LIMIT=$(max "$LIMIT" $((IDLE + 2 * CPUS * PAGE_KB)))
MOST=$(percent "$percpu")
idle="$IDLE kB of $percpu kB, $objects objects"
cat "$DEBUGFS/percpu/stats" "$DEBUGFS/percpu/owners" > "$OWNERS" 2>/dev/null
everything "$SECONDS_ASKED"
log_is_clean || wrong=${wrong:-"a report in the kernel's log"}
conclude soak "$wrong"

rest
wrong=''
wait_for 10 back || wrong="more than $IDLE kB in use"
[ "$in_use" = "$IDLE" ] || owners_differ
say "In use before: $idle"
say "after $SECONDS_ASKED s: $in_use kB of $percpu kB, $objects objects"
conclude memory_back "$wrong"
finish
