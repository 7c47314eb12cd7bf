#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Print how many modules with percpu data load, one after the other, until one fails.
# The output has the same form for every kernel.

exec >&3
. /percpu_kb.sh

# try BYTES COUNT
try() {
	file=/test_percpu_gen_$1_n0000.ko
	load_modules load "$file" 1 "$2" 1 2>/dev/null
	n=$(grep -c "^test_percpu_gen_$1_n" /proc/modules)
	for check in /sys/module/test_percpu_gen_"$1"_n*/parameters/check; do
		[ ! -e "$check" ] || echo 1 >"$check" || echo "wrong contents: $check"
	done
	say "modules with $1 bytes: $n of $2 load"
	load_modules unload "$file" 1 "$2" 1
}

say "idle, no module loaded"
try 3000 3
try 4096 200
try 1048576 64
sleep 3
say "all unloaded"
echo "ok 1 - modules: loaded what they could"
echo 'done'
