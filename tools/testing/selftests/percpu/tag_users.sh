#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: users
#
# Users of percpu tags: commands of a SCSI device of scsi_debug, while its queue depth
# changes and while the device is removed; requests of 9p, if the machine has a virtio
# device for that, also while threads are killed and the file system is unmounted. The
# tests are of use without percpu tags, too.

. "$(dirname "$0")/functions.sh"

THREADS=6
MOUNT=
LOAD=

extra_cleanup() {
	[ -z "$LOAD" ] || kill -9 "$LOAD" 2>/dev/null
	[ -z "$MOUNT" ] || umount -l "$MOUNT" 2>/dev/null
	[ -z "$MOUNT" ] || rmdir "$MOUNT"
	rmmod scsi_debug 2>/dev/null
}

# load_dies: wait for a load that fails or was killed
load_dies() {
	wait "$LOAD" 2>/dev/null
	LOAD=
	rm -f "$said"
}

# judge <test> [<expression for lines of the log that are wrong>]
judge() {
	log_is_clean || wrong=${wrong:-"a report in the kernel log"}
	! log_grep -e "${2:-percpu_tag: pool}" | comment | grep . ||
		wrong=${wrong:-"a tag is left or was misused"}
	conclude "$1" "$wrong"
}

time_begin() {
	end=$(($(date +%s) + SECONDS_TO_RUN))
}

time_is_left() {
	[ -z "$wrong" ] && [ "$(date +%s)" -lt $end ]
}

