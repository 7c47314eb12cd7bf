#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: slow
#
# CPUs isolated by isolcpus= or nohz_full= are not interrupted because of percpu
# memory that other CPUs use, but for a TLB flush in 30 s, which gives pages back.
#
# CALLS is the number of function calls that each isolated CPU may get meanwhile, by
# default 3.

. "$(dirname "$0")/functions.sh"

CALLS=${CALLS:-3}

# Print the CPUs that isolcpus= or nohz_full= isolate, one a line.
isolated_cpus() {
	for file in isolated nohz_full; do
		cpus=$(grep -s '^[0-9]' $CPU_DIR/$file) && expand "$cpus"
	done | sort -nu
}

# Let programs of this script run on the other CPUs: nohz_full= does not keep them away.
leave_isolated() {
	others=
	for cpu in $(expand "$(cat $CPU_DIR/online)"); do
		case " $ISOLATED" in
		*" $cpu "*) ;;
		*) others="${others:+$others,}$cpu" ;;
		esac
	done
	taskset -pc "$others" $$ >/dev/null || say "cannot leave CPUs $ISOLATED"
}

# Print the function calls that isolated CPUs got since boot.
calls() {
	awk -v cpus="$ISOLATED" '
		NR == 1 {for (i = 1; i <= NF; i++) column[$i] = i + 1}
		/[Ff]unction call interrupts/ {
			n = split(cpus, cpu, " ")
			for (i = 1; i <= n; i++) sum += $column["CPU" cpu[i]]
			print sum
		}' /proc/interrupts
}

log_says() {
	log_since_mark | grep -q "test_percpu: pulse: $1"
}

# few_calls <calls before> <calls after>
few_calls() {
	most=$((CALLS * $(echo "$ISOLATED" | wc -w)))
	say "$(($2 - $1)) function calls on isolated CPUs $ISOLATED(at most $most)"
	reason="isolated CPUs are interrupted"
	[ $(($2 - $1)) -le $most ]
}

# try <test>: the best of five tries.  Other users of such calls count, too, and the
# worker of a slow machine gives the pages back in more parts.
try() {
	reason=
	for _ in 1 2 3 4 5; do
		"$1" && reason= && break
	done
	conclude "$1" "$reason"
}

# 500 pages come and go, 10 times.  Programs run on other CPUs only.
pages() {
	count=$(min 500 $(($(unit_budget 4) / 4096)))
	log_mark
	module_load test_percpu run=pulse size=4096 count="$count" rounds=10 &
	begun=
	wait_for 60 log_says begin && begun=1
	sleep 1
	before=$(calls)
	wait_for 120 log_says end || begun=
	after=$(calls)
	if [ -z "$begun" ]; then
		reason="the objects do not come and go in time"
		wait $!
		module_unload test_percpu
		return 1
	fi
	if ! wait $! || ! module_unload test_percpu; then
		reason="the module was not loaded"
		return 1
	fi
	if ! log_is_clean; then
		reason="a report in the kernel's log"
		return 1
	fi
	say "$count pages, 10 times"
	few_calls "$before" "$after"
}

groups_come_and_go() {
	made=0
	while [ $made -lt 100 ]; do
		mkdir "$CGROUP/percpu_isolated/$made" || return 1
		made=$((made + 1))
	done
	rmdir "$CGROUP/percpu_isolated/"*/
	sleep 1
}

# 100 cgroups come and go, 5 times, after a first time.
groups() {
	groups_come_and_go
	before=$(calls)
	round=0
	while [ $round -lt 5 ]; do
		groups_come_and_go || break
		round=$((round + 1))
	done
	after=$(calls)
	reason="mkdir fails"
	[ $round = 5 ] && few_calls "$before" "$after"
}

extra_cleanup() {
	[ ! -d "$CGROUP/percpu_isolated" ] || rmdir "$CGROUP/percpu_isolated"
}

plan 2
ISOLATED=$(isolated_cpus | tr '\n' ' ')
if [ -z "$ISOLATED" ] || [ -z "$(calls)" ]; then
	for test in pages groups; do
		skip $test "no CPU is isolated, or no function calls in /proc/interrupts"
	done
	finish
fi
leave_isolated
mount_point DEBUGFS debugfs
try pages
if mount_point CGROUP cgroup2 && echo +memory > "$CGROUP/cgroup.subtree_control" &&
   mkdir "$CGROUP/percpu_isolated" &&
   echo +memory > "$CGROUP/percpu_isolated/cgroup.subtree_control"; then
	try groups
else
	skip groups "no memory controller"
fi
finish
