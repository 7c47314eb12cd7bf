#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic reports
#
# Invalid frees and requests are refused and change nothing.  Each place in the code
# is reported once, and the report names the reason.

. "$(dirname "$0")/functions.sh"

# Reset the record of reported callers, because a module can be loaded to the same
# address again.  There are at most ten reports in five seconds.
reset_reports() {
	if [ "$reports" = 0 ]; then
		sleep 6
		reports=10
	fi
	reports=$((reports - 1))
	[ ! -w "$DEBUGFS/clear_warn_once" ] || echo 1 > "$DEBUGFS/clear_warn_once"
}

invalid_count() {
	sed -n 's/^ *invalid_frees *: *//p' "$DEBUGFS/percpu/stats" 2>/dev/null
}

# do_invalid <name>: run that invalid call of the module, and print its log
do_invalid() {
	reset_reports
	log_mark
	module_load test_percpu_wrong do="$1" || return 1
	module_unload test_percpu_wrong || return 1
	log_is_clean
	clean=$?
	printf '%s\n' "$LOG" |
		sed -n '/percpu: \|test_percpu_wrong: /s/^\(\[[^]]*\] *\)\{0,1\}/# /p'
	[ $clean = 0 ] && log_has 'test_percpu_wrong: all is well'
}

# refused <name> <words>: there is one report, and it has these words
refused() {
	if ! do_invalid "$1"; then
		fail "$1" "not refused, or objects are damaged"
	elif [ "$(log_grep -c 'percpu: .*\(ignored\|refused\)')" != 1 ]; then
		fail "$1" "no report, or more than one"
	elif ! log_grep -q "percpu: .*$2"; then
		fail "$1" "not in the report: $2"
	else
		pass "$1"
	fi
}

often() {
	before=$(invalid_count)
	do_invalid free_often || return 1
	after=$(invalid_count)
	say "${before:-no} invalid frees before, ${after:-none} after"
	[ "$(log_grep -c 'percpu: .*ignored')" = 1 ] &&
		[ $((after - before)) = 100 ]
}

# served <name>: the module's request succeeds, without a report
served() {
	do_invalid "$1" && log_grep -q '__alloc_percpu(.*: succeeded' &&
		! log_grep -q 'percpu: '
}

# The report names the function and the module of the caller.
names_caller() {
	do_invalid free_interior &&
		log_grep -q 'percpu: .*by free_interior+.*test_percpu_wrong'
}

# If percpu data is linked at address 0, the kernel has no symbol names for it.
static_name() {
	grep -q '^0000000.* kstat$' /proc/kallsyms || echo '.*kstat'
}

old_allocator && skip_all "this allocator does not check frees"

plan 19
# Earlier scripts may have used up the reports of these five seconds.
reports=0

mount_point DEBUGFS debugfs

gone='\(freed\|free\)'
not_percpu='\(no\|not a\) percpu pointer'
refused free_twice "$gone"
refused free_interior 'not the beginning of an object .*, 16 bytes into an object of [0-9]'
refused free_never "\(never allocated\|$not_percpu\)"
if is_smp; then
	refused free_static "static percpu data$(static_name)"
	refused free_module 'percpu data of a module .*, [0-9]* bytes into'
	refused free_module_inside 'percpu data of a module .*, [0-9]* bytes into'
	refused free_copy "one CPU's copy .*CPU [0-9]*'s copy of offset"
else
	for name in free_static free_module free_module_inside free_copy; do
		skip $name "no SMP"
	done
fi
refused free_gone "$gone"
refused free_kmalloc "$not_percpu .*slab kmalloc"
refused free_vmalloc "$not_percpu.*vmalloc"
refused free_garbage "$not_percpu"
refused ask_size_0 'size is 0 .*caller'
ktap_test_result ask_align_0 served ask_align_0
ktap_test_result ask_align_3 served ask_align_3
refused ask_align_12 'alignment is .* power of two'
refused ask_align_2_pages 'alignment is over a page'
refused ask_max 'size is over the limit'
if [ -n "$(invalid_count)" ]; then
	ktap_test_result often often
else
	skip often "no percpu/stats in debugfs"
fi
ktap_test_result names_caller names_caller

finish
