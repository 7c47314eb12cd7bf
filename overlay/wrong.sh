#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Show what a kernel makes of wrong frees and requests: each in a guest of its
# own, since it may be the guest's last.
# usage: wrong.sh [CASE...]
. "$(dirname "$0")/lib.sh"

tests=$TOP/tools/testing/selftests/percpu
dir=$(mktemp -d "$CACHE/logs/wrong.XXXXXX")
"$OVERLAY/module-guest.sh" "$dir" "$ARCH" "$tests/test_modules/test_percpu_wrong.c"

# The lines that say what happened, without their time and their numbers
seen() {
	tr -d '\r' <"$dir/console.log" | sed 's/^\[[^]]*\] *//' |
		sed -n '/^test_percpu_wrong: '"$1"'/,$p' |
		grep -E -m 3 '^(percpu: |WARNING: |BUG: |Oops: |general protection|rcu: INFO|test_percpu_wrong: [oa]|test_percpu_wrong: __)' |
		sed 's/(____ptrval____)/X/' || true
}

# What became of the guest, after CASE
fate() {
	if ! grep -q "test_percpu_wrong: $1" "$dir/console.log"; then
		echo "not tried: the guest was not up in time"
	elif grep -q '^unloaded' "$dir/verdict.tap"; then
		echo "goes on"
	elif grep -q '^alive' "$dir/verdict.tap"; then
		echo "goes on, the module cannot be unloaded"
	else
		echo "the next allocation never returns"
	fi
}

cases=$(sed -n 's/^\t{ "\([af][a-z_0-9]*\)", .*/\1/p' "$tests/test_modules/test_percpu_wrong.c")
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $cases
for case; do
	"$OVERLAY/boot.sh" "$dir" "$ARCH" "$dir" "${SMP:-2}" "${MEM:-512M}" 60 \
		"guest=wrong do=$case kunit.enable=0 rcupdate.rcu_cpu_stall_timeout=15" || true
	echo "$case: $(fate "$case")"
	seen "$case" | sed 's/^/    /'
done
rm -rf "$dir"
