#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Show the allocator at work. The output goes to descriptor 3, apart from the
# console.

exec >&3
failed=
title() { echo; echo "== $*"; }
. /percpu_kb.sh
untimed() { sed 's/^\[[^]]*\] //'; }

title "The layout chosen at boot"
dmesg | untimed | grep -E '^(percpu: .*(layout|first chunk|vmalloc)|setup_percpu:)'

title "Percpu memory of the idle system"
grep -E '^(MemTotal|Percpu):' /proc/meminfo
echo "CPUs: $(cat /sys/devices/system/cpu/possible) possible, $(cat /sys/devices/system/cpu/online) online"

title "/sys/kernel/debug/percpu_stats"
cat /sys/kernel/debug/percpu_stats
for file in /sys/kernel/debug/percpu/*; do
	[ -f "$file" ] || continue
	title "$file"
	head -n 30 "$file" | cut -c 1-160
done

title "A counter on every CPU, incremented there and summed"
module=$(find /kselftest /lib/modules -name test_percpu.ko 2>/dev/null | head -n 1)
if [ -n "$module" ]; then
	dmesg -c >/dev/null
	insmod "$module" run=tour || failed="the module's tour failed"
	dmesg | untimed | grep '^test_percpu: '
	rmmod test_percpu 2>/dev/null
else
	echo "(no test_percpu.ko in this guest)"
	[ "${stock:-}" = 1 ] || failed="test_percpu.ko is missing"
fi

title "200 cgroups come and go"
cd /sys/fs/cgroup || exit
echo "+memory +pids" >cgroup.subtree_control
# The first cgroup also allocates objects that later ones share.
mkdir first && rmdir first
sleep 1
before=$(percpu_kb)
for i in $(seq 200); do mkdir "tour$i"; done
with=$(percpu_kb)
for i in $(seq 200); do rmdir "tour$i"; done
# The memory of a cgroup is freed after an RCU grace period, and its pages by a worker.
waited=0
back=$((before + (with - before) / 10 + 256))
while after=$(percpu_kb); [ "$after" -gt $back ] && [ $waited -lt 20 ]; do
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	waited=$((waited + 1))
done
echo "Percpu: $before kB before, $with kB with them, $after kB $waited s after"
[ "$with" -gt "$before" ] || failed="200 cgroups need no percpu memory"
if [ "$after" -gt $back ]; then
	[ "${stock:-}" = 1 ] && echo "(the stock kernel keeps the pages)" || failed="their memory was not freed"
fi

echo
if [ -n "$failed" ]; then
	echo "tour: $failed"
	echo "not ok 1 - tour: $failed"
else
	echo "tour: done"
	echo "ok 1 - tour: done"
fi
echo 'done'
