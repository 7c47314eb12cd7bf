#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic load slow users
#
# Threads and timers contend for the tags of a percpu_tag pool ("fight"): alone, in the
# order of their arrival, with shallow allocations, while the pool is resized, and during
# CPU hotplug. The test "requests" submits
# requests by tag and completes them in interrupts.
#
# PERCPU_TAG_THREADS is the number of threads, by default 16.

. "$(dirname "$0")/functions.sh"

THREADS=${PERCPU_TAG_THREADS:-16}

extra_cleanup() {
	hotplug_cleanup
	module_unload test_percpu_tag
}

# judge <test> <error so far>: pass or fail the test
judge() {
	wrong=$2
	log_fetch
	log_say 'test_percpu_tag: .*'
	module_unload test_percpu_tag || wrong=${wrong:-"the module does not unload"}
	log_is_clean || wrong=${wrong:-"a report in the kernel log"}
	conclude "$1" "$wrong"
}

# run_tags <test> [parameter=value ...]
run_tags() {
	test=$1
	shift
	log_mark
	wrong=
	module_load test_percpu_tag seconds="$SECONDS_TO_RUN" "$@" ||
		wrong="the module was not loaded"
	judge "$test" "$wrong"
}

# fight_hotplug <test> <tags>
fight_hotplug() {
	cpus=$(hotplug_cpus)
	if [ -z "$cpus" ]; then
		skip "$1" "no CPU can go offline"
		return
	fi
	log_mark
	job_begin test_percpu_tag run=fight seconds=600 nr_threads="$THREADS" \
		nr_tags="$2" nr_timers=4
	wrong=
	hotplug_rounds $cpus
	job_end || wrong=${wrong:-"the module failed"}
	judge "$1" "$wrong"
}

module_path test_percpu_tag >/dev/null ||
	skip_all "no test_percpu_tag.ko: the kernel has no percpu tags"
plan 14

# A thread holds at most two tags and a timer one: no allocation may fail, nor wait if
# waiters are served in order.
enough=$((2 * THREADS + 4))

for tags in 4 8 $enough 64 128; do
	run_tags "fight_$tags" run=fight nr_threads="$THREADS" nr_tags="$tags" nr_timers=4
done
run_tags fight_fifo run=fight nr_threads="$THREADS" nr_tags=8 nr_timers=4 fifo=1
run_tags fight_enough_fifo run=fight nr_threads="$THREADS" nr_tags=$enough nr_timers=4 fifo=1
run_tags fight_shallow run=fight nr_threads="$THREADS" nr_tags=8 nr_timers=4 shallow=4
run_tags fight_shallow_enough run=fight nr_threads="$THREADS" nr_tags=$((enough + 4)) \
	nr_timers=4 shallow=4
run_tags fight_resize run=fight nr_threads="$THREADS" nr_tags=24 nr_timers=2 resizing=1
fight_hotplug fight_hotplug 8
fight_hotplug fight_hotplug_enough $enough
# A comparison with sbitmap_queue takes as long again as the test.
if [ "$SECONDS_TO_RUN" -gt 2 ]; then COMPARE=1; else COMPARE=0; fi
if is_smp; then
	run_tags requests run=requests seconds=1 compare=$COMPARE
	run_tags requests_fifo run=requests seconds=1 compare=$COMPARE fifo=1
else
	skip requests "needs two CPUs"
	skip requests_fifo "needs two CPUs"
fi

finish
