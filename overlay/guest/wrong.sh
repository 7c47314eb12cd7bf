#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Do one thing wrong, the one that do= names, and say what came of it.

exec >&3
# To see what an oops leaves behind
echo 0 >/proc/sys/kernel/panic_on_oops
insmod /test_percpu_wrong.ko do="$do"
echo "insmod: $?"
sleep 1
# That needs percpu memory.
mkdir /sys/fs/cgroup/wrong && echo "alive"
rmmod test_percpu_wrong && echo "unloaded"
echo 'done'
