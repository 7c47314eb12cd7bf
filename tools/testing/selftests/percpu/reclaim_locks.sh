#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic
#
# Percpu memory is allocated under a lock that reclaim takes, during reclaim: no task
# hangs, and lockdep reports nothing.

. "$(dirname "$0")/functions.sh"

lockdep_works() {
	grep -q '^ *debug_locks: *1' /proc/lockdep_stats 2>/dev/null
}

# drop_caches_for <seconds>: 2 runs the shrinkers, 4 suppresses the log message
drop_caches_for() {
	echo 4 > /proc/sys/vm/drop_caches
	end=$(($(date +%s) + $1))
	while [ "$(date +%s)" -lt $end ]; do
		echo 2 > /proc/sys/vm/drop_caches
		sleep 0.1 2>/dev/null || sleep 1
	done
}

plan 3

if lockdep_works; then watched=1; else watched=0; fi

drop_caches_for "$SECONDS_TO_RUN" &
run_case nofs_reclaim seconds="$SECONDS_TO_RUN"
wait

scans=$(log_since_mark | sed -n 's/.*nofs_reclaim: \([0-9]*\) scans.*/\1/p')
if [ "${scans:-0}" -gt 10 ]; then
	pass reclaim_entered
else
	fail reclaim_entered "only ${scans:-0} scans"
fi

if [ $watched = 0 ]; then
	skip lockdep_quiet "lockdep is not built in, or was disabled by an earlier report"
elif lockdep_works && log_is_clean; then
	pass lockdep_quiet
else
	log_since_mark | head -n 100 | comment
	fail lockdep_quiet "a report of lockdep, or lockdep is disabled"
fi

finish
