#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Boot a guest. Its console goes to DIR/console.log, or with SECONDS=0 to the
# terminal; what its scripts report goes to DIR/verdict.tap.
# Ends as the guest's program does, with 124 after SECONDS.
# usage: boot.sh KERNEL_DIR CONFIG DIR SMP MEM SECONDS APPEND [QEMU OPTION...]
. "$(dirname "$0")/lib.sh"

kernel=$1/image initrd=$1/initramfs dir=$3 smp=$4 mem=$5 seconds=$6 append=$7
# shellcheck source=arch/x86_64
. "$OVERLAY/arch/$(kernel_arch "$2")"
shift 7
verdict=$dir/verdict.tap
mkdir -p "$dir"
: >"$verdict"
# A report of a slow host is none of the kernel's: be patient.
append="console=$console panic=-1 oops=panic rcupdate.rcu_cpu_stall_timeout=120 $append ${APPEND:-}"

if [ "$seconds" = 0 ]; then
	console_to=mon:stdio
	guest "$@"
	exit
fi
console_to=file:$dir/console.log
# timeout ends a program, and guest is a function: so a shell in between.
export kernel initrd smp mem append console_to verdict
export -f guest
output=$dir/qemu.log
[ "$karch" != um ] || output=$dir/console.log
status=0
timeout -k 5 "$seconds" bash -c 'guest "$@"' guest "$@" \
	</dev/null >"$output" 2>&1 || status=$?
# A guest without a process of its own has nothing but its console.
[ -z "${headless:-}" ] || "$OVERLAY/ktap.sh" "$dir/console.log" >"$verdict"
exit $status
