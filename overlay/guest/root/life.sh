#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Steps in the life of a machine, those of $steps, with percpu objects that are checked
# after each. Results go to descriptor 3; lines "host: ACTION" there ask for a change of
# the machine by overlay/guest/life.sh.

cpus=/sys/devices/system/cpu
memory=/sys/devices/system/memory
n=0

# result NAME [ERROR]
result() {
	n=$((n + 1))
	if [ -z "${2:-}" ]; then
		echo "ok $n - life: $1" >&3
	else
		echo "not ok $n - life: $1: $2" >&3
	fi
}

# Percpu data of each kind, with a pattern in each copy
hold() {
	dmesg -c >/dev/null
	[ -d /sys/module/life_objects ] || insmod /life_objects.ko
}

check() {
	echo 1 >/sys/module/life_objects/parameters/check || echo "wrong contents $1"
}

# Print an error if new objects cannot be had, or the kernel reports one.
works() {
	for run in basic churn; do
		{ insmod /test_percpu.ko run=$run seconds=2 && rmmod test_percpu; } ||
			echo "no success of $run"
	done
	dmesg | grep -E 'FAIL|BUG|WARNING|Oops' | head -n 3
}

# with_objects NAME COMMAND...: the objects live through COMMAND
with_objects() {
	name=$1
	shift
	hold || { result "$name" "no objects"; return; }
	{
		check before
		"$@"
		check after
		works
	} >/tmp/error
	result "$name" "$(tr '\n' ';' </tmp/error)"
}

release() {
	[ ! -d /sys/module/life_objects ] || rmmod life_objects
	error=$(dmesg | grep -E 'FAIL|BUG|WARNING' | head -n 3 | tr '\n' ';')
	[ -z "$error" ] || result "objects freed" "$error"
}

# await COMMAND...: up to a minute, until COMMAND succeeds
await() {
	i=0
	until "$@"; do
		i=$((i + 1))
		[ $i -lt 60 ] || return 1
		sleep 1
	done
}

# Cgroups, which have percpu memory, and processes come and go.
load() {
	mkdir -p "/sys/fs/cgroup/load$1"
	while :; do
		mkdir "/sys/fs/cgroup/load$1/x" && rmdir "/sys/fs/cgroup/load$1/x"
	done
}

unplug_rounds() {
	pids=
	echo "+memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
	for i in 1 2 3; do
		load $i 2>/dev/null &
		pids="$pids $!"
	done
	i=0
	while [ $i -lt "${rounds:-100}" ]; do
		cpu=$((i % 3 + 1))
		echo 0 >$cpus/cpu$cpu/online || echo "CPU $cpu stays in round $i"
		echo 1 >$cpus/cpu$cpu/online || echo "CPU $cpu does not come back in round $i"
		i=$((i + 1))
	done
	# shellcheck disable=SC2086
	kill $pids
}

suspended() {
	echo "host: wakeup" >&3
	echo mem >/sys/power/state || echo "not suspended"
	[ "$(cat /sys/power/suspend_stats/success)" -gt 0 ] || echo "no success counted"
}

