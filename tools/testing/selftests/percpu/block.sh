#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic users
#
# Request queues. Their users are counted by a percpu_ref or, with CONFIG_BLOCK_BIGREF,
# by a bigref: queues are frozen by changes of their settings, by runtime suspend and by
# their end, while threads read and write. No request fails, and the data are right.
#
# Needs null_blk and scsi_debug as modules.

. "$(dirname "$0")/functions.sh"

LOAD=

extra_cleanup() {
	[ -z "$LOAD" ] || kill "$LOAD" 2>/dev/null
	rmmod scsi_debug 2>/dev/null
	rmmod null_blk 2>/dev/null
}

# set_queue <file> <value>: change a setting; the queue is frozen meanwhile
set_queue() {
	echo "$2" > "$queue/$1" || wrong="$queue/$1 does not take $2"
}

# judge <test>
judge() {
	log_is_clean || wrong=${wrong:-"a report in the kernel log"}
	! log_grep -q 'bigref: .*leaked' ||
		wrong=${wrong:-"a count was reported as misused"}
	conclude "$1" "$wrong"
}

change_settings() {
	for scheduler in mq-deadline kyber none; do
		! grep -q "$scheduler" "$queue/scheduler" ||
			set_queue scheduler $scheduler
		set_queue nr_requests 8
		set_queue iostats 0
		set_queue nr_requests 64
		set_queue iostats 1
		freezes=$((freezes + 4))
	done
}

# freeze <test> <disk>
freeze() {
	wrong=''
	freezes=0
	log_mark
	queue=/sys/block/$2/queue
	load_begin "/dev/$2" 3
	end=$(($(date +%s) + SECONDS_TO_RUN))
	while [ -z "$wrong" ] && [ "$(date +%s)" -lt $end ]; do
		change_settings
	done
	load_end
	say "$1: $nr_requests requests, $freezes changes"
	judge "$1"
}

# Queues that are made and removed
disks_end() {
	wrong=''
	log_mark
	wait_for 60 module_unload null_blk || wrong="null_blk cannot be unloaded"
	for _ in 1 2 3 4 5; do
		modprobe null_blk nr_devices=8 memory_backed=1 gb=1 ||
			wrong="null_blk does not load"
		[ -b /dev/nullb7 ] || wrong=${wrong:-"no /dev/nullb7"}
		wait_for 60 module_unload null_blk ||
			wrong=${wrong:-"null_blk cannot be unloaded"}
	done
	counters_are_back
	judge disks_end
}

scsi_disk() {
	disk=$(ls -d /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/* \
		2>/dev/null | sed -n '1s,.*/,,p')
	[ -n "$disk" ] && [ -b "/dev/$disk" ]
}

suspended() {
	[ "$(cat "$power/runtime_status")" = suspended ]
}

active_ms() {
	cat "$power/runtime_active_time"
}

# try_to_suspend: with a delay of 0 the kernel does not try again if the disk is in use
try_to_suspend() {
	echo on > "$power/control"
	echo auto > "$power/control"
}

# Attempts while threads use the disk, whose requests resume it
suspend_under_load() {
	load_begin "/dev/$1" 3
	end=$(($(date +%s) + 2))
	while [ "$(date +%s)" -lt $end ]; do
		try_to_suspend
		attempts=$((attempts + 1))
	done
	load_end
}

try_until_suspended() {
	suspended || {
		try_to_suspend
		sleep 0.2 2>/dev/null || sleep 1
		suspended
	}
}

# stays_suspended: return true if a suspended disk is not resumed for a second
stays_suspended() {
	active=$(active_ms)
	sleep 1
	[ "$(active_ms)" = "$active" ]
}

# A disk that is not in use is suspended, and stays so.  When the load has closed the
# disk, udev may still read it: that can make attempts fail and resume the disk once.
suspend_idle() {
	if ! wait_for 60 try_until_suspended; then
		wrong=${wrong:-"an idle disk was not suspended"}
		return
	fi
	stays_suspended && return
	resumed=$((resumed + 1))
	wait_for 60 try_until_suspended && stays_suspended ||
		wrong=${wrong:-"an idle disk was resumed twice"}
}

# The count of the disk is percpu yet: the first attempt waits until it is exact.  Only
# udev may disturb it.
suspend_first() {
	try_to_suspend
	wait_for 20 suspended || pidof systemd-udevd udevd > /dev/null ||
		wrong="the first attempt did not suspend an idle disk"
}

runtime_suspend() {
	power=/sys/block/$1/device/power
	if [ ! -w "$power/autosuspend_delay_ms" ]; then
		skip runtime_suspend "no runtime power management"
		return
	fi
	wrong=''
	attempts=0
	resumed=0
	log_mark
	echo 0 > "$power/autosuspend_delay_ms"
	suspend_first
	for _ in 1 2 3 4 5; do
		suspend_under_load "$1"
		suspend_idle
	done
	echo on > "$power/control"
	say "runtime_suspend: $attempts attempts under load"
	say "runtime_suspend: an idle disk was resumed $resumed times"
	judge runtime_suspend
}

before=$(nr_percpu)
modprobe null_blk nr_devices=1 memory_backed=1 gb=1 2>/dev/null ||
	skip_all "no null_blk"
plan 5
freeze freeze_null_blk nullb0
disks_end
if modprobe scsi_debug dev_size_mb=8 delay=0 2>/dev/null && wait_for 60 scsi_disk; then
	freeze freeze_scsi "$disk"
	runtime_suspend "$disk"
	wrong=''
	log_mark
	wait_for 60 module_unload scsi_debug || wrong="scsi_debug cannot be unloaded"
	counters_are_back
	judge scsi_end
else
	for test in freeze_scsi runtime_suspend scsi_end; do
		skip $test "no scsi_debug"
	done
fi
finish
