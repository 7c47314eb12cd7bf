#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# With percpu_debug=on an overrun and a use after free are reported, with the
# callers that allocated and freed the object.  These reports do not go to the
# console, where only an unexpected report should show.

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

# reported <test> <what> <line>...: the report has each of these lines
reported() {
	test=$1
	before=$(damages)
	quiet
	log_mark
	module_load test_percpu_wrong do="$2" && module_unload test_percpu_wrong
	ran=$?
	# Without "BUG:", so that the console log shows no report.
	log_since_mark | grep 'percpu: ' | sed 's/BUG:/bug:/' | comment
	loud
	shift 2
	if [ $ran != 0 ]; then
		fail "$test" "the module does not load or unload"
		return
	fi
	for line; do
		if ! log_since_mark | grep -q "$line"; then
			fail "$test" "the report does not say: $line"
			return
		fi
	done
	if [ "$(damages)" != $((before + 1)) ]; then
		fail "$test" "the count of damages did not rise by one"
	else
		pass "$test"
	fi
}

grep -q 'percpu_debug=on' /proc/cmdline || skip_all "not booted with percpu_debug=on"

plan 3

level=
mount_point DEBUGFS debugfs

reported overrun write_behind \
	"percpu: BUG: overrun: .* of 48 bytes .* at byte 48" \
	"percpu:   allocated by .*test_percpu_wrong.* pid"
reported use_after_free write_after_free \
	"percpu: BUG: use after free: .* of 48 bytes .* has 0x5a at byte 47" \
	"percpu:   allocated by .*test_percpu_wrong.* pid" \
	"percpu:   freed by write_after_free.*test_percpu_wrong.* pid"
log_mark
run_case basic

finish
