#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Percpu data of modules is what percpu data of the kernel is: for another
# module, for CPUs that come later, for lockdep, kmemleak and kallsyms, and for
# the processor.

. "$(dirname "$0")/functions.sh"

LEAKS=
OFFLINE=

extra_cleanup() {
	for cpu in $OFFLINE; do
		echo 1 > "$CPU_DIR/cpu$cpu/online"
	done
}

# The address of a kernel function or symbol, for people who may see it
address_of() {
	sed -n "s/^\([0-9a-f]*\) . $1\([[:space:]].*\)\{0,1\}$/0x\1/p" /proc/kallsyms \
		2>/dev/null | head -n 1
}

# verdict <test> <what went wrong>
verdict() {
	log_is_clean
	clean=$?
	log_say 'test_percpu.*: .*'
	if [ -n "$2" ]; then
		fail "$1" "$2"
	elif log_has FAIL && log_grep -q 'test_percpu.*FAIL'; then
		fail "$1" "see above"
	elif [ $clean != 0 ]; then
		fail "$1" "a report in the kernel's log"
	else
		pass "$1"
	fi
}

# Two modules, one of which has the variable
pair() {
	wrong=
	log_mark
	for _ in 1 2; do
		module_load test_percpu_export || wrong="the first does not load"
		module_load test_percpu_import || wrong="the second does not load"
		rmmod test_percpu_export 2>/dev/null &&
			wrong="the first was unloaded under the second"
		module_unload test_percpu_import || wrong="the second stays"
		module_unload test_percpu_export || wrong="the first stays"
	done
	verdict pair "$wrong"
}

# The values are those of /proc/kallsyms, as drgn and crash find them.
addresses() {
	if ! grep -q ' [dDbB] ' /proc/kallsyms; then
		skip addresses "kallsyms has no data (CONFIG_KALLSYMS_ALL)"
		return
	fi
	log_mark
	fn=$(address_of is_module_percpu_address)
	# A function that nobody calls by pointer is sealed against it.
	if [ -z "$fn" ] || grep -qw ibt /proc/cpuinfo || ! is_smp; then
		say "is_module_percpu_address() cannot be called from here"
		fn=0
	fi
	if ! module_load test_percpu_export is_module_fn="$fn"; then
		verdict addresses "the module does not load"
		return
	fi
	own=$(cat /sys/module/test_percpu_export/parameters/symbol)
	seen=$(($(address_of test_percpu_shared)))
	say "kallsyms says $seen, the module says $own"
	# One may be printed unsigned, the other signed.
	wrong=
	[ "$(printf '%x' "$seen")" = "$(printf '%x' "$own")" ] ||
		wrong="they differ"
	module_unload test_percpu_export
	verdict addresses "$wrong"
}

# lockdep says so, and stops, when it takes a percpu lock for a dynamic one.
lock_keys() {
	if [ ! -e /proc/lockdep ]; then
		skip lock_keys "no lockdep"
		return
	fi
	wrong=
	log_mark
	module_load test_percpu_export || wrong="the module does not load"
	module_unload test_percpu_export
	log_since_mark | grep -q 'non-static key' && wrong="no static keys"
	grep -q 'debug_locks: *0' /proc/lockdep_stats && wrong="lockdep has stopped"
	verdict lock_keys "$wrong"
}

# How many leaks there are after two scans, all objects being old enough
leaks() {
	sleep 6
	echo scan > "$LEAKS"
	echo scan > "$LEAKS"
	# The code that allocated them is gone, and its name with it.
	grep -c 'size 32768' "$LEAKS"
}

# What only percpu data points to is no leak; without the pointer it is one.
kmemleak() {
	LEAKS=$DEBUGFS/kmemleak
	if [ -z "$DEBUGFS" ] || [ ! -e "$LEAKS" ]; then
		skip kmemleak "no kmemleak"
		return
	fi
	wrong=
	quiet=$(cat /proc/sys/kernel/printk)
	log_mark
	echo clear > "$LEAKS"
	module_load test_percpu_export || wrong="the module does not load"
	held=$(leaks)
	[ "$held" = 0 ] || wrong="$held leaks while percpu data has the pointers"
	# That these are found is no fault: not on the console.
	echo 1 > /proc/sys/kernel/printk
	echo 1 > /sys/module/test_percpu_export/parameters/drop
	dropped=$(leaks)
	echo 0 > /sys/module/test_percpu_export/parameters/drop
	[ "$dropped" -gt 0 ] || wrong=${wrong:-"no leaks without the pointers"}
	say "$held leaks with the pointers, $dropped without"
	module_unload test_percpu_export
	sleep 1
	echo "$quiet" > /proc/sys/kernel/printk
	conclude kmemleak "$wrong"
}

# Who comes online after the load finds its copies.
late_cpus() {
	OFFLINE=$(hotplug_cpus)
	if [ -z "$OFFLINE" ]; then
		skip late_cpus "no CPU goes offline"
		return
	fi
	wrong=
	log_mark
	name=test_percpu_gen_65536_n0000
	for cpu in $OFFLINE; do
		[ "$(cat $CPU_DIR/cpu"$cpu"/online)" = 1 ] ||
			say "cpu $cpu was never online so far"
		echo 0 > "$CPU_DIR/cpu$cpu/online" 2>/dev/null
	done
	before=$(count_cpus $CPU_DIR/online)
	if ! module_load $name; then
		# A linear layout has no more than its reserve for modules.
		log_since_mark | grep -q 'raise percpu_reserve=' &&
			name=test_percpu_gen_3000_n0000
		module_load $name || wrong="the module does not load"
	fi
	for cpu in $OFFLINE; do
		echo 1 > "$CPU_DIR/cpu$cpu/online" || wrong="cpu $cpu stays offline"
	done
	say "$before CPUs online at the load, $(count_cpus $CPU_DIR/online) later"
	OFFLINE=
	echo 1 > /sys/module/$name/parameters/check || wrong="the contents"
	module_unload $name
	verdict late_cpus "$wrong"
}

# one_instruction <function>: it refers to memory once, by the segment of percpu data
one_instruction() {
	sed -n "/<$1>:\$/,/^\$/p" "$DIR/instructions.txt" | sed -n '2,$p' |
		grep -v 'nop' | grep -e '(' -e ':0x' -e "$SEGMENT" > "$TMP"
	comment < "$TMP"
	[ "$(grep -c . "$TMP")" = 1 ] && grep -q "$SEGMENT" "$TMP"
}

instructions() {
	TMP=$(mktemp)
	case $(uname -m) in
	i?86) SEGMENT=%fs: ;;
	*) SEGMENT=%gs: ;;
	esac
	if [ ! -s "$DIR/instructions.txt" ]; then
		skip instructions "no disassembly was made"
	elif ! grep -q '^flags' /proc/cpuinfo ||
	     ! grep -q "$SEGMENT" "$DIR/instructions.txt"; then
		skip instructions "a matter of x86"
	elif ! one_instruction test_percpu_inc_static; then
		fail instructions "static percpu data takes more than one"
	elif ! one_instruction test_percpu_read_core; then
		fail instructions "the kernel's own percpu data takes more than one"
	elif ! one_instruction test_percpu_inc_dynamic; then
		fail instructions "dynamic percpu data takes more than one"
	else
		pass instructions
	fi
	rm -f "$TMP"
}

plan 6

mount_point DEBUGFS debugfs

pair
addresses
lock_keys
kmemleak
late_cpus
instructions

finish
