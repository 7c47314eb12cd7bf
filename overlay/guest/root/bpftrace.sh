#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Run each line of the file lines beside calls that reach all percpu tracepoints; print
# the line and its output to descriptor 3.

exec >&3
module=$(find /kselftest /lib/modules -name test_percpu.ko | head -n 1)
cd /sys/fs/cgroup || exit
echo "+memory +pids" >cgroup.subtree_control
export BPFTRACE_STRLEN=64 BPFTRACE_KERNEL_SOURCE=/headers/source BPFTRACE_KERNEL_BUILD=/headers/build

# Cgroups allocate small objects. 4 MB of larger ones need chunks, and 32 MB are more
# than the area has.
work() {
	for i in $(seq 20); do mkdir "traced$i"; done
	for i in $(seq 20); do rmdir "traced$i"; done
	insmod "$module" run=hold size=65536 count=64 && rmmod test_percpu
	insmod "$module" run=hold size=65536 count=512 && rmmod test_percpu
	# The worker frees chunks.
	sleep 3
}

nr=0
while read -r line; do
	nr=$((nr + 1))
	echo "# $line"
	sh -c "exec $line" >/tmp/out 2>&1 </dev/null &
	pid=$!
	i=0
	until grep -q '^Attaching' /tmp/out || [ $i = 120 ]; do
		i=$((i + 1))
		sleep 1
	done
	sleep 2
	work >/dev/null 2>&1
	kill -INT $pid 2>/dev/null
	wait $pid
	sed 's/^/#   /' /tmp/out
	if grep -v '^Attaching' /tmp/out | grep -q '[0-9]' && ! grep -qi error /tmp/out; then
		echo "ok $nr"
	else
		echo "not ok $nr"
	fi
done </lines
