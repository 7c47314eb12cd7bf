#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Print the percpu memory of cgroups: create 100, or $parents, with 10 children each,
# remove the children, remove the rest. The output has the same form for every kernel.

exec >&3
. /percpu_kb.sh
settle() {
	last=
	while now=$(percpu_kb); [ "$now" != "$last" ]; do
		last=$now
		sleep 5
	done
}

# Print a number with commas.
commas() { echo "$1" | sed ':a; s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/; ta'; }

conclude() {
	echo "ok 1 - cgroups: came and went"
	echo 'done'
	exit
}

n=${parents:-100}
cd /sys/fs/cgroup || exit
echo "+memory" >cgroup.subtree_control
settle
say "idle"
[ "$n" != 0 ] || conclude
for i in $(seq "$n"); do
	mkdir "g$i"
	echo "+memory" >"g$i/cgroup.subtree_control"
	for j in 0 1 2 3 4 5 6 7 8 9; do mkdir "g$i/c$j"; done
done
settle
say "$(commas $((n * 11))) cgroups"
for i in $(seq "$n"); do
	for j in 0 1 2 3 4 5 6 7 8 9; do rmdir "g$i/c$j"; done
done
settle
say "10 of 11 removed"
for i in $(seq "$n"); do rmdir "g$i"; done
settle
say "all removed"
conclude
