#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# With percpu_debug=on an overrun and a use after free are reported, and those
# who allocated and freed the object are named.  The console is kept out of it:
# a report that nobody asked for must stand out there.

. "$(dirname "$0")/functions.sh"

quiet() {
	level=$(cut -f 1 /proc/sys/kernel/printk)
	echo 1 > /proc/sys/kernel/printk
}

loud() {
	echo "$level" > /proc/sys/kernel/printk
}

extra_cleanup() {
	[ -z "$level" ] || loud
}

damages() {
	sed -n 's/^ *damages *: *//p' "$DEBUGFS/percpu/stats" 2>/dev/null
}

# reported <test> <what> <line>...: that the report has, one after the other
reported() {
	test=$1
	before=$(damages)
	quiet
	log_mark
	module_load test_percpu_wrong do="$2"
	module_unload test_percpu_wrong
	# The words alone: in the console's log a report is one of that test's.
	log_since_mark | grep 'percpu: ' | sed 's/BUG:/bug:/' | comment
	loud
	shift 2
	for line; do
		if ! log_since_mark | grep -q "$line"; then
			fail "$test" "the report does not say: $line"
			return
		fi
	done
	if [ "$(damages)" != $((before + 1)) ]; then
		fail "$test" "not one damage was counted"
	else
		pass "$test"
	fi
}

# The owners of what is held are known without allocation profiling.
owned() {
	load hold size=680 count=300 || return 1
	awk '/test_percpu/ && $2 >= 300 {print "# " $0; found = 1} END {exit !found}' \
		"$DEBUGFS/percpu/owners"
	found=$?
	module_unload test_percpu
	return $found
}

grep -q 'percpu_debug=on' /proc/cmdline || skip_all "not booted with percpu_debug=on"

plan 4

level=
mount_point DEBUGFS debugfs

reported overrun write_behind \
	"percpu: BUG: overrun: .* of 48 bytes .* at byte 48" \
	"percpu:   allocated by .*test_percpu_wrong.* pid"
reported use_after_free write_after_free \
	"percpu: BUG: use after free: .* of 48 bytes .* has 0x5a at byte 47" \
	"percpu:   allocated by .*test_percpu_wrong.* pid" \
	"percpu:   freed by write_after_free.*test_percpu_wrong.* pid"
ktap_test_result owned owned
log_mark
run_case basic

finish
