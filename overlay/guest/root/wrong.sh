#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Make the error that do= names, and print what follows.

exec >&3
# Show the state after an oops.
echo 0 >/proc/sys/kernel/panic_on_oops
insmod /test_percpu_wrong.ko do="$do"
echo "insmod: $?"
sleep 1
# A cgroup needs percpu memory.
mkdir /sys/fs/cgroup/wrong && echo "alive"
rmmod test_percpu_wrong && echo "unloaded"
echo 'done'