# All of the CMA area, which no page of percpu memory may be in
take_cma() {
	for area in /sys/kernel/debug/cma/*; do
		cat "$area/count" >"$area/alloc" || return
		cat "$area/count" >"$area/free"
	done
}

# What KSM and transparent huge pages did
merged() {
	[ "$(cat /sys/kernel/mm/ksm/pages_sharing)" -gt 0 ] &&
		[ "$(awk '/^AnonHugePages:/ {print $2}' /proc/meminfo)" -gt 0 ]
}

moved() {
	echo always >/sys/kernel/mm/transparent_hugepage/enabled
	echo 10000 >/sys/kernel/mm/ksm/pages_to_scan
	echo 1 >/sys/kernel/mm/ksm/run
	same_pages 64 &
	same=$!
	await merged || echo "nothing merged, or no huge page"
	for _ in 1 2 3 4 5; do
		echo 1 >/proc/sys/vm/compact_memory
		take_cma || echo "no CMA pages"
	done
	kill $same
}

has_cpu4() { [ -e $cpus/cpu4/online ]; }

lacks_cpu4() { ! has_cpu4; }

# CPU 4 was there at boot, and was not online: unplug it, and plug it in.
added() {
	[ ! -e /sys/devices/system/node/node1/meminfo ] ||
		grep -q 'MemTotal: *0 kB' /sys/devices/system/node/node1/meminfo ||
		echo "node 1 has memory"
	echo "host: cpu_del" >&3
	await lacks_cpu4 || echo "CPU 4 is still there"
	echo "host: cpu_add" >&3
	await has_cpu4 || echo "no CPU 4"
	[ "$(cat $cpus/cpu4/online)" = 1 ] || echo 1 >$cpus/cpu4/online
	[ -e $cpus/cpu4/node1 ] || echo "CPU 4 is not of node 1"
	taskset 10 true || echo "nothing runs on CPU 4"
}

removed() {
	echo 0 >$cpus/cpu4/online || echo "CPU 4 stays"
	echo "host: cpu_del" >&3
	await lacks_cpu4 || echo "CPU 4 is still there"
}

blocks() { find $memory -maxdepth 1 -name 'memory[0-9]*' | wc -l; }
has_more() { [ "$(blocks)" -gt "$before" ]; }
has_same() { [ "$(blocks)" = "$before" ]; }

# Node 1 gets memory, and loses it.
memory_removed() {
	before=$(blocks)
	echo "host: memory_add" >&3
	await has_more || echo "no memory added"
	for block in /sys/devices/system/node/node1/memory[0-9]*; do
		echo online_movable >"$block/state" || echo "$block does not go online"
	done
	grep -q 'MemTotal: *[1-9]' /sys/devices/system/node/node1/meminfo ||
		echo "node 1 has no memory"
	{ mkdir /sys/fs/cgroup/more && rmdir /sys/fs/cgroup/more; } || echo "no cgroup"
	for block in /sys/devices/system/node/node1/memory[0-9]*; do
		echo offline >"$block/state" || echo "$block stays online"
	done
	echo "host: memory_del" >&3
	await has_same || echo "the memory is still there"
}

hibernated() {
	{ mkswap /dev/vda >/dev/null && swapon /dev/vda; } || echo "no swap"
	echo shutdown >/sys/power/disk
	echo disk >/sys/power/state || echo "not hibernated"
}

# next_kernel now|panic STEPS [WORD...]: of /proc/cmdline the last setting counts
next_kernel() {
	kexec "$1" /next/image /next/initramfs "$(cat /proc/cmdline) steps=$2 ${3:-}"
}

# A note of each CPU that was online
captured() {
	notes=$(vmcore_notes) || echo "/proc/vmcore is unreadable"
	[ "$notes" = 4 ] || echo "notes of $notes CPUs, 4 were online"
}

# The check can fail.
step_spoil() {
	error=
	hold
	echo 1 >/sys/module/life_objects/parameters/spoil
	[ -n "$(check after 2>/dev/null)" ] || error="not found"
	[ -z "$(check again)" ] || error="$error, not mended"
	dmesg -c >/dev/null
	result "a wrong byte is found" "$error"
}
step_unplug() { with_objects "${rounds:-100} rounds of CPU unplug under load" unplug_rounds; }
step_suspend() { with_objects "suspend to RAM and back" suspended; }
step_move() { with_objects "KSM, huge pages, CMA and compaction" moved; }
step_add() { with_objects "a CPU added to a node without memory" added; }
step_remove() { with_objects "the CPU removed" removed; }
step_memory() { with_objects "memory added to its node, and removed" memory_removed; }
step_hibernate() { with_objects "hibernation to a disk, and resume" hibernated; }
step_after() { with_objects "kexec into the same kernel" true; }
step_kexec() {
	hold && check before >/tmp/error && [ ! -s /tmp/error ] && next_kernel now after
	result "kexec into the same kernel" "not started: $(tr '\n' ';' </tmp/error)"
}
step_panic() {
	hold
	next_kernel panic capture maxcpus=1 || {
		result "kdump" "no capture kernel"
		return
	}
	echo c >/proc/sysrq-trigger
}
step_capture() {
	captured >/tmp/error
	result "kdump: notes of all CPUs" "$(tr '\n' ';' </tmp/error)"
}
# The kernel that shall resume from the disk came here.
step_noresume() { result "hibernation to a disk, and resume" "not resumed"; }

for step in $(echo "${steps:-}" | tr , ' '); do
	step_"$step"
done
release
echo 'done' >&3
