#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic users
#
# bigref: threads and interrupts get and put references while owners disown
# their objects: with percpu memory, without percpu memory, and during CPU
# hotplug. The test "pays" prints the cost of gets and puts; it fails only if
# the final count is wrong.  torture_bigref.ko performs every operation in every
# state.
#
# PERCPU_TEST_SEED=N repeats the random sequences of an earlier run.

. "$(dirname "$0")/functions.sh"

NO_PERCPU=/sys/module/bigref/parameters/no_percpu

MODULE=test_bigref

extra_cleanup() {
	module_unload test_bigref
	module_unload torture_bigref
	[ ! -w $NO_PERCPU ] || echo 0 > $NO_PERCPU
	hotplug_cleanup
}

load_bigref() {
	log_mark
	module_load $MODULE seed="${PERCPU_TEST_SEED:-0}" "$@"
}

# judge <test> <error so far>: pass or fail the test
judge() {
	wrong=$2
	log_fetch
	log_say "$MODULE: .*"
	module_unload $MODULE || wrong=${wrong:-"the module cannot be unloaded"}
	log_is_clean || wrong=${wrong:-"a report in the kernel log"}
	! log_grep -q 'bigref: .*leaked' ||
		wrong=${wrong:-"a count was reported as misused"}
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

# Every operation in every state: with and without percpu memory
operations() {
	MODULE=torture_bigref
	[ "$1" = operations ] || echo 1 > $NO_PERCPU
	bigref_case "$1" seconds="$SECONDS_TO_RUN"
	[ "$1" = operations ] || echo 0 > $NO_PERCPU
	MODULE=test_bigref
}

operations_no_percpu() {
	if [ -w $NO_PERCPU ]; then
		operations operations_no_percpu
	else
		skip operations_no_percpu "no percpu counts on UP"
	fi
}

# during_hotplug <test> [parameter=value ...]
during_hotplug() {
	name=$1
	shift
	cpus=$(hotplug_cpus)
	if [ -z "$cpus" ]; then
		skip "$name" "no CPU can go offline"
		return
	fi
	wrong=''
	log_mark
	job_begin $MODULE seed="${PERCPU_TEST_SEED:-0}" seconds=600 "$@"
	hotplug_rounds $cpus
	job_end || wrong=${wrong:-"the module failed"}
	judge "$name" "$wrong"
}

operations_hotplug() {
	MODULE=torture_bigref
	during_hotplug operations_hotplug
	MODULE=test_bigref
}

# All counters must be freed after some grace periods.
memory_back() {
	if [ ! -w $NO_PERCPU ]; then
		skip memory_back "no percpu counts on UP"
		return
	fi
	wrong=
	counters_are_back
	conclude memory_back "$wrong"
}

plan 8
module_unload test_bigref
module_unload torture_bigref
before=$(nr_percpu)
torture torture
torture_no_percpu
during_hotplug torture_hotplug run=torture
operations operations
operations_no_percpu
operations_hotplug
memory_back
bigref_case pays run=pays
finish
