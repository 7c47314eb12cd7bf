#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic
#
# Percpu values of BPF maps may be as large as percpu objects.

. "$(dirname "$0")/functions.sh"

# values <type> <size>: the status of the program
values() {
	"$DIR/bpf_values" "$1" "$2" "$cpus"
}

old_allocator && skip_all "percpu objects have at most 32 KB"
cpus=$(count_cpus /sys/devices/system/cpu/possible)
values array 8
[ $? != 4 ] || skip_all "no BPF"

plan 7

# test_values <test> <type> <size> <status due>
test_values() {
	values "$2" "$3"
	status=$?
	[ $status != "$4" ] || status=
	conclude "$1" "${status:+status $status of bpf_values $2 $3 $cpus}"
}

test_values array array 131072 0
# PCPU_MIN_UNIT_SIZE
least=$(($(page_kb) * 1024))
[ $least -ge 32768 ] || least=32768
# The values of a hash table are copied with IRQs off: 2 MB of all CPUs, or $least of each.
most=$((2097152 / cpus / 8 * 8))
[ $most -ge $least ] || most=$least
test_values hash hash $most 0
test_values hash_refused hash $((most + 8)) 2
test_values array_1m array 1048576 0
# Values of a table that grows are allocated with IRQs off.
test_values grow grow $least 0
test_values grow_refused grow $((least + 8)) 2
# The values of all CPUs together must fit into an int.
test_values refused array 2147483640 2

finish
