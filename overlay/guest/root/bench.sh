#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Measure, and print rows to descriptor 3: the rows of bench_percpu that $rows names,
# with rows=all those of reference counts, with syscalls=1 those of system calls. With
# lines=OPERATION only repeat that, see move_lines.c.

ok=ok
cgroup_folder() {
	cd /sys/fs/cgroup || exit
	for controller in $(cat cgroup.controllers); do
		echo "+$controller" >cgroup.subtree_control
	done
}

# Set $file to the disk of a SCSI device, or to a file of the host.
user_file() {
	case $1 in
	scsi)
		modprobe scsi_debug delay=0 dev_size_mb=8
		file=/dev/sda
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			[ ! -b $file ] || break
			sleep 1
		done
		;;
	9p)
		mkdir -p /tmp/host
		mount -t 9p -o trans=virtio,version=9p2000.L,cache=none host /tmp/host
		file=/tmp/host/file
		echo 1 >$file
		;;
	esac
}

if [ -n "${lines:-}" ]; then
	file=''
	user_file "$lines"
	cgroup_folder
	/bin/move_lines "$lines" "${rounds:-10}" $file >&3 || ok="not ok"
	echo "$ok 1 - bench: moved" >&3
	echo 'done' >&3
	exit
fi
# Wait until the workers of the boot are idle.
sleep 2
insmod /bench_percpu.ko rows="${rows:-all}" || ok="not ok"
dmesg | sed -n 's/^.*\(bench_percpu: row=.*\)$/\1/p' >&3
dmesg | grep 'bench_percpu: group=.*failed' && ok="not ok"
rmmod bench_percpu

# Reference counts
if [ "${rows:-all}" = all ] || [ "$rows" = refs ]; then
	insmod /bench_refs.ko || ok="not ok"
	dmesg | sed -n 's/^.*\(bench_refs: row=.*\)$/\1/p' >&3
	rmmod bench_refs
fi

if [ "${syscalls:-}" = 1 ]; then
	cgroup_folder
	[ -b /dev/nullb0 ] || modprobe null_blk 2>/dev/null
	/bin/bench_syscalls /sys/fs/cgroup >&3 || ok="not ok"
fi
echo "$ok 1 - bench: measured" >&3
echo 'done' >&3
