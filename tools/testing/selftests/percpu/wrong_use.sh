#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What is done wrong is refused, said so in words that help, once for each place
# in the code, and nothing else changes.

. "$(dirname "$0")/functions.sh"

# A module that is loaded to the same place again is the same code again, and
# there are no more than ten reports in five seconds.
forget() {
	if [ "$reports" = 0 ]; then
		sleep 6
		reports=10
	fi
	reports=$((reports - 1))
	[ ! -w "$DEBUGFS/clear_warn_once" ] || echo 1 > "$DEBUGFS/clear_warn_once"
}

wrong_count() {
	sed -n 's/^ *wrong_frees *: *//p' "$DEBUGFS/percpu/stats" 2>/dev/null
}

# do_wrong <what>: the module's part, and the log of it
do_wrong() {
	forget
	log_mark
	module_load test_percpu_wrong do="$1" || return 1
	module_unload test_percpu_wrong || return 1
	log_is_clean
	clean=$?
	printf '%s\n' "$LOG" |
		sed -n '/percpu: \|test_percpu_wrong: /s/^\(\[[^]]*\] *\)\{0,1\}/# /p'
	[ $clean = 0 ] && log_has 'test_percpu_wrong: all is well'
}

# refused <what> <words>: one report, with these words in it
refused() {
	if ! do_wrong "$1"; then
		fail "$1" "not refused, or not well after it"
	elif [ "$(log_grep -c 'percpu: .*\(ignored\|refused\)')" != 1 ]; then
		fail "$1" "not one report"
	elif ! log_grep -q "percpu: .*$2"; then
		fail "$1" "the report does not say: $2"
	else
		pass "$1"
	fi
}

often() {
	before=$(wrong_count)
	do_wrong free_often || return 1
	after=$(wrong_count)
	say "${before:-no} wrong frees before, ${after:-none} after"
	[ "$(log_grep -c 'percpu: .*ignored')" = 1 ] &&
		[ $((after - before)) = 100 ]
}

# Where the module lies and who did it is part of a report.
names_caller() {
	do_wrong free_interior &&
		log_grep -q 'percpu: .*by free_interior+.*test_percpu_wrong'
}

# Where percpu data is linked for address 0, the kernel knows no names of it.
static_name() {
	grep -q '^0000000.* kstat$' /proc/kallsyms || echo '.*kstat'
}

old_allocator && skip_all "this allocator does not check frees"

plan 18
# Others may have used up what is reported.
reports=0

mount_point DEBUGFS debugfs

gone='\(freed\|free\)'
refused free_twice "$gone"
refused free_interior 'not the beginning of an object .*, 16 bytes into an object of [0-9]'
refused free_never '\(never allocated\|no percpu pointer\)'
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
refused free_kmalloc 'no percpu pointer .*slab kmalloc'
refused free_vmalloc 'no percpu pointer.*vmalloc'
refused free_garbage 'no percpu pointer'
refused ask_size_0 'size is 0 .*caller'
refused ask_align_0 'alignment is no power of two'
refused ask_align_12 'alignment is no power of two'
refused ask_align_2_pages 'alignment is over a page'
refused ask_max 'size is over the limit'
if [ -n "$(wrong_count)" ]; then
	ktap_test_result often often
else
	skip often "no percpu/stats in debugfs"
fi
ktap_test_result names_caller names_caller

finish
