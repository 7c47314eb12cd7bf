#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: memory slow
#
# The memory of many objects is returned after they are freed.  On a machine with
# little memory there are fewer objects.
#
# PERCPU_SLACK_KB is the memory of each CPU that may stay, by default 64.

. "$(dirname "$0")/functions.sh"

# Return true when the memory of earlier tests has been returned.
settled() {
	last=$kb
	kb=$(percpu_kb)
	[ "$kb" = "$last" ]
}

# held_and_back <test> <size> <count> <kB>: allocate and free objects of one size, or
# of lists like the module's parameters; they need at least so many kB
held_and_back() {
	test=$1 size=$2 count=$3 need=$4
	kb=0
	wait_for 10 settled
	before=$(percpu_kb)
	spare=$(spare_kb)
	allowed=$((before + SLACK))
	if ! load hold size="$size" count="$count"; then
		fail "$test" "the objects were not allocated"
		return
	fi
	peak=$(percpu_kb)
	if ! module_unload test_percpu; then
		fail "$test" "the module does not unload"
		return
	fi
	wait_for 60 percpu_at_most $allowed
	after=$(percpu_kb)
	say "$count objects of $size bytes on $CPUS CPUs." \
		"Percpu: $before kB, $peak kB, $after kB (at most $allowed)"
	# Some objects may be in pages that were populated before, as those of a
	# first chunk of large pages.
	need=$(max 0 $((need - spare)))
	if [ "$peak" -lt "$need" ] ||
	   [ $((peak - $(min "$before" "$after"))) -lt $((need / 2)) ]; then
		fail "$test" "Percpu: did not rise by $need kB"
	elif [ "$after" -gt $allowed ]; then
		fail "$test" "Percpu: did not fall"
	elif log_since_mark | grep 'FAIL' | comment | grep .; then
		fail "$test" "an object has wrong contents"
	elif ! log_is_clean; then
		fail "$test" "a report in the kernel's log"
	else
		pass "$test"
	fi
}

# objects <size> <count>: print the count, or less if memory is short
objects() {
	max 1 "$(min "$2" $(($(unit_budget 4) / $1)))"
}

kb_of() {
	echo $(($1 * $2 * CPUS / 1024))
}

plan 4

mount_point DEBUGFS debugfs
SLACK=$((${PERCPU_SLACK_KB:-64} * CPUS))

small=$(objects 64 20000)
medium=$(objects 1024 2000)
if [ "$(unit_budget 2)" -ge 1048576 ]; then
	large=$(objects 1048576 4)
else
	large=0
fi

held_and_back small 64 "$small" "$(kb_of 64 "$small")"
held_and_back medium 1024 "$medium" "$(kb_of 1024 "$medium")"
if [ "$large" = 0 ]; then
	skip large "not enough memory for 1 MB on each of $CPUS CPUs"
else
	held_and_back large 1048576 "$large" "$(kb_of 1048576 "$large")"
fi
held_and_back mixed 24,64,200,4096 \
	"$(objects 192 500),$(objects 512 500),$(objects 1600 500),$(objects 32768 50)" 0

finish
