#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic reports slow
#
# The percpu trace events report each allocation and its free.

. "$(dirname "$0")/functions.sh"

# A size that no other code allocates
SIZE=1112
COUNT=5

extra_cleanup() {
	[ -z "$TRACING" ] || echo 0 > "$TRACING/events/percpu/enable"
}

fields_present() {
	for field in call_site reserved is_atomic size align base_addr off ptr \
			bytes_alloc gfp_flags; do
		if ! grep -q "field:.* $field;" \
				"$TRACING/events/percpu/percpu_alloc_percpu/format"; then
			say "no field $field"
			return 1
		fi
	done
}

# Read the trace before the unload: it needs the symbols of the module.
record() {
	echo 0 > "$TRACING/tracing_on"
	echo > "$TRACING/trace"
	echo 1 > "$TRACING/events/percpu/enable" || return 1
	echo 1 > "$TRACING/tracing_on"
	load hold size=$SIZE count=$COUNT || return 1
	allocated=$(grep 'percpu_alloc_percpu:' "$TRACING/trace" |
		    grep " size=$SIZE ")
	module_unload test_percpu || return 1
	echo 0 > "$TRACING/tracing_on"
	freed=$(grep 'percpu_free_percpu:' "$TRACING/trace")
	echo 0 > "$TRACING/events/percpu/enable"
	echo 1 > "$TRACING/tracing_on"
	echo "$allocated" | head -n 2 | comment
	echo "$freed" | tail -n 2 | comment
}

alloc_events() {
	[ "$(echo "$allocated" | grep -c 'call_site=.*\[test_percpu\]')" = $COUNT ]
}

bytes_alloc() {
	expected=$((SIZE * CPUS))
	bytes=$(echo "$allocated" | sed -n 's/.* bytes_alloc=\([0-9]*\) .*/\1/p' |
		sort -u)
	say "bytes_alloc" "$bytes" "for $SIZE bytes on $CPUS CPUs"
	for each in $bytes; do
		[ "$each" -ge $expected ] || return 1
	done
	[ -n "$bytes" ]
}

# Both events print the same place of an object.  Pointers are hashed, and soon after
# boot not printed at all, but offsets are.
free_events() {
	places=$(echo "$allocated" |
		 sed -n 's/.*\(base_addr=.* ptr=[^ ]*\) .*/\1/p')
	[ "$(echo "$places" | wc -l)" = $COUNT ] || return 1
	echo "$places" | {
		while read -r place; do
			echo "$freed" | grep -qF "$place" || return 1
		done
	}
}

plan 5

if ! mount_point TRACING tracefs || [ ! -d "$TRACING/events/percpu" ]; then
	for name in fields_present recorded alloc_events bytes_alloc \
			free_events; do
		skip $name "no tracefs with percpu events"
	done
	finish
fi

ktap_test_result fields_present fields_present
ktap_test_result recorded record
ktap_test_result alloc_events alloc_events
ktap_test_result bytes_alloc bytes_alloc
ktap_test_result free_events free_events

finish
