#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Print text, data and BSS of vmlinux, ours and stock, on the largest and the smallest
# architectures. Our KUnit tests, bigref and tag pools are left out, as stock has none.
# usage: size-table.sh [CONFIG...]
. "$(dirname "$0")/../lib.sh"

[ $# -gt 0 ] || set -- x86_64-8192 sparc64 sparc32 i386
EXTRA_CONFIG=$(mktemp)
trap 'rm -f "$EXTRA_CONFIG"' EXIT
export EXTRA_CONFIG

# sizes CONFIG: build it, print "TEXT DATA BSS". The rest of what size(1) counts as BSS
# beside .bss, .sbss and .brk is the index of the unwinder: count it as text.
sizes() {
	local build cross=
	[ -n "$STOCK" ] || sed -nE 's/^(CONFIG_.*(KUNIT_TEST|BIGREF|PERCPU_TAG.*))=y$/\1=n/p' \
		"$OVERLAY/config/percpu.config" >"$EXTRA_CONFIG"
	build=$("$OVERLAY/source/kernel.sh" "$1" | sed -n 's/^build tree: *//p')
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
	# The boot loader accepts 8 MB.
	[ "$config" != sparc64 ] || [ $((otext + odata + obss)) -lt $((8 << 20)) ] || large=1
done
[ $worse = 0 ] || die "a BSS is larger than that of stock"
[ $large = 0 ] || die "the kernel of sparc64 is larger than 8 MB"
