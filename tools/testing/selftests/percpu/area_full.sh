#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# If the area is small, as on 32 bit, it is filled: half of it can be allocated and
# freed; an allocation of all of it fails, with a message that names a remedy.

. "$(dirname "$0")/functions.sh"

SIZE=65536

# hold <count>: allocate so many objects of 64 kB, until the module is unloaded
hold() {
	load hold loud=1 size=$SIZE count="$1"
}

# Memory of earlier tests is returned with a delay.
half_and_back() {
	wait_for 60 percpu_at_most "$IDLE_KB" || return 1
	before=$(percpu_kb)
	hold $((AREA / 2 / SIZE)) || return 1
	during=$(percpu_kb)
	module_unload test_percpu || return 1
	wait_for 60 percpu_at_most $((before + 64 * CPUS)) || return 1
	say "Percpu: $before kB, with $((AREA / 2048)) kB more for each of $CPUS CPUs $during kB, after $(percpu_kb) kB"
	[ "$during" -gt "$before" ]
}

# The worker may have claimed pages in that moment, and the log says so.
refused() {
	refused_once || { module_unload test_percpu; refused_once; } ||
		{ module_unload test_percpu; refused_once; }
}

refused_once() {
	! hold $((AREA / SIZE + 1)) || return 1
	log_since_mark | grep -o 'allocation refused: .*' | head -n 1 | comment
	log_since_mark | grep -q 'allocation refused: the area is full, see percpu_area='
}

plan 3

mount_point DEBUGFS debugfs
AREA=$(area_bytes)
IDLE_KB=$(($(percpu_kb) + 64 * CPUS))
log=$(dmesg | grep 'of vmalloc space reserved' | sed 's/.*percpu: //')
[ -z "$log" ] || say "$log"
if old_allocator || [ -z "$AREA" ] || [ "$AREA" -gt "$(memory_budget 2)" ]; then
	for name in half_and_back refused back_again; do
		skip $name "the area is larger than the memory"
	done
	finish
fi

ktap_test_result half_and_back half_and_back
ktap_test_result refused refused
ktap_test_result back_again half_and_back

finish