# Set $disk to the disk of scsi_debug.
scsi_disk() {
	disk=$(ls -d /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/* \
		2>/dev/null | sed -n '1s,.*/,,p')
	[ -n "$disk" ] && [ -b "/dev/$disk" ]
}

scsi_is_idle() {
	[ "$(cat "$sys/device_busy")" = 0 ] &&
		[ "$(cat "$sys/iorequest_cnt")" = "$(cat "$sys/iodone_cnt")" ]
}

# The count is in hexadecimal digits.
scsi_done() {
	echo $(($(cat "$sys/iodone_cnt")))
}

# scsi_depth <depth>: scsi_debug tracks the depth, so that a command that ends before the
# new limit is known may add one, on each CPU
scsi_depth() {
	echo "$1" > "$sys/queue_depth" &&
		[ "$(cat "$sys/queue_depth")" -le $(($1 + $(possible_cpus))) ] ||
		wrong="the queue depth does not become $1"
}

scsi_goes_on() {
	before=$(scsi_done)
	wait_for 60 scsi_went_on || wrong=${wrong:-"no command ends"}
}

# More than those that were in flight before
scsi_went_on() {
	[ "$(scsi_done)" -gt $((before + 2 * THREADS)) ]
}

# The depth shrinks and grows while commands are in flight, and commands go on at any.
test_depth() {
	wrong=
	log_mark
	sys=/sys/block/$disk/device
	old=$(cat "$sys/queue_depth")
	load_begin "/dev/$disk" $THREADS
	time_begin
	rounds=0
	while time_is_left; do
		for depth in 1 2 3 "$old" 1 3 "$old" 2 "$old" 1; do
			scsi_depth "$depth"
		done
		scsi_goes_on
		rounds=$((rounds + 1))
	done
	scsi_depth "$old"
	scsi_goes_on
	load_end
	wait_for 60 scsi_is_idle || wrong=${wrong:-"commands are in flight at the end"}
	say "scsi_depth: $nr_requests requests, $rounds rounds of depths"
	judge scsi_depth
}

scsi_is_gone() {
	! [ -e "/sys/block/$disk" ]
}

# The device is removed while commands are in flight, which may fail.
test_remove() {
	wrong=
	log_mark
	time_begin
	rounds=0
	while time_is_left || [ $rounds = 0 ]; do
		host=$(ls -d /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*)
		sys=/sys/block/$disk/device
		load_begin "/dev/$disk" $THREADS
		scsi_goes_on
		echo 1 > "$sys/delete" || wrong="the device is not removed"
		load_dies
		wait_for 60 scsi_is_gone || wrong="the disk stays"
		echo "- - -" > "$host/scsi_host/${host##*/}/scan"
		wait_for 60 scsi_disk || wrong="the disk does not come back"
		rounds=$((rounds + 1))
	done
	say "scsi_remove: $rounds rounds"
	wait_for 60 module_unload scsi_debug || wrong=${wrong:-"scsi_debug does not unload"}
	judge scsi_remove
}

# Print the name of a folder that the host offers.
mount_tag() {
	for tag in /sys/bus/virtio/drivers/9pnet_virtio/virtio*/mount_tag; do
		[ ! -r "$tag" ] || tr -d '\0' < "$tag"
		[ ! -r "$tag" ] || return 0
	done
	return 1
}

mount_tag_9p() {
	mount -t 9p -o "trans=virtio,version=9p2000.L,cache=$cache" "$tag" "$MOUNT"
}

# mount_9p [<cache>]: the device takes one client at a time, and does so when the last one
# has ended.
mount_9p() {
	cache=${1:-none}
	wait_for 60 mount_tag_9p && : > "$MOUNT/percpu.$$" ||
		wrong=${wrong:-"9p does not mount"}
}

# use_names: create, rename, list and remove files until the time is over
use_names() {
	name=$MOUNT/percpu.names.$$
	while time_is_left; do
		echo "$MARK" > "$name.1" && mv "$name.1" "$name.2" && ls "$MOUNT" > /dev/null &&
			[ "$(cat "$name.2")" = "$MARK" ] && rm "$name.2" || return 1
	done
}

# Random blocks of a file are as written last, while names change.
test_9p_load() {
	wrong=
	log_mark
	mount_9p
	time_begin
	load_begin "$MOUNT/percpu.$$" $THREADS
	use_names || wrong=${wrong:-"a file has other contents or another name"}
	load_end
	say "9p_load: $nr_requests reads and writes"
	rm "$MOUNT/percpu.$$"
	umount "$MOUNT" || wrong=${wrong:-"9p does not unmount"}
	judge 9p_load "$TAG_LEFT"
}

# A file is as written when it is truncated, extended and mapped, too: without a cache,
# and with one for shared mappings.
test_9p_model() {
	wrong=
	log_mark
	for cache in none mmap; do
		mount_9p $cache
		load_begin "$MOUNT/percpu.$$" "${PERCPU_TEST_SEED:-1}" file_model
		sleep "$SECONDS_TO_RUN"
		load_end
		say "9p_model: $nr_requests operations, cache=$cache"
		rm "$MOUNT/percpu.$$"
		umount "$MOUNT" || wrong=${wrong:-"9p does not unmount"}
	done
	judge 9p_model "$TAG_LEFT"
}

# Threads that wait for a reply are killed, and the file system is unmounted meanwhile:
# the requests are flushed, and none is left when the client ends.
test_9p_unmount() {
	wrong=
	log_mark
	time_begin
	rounds=0
	while time_is_left || [ $rounds = 0 ]; do
		mount_9p
		load_begin "$MOUNT/percpu.$$" $THREADS
		wait_for 60 test -s "$MOUNT/percpu.$$"
		umount -l "$MOUNT" || wrong=${wrong:-"9p does not unmount"}
		kill -9 "$LOAD"
		load_dies
		rounds=$((rounds + 1))
	done
	say "9p_unmount: $rounds rounds"
	mount_9p
	rm "$MOUNT/percpu.$$"
	umount "$MOUNT" || wrong=${wrong:-"9p does not unmount"}
	judge 9p_unmount "$TAG_LEFT"
}

TAG_LEFT='percpu_tag: pool\|Tag [0-9]* still in use\|still references'
plan 5
if modprobe scsi_debug max_queue=64 dev_size_mb=8 ndelay=20000 2>/dev/null &&
	wait_for 60 scsi_disk; then
	test_depth
	test_remove
else
	for test in scsi_depth scsi_remove; do
		skip $test "no scsi_debug"
	done
fi
if tag=$(mount_tag); then
	MOUNT=$(mktemp -d)
	test_9p_load
	test_9p_model
	test_9p_unmount
else
	for test in 9p_load 9p_model 9p_unmount; do
		skip $test "no virtio device of 9p"
	done
fi
finish
