#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Hold percpu memory of modules and cgroups, print what the kernel shows of it to
# descriptor 3, and wait until QEMU has written the memory of the guest.

exec >&3
insmod "$(find /kselftest /lib/modules -name test_percpu_export.ko | head -n 1)" ||
	echo "not ok 1 - test_percpu_export.ko cannot be loaded"
cd /sys/fs/cgroup || exit
echo "+memory +pids" >cgroup.subtree_control
for i in $(seq 20); do mkdir "dump$i"; done
# Workers may allocate and free pages meanwhile.
sleep 3
grep '^Percpu:' /proc/meminfo
cat /sys/kernel/debug/percpu_stats
echo ready
sleep 3600
