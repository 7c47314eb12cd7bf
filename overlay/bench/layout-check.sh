#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Compare the figures that the program LAYOUT computes (make layout-table) with the
# boot logs of guests with 64 CPUs: one guest for each layout of x86-64, or the
# consoles in the arguments.
# usage: layout-check.sh LAYOUT [CONSOLE...]
. "$(dirname "$0")/../lib.sh"

layout=$1
shift
figures=0 differ=0
form='%-16s %5s  %-25s %12s %12s'

# said CONSOLE REGEX: the group of the expression, in a line that begins with percpu:
said() {
	tr -d '\r\0' <"$1" | sed -nE "s/^(\[[^]]*\] )?percpu: (.* )?$2( .*|,.*|\$)/\3/p" | head -n 1
}

# name_of CONSOLE: the row of the table for a guest
name_of() {
	local name
	name=$(said "$1" '([^ ]+) layout: .*')
	[ "$(said "$1" 'first chunk by ([^:]+):')" != "large pages" ] || name+=", large"
	echo "$name"
}

# figure WHAT GUEST COMPUTED: print a line of compare()
figure() {
	local note=''
	figures=$((figures + 1))
	if [ "$2" != "$3" ]; then
		note='  differs'
		differ=$((differ + 1))
	fi
	# shellcheck disable=SC2059
	printf "$form%s\n" "$name" "$cpus" "$1" "$2" "$3" "$note"
}

# compare CONSOLE
compare() {
	local name cpus area stride vmalloc memory meta tables per_unit
	[ -r "$1" ] || die "there is no $1"
	name=$(name_of "$1")
	[ -n "$name" ] || die "$1 has no layout"
	cpus=$(said "$1" 'layout: ([0-9]+) units')
	read -r _ area stride vmalloc memory meta tables _ < <(
		"$layout" "$(said "$1" 'static ([0-9]+)')" "$cpus" | sed -n "s/^$name  *\([0-9]\)/\1/p") ||
		die "$layout computes no layout $name"
	per_unit=$(said "$1" 'populated ([0-9]+)')
	figure "MB of area" "$(said "$1" 'area ([0-9]+) MB')" "$area"
	figure "KB from unit to unit" "$(said "$1" 'stride ([0-9]+) KB')" "$stride"
	figure "KB of vmalloc space" "$(said "$1" '([0-9]+) KB of vmalloc space')" "$vmalloc"
	figure "KB of memory of the units" $((cpus * per_unit / 1024)) "$memory"
	figure "KB of metadata" "$(said "$1" '([0-9]+) KB of metadata')" "$meta"
	figure "KB of page tables" "$(said "$1" '([0-9]+) KB of page tables')" "$tables"
}

# guest_of NAME MEMORY WORD: boot the bed of 64 CPUs with WORD on its
# command line, without tests, for its boot log.
guest_of() {
	local name=$1 mem=$2 word=$3 status=0 found
	say "booting $smp CPUs for the layout $name"
	"$OVERLAY/guest/boot.sh" "$dir" "$config" "$dir" "$smp" "$mem" "$limit" \
		"guest=tests groups= kunit.enable=0 ${append%%|*} $word" "${qemu[@]}" || status=$?
	"$OVERLAY/guest/verdict.sh" "$name" "$dir/console.log" "$dir/verdict.tap" "$status" >/dev/null ||
		die "the guest did not end well; see $dir"
	found="$(name_of "$dir/console.log") of $(said "$dir/console.log" 'layout: ([0-9]+) units') units"
	[ "$found" = "$name of $smp units" ] ||
		die "the guest's layout is $found, and not $name of $smp; see $dir"
	compare "$dir/console.log"
}

guests() {
	read -r _ _ config smp mem limit _ append < <("$OVERLAY/beds.sh" x86_64-smp64)
	read -ra qemu <<<"${append#*|}"
	dir=$(mktemp -d "$CACHE/logs/layout.XXXXXX")
	"$OVERLAY/source/kernel.sh" "$config" "$dir" >"$dir/kernel"
	guest_of CPU-major "$mem" ""
	guest_of chunk-major "$mem" percpu_alloc=embed
	guest_of "CPU-major, large" "$mem" percpu_alloc=large
	[ "$differ" != 0 ] || rm -rf "$dir"
}

# shellcheck disable=SC2059
printf "$form\n" layout CPUs figure guest computed
if [ $# = 0 ]; then
	guests
else
	for console; do compare "$console"; done
fi
[ "$differ" = 0 ] || die "$differ of $figures figures differ"
echo "$figures figures, none differs"
