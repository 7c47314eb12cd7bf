#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: slow
#
# The statistics in debugfs agree with /proc/meminfo and with the objects held.

. "$(dirname "$0")/functions.sh"

# read_stat <variable> <name>: the first value of that name in the statistics.
# It starts no process, which would have percpu objects itself.
read_stat() {
	eval "$1="
	while read -r key colon value; do
		if [ "$key" = "$2" ] && [ "$colon" = : ]; then
			eval "$1=\$value"
			break
		fi
	done < "$STATS"
}

names_present() {
	for name in unit_size static_size nr_alloc nr_dealloc nr_cur_alloc \
			nr_max_alloc nr_chunks nr_max_chunks min_alloc_size \
			max_alloc_size empty_pop_pages dyn_size atom_size \
			alloc_size reserved_size first_bit free_bytes \
			contig_bytes sum_frag max_frag cur_min_alloc \
			cur_med_alloc cur_max_alloc; do
		read_stat found $name
		if [ -z "$found" ]; then
			fail names_present "no $name"
			return
		fi
	done
	pass names_present
}

# All three from one reading
sums_agree() {
	sed -n 's/^ *nr_\(alloc\|dealloc\|cur_alloc\) *: *//p' "$STATS" | {
		read -r alloc
		read -r dealloc
		read -r cur
		say "nr_alloc $alloc - nr_dealloc $dealloc = nr_cur_alloc $cur"
		[ $((alloc - dealloc)) = "$cur" ]
	}
}

# rise_with <variable> <count>: additional objects while that many are held.
# The module may have percpu data of its own, and an object for it.
rise_with() {
	read_stat before nr_cur_alloc
	module_load test_percpu run=hold size=48 count="$2" || return 1
	read_stat during nr_cur_alloc
	rmmod test_percpu || return 1
	read_stat after nr_cur_alloc
	eval "$1=$((during - before))"
}

# Other tasks allocate, too, so the first exact one of many tries counts.
# Loading a module allocates objects itself, the same number each time.
count_exact() {
	for try in $TRIES; do
		rise_with few 100 && rise_with many 300 || return 1
		saw="$saw $((many - few - 200))"
		[ $((many - few)) = 200 ] && [ "$few" -ge 100 ] && break
	done
	say "with 100 objects held $few more, with 300 $many more (try $try)"
	[ $((many - few)) = 200 ] && [ "$few" -ge 100 ]
}

count_returns() {
	for try in $TRIES; do
		rise_with few 100 || return 1
		saw="$saw $((after - before))"
		[ "$after" = "$before" ] && break
	done
	say "$before objects before, $after after (try $try)"
	[ "$after" = "$before" ]
}

# Percpu: is every populated page on every unit, in present chunks on the present units.
pages_agree() {
	for try in $TRIES; do
		read_stat pages populated_pages
		read_stat present present_pages
		read_stat present_units present_units
		due=$(((pages * units + ${present:-0} * ${present_units:-0}) * page_kb))
		kb=$(percpu_kb)
		saw="$saw $((kb - due))"
		[ "$kb" = "$due" ] && break
	done
	say "$pages pages of $page_kb kB on $units units, Percpu: $kb kB"
	say "${present:-0} pages on ${present_units:-0} present units"
	[ "$kb" = "$due" ]
}

pages_case() {
	read_stat units nr_units
	read_stat pages populated_pages
	page_kb=$(page_kb)
	if [ -z "$units" ] || [ -z "$pages" ]; then
		skip pages_agree "the statistics have no pages"
	else
		exact pages_agree
	fi
}

plan 5

if ! mount_point DEBUGFS debugfs || [ ! -r "$DEBUGFS/percpu_stats" ]; then
	for name in names_present sums_agree count_exact count_returns \
			pages_agree; do
		skip $name "no percpu_stats in debugfs"
	done
	finish
fi
STATS=$DEBUGFS/percpu_stats
TRIES="1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"

# An idle CPU keeps the memory map, and its percpu objects, of what ran there
# last.  On one CPU alone that is this shell.
taskset -p 1 $$ >/dev/null 2>&1

names_present
ktap_test_result sums_agree sums_agree
exact count_exact
exact count_returns
pages_case

finish
