#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Boot a guest with debugging information, have QEMU write its memory to a file, and
# read the file by drgn and crash: the area by tools/mm/show_percpu_area.py, percpu
# variables, and the stack of each CPU. Fails if these do not agree with the guest.
# Output: CACHE/dump. Without KASLR, as drgn 0.0.22 needs phys_base to be 0 or more.
. "$(dirname "$0")/../lib.sh"

config=x86_64-dump
dir=$CACHE/dump
rm -rf "$dir"
mkdir -p "$dir"
"$OVERLAY/source/packages.sh" crash python3-drgn
"$OVERLAY/source/kernel.sh" $config "$dir" >"$dir/kernel"
vmlinux=$(sed -n 's/^build tree: *//p' "$dir/kernel")/vmlinux

say "booting; the console goes to $dir/console.log"
"$OVERLAY/guest/boot.sh" "$dir" $config "$dir" "${SMP:-4}" "${MEM:-1G}" 600 \
	"guest=dump nokaslr percpu_debug=on sysctl.vm.mem_profiling=1" \
	-device vmcoreinfo -monitor "unix:$dir/monitor,server=on,wait=off" &
guest=$!
trap 'kill $guest 2>/dev/null' EXIT
until grep -q '^ready' "$dir/verdict.tap" 2>/dev/null; do
	kill -0 $guest 2>/dev/null || die "the guest did not come up; see $dir"
	sleep 1
done
! grep '^not ok' "$dir/verdict.tap" || die "the guest failed; see $dir"
"$OVERLAY/guest/monitor.sh" "$dir/monitor" "dump-guest-memory -p $dir/vmcore" quit >"$dir/monitor.log"
wait $guest || true
trap - EXIT
[ -s "$dir/vmcore" ] || die "QEMU wrote no dump; see $dir"

failed=
# drgn_reads SCRIPT NAME OPTION...: output of the script to the file NAME
drgn_reads() {
	drgn -q -c "$dir/vmcore" -s "$vmlinux" "$1" "${@:3}" >"$dir/$2" 2>"$dir/$2.err" </dev/null &&
		return
	say "drgn cannot read the dump:"
	tail -n 3 "$dir/$2.err" >&2
	failed=1
}
drgn_reads "$TOP/tools/mm/show_percpu_area.py" area
drgn_reads "$TOP/tools/mm/show_percpu_area.py" owners --owners 20
cat >"$dir/stacks.py" <<'EOF'
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.percpu import per_cpu
for cpu in for_each_online_cpu(prog):
    print(f"CPU {cpu}")
    print(prog.stack_trace(per_cpu(prog["runqueues"], cpu).curr))
EOF
drgn_reads "$dir/stacks.py" stacks

# crash 8.0, of Debian 12, does not know slabs and modules of 7.2.
cat >"$dir/commands" <<'EOF'
p pcpu_nr_units
p pcpu_nr_populated
p kstat:a
quit
EOF
crash -s --no_kmem_cache --no_modules -i "$dir/commands" "$vmlinux" "$dir/vmcore" \
	>"$dir/crash" 2>&1 </dev/null || {
	say "crash cannot read the dump:"
	tail -n 5 "$dir/crash" >&2
	failed=1
}

# The guest says what drgn and crash must find.
shown=$(awk '/^Percpu:/ {print $2}' "$dir/verdict.tap")
by_drgn=$(sed -nE 's/^populated: .* ([0-9]+) KB in all.*/\1/p' "$dir/area")
by_crash=$(($(sed -nE 's/^pcpu_nr_.* = ([0-9]+)$/\1/p' "$dir/crash" | paste -sd'*') * 4))
cpus=$(grep -c '^per_cpu(kstat, ' "$dir/crash" || true)
stacks=$(grep -c '^CPU ' "$dir/stacks" || true)
cat "$dir/area" "$dir/owners"
echo "Percpu: $shown kB; drgn: $by_drgn KB, stacks of $stacks CPUs; crash: $by_crash KB, variables of $cpus CPUs"
for found in "$by_drgn $shown" "$by_crash $shown" "$cpus ${SMP:-4}" "$stacks ${SMP:-4}"; do
	[ "${found% *}" = "${found#* }" ] || failed=1
done
[ -z "$failed" ] || die "see $dir"
