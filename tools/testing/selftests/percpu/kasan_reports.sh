#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# KASAN reports an overrun and a use after free of percpu memory, where that is
# mapped in vmalloc space.  This script is the last one: after a report lockdep
# takes no part any more.

. "$(dirname "$0")/functions.sh"

extra_cleanup() {
	[ -z "$level" ] || echo "$level" > /proc/sys/kernel/printk
}

# reported <what>: by KASAN, with the function's name; and kept out of the console
reported() {
	level=$(cut -f 1 /proc/sys/kernel/printk)
	echo 1 > /proc/sys/kernel/printk
	log_mark
	module_load test_percpu_wrong do="$1"
	module_unload test_percpu_wrong
	echo "$level" > /proc/sys/kernel/printk
	log_since_mark | grep -A 1 'KASAN: ' | sed 's/KASAN: /kasan: /; s/BUG:/bug:/' |
		head -n 2 | comment
	if log_since_mark | grep -q "BUG: KASAN: .* in $1+"; then
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
