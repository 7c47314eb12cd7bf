#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic
#
# Users of percpu caches free objects as they were constructed: processes ("processes")
# and cgroups ("cgroups") come and go on all CPUs. Each copy of an object is checked with
# percpu_debug=on. Without it, new groups are looked at: all that they count is 0.

. "$(dirname "$0")/functions.sh"

ROUNDS=${ROUNDS:-20}
TOP=
SAID=$(mktemp)

extra_cleanup() {
	rm -f "$SAID"
	[ -z "$TOP" ] || rmdir "$TOP"/* "$TOP" 2>/dev/null
}

# judge <test> <error so far>: pass or fail the test
judge() {
	wrong=$2
	log_is_clean || wrong=${wrong:-"a report in the kernel log"}
	if log_grep -q 'percpu_cache: .*\(invalid free\|constructed state\)'; then
		log_say 'percpu_cache: .*'
		wrong=${wrong:-"a percpu cache reports an error"}
	fi
	conclude "$1" "$wrong"
}

processes() {
	log_mark
	wrong=
	"$DIR/mm_threads" "$ROUNDS" || wrong="mm_threads"
	judge processes "$wrong"
}

# A task of the group writes memory and reads a file on each CPU that is online. The shell
# starts dd, not taskset: execvp() of the C library of sparc64 fails in a static program.
group_used() {
	for cpu in $(expand "$(cat $CPU_DIR/online)"); do
		# shellcheck disable=SC2016 # the shell in the group expands it
		group_run "$1" sh -c 'taskset -pc "$0" $$ && exec dd if=/dev/zero of=/dev/null \
			bs=64k count=4' "$cpu" >"$SAID" 2>&1 && continue
		wrong="a task on CPU $cpu: $(tail -n 1 "$SAID")"
		return 1
	done
}

# Set $wrong if a call or a task fails.
groups_come_and_go() {
	round=0
	while [ $round -lt "$ROUNDS" ]; do
		if ! mkdir "$TOP/$round" "$TOP/$round/child"; then
			wrong="mkdir in round $round"
			return
		fi
		group_used "$TOP/$round/child" || return
		if ! rmdir "$TOP/$round/child" "$TOP/$round"; then
			wrong="rmdir in round $round"
			return
		fi
		round=$((round + 1))
	done
}

# sum_of <file> <name>: print that statistic of all groups
sum_of() {
	sed -n "s/^$2 //p" "$TOP/$1" 2>/dev/null
}

# What groups have used is in the sums of their parent when they are gone. The kernel
# adds up the statistics of memory every two seconds.
sums_rose() {
	usage=$(sum_of cpu.stat usage_usec)
	faults=$(sum_of memory.stat pgfault)
	[ "${usage:-0}" -gt "$usage_before" ] &&
		{ [ -z "$faults" ] || [ "$faults" -gt "$faults_before" ]; }
}

cgroups() {
	if ! mount_point CGROUP cgroup2; then
		skip cgroups "no cgroup2"
		return
	fi
	TOP=$CGROUP/percpu_users
	wrong=
	log_mark
	echo +memory > "$CGROUP/cgroup.subtree_control" 2>/dev/null
	mkdir "$TOP"
	echo +memory > "$TOP/cgroup.subtree_control" 2>/dev/null
	usage_before=$(sum_of cpu.stat usage_usec)
	faults_before=$(sum_of memory.stat pgfault)
	groups_come_and_go
	sleep 2
	# Objects of the removed groups are used again, and begin at 0.
	mkdir "$TOP/new" || wrong=${wrong:-"mkdir"}
	used=$(sed -n 's/^usage_usec //p' "$TOP/new/cpu.stat")
	[ "$used" = 0 ] || wrong=${wrong:-"a new group has used $used us"}
	dirty=$(grep -v ' 0$' "$TOP/new/memory.stat" 2>/dev/null |
		grep -Ev '^(percpu|kernel|slab|slab_unreclaimable) ')
	[ -z "$dirty" ] || wrong=${wrong:-"a new group has $dirty"}
	wait_for 60 sums_rose || wrong=${wrong:-"the sums do not rise"}
	say "cgroups: $usage_before us before, $usage after," \
		"${faults_before:-no} page faults before, ${faults:-none} after"
	judge cgroups "$wrong"
}

plan 2
processes
cgroups
finish
