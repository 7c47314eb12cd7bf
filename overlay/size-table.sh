#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Text, data and BSS of vmlinux, ours against stock, on architectures that stand
# for the extremes. The KUnit tests of ours are left out, as stock has none.
# usage: size-table.sh [CONFIG...]
. "$(dirname "$0")/lib.sh"

[ $# -gt 0 ] || set -- x86_64-8192 sparc64 sparc32 i386
EXTRA_CONFIG=$(mktemp)
trap 'rm -f "$EXTRA_CONFIG"' EXIT
export EXTRA_CONFIG

# vmlinux CONFIG: build it, print "TEXT DATA BSS". What size(1) has for BSS beside
# .bss, .sbss and .brk is made of the text: the unwinder's index of it.
sizes() {
	local build cross=
	[ -n "$STOCK" ] || sed -n 's/_KUNIT_TEST=y$/_KUNIT_TEST=n/p' \
		"$OVERLAY/config/percpu.config" >"$EXTRA_CONFIG"
	build=$("$OVERLAY/kernel.sh" "$1" | sed -n 's/^build tree: *//p')
	[ -n "$build" ] || exit
	# shellcheck source=arch/x86_64
	. "$OVERLAY/arch/$(kernel_arch "$1")"
	{
		"${cross}size" "$build/vmlinux"
		"${cross}size" -A "$build/vmlinux"
	} | awk 'NR == 2 {text = $1; data = $2; all = $3}
		/^\.(s?bss|brk)/ {bss += $2}
		END {print text + all - bss, data, bss}'
}

row() { # NAME WHICH NR_CPUS TEXT DATA BSS
	printf '%-12s %-6s %8s %10s %10s %10s %10s\n' "$@"
}

row config which NR_CPUS text data BSS sum
worse=0 large=0
for config; do
	cpus=$(sed -n 's/^CONFIG_NR_CPUS=//p' "$OVERLAY/config/$config.config")
	: >"$EXTRA_CONFIG"
	stock=$(STOCK=1 sizes "$config")
	ours=$(STOCK='' sizes "$config")
	read -r text data bss <<<"$stock"
	row "$config" stock "$cpus" "$text" "$data" "$bss" $((text + data + bss))
	read -r otext odata obss <<<"$ours"
	row "$config" ours "$cpus" "$otext" "$odata" "$obss" $((otext + odata + obss))
	[ "$obss" -le "$bss" ] || worse=1
	# More than that a boot loader does not take.
	[ "$config" != sparc64 ] || [ $((otext + odata + obss)) -lt $((8 << 20)) ] || large=1
done
[ $worse = 0 ] || die "a BSS is larger than stock's"
[ $large = 0 ] || die "the kernel of sparc64 is larger than 8 MB"
