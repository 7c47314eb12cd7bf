#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Print how much percpu data modules can have on a kernel: generate modules, build
# and load them.
# usage: modules.sh
. "$(dirname "$0")/../lib.sh"

tests=$TOP/tools/testing/selftests/percpu
dir=$(mktemp -d "$CACHE/logs/modules.XXXXXX")
mkdir "$dir/generated"
for bytes in 3000 4096 1048576; do
	sh "$tests/test_modules/generate.sh" $bytes \
		>"$dir/generated/test_percpu_gen_${bytes}_n0000.c"
done
"$OVERLAY/guest/module-guest.sh" "$dir" "$ARCH" "$tests"/test_modules/*.h \
	"$dir"/generated/*.c -- "$tests/load_modules.c"

status=0
"$OVERLAY/guest/boot.sh" "$dir" "$ARCH" "$dir" "${SMP:-4}" "${MEM:-1G}" 300 \
	"guest=modules quiet" || status=$?
tr -d '\r' <"$dir/verdict.tap" | grep -v -e '^ok ' -e '^done$' || true
tr -d '\r' <"$dir/console.log" | grep -m 1 'test_percpu_gen' | sed 's/^/the kernel says: /' || true
if ! "$OVERLAY/guest/verdict.sh" modules "$dir/console.log" "$dir/verdict.tap" "$status" \
		modules >/dev/null; then
	# Stock refuses percpu data with a warning.
	[ -n "$STOCK" ] || die "the guest did not end well; see $dir"
fi
rm -rf "$dir"
