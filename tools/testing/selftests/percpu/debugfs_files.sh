#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: reports slow
#
# The files in debugfs percpu/ agree with each other and with the objects held.

. "$(dirname "$0")/functions.sh"

# Each file has a line that names the columns, and at least one row.
files_present() {
	for name in caches map; do
		if ! head -n 1 "$FOLDER/$name" | grep -q '^# ' ||
		   [ "$(wc -l < "$FOLDER/$name")" -lt 2 ]; then
			say "$name is missing, or empty"
			return 1
		fi
	done
	grep -q 'unit_size' "$FOLDER/stats" &&
		grep -q 'unit_size' "$DEBUGFS/percpu_stats"
}

# Each line has the granules of a whole chunk.
map_complete() {
	awk '
	/^# percpu-map/ { all = $9 / $7 }
	/^[0-9]/ {
		sum = 0
		for (i = 3; i <= NF; i++)
			sum += substr($i, 2) + 0
		if (sum != all) {
			printf "# chunk %s: %d granules, not %d\n", $1, sum, all
			bad = 1
		}
		chunks++
	}
	END { exit bad || !chunks || !all }' "$FOLDER/map"
}

# on_map <size>: live objects of that size on the map
on_map() {
	grep -o " o$(($1 / 16))\>" "$FOLDER/map" | wc -l
}

# alloc_size <size>: bytes that an object of that size takes.  A checked one has
# red zones and a record, and KASAN needs 8 bytes between two objects.
alloc_size() {
	size=$1
	grep -q ' kasan_report$' /proc/kallsyms && size=$((size + 8))
	grep -q 'percpu_debug=on' /proc/cmdline && size=$((size + 88))
	echo $(((size + 15) / 16 * 16))
}

# Objects of a size that is not used otherwise come and go.
hold_seen() {
	size=$(alloc_size 680)
	before=$(on_map "$size")
	load hold size=680 count=300 || return 1
	during=$(on_map "$size")
	objects=$(objects_by_chunk)
	module_unload test_percpu || return 1
	after=$(on_map "$size")
	say "of $size bytes: $before, $during, $after on the map; $objects objects in all"
	[ $((during - before)) = 300 ] && [ "$after" = "$before" ] &&
		[ "$objects" -ge 300 ]
}

# all_on_map: live objects of all sizes on the map
all_on_map() {
	awk '!/^#/ {
		for (i = 3; i <= NF; i++)
			if ($i ~ /^o/)
				sum++
			else if (split($i, part, /[:\/]/) > 1)
				sum += part[2]
	} END { print sum }' "$FOLDER/map"
}

# Both files count the same objects, when none come or go between the reads.
objects_by_chunk() {
	awk '/^Per Chunk/ {on = 1} on && $1 == "nr_alloc" {sum += $3} END {print sum}' \
		"$FOLDER/stats"
}

chunks_agree() {
	for try in 1 2 3 4 5 6 7 8 9 10; do
		mapped=$(all_on_map)
		chunks=$(objects_by_chunk)
		saw="$saw $((mapped - chunks))"
		[ "$mapped" = "$chunks" ] && break
	done
	say "objects: $mapped on the map, $chunks by chunk (try $try)"
	[ "$mapped" = "$chunks" ]
}

# Allocation profiling may be compiled in, and disabled at boot.
profiling() {
	[ -r /proc/allocinfo ] && [ -w /proc/sys/vm/mem_profiling ] &&
		was=$(cat /proc/sys/vm/mem_profiling) &&
		sh -c 'echo 1 > /proc/sys/vm/mem_profiling' 2>/dev/null
}

# /proc/allocinfo counts the objects that the module holds as the module's, with their
# bytes on all CPUs.
owners_case() {
	if ! profiling; then
		skip owners_named "no allocation profiling; see sysctl.vm.mem_profiling="
		return
	fi
	load hold size=680 count=300
	least=$((680 * 300 * CPUS))
	old_allocator && least=$((680 * 300))
	held=$(awk -v least=$least '/\/hold\.c:/ && $1 >= least && $2 >= 300' /proc/allocinfo)
	module_unload test_percpu || held=
	echo "$was" > /proc/sys/vm/mem_profiling
	say "${held:-no line of hold.c with 300 objects of $least bytes}"
	if [ -n "$held" ]; then
		pass owners_named
	else
		fail owners_named "300 objects are counted elsewhere, or not at all"
	fi
}

# Read while other tasks allocate and free: only numbers may be stale.
read_while_busy() {
	log_mark
	job_begin test_percpu run=churn seconds=600 || return 1
	rounds=0
	bad=
	end=$(($(date +%s) + $(min 3 "$SECONDS_TO_RUN")))
	while [ $rounds = 0 ] || { [ -z "$bad" ] && [ "$(date +%s)" -lt $end ]; }; do
		cat "$FOLDER"/* > /dev/null || bad=1
		rounds=$((rounds + 1))
	done
	if ! job_end || ! module_unload test_percpu; then
		say "the module that allocates and frees failed, or does not unload"
		return 1
	fi
	say "read $rounds times"
	[ -z "$bad" ] && log_is_clean
}

plan 6

FOLDER=
mount_point DEBUGFS debugfs && [ -d "$DEBUGFS/percpu" ] && FOLDER=$DEBUGFS/percpu
if [ -z "$FOLDER" ]; then
	for name in files_present map_complete hold_seen chunks_agree \
			owners_named read_while_busy; do
		skip $name "no percpu/ in debugfs"
	done
	finish
fi

# An idle CPU keeps the memory map, and its percpu objects, of what ran there
# last.  On one CPU alone that is this shell.
taskset -p 1 $$ >/dev/null 2>&1

ktap_test_result files_present files_present
ktap_test_result map_complete map_complete
ktap_test_result hold_seen hold_seen
exact chunks_agree
owners_case
taskset -p ffffffff $$ >/dev/null 2>&1
ktap_test_result read_while_busy read_while_busy

finish
