#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Print the effect of invalid frees and requests on a kernel, each in a guest of its
# own, as the guest may not survive it.
# usage: wrong.sh [CASE...]
. "$(dirname "$0")/../lib.sh"

tests=$TOP/tools/testing/selftests/percpu
dir=$(mktemp -d "$CACHE/logs/wrong.XXXXXX")
"$OVERLAY/guest/module-guest.sh" "$dir" "$ARCH" "$tests/test_modules/test_percpu_wrong.c"

# seen CASE: the reports of the kernel, without time and addresses
seen() {
	tr -d '\r' <"$dir/console.log" | sed 's/^\[[^]]*\] *//' |
		sed -n '/^test_percpu_wrong: '"$1"'/,$p' |
		grep -E -m 3 '^(percpu: |WARNING: |BUG: |Oops: |general protection|rcu: INFO|test_percpu_wrong: [oa]|test_percpu_wrong: __)' |
		sed 's/(____ptrval____)/X/' || true
}

# fate CASE: the state of the guest after it
fate() {
	if ! grep -q "test_percpu_wrong: $1" "$dir/console.log"; then
		echo "not tried: the guest did not boot in time"
	elif grep -q '^unloaded' "$dir/verdict.tap"; then
		echo "continues"
	elif grep -q '^alive' "$dir/verdict.tap"; then
		echo "continues, the module cannot be unloaded"
	else
		echo "the next allocation never returns"
	fi
}

cases=$(sed -n 's/^\t{ "\([af][a-z_0-9]*\)", .*/\1/p' "$tests/test_modules/test_percpu_wrong.c")
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $cases
for case; do
	"$OVERLAY/guest/boot.sh" "$dir" "$ARCH" "$dir" "${SMP:-2}" "${MEM:-512M}" 60 \
		"guest=wrong do=$case kunit.enable=0 rcupdate.rcu_cpu_stall_timeout=15" || true
	echo "$case: $(fate "$case")"
	seen "$case" | sed 's/^/    /'
done
rm -rf "$dir"
