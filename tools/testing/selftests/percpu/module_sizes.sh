#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Modules with percpu data of all sizes, one, some, many: they load, their data
# holds on every CPU, they unload, and the memory comes back.  What cannot be
# had is refused with a message.
#
# PERCPU_TEST_FULL=1 for 200 modules with 4 KB and 64 MB in total; by default
# there are fewer.

. "$(dirname "$0")/functions.sh"

LOADER=$DIR/load_modules
SIZES="4 4096 65536 1048576"
REPORTED="6488 5200 4104"

gen_name() {
	echo "test_percpu_gen_$1_n$2"
}

gen_file() {
	module_path "$(gen_name "$1" 0000)"
}

extra_cleanup() {
	for bytes in $SIZES $REPORTED 3000; do
		unload "$bytes" 0 300 >/dev/null 2>&1
	done
}

# load <bytes> <first> <count>
load_copies() {
	"$LOADER" load "$(gen_file "$1")" "$2" "$3" 1 2>&1 | comment
	[ "$(loaded "$1")" = "$3" ]
}

unload() {
	"$LOADER" unload "$(gen_file "$1")" "$2" "$3" 1 2>&1 | comment
}

# How many copies there are
loaded() {
	grep -c "^test_percpu_gen_$1_n" /proc/modules
}

check_copies() {
	for param in /sys/module/test_percpu_gen_"$1"_n*/parameters/check; do
		[ -e "$param" ] && echo 1 > "$param" 2>/dev/null || return 1
	done
}

# What is withheld for modules: nothing but in a linear first chunk
reserved_bytes() {
	sed -n 's/^ *reserved_size *: *//p' "$DEBUGFS/percpu_stats" 2>/dev/null
}

# Only a linear first chunk refuses what fits into memory.
reserve_is_short() {
	log_since_mark | grep -q 'not loaded.*raise percpu_reserve='
}

# came_back <kB before>: what the modules took is free again
came_back() {
	wait_for 30 used_at_most $(($1 + 32 * CPUS)) && return
	say "used: $1 kB before, $(used_kb) kB after"
	return 1
}

# sizes <test> <count> <bytes...>: so many copies of each, all loaded at once
sizes() {
	test=$1 count=$2
	shift 2
	wrong=
	settle
	log_mark
	for bytes in "$@"; do
		load_copies "$bytes" 1 "$count" || wrong="$bytes bytes do not load"
	done
	peak=$(used_kb)
	for bytes in "$@"; do
		[ -n "$wrong" ] || check_copies "$bytes" || wrong="the contents"
	done
	for bytes in "$@"; do
		unload "$bytes" 1 "$count"
		[ "$(loaded "$bytes")" = 0 ] || wrong="a module stays"
	done
	came_back "$before" || wrong=${wrong:-"memory did not come back"}
	say "$count of" "$@" "bytes on $CPUS CPUs. Used: $before kB, $peak kB, $(used_kb) kB"
	log_is_clean || wrong="a report in the kernel's log"
	log_since_mark | grep FAIL | comment | grep . && wrong="the contents"
	if [ -z "$wrong" ]; then
		pass "$test"
	elif [ "$wrong" != "the contents" ] && reserve_is_short; then
		log_since_mark | grep 'not loaded' | head -n 1 | comment
		skip "$test" "the reserve is too small, and the message says so"
	else
		fail "$test" "$wrong"
	fi
}

# refused <test> <size> <alignment> <reason>: nothing is loaded, the message
# has all of it, nothing leaks
refused() {
	name=$(gen_name 4096 0000)
	settle
	log_mark
	if "$LOADER" bent "$(gen_file 4096)" "$2" "$3" 2>/dev/null; then
		fail "$1" "the module was loaded"
		return
	fi
	log_since_mark | grep 'not loaded' | comment
	if ! log_since_mark | grep "$name: not loaded.*$4" |
			grep -q "(size $2, align $3)"; then
		fail "$1" "no message, or not all of it"
	elif module_loaded "$name"; then
		fail "$1" "it is in /proc/modules"
	elif ! came_back "$before" || ! log_is_clean; then
		fail "$1" "something stays"
	else
		pass "$1"
	fi
}

# A linear first chunk is full one day. Who comes then is told what to raise,
# and who is there stays.
reserve() {
	size=$(reserved_bytes)
	if [ "${size:-0}" = 0 ]; then
		skip reserve "modules have no reserve here"
		return
	fi
	bytes=65536
	most=$((size / bytes + 64))
	wrong=
	settle
	log_mark
	"$LOADER" load "$(gen_file $bytes)" 1 $most 1 >/dev/null 2>&1 &&
		wrong="$most modules load"
	count=$(loaded $bytes)
	say "a reserve of $size bytes: $count of $most modules with $bytes load"
	log_since_mark | grep 'not loaded' | head -n 1 | comment
	log_since_mark | grep 'not loaded.*raise percpu_reserve=' |
		grep -q "(size $bytes, align " || wrong=${wrong:-"no message"}
	# What begins and ends within a chunk may be too short for one at either end.
	[ "$count" -ge $((size / bytes - 1)) ] || wrong="the reserve cannot be used up"
	[ "$count" = 0 ] || check_copies $bytes || wrong="the contents"
	unload $bytes 1 $most
	came_back "$before" || wrong=${wrong:-"memory did not come back"}
	log_is_clean || wrong="a report in the kernel's log"
	conclude reserve "$wrong"
}

plan 9

if [ ! -x "$LOADER" ] || ! gen_file 4 >/dev/null; then
	for test in variable three_kilobytes reported together many megabytes \
			too_large alignment reserve; do
		skip "$test" "no generated modules beside $DIR"
	done
	finish
fi
mount_point DEBUGFS debugfs
# A quarter of the memory is what a test may take.
budget=$(($(unit_budget 4) / 1048576))
if [ -n "$PERCPU_TEST_FULL" ]; then
	many=200 megabytes=64
else
	many=20 megabytes=$(max 1 "$(min 4 $budget)")
fi

sizes variable 1 4
sizes three_kilobytes 3 3000
sizes reported 1 $REPORTED
sizes together 1 $SIZES
sizes many $many 4096
if [ $budget -lt "$megabytes" ]; then
	skip megabytes "$megabytes MB for each of $CPUS CPUs is too much here"
else
	sizes megabytes "$megabytes" 1048576
fi
if is_smp; then
	refused too_large 536870912 8 'size is over the limit'
	refused alignment 4096 $(($(page_kb) * 2048)) 'alignment is over a page'
else
	skip too_large "no percpu sections without SMP"
	skip alignment "no percpu sections without SMP"
fi
reserve

finish
