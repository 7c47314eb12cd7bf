#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Boot a guest. Its console goes to DIR/console.log, or with SECONDS=0 to the
# terminal; the results of its scripts go to DIR/verdict.tap.
# Returns the status of QEMU or UML, and 124 after SECONDS.
# usage: boot.sh KERNEL_DIR CONFIG DIR SMP MEM SECONDS APPEND [QEMU OPTION...]
. "$(dirname "$0")/../lib.sh"

kernel=$1/image initrd=$1/initramfs dir=$3 smp=$4 mem=$5 seconds=$6 append=$7
# shellcheck source=arch/x86_64
. "$OVERLAY/arch/$(kernel_arch "$2")"
shift 7
verdict=$dir/verdict.tap
mkdir -p "$dir"
: >"$verdict"
# A slow host must not cause reports of RCU stalls and soft lockups, the latter after twice
# the threshold.
patience="rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=60"
append="console=$console panic=-1 oops=panic $patience $append ${APPEND:-}"

if [ "$seconds" = 0 ]; then
	console_to=mon:stdio
	guest "$@"
	exit
fi
console_to=file:$dir/console.log
# timeout(1) needs a program, and guest is a function: run it in a shell.
export kernel initrd smp mem append console_to verdict
export -f guest
output=$dir/qemu.log
[ "$karch" != um ] || output=$dir/console.log
status=0
timeout -k 5 "$seconds" bash -c 'guest "$@"' guest "$@" \
	</dev/null >"$output" 2>&1 || status=$?
# Without user space, the results are on the console.
[ -z "${headless:-}" ] || "$OVERLAY/guest/ktap.sh" "$dir/console.log" >"$verdict"
exit $status
