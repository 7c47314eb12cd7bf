#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Percpu data of modules works like that of the kernel: for another module, for CPUs
# that come online later, for lockdep, kmemleak and kallsyms.  On x86 an access is
# one instruction.

. "$(dirname "$0")/functions.sh"

LEAKS=
OFFLINE=

extra_cleanup() {
	for cpu in $OFFLINE; do
		echo 1 > "$CPU_DIR/cpu$cpu/online"
	done
}

# address_of <symbol>: print its address from /proc/kallsyms, if that is readable
address_of() {
	sed -n "s/^\([0-9a-f]*\) . $1\([[:space:]].*\)\{0,1\}$/0x\1/p" /proc/kallsyms \
		2>/dev/null | head -n 1
}

# verdict <test> <error, or nothing>
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

# A module uses the percpu variable of another one.
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

# The address of a percpu symbol in /proc/kallsyms is right, for drgn and crash.
addresses() {
	if ! grep -q ' [dDbB] ' /proc/kallsyms; then
		skip addresses "kallsyms has no data (CONFIG_KALLSYMS_ALL)"
		return
	fi
	log_mark
	fn=$(address_of is_module_percpu_address)
	# With IBT a function without indirect callers has no ENDBR.
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
	# The shell may print one of them as signed.
	wrong=
	[ "$(printf '%x' "$seen")" = "$(printf '%x' "$own")" ] ||
		wrong="they differ"
	module_unload test_percpu_export || wrong=${wrong:-"the module stays"}
	verdict addresses "$wrong"
}

# lockdep accepts a static percpu lock of a module as a static key.
lock_keys() {
	if [ ! -e /proc/lockdep ]; then
		skip lock_keys "no lockdep"
		return
	fi
	wrong=
	log_mark
	module_load test_percpu_export || wrong="the module does not load"
	module_unload test_percpu_export || wrong=${wrong:-"the module stays"}
	log_since_mark | grep -q 'non-static key' && wrong="no static keys"
	grep -q 'debug_locks: *0' /proc/lockdep_stats && wrong="lockdep has stopped"
	verdict lock_keys "$wrong"
}

# Print the number of leaks after two scans.  The objects must be five seconds old.
leaks() {
	sleep 6
	echo scan > "$LEAKS"
	echo scan > "$LEAKS"
	# Identify the objects by size: their allocation may have no symbol.
	grep -c 'size 32768' "$LEAKS"
}

# An object is a leak only if percpu data does not point to it either.
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
	# These leaks are expected: do not print them on the console.
	echo 1 > /proc/sys/kernel/printk
	echo 1 > /sys/module/test_percpu_export/parameters/drop
	dropped=$(leaks)
	echo 0 > /sys/module/test_percpu_export/parameters/drop
	[ "$dropped" -gt 0 ] || wrong=${wrong:-"no leaks without the pointers"}
	say "$held leaks with the pointers, $dropped without"
	module_unload test_percpu_export || wrong=${wrong:-"the module stays"}
	sleep 1
	echo "$quiet" > /proc/sys/kernel/printk
	conclude kmemleak "$wrong"
}

# A CPU that comes online after the load has initialized copies.
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
			say "cpu $cpu was not online before"
		echo 0 > "$CPU_DIR/cpu$cpu/online" 2>/dev/null
	done
	before=$(count_cpus $CPU_DIR/online)
	if ! module_load $name; then
		# A linear first chunk has only its reserve for modules.
		log_since_mark | grep -q 'raise percpu_reserve=' &&
			name=test_percpu_gen_3000_n0000
		module_load $name || wrong="the module does not load"
	fi
	for cpu in $OFFLINE; do
		echo 1 > "$CPU_DIR/cpu$cpu/online" || wrong="cpu $cpu stays offline"
	done
	say "$before CPUs online at the load, $(count_cpus $CPU_DIR/online) later"
	OFFLINE=
	echo 1 > /sys/module/$name/parameters/check || wrong="wrong contents"
	module_unload $name || wrong=${wrong:-"the module stays"}
	verdict late_cpus "$wrong"
}

# one_instruction <function>: return true if one of its instructions accesses memory,
# by the segment of percpu data
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
		skip instructions "no disassembly"
	elif ! grep -q '^flags' /proc/cpuinfo ||
	     ! grep -q "$SEGMENT" "$DIR/instructions.txt"; then
		skip instructions "not x86"
	elif ! one_instruction test_percpu_inc_static; then
		fail instructions "more than one instruction for static percpu data"
	elif ! one_instruction test_percpu_read_core; then
		fail instructions "more than one instruction for percpu data of the kernel"
	elif ! one_instruction test_percpu_inc_dynamic; then
		fail instructions "more than one instruction for dynamic percpu data"
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
