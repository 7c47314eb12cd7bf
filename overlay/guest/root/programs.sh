# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154
# Programs of others, which use what is counted by bigref and what has percpu tags.
# Sourced by tests.sh.

# program NAME COMMAND...: a result by its exit status; 3 is a skip of libaio's tests
program() {
	name=$1
	shift
	echo "== $name"
	timeout $((600 + PERCPU_TEST_SECONDS)) "$@" >"$tmp/said" 2>&1 </dev/null
	rc=$?
	cat "$tmp/said"
	case $rc in
	0) result ok "programs: $name" ;;
	3) result ok "programs: $name" "# SKIP $(tail -n 1 "$tmp/said")" ;;
	*) result "not ok" "programs: $name: exit status $rc" ;;
	esac
}

# The tests of libaio run in a folder with these files.
libaio_tests() {
	mkdir -p "$tmp/libaio/testdir"
	cd "$tmp/libaio" || return
	for file in rofile wofile rwfile; do
		echo test >"testdir/$file"
	done
	chmod 400 testdir/rofile
	chmod 200 testdir/wofile
	for test in /programs/libaio/*.p; do
		number=${test##*/}
		program "libaio ${number%.p}" "$test"
	done
	cd /
}

# Contexts of AIO are set up, used and destroyed by many processes.
stress_aio() {
	for stressor in aio aiol; do
		program "stress-ng $stressor" stress-ng --$stressor 4 --verify \
			--timeout "${PERCPU_TEST_SECONDS}s" --temp-path "$tmp" --metrics-brief
	done
}

# fio_verify NAME OPTION...: random writes, which are read again
fio_verify() {
	name=$1
	shift
	program "fio $name" fio --name="$name" --rw=randwrite --bs=4k --verify=crc32c \
		--verify_backlog=64 --verify_fatal=1 --time_based \
		--runtime="$PERCPU_TEST_SECONDS" --group_reporting "$@"
}

# The device has a depth, which fio exceeds.
fio_scsi() {
	modprobe scsi_debug max_queue=64 dev_size_mb=64 ndelay=20000 2>/dev/null || {
		result ok "programs: fio scsi_debug" "# SKIP no scsi_debug"
		return
	}
	for _ in $(seq 60); do
		disk=$(ls /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block) && break
		sleep 1
	done 2>/dev/null
	for engine in libaio psync; do
		fio_verify "scsi_debug, $engine" --filename="/dev/$disk" --direct=1 \
			--ioengine=$engine --iodepth=32 --numjobs=4 --size=16m \
			--offset_increment=16m --thread
	done
	rmmod scsi_debug || result "not ok" "programs: scsi_debug cannot be unloaded"
}

fio_9p() {
	mkdir -p "$tmp/9p"
	set -- /sys/bus/virtio/drivers/9pnet_virtio/*/mount_tag
	if [ ! -e "$1" ]; then
		result ok "programs: fio 9p" "# SKIP no virtio device of 9p"
		return
	fi
	# The device takes one client at a time, and the last one may not be gone.
	for _ in $(seq 60); do
		mount -t 9p -o trans=virtio,version=9p2000.L,cache=none host "$tmp/9p" && break
		sleep 1
	done
	fio_verify "9p" --directory="$tmp/9p" --ioengine=psync --numjobs=4 --size=4m --thread
	rm -f "$tmp/9p"/*
	umount "$tmp/9p" || result "not ok" "programs: fio 9p: no file system is mounted, or it stays"
}

# More of the kernel's own tests of cgroups
cgroup_tests() {
	cd "$kselftest/cgroup" 2>/dev/null || return
	for test in kill freezer pids; do
		script "programs: cgroup $test" ./test_$test
	done
	cd /
}

group_programs() {
	cgroup_tests
	libaio_tests
	stress_aio
	fio_scsi
	fio_9p
}
