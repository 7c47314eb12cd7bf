#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The files of debugfs percpu/ agree with each other and with what was done.

. "$(dirname "$0")/functions.sh"

# bin <size>: live objects of that size
bin() {
	found=$(sed -n "s/^$1 \([0-9]*\) .*/\1/p" "$FOLDER/bins")
	echo "${found:-0}"
}

# Each with a line that names the columns, and something below it
files_present() {
	for name in chunks bins arenas owners map; do
		if ! head -n 1 "$FOLDER/$name" | grep -q '^# ' ||
		   [ "$(wc -l < "$FOLDER/$name")" -lt 2 ]; then
			say "$name is missing, or empty"
			return 1
		fi
	done
	grep -q 'unit_size' "$FOLDER/stats" &&
		grep -q 'unit_size' "$DEBUGFS/percpu_stats"
}

# One chunk, as big as the header says, on each line
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

# room <size>: what an object of that size takes here.  One that is checked has
# red zones and a record, and KASAN wants 8 bytes between two.
room() {
	size=$1
	grep -q ' kasan_report$' /proc/kallsyms && size=$((size + 8))
	grep -q 'percpu_debug=on' /proc/cmdline && size=$((size + 88))
	echo $(((size + 15) / 16 * 16))
}

# Objects of a size that nobody else has come and go.
hold_seen() {
	size=$(room 680)
	before=$(bin "$size")
	mapped=$(on_map "$size")
	load hold size=680 count=300 || return 1
	during=$(bin "$size")
	mapped=$(($(on_map "$size") - mapped))
	objects=$(awk '!/^#/ {sum += $6} END {print sum}' "$FOLDER/chunks")
	module_unload test_percpu
	after=$(bin "$size")
	say "of $size bytes: $before, $during, $after; $mapped more on the map; $objects objects in all"
	[ $((during - before)) = 300 ] && [ "$after" = "$before" ] &&
		[ "$mapped" = 300 ] && [ "$objects" -ge 300 ]
}

# What the two sums say, with nobody doing anything in between
chunks_agree() {
	for try in 1 2 3 4 5 6 7 8 9 10; do
		bins=$(awk '!/^#/ {sum += $2} END {print sum}' "$FOLDER/bins")
		chunks=$(awk '!/^#/ {sum += $6} END {print sum}' "$FOLDER/chunks")
		owners=$(awk '!/^#/ {sum += $2} END {print sum}' "$FOLDER/owners")
		[ "$bins" = "$chunks" ] && [ "$owners" = "$chunks" ] && break
	done
	say "objects: $bins by size, $chunks by chunk, $owners by owner (try $try)"
	[ "$bins" = "$chunks" ] && [ "$owners" = "$chunks" ]
}

# Not every kernel that could count by call site was booted to.
profiling() {
	[ -w /proc/sys/vm/mem_profiling ] &&
		was=$(cat /proc/sys/vm/mem_profiling) &&
		sh -c 'echo 1 > /proc/sys/vm/mem_profiling' 2>/dev/null
}

# The objects that the module holds are the module's.
owners_case() {
	if ! profiling; then
		skip owners_named "no allocation profiling; see sysctl.vm.mem_profiling="
		return
	fi
	load hold size=680 count=300
	held=$(awk '/test_percpu.c:/ && $2 >= 300 {print}' "$FOLDER/owners")
	module_unload test_percpu
	echo "$was" > /proc/sys/vm/mem_profiling
	say "${held:-no line of test_percpu.c with 300 objects}"
	if [ -n "$held" ]; then
		pass owners_named
	else
		fail owners_named "300 objects have another owner, or none"
	fi
}

# Read while others allocate and free: nothing worse than a stale number
read_while_busy() {
	log_mark
	module_load test_percpu run=churn seconds="$(min 3 "$SECONDS_TO_RUN")" &
	rounds=0
	while kill -0 $! 2>/dev/null; do
		cat "$FOLDER"/* > /dev/null || return 1
		rounds=$((rounds + 1))
	done
	wait $! && module_unload test_percpu
	say "read $rounds times"
	log_is_clean
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
ktap_test_result chunks_agree chunks_agree
owners_case
taskset -p ffffffff $$ >/dev/null 2>&1
ktap_test_result read_while_busy read_while_busy

finish
