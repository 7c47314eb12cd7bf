#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Record percpu allocations and frees, from boot (trace_event= on the command line)
# and in phases of one workload each. Prints lines "a TIME PLACE SIZE ATOMIC",
# "f TIME PLACE" and "phase NAME" to descriptor 3.

tracing=/sys/kernel/tracing
cgroups=/sys/fs/cgroup

# Frees by RCU and by workers belong to the phase that caused them.
phase() {
	sleep 2
	echo "phase $1" >$tracing/trace_marker
}

cgroup() {
	for controller in $(cat $cgroups/cgroup.controllers); do
		echo "+$controller" >$cgroups/cgroup.subtree_control
	done
	for i in $(seq 50); do
		mkdir $cgroups/g"$i"
		sh -c "echo 0 >$cgroups/g$i/cgroup.procs; ls / >/dev/null"
	done
	sleep 2
	for i in $(seq 50); do rmdir $cgroups/g"$i"; done
}

netns() {
	for i in $(seq 20); do
		unshare -n sh -c 'ip link set lo up; ip addr add 10.0.0.1/8 dev lo'
	done
}

fork() {
	for i in $(seq 500); do /bin/busybox true; done
}

module() {
	for i in $(seq 20); do
		modprobe dummy numdummies=2
		modprobe veth
		rmmod dummy veth
	done
}

# A server in a namespace, reached through a pair of veth devices
network() {
	modprobe veth
	ip link add v0 type veth peer name v1
	unshare -n sh -c 'sleep 1
		ip link set lo up
		ip link set v1 up
		ip addr add 10.9.0.2/24 dev v1
		exec httpd -f -p 80 -h /bin' &
	server=$!
	sleep 0.5
	ip link set v1 netns $server
	ip link set v0 up
	ip addr add 10.9.0.1/24 dev v0
	sleep 2
	for i in $(seq 50); do
		wget -q -O /dev/null http://10.9.0.2/busybox || echo "no answer"
	done
	ping -c 5 -q 10.9.0.2
	kill $server
	ip link del v0 2>/dev/null
}

for workload in cgroup netns fork module network; do
	phase $workload
	$workload
done
phase "end"
echo 0 >$tracing/tracing_on
cat $tracing/per_cpu/cpu*/stats | grep -E '^(overrun|dropped events): [1-9]' && lost=1
awk '
	function field(name) {
		return match($0, " " name "=[^ ]*") ? \
			substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 2) : ""
	}
	/^#/ {next}
	{
		match($0, / [0-9]+\.[0-9]+: /)
		time = substr($0, RSTART + 1, RLENGTH - 3)
	}
	/ percpu_alloc_percpu: / {
		print "a", time, field("base_addr") "+" field("off"), field("size"), field("is_atomic")
	}
	/ percpu_free_percpu: / {print "f", time, field("base_addr") "+" field("off")}
	/ tracing_mark_write: phase / {print "phase", $NF, time}' $tracing/trace >&3
[ -z "$lost" ] && echo "ok 1 - sizes: recorded" >&3 || echo "not ok 1 - sizes: events were lost" >&3
echo 'done' >&3
