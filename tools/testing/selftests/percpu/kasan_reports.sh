#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# KASAN reports an overrun and a use after free of percpu memory, if that is mapped
# in vmalloc space.  This script must run last: a report disables lockdep.

. "$(dirname "$0")/functions.sh"

extra_cleanup() {
	[ -z "$level" ] || echo "$level" > /proc/sys/kernel/printk
}

# reported <what>: KASAN reports it in the function of that name.  The report is not
# printed on the console.
reported() {
	level=$(cut -f 1 /proc/sys/kernel/printk)
	echo 1 > /proc/sys/kernel/printk
	log_mark
	module_load test_percpu_wrong do="$1" && module_unload test_percpu_wrong
	ran=$?
	echo "$level" > /proc/sys/kernel/printk
	log_since_mark | grep -A 1 'KASAN: ' | sed 's/KASAN: /kasan: /; s/BUG:/bug:/' |
		head -n 2 | comment
	if [ $ran != 0 ]; then
		fail "$1" "the module does not load or unload"
	elif log_since_mark | grep -q "BUG: KASAN: .* in $1+"; then
		pass "$1"
	else
		fail "$1" "no report"
	fi
}

level=
grep -q ' kasan_report$' /proc/kallsyms || skip_all "a kernel without KASAN"
grep -q kasan_multi_shot /proc/cmdline || skip_all "not booted with kasan_multi_shot"
mount_point DEBUGFS debugfs
grep -q 'layout *: *CPU-major' "$DEBUGFS/percpu_stats" ||
	skip_all "the first window is linear memory"

plan 2

reported read_behind
reported read_after_free

finish
