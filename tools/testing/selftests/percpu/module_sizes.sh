#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: memory slow
#
# Modules with percpu data of all sizes are loaded: the data is right on all CPUs,
# and the memory is returned after the unload.  A module with an invalid size or
# alignment is refused with a message.
#
# PERCPU_TEST_FULL=1 loads 200 modules of 4 KB, and 64 MB in total; the default is
# less.

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

# load_copies <bytes> <first> <count>
load_copies() {
	"$LOADER" load "$(gen_file "$1")" "$2" "$3" 1 2>&1 | comment
	[ "$(loaded "$1")" = "$3" ]
}

unload() {
	"$LOADER" unload "$(gen_file "$1")" "$2" "$3" 1 2>&1 | comment
}

# Print the number of copies that are loaded.
loaded() {
	grep -c "^test_percpu_gen_$1_n" /proc/modules
}

check_copies() {
	for param in /sys/module/test_percpu_gen_"$1"_n*/parameters/check; do
		[ -e "$param" ] && echo 1 > "$param" 2>/dev/null || return 1
	done
}

# Print the reserve for modules: only a linear first chunk has one.
reserved_bytes() {
	sed -n 's/^ *reserved_size *: *//p' "$DEBUGFS/percpu_stats" 2>/dev/null
}

# Return true if a module was refused because the reserve is full.
reserve_is_short() {
	log_since_mark | grep -q 'not loaded.*raise percpu_reserve='
}

# came_back <kB before>: wait until the memory of the modules is returned
came_back() {
	wait_for 60 used_at_most $(($1 + 32 * CPUS)) && return
	say "used: $1 kB before, $(used_kb) kB after"
	return 1
}

# sizes <test> <count> <bytes...>: load so many copies of each size
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
		[ -n "$wrong" ] || check_copies "$bytes" || wrong="wrong contents"
	done
	for bytes in "$@"; do
		unload "$bytes" 1 "$count"
		[ "$(loaded "$bytes")" = 0 ] || wrong="a module stays"
	done
	came_back "$before" || wrong=${wrong:-"memory was not returned"}
	say "$count of" "$@" "bytes on $CPUS CPUs. Used: $before kB, $peak kB, $(used_kb) kB"
	log_is_clean || wrong="a report in the kernel's log"
	log_since_mark | grep FAIL | comment | grep . && wrong="wrong contents"
	if [ -z "$wrong" ]; then
		pass "$test"
	elif [ "$wrong" != "wrong contents" ] && reserve_is_short; then
		log_since_mark | grep 'not loaded' | head -n 1 | comment
		skip "$test" "the reserve is too small, and a message says so"
	else
		fail "$test" "$wrong"
	fi
}

# refused <test> <size> <alignment> <reason>: the module is not loaded, the message has
# its name, size, alignment and the reason, and no memory is lost
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
		fail "$1" "no message, or an incomplete one"
	elif module_loaded "$name"; then
		fail "$1" "the module is in /proc/modules"
	elif ! came_back "$before" || ! log_is_clean; then
		fail "$1" "memory is lost, or a report in the log"
	else
		pass "$1"
	fi
}

# aligned_to <alignment>: a section with an alignment over a page is aligned to a page,
# with a warning
aligned_to() {
	name=$(gen_name 4096 0000)
	settle
	log_mark
	if ! "$LOADER" bent "$(gen_file 4096)" 4096 "$1"; then
		log_since_mark | grep 'not loaded' | comment
		fail alignment "the module was not loaded"
		return
	fi
	if ! module_unload "$name"; then
		fail alignment "the module does not unload"
	elif ! log_since_mark | grep -q "$name: per-cpu alignment $1 >"; then
		fail alignment "no warning"
	elif ! came_back "$before" || ! log_is_clean; then
		fail alignment "memory is lost, or a report in the log"
	else
		pass alignment
	fi
}

# If the reserve is full, a module is refused with a message that names
# percpu_reserve=, and the loaded modules keep their data.
reserve() {
	size=$(reserved_bytes)
	if [ "${size:-0}" = 0 ]; then
		skip reserve "no reserve for modules"
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
	# The reserve may begin and end within a chunk: one module may not fit.
	[ "$count" -ge $((size / bytes - 1)) ] || wrong="the reserve cannot be used up"
	[ "$count" = 0 ] || check_copies $bytes || wrong="wrong contents"
	unload $bytes 1 $most
	came_back "$before" || wrong=${wrong:-"memory was not returned"}
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
# A test may use a quarter of the memory.
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
	skip megabytes "$megabytes MB on each of $CPUS CPUs need more memory"
else
	sizes megabytes "$megabytes" 1048576
fi
if is_smp; then
	refused too_large 536870912 8 'size is over the limit'
	aligned_to $(($(page_kb) * 2048))
else
	skip too_large "no percpu sections without SMP"
	skip alignment "no percpu sections without SMP"
fi
reserve

finish
