#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic load slow
#
# Many processes load modules with percpu data at once, and one module is loaded many
# times while threads churn.  All loads succeed, and no memory is lost.
#
# PERCPU_TEST_FULL=1 does 500 loads and 10 storms; the default is less.
# PERCPU_TEST_CYCLES sets the number of loads.

. "$(dirname "$0")/functions.sh"

LOADER=$DIR/load_modules
AT_ONCE=32

gen_file() {
	module_path "test_percpu_gen_$1_n0000"
}

extra_cleanup() {
	"$LOADER" unload "$(gen_file 4096)" 0 300 1 >/dev/null 2>&1
}

# begin, end <test>: between them no memory is lost, and the log stays clean
begin() {
	wrong=
	settle
	log_mark
}

end() {
	wait_for 60 used_at_most $((before + 32 * CPUS)) ||
		wrong=${wrong:-"memory was not returned"}
	say "used: $before kB before, $(used_kb) kB after"
	log_since_mark | grep -e FAIL -e 'not loaded' | head -n 5 | comment
	log_since_mark | grep -q -e FAIL -e 'not loaded' &&
		wrong=${wrong:-"see above"}
	log_is_clean || wrong=${wrong:-"a report in the kernel's log"}
	conclude "$1" "$wrong"
}

# Return false if the reserve of a linear first chunk is too small.
fits() {
	log_mark
	"$LOADER" load "$FILE" 1 $AT_ONCE 1 2>/dev/null
	fit=$?
	"$LOADER" unload "$FILE" 1 $AT_ONCE 1
	[ $fit = 0 ] || ! log_since_mark | grep -q 'raise percpu_reserve='
}

storm() {
	begin
	round=0
	while [ $round -lt "$STORMS" ] && [ -z "$wrong" ]; do
		"$LOADER" load "$FILE" 1 $AT_ONCE $AT_ONCE >"$TMP" 2>&1 ||
			wrong="round $round: not all load"
		for param in /sys/module/test_percpu_gen_4096_n*/parameters/check; do
			echo 1 > "$param" 2>/dev/null || wrong="round $round: wrong contents"
		done
		"$LOADER" unload "$FILE" 1 $AT_ONCE $UNLOADERS >>"$TMP" 2>&1 ||
			wrong="round $round: not all unload"
		comment < "$TMP"
		round=$((round + 1))
	done
	say "$round times $AT_ONCE modules at once"
	end storm
}

# Load and unload a module while threads churn.
cycles() {
	begin
	job_begin test_percpu run=churn seconds=3600 max_objects="$OBJECTS" \
		nr_threads="$THREADS" || wrong="no churn"
	loads=0
	while [ $loads -lt "$LOADS" ] && [ -z "$wrong" ]; do
		"$LOADER" load "$FILE" 1 1 1 >"$TMP" 2>&1 || wrong="load $loads failed"
		"$LOADER" unload "$FILE" 1 1 1 >>"$TMP" 2>&1 || wrong="unload $loads failed"
		comment < "$TMP"
		loads=$((loads + 1))
	done
	say "$loads times loaded and unloaded"
	job_end || wrong=${wrong:-"the churn failed"}
	module_unload test_percpu || wrong=${wrong:-"the module does not unload"}
	end cycles
}

plan 2

FILE=$(gen_file 4096)
if [ ! -x "$LOADER" ] || [ -z "$FILE" ]; then
	skip storm "no generated modules beside $DIR"
	skip cycles "no generated modules beside $DIR"
	finish
fi
mount_point DEBUGFS debugfs
TMP=$(mktemp)
if [ -n "$PERCPU_TEST_FULL" ]; then STORMS=10 LOADS=500; else STORMS=1 LOADS=5; fi
LOADS=${PERCPU_TEST_CYCLES:-$LOADS}
# With allocation profiling each unload flushes all slab caches, under a mutex.
if [ -e /proc/allocinfo ]; then UNLOADERS=1; else UNLOADERS=$AT_ONCE; fi
# A load waits for each CPU, so churn on half of them only.
THREADS=$(max 1 "$(min 4 $(($(count_cpus /sys/devices/system/cpu/online) / 2)))")
OBJECTS=$(churn_objects 4 "$THREADS" 256)

if fits; then
	storm
else
	skip storm "the reserve is too small, and a message says so"
fi
cycles
rm -f "$TMP"

finish
