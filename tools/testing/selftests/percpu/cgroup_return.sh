#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The percpu memory of cgroups is returned when they are removed, also if some of them
# stay, and is charged to the right cgroup while they live.
#
# NR is the number of groups, by default 100.  PERCPU_SLACK_KB is the memory of each
# CPU that may stay allocated, by default 64, besides a tenth of what the groups
# used.

. "$(dirname "$0")/functions.sh"

NR=${NR:-100}
TOP=

# SIGPIPE, because the shell prints no message for it.
group_kill() {
	for pid in $(cat "$TOP"/*/cgroup.procs 2>/dev/null); do
		kill -PIPE "$pid" 2>/dev/null
	done
	wait
}

groups_remove() {
	group_kill
	for group in "$TOP"/*/; do
		[ ! -d "$group" ] || rmdir "$group" || return 1
	done
}

extra_cleanup() {
	if [ -n "$TOP" ] && [ -d "$TOP" ]; then
		groups_remove
		rmdir "$TOP"
	fi
}

enable_controllers() {
	for name in $(cat "$1/cgroup.controllers"); do
		echo "+$name" > "$1/cgroup.subtree_control" 2>/dev/null
	done
}

groups_make() {
	made=0
	while [ $made -lt "$1" ]; do
		mkdir "$TOP/$made" || return 1
		if [ $((made % 10)) = 0 ]; then
			group_run "$TOP/$made" sleep 300 &
		fi
		made=$((made + 1))
	done
	# Wait until all of them run, and have allocated their memory.
	wait_for 60 groups_populated
	sleep 1
}

groups_populated() {
	for procs in "$TOP"/*0/cgroup.procs; do
		[ -n "$(cat "$procs" 2>/dev/null)" ] || return 1
	done
}

# kB of removed groups that still have references: two pages of each CPU each
dying_kb() {
	dying=$(sed -n 's/^nr_dying_descendants //p' "$TOP/cgroup.stat")
	echo $((${dying:-0} * 8 * CPUS))
}

say_dying() {
	say "$(grep dying "$TOP/cgroup.stat" | tr '\n' ' ')"
}

groups_gone() {
	drop_caches
	[ "$(dying_kb)" = 0 ]
}

percpu_back() {
	drop_caches
	used_at_most $(($1 + $(dying_kb)))
}

# A first round allocates what the kernel keeps after the first group.
memory_returns() {
	groups_make 2 && groups_remove
	drop_caches
	sleep 1
	before=$(used_kb)
	if ! groups_make "$NR"; then
		fail memory_returns "mkdir"
		return
	fi
	peak=$(used_kb)
	if ! groups_remove; then
		fail memory_returns "rmdir"
		return
	fi
	allowed=$((before + ${PERCPU_SLACK_KB:-64} * CPUS + (peak - before) / 10))
	wait_for 10 groups_gone
	wait_for 60 percpu_back $allowed
	after=$(used_kb)
	allowed=$((allowed + $(dying_kb)))
	say "Percpu in use: $before kB, with $NR groups $peak kB, after them $after kB (at most $allowed)"
	say_dying
	if [ "$peak" -le "$before" ]; then
		fail memory_returns "the groups took no memory"
	elif [ "$after" -gt $allowed ]; then
		fail memory_returns "memory is missing"
	else
		pass memory_returns
	fi
}

# Remove 10 of 11 groups: what is left lies between what has gone.
groups_thin() {
	# shellcheck disable=SC2046 # one word for each group
	(cd "$TOP" && rmdir $(seq 0 329 | awk '$1 % 11'))
}

# Most of the memory is returned while some groups stay. A page of 64 KB has the memory of
# more than 11 groups, so that one of them stays.
memory_of_most_returns() {
	if [ "$(page_kb)" -gt 16 ]; then
		skip memory_of_most_returns "pages are large"
		return
	fi
	wrong=
	settle
	# shellcheck disable=SC2046 # one word for each group
	(cd "$TOP" && mkdir $(seq 0 329)) || wrong="mkdir"
	peak=$(used_kb)
	groups_thin || wrong="rmdir"
	allowed=$((before + 32 * CPUS + (peak - before) * 6 / 10))
	wait_for 60 groups_gone
	wait_for 60 used_at_most $allowed
	after=$(used_kb)
	say "Percpu in use: $before kB, with 330 groups $peak kB, with 30 of them $after kB (at most $allowed)"
	say_dying
	groups_remove || wrong="rmdir"
	[ "$peak" -gt "$before" ] || wrong="the groups took no memory"
	[ "$after" -le "$allowed" ] || wrong=${wrong:-"memory is missing"}
	conclude memory_of_most_returns "$wrong"
}

stat_percpu() {
	group_percpu "$TOP/account"
}

stat_at_least() {
	group_refresh "$TOP/account"
	[ "$(stat_percpu)" -ge "$1" ]
}

stat_at_most() {
	group_refresh "$TOP/account"
	[ "$(stat_percpu)" -le "$1" ]
}

# Objects are charged to the group of the task that allocates them, for all possible
# CPUs.  The memory of insmod may be freed late, hence the hundredth.
memory_charged() {
	count=500 size=256
	bytes=$((count * size * CPUS))
	most=$((bytes * 2))
	# The previous allocator charges no object of its first chunk, and in
	# other chunks also an array of its own.
	if old_allocator; then
		bytes=$((bytes / 2))
		most=$((most * 2))
	fi
	mkdir "$TOP/account"
	if [ -z "$(stat_percpu)" ]; then
		skip memory_charged "no percpu in memory.stat"
		return
	fi
	log_mark
	path=$(module_path test_percpu)
	if ! group_run "$TOP/account" insmod "$path" run=accounting \
			size=$size count=$count; then
		log_since_mark | comment
		fail memory_charged "the module was not loaded"
		return
	fi
	wait_for 60 stat_at_least $bytes
	charged=$(stat_percpu)
	if ! module_unload test_percpu; then
		fail memory_charged "the module does not unload"
		return
	fi
	wait_for 60 stat_at_most $((bytes / 100))
	left=$(stat_percpu)
	say "$count objects of $size bytes on $CPUS CPUs: charged $charged (at least $bytes), after rmmod $left"
	if [ "$charged" -lt $bytes ] || [ "$charged" -gt $most ]; then
		fail memory_charged "charged $charged for $bytes"
	elif [ "$left" -gt $((bytes / 100)) ]; then
		fail memory_charged "$left bytes are still charged"
	elif ! log_is_clean; then
		fail memory_charged "a report in the kernel's log"
	else
		pass memory_charged
	fi
}

# Objects can be freed after their group is removed.
group_goes_first() {
	mkdir -p "$TOP/account"
	log_mark
	path=$(module_path test_percpu)
	if ! group_run "$TOP/account" insmod "$path" run=accounting \
			size=200 count=100; then
		fail group_goes_first "the module was not loaded"
		return
	fi
	if ! rmdir "$TOP/account"; then
		fail group_goes_first "rmdir"
	elif ! module_unload test_percpu || ! log_is_clean; then
		fail group_goes_first "freeing"
	else
		pass group_goes_first
	fi
}

plan 4

mount_point DEBUGFS debugfs
if ! mount_point CGROUP cgroup2; then
	skip memory_returns "no cgroup2"
	skip memory_of_most_returns "no cgroup2"
	skip memory_charged "no cgroup2"
	skip group_goes_first "no cgroup2"
	finish
fi
enable_controllers "$CGROUP"
TOP=$CGROUP/percpu_selftest
if ! mkdir "$TOP" || ! enable_controllers "$TOP" ||
   ! grep -qw memory "$TOP/cgroup.subtree_control"; then
	skip memory_returns "no memory controller"
	skip memory_of_most_returns "no memory controller"
	skip memory_charged "no memory controller"
	skip group_goes_first "no memory controller"
	finish
fi

memory_returns
memory_of_most_returns
if module_path test_percpu >/dev/null; then
	memory_charged
	group_goes_first
else
	skip memory_charged "needs insmod and test_percpu.ko"
	skip group_goes_first "needs insmod and test_percpu.ko"
fi

finish
