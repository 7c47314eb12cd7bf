#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# bigref: threads and interrupts take and put references while their owners
# disown: with percpu memory, without any, and while CPUs go and come back.
# pays prints what gets and puts cost, and fails only if the count is wrong then.
#
# PERCPU_TEST_SEED repeats the random sequences of an earlier run.

. "$(dirname "$0")/functions.sh"

NO_PERCPU=/sys/module/bigref/parameters/no_percpu
NR_PERCPU=/sys/module/bigref/parameters/nr_percpu
STOP=/sys/module/test_bigref/parameters/stop

extra_cleanup() {
	module_unload test_bigref
	[ ! -w $NO_PERCPU ] || echo 0 > $NO_PERCPU
	hotplug_cleanup
}

load_bigref() {
	log_mark
	module_load test_bigref seed="${PERCPU_TEST_SEED:-0}" "$@"
}

# judge <test> <what went wrong so far>
judge() {
	wrong=$2
	log_fetch
	log_say 'test_bigref: .*'
	module_unload test_bigref || wrong=${wrong:-"the module does not unload"}
	log_is_clean || wrong=${wrong:-"a report in the kernel's log"}
	! log_grep -q 'bigref: .*leaked' ||
		wrong=${wrong:-"a count was called wrong"}
	conclude "$1" "$wrong"
}

# bigref_case <test> [parameter=value ...]
bigref_case() {
	name=$1
	shift
	wrong=''
	load_bigref "$@" || wrong="the module failed"
	judge "$name" "$wrong"
}

torture() {
	bigref_case "$1" run=torture seconds="$SECONDS_TO_RUN"
}

torture_no_percpu() {
	if [ ! -w $NO_PERCPU ]; then
		skip torture_no_percpu "no percpu counts on UP"
		return
	fi
	echo 1 > $NO_PERCPU
	torture torture_no_percpu
	echo 0 > $NO_PERCPU
}

torture_running() {
	[ -e "$STOP" ]
}

torture_hotplug() {
	cpus=$(hotplug_cpus)
	if [ -z "$cpus" ]; then
		skip torture_hotplug "no CPU goes offline"
		return
	fi
	wrong=''
	log_mark
	module_load test_bigref seed="${PERCPU_TEST_SEED:-0}" run=torture \
		seconds=600 &
	TORTURE=$!
	wait_for 10 torture_running
	hotplug_rounds $cpus
	echo 1 > "$STOP" 2>/dev/null
	wait $TORTURE || wrong=${wrong:-"the module failed"}
	judge torture_hotplug "$wrong"
}

# What counts took must come back, after some grace periods.
none_in_use() {
	[ "$(cat $NR_PERCPU)" = "$BEFORE" ]
}

memory_back() {
	if [ ! -r $NR_PERCPU ]; then
		skip memory_back "no percpu counts on UP"
	elif wait_for 10 none_in_use; then
		pass memory_back
	else
		fail memory_back "$(cat $NR_PERCPU) counts, $BEFORE before"
	fi
}

plan 5
module_unload test_bigref
BEFORE=$(cat $NR_PERCPU 2>/dev/null)
torture torture
torture_no_percpu
torture_hotplug
memory_back
bigref_case pays run=pays
finish
