#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Boot a guest that shows the allocator at work, or has a shell.
# usage: run.sh tour|cgroups|shell
. "$(dirname "$0")/lib.sh"

# shellcheck source=arch/x86_64
. "$OVERLAY/arch/$(kernel_arch "$ARCH")"
SMP=${SMP:-${cpus:-4}} MEM=${MEM:-${memory:-1G}}
dir=$(mktemp -d "$CACHE/logs/run.XXXXXX")
"$OVERLAY/source/kernel.sh" "$ARCH" "$dir" >"$dir/kernel"
boot() { "$OVERLAY/guest/boot.sh" "$dir" "$ARCH" "$dir" "$SMP" "$MEM" "$@"; }

if [ "$1" = shell ]; then
	boot 0 "guest=shell quiet" || true
	rm -rf "$dir"
	exit
fi

# Without user space there are only the results of KUnit to show.
if [ -n "${headless:-}" ]; then
	boot 300 "" || status=$?
	grep -aE '(percpu: |    (not )?ok )' "$dir/console.log" || true
	"$OVERLAY/guest/verdict.sh" "$1" "$dir/console.log" "$dir/verdict.tap" \
		"${status:-0}" kunit >/dev/null || die "the guest did not end well; see $dir"
	exit
fi

say "booting $SMP CPUs; the console goes to $dir/console.log"
start=$SECONDS status=0
: >"$dir/verdict.tap"
# Print the guest's lines as they come.
tail -n +1 -f "$dir/verdict.tap" --pid=$$ 2>/dev/null |
	sed -u 's/\r$//; /^done$/d; /^\(not \)\?ok /d' &
pipe=$!
boot 300 "guest=$1 quiet stock=$STOCK" || status=$?
sleep 1
kill $pipe 2>/dev/null || true
if ! "$OVERLAY/guest/verdict.sh" "$1" "$dir/console.log" "$dir/verdict.tap" "$status" "$1" >/dev/null; then
	die "the guest did not end well; see $dir"
fi
say "that took $((SECONDS - start)) s"
rm -rf "$dir"
