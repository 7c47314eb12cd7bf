#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# How much percpu memory cgroups take and leave: 100 of them with 10 children
# each come, then the children go, then the rest. Same words for every kernel.

exec >&3
. /percpu_kb.sh
settle() {
	last=
	while now=$(percpu_kb); [ "$now" != "$last" ]; do
		last=$now
		sleep 5
	done
}

cd /sys/fs/cgroup || exit
echo "+memory" >cgroup.subtree_control
settle
say "idle"
for i in $(seq 100); do
	mkdir "g$i"
	echo "+memory" >"g$i/cgroup.subtree_control"
	for j in 0 1 2 3 4 5 6 7 8 9; do mkdir "g$i/c$j"; done
done
settle
say "1,100 cgroups"
for i in $(seq 100); do
	for j in 0 1 2 3 4 5 6 7 8 9; do rmdir "g$i/c$j"; done
done
settle
say "10 of 11 removed"
for i in $(seq 100); do rmdir "g$i"; done
settle
say "all removed"
echo "ok 1 - cgroups: came and went"
echo 'done'
