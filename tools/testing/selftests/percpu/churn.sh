#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Threads allocate and free at random and check the contents of their objects: alone,
# during CPU hotplug, and while a module with percpu data is loaded and unloaded.
#
# PERCPU_TEST_LOADS is the number of loads, by default 50.  PERCPU_TEST_SEED repeats
# the random sequences of an earlier run.

. "$(dirname "$0")/functions.sh"

extra_cleanup() {
	hotplug_cleanup
}

churn() {
	echo run=churn max_objects="$OBJECTS" seed="${PERCPU_TEST_SEED:-0}"
}

# Start churn in the background; churn_end stops it.
churn_begin() {
	log_mark
	# shellcheck disable=SC2046
	job_begin test_percpu $(churn) seconds=600
}

# churn_end <test> <error so far, or nothing>
churn_end() {
	wrong=$2
	job_end || wrong=${wrong:-"the module failed"}
	log_fetch
	log_say 'test_percpu.*: .*'
	module_unload test_percpu || wrong=${wrong:-"the module does not unload"}
	log_is_clean || wrong=${wrong:-"a report in the kernel's log"}
	conclude "$1" "$wrong"
}

churn_hotplug() {
	cpus=$(hotplug_cpus)
	if [ -z "$cpus" ]; then
		skip churn_hotplug "no CPU goes offline"
		return
	fi
	churn_begin
	wrong=''
	hotplug_rounds $cpus
	churn_end churn_hotplug "$wrong"
}

churn_modules() {
	churn_begin
	wrong=''
	loads=0
	while [ $loads -lt "${PERCPU_TEST_LOADS:-50}" ] && [ -z "$wrong" ]; do
		module_load test_percpu_static || wrong="load $loads failed"
		module_unload test_percpu_static || wrong="unload $loads failed"
		loads=$((loads + 1))
	done
	say "$loads times loaded and unloaded"
	churn_end churn_modules "$wrong"
}

plan 4

ONLINE=$(count_cpus $CPU_DIR/online)
OBJECTS=$(churn_objects 4 "$ONLINE" 1024)

run_case churn max_objects="$OBJECTS" seconds="$SECONDS_TO_RUN" \
	seed="${PERCPU_TEST_SEED:-0}"
run_case cpu_hotplug
churn_hotplug
churn_modules

finish
