#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Judge a guest by its console, its verdict and its exit status; print three
# numbers, "PASSED FAILED SKIPPED", and the reasons to stderr. Fails if FAILED > 0.
# usage: verdict.sh BED CONSOLE VERDICT STATUS EXPECTED...
# EXPECTED: groups of tests that must have at least one result
set -euo pipefail

bed=$1 console=$2 verdict=$3 status=$4
shift 4
here=$(dirname "$0")
log=$(mktemp)
trap 'rm -f "$log" "$log.tap"' EXIT
# Serial lines end in a carriage return; the files are missing if QEMU did not start.
{ tr -d '\r\0' <"$console" || true; } >"$log" 2>/dev/null
{ tr -d '\r\0' <"$verdict" || true; } >"$log.tap" 2>/dev/null

failed=0
bad() {
	echo "$bed: $*" >&2
	failed=$((failed + 1))
}
tap() { grep -aE "$1" "$log.tap" || true; }

case $status in
0) ;;
124 | 137) bad "the guest did not finish in its time" ;;
*) bad "the guest ended with status $status" ;;
esac
grep -v '^#' "$here/badlog" >"$log.bad"
report=$(grep -aE -f "$log.bad" "$log" | head -n 5 || true)
rm -f "$log.bad"
if [ -n "$report" ]; then
	bad "the kernel reports:"
	printf '%s\n' "$report" | sed 's/^/    /' >&2
fi
grep -qx 'done' "$log.tap" || bad "the guest did not say that it is done"
for group in "$@"; do
	grep -qE "^(ok|not ok) [0-9]+ - ${group}[:. ]" "$log.tap" || bad "no result of $group"
done

# kunit_says CASE: the failed expectations of a case of KUnit, from the console
kunit_says() {
	sed -E 's/^\[ *[0-9.]+\] ?//' "$log" | awk -v name="$1" '
		/^ *(#|ok |not ok )/ {on = index($0, "# " name ": ")}
		on && shown++ < 12'
}

tap '^(not ok |    # )' | while IFS= read -r line; do
	echo "$bed: $line"
	[[ $line != "not ok "*" - kunit: "* ]] || kunit_says "${line##*: }"
done >&2
tap '^ok .*# SKIP' | sed "s/^/$bed: /" >&2
passed=$(tap '^ok ' | grep -cv '# SKIP' || true)
skipped=$(tap '^ok .*# SKIP' | wc -l)
failed=$((failed + $(tap '^not ok ' | wc -l)))
if [ "$failed" -gt 0 ]; then
	echo "$bed: the end of $console:" >&2
	tail -n 30 "$log" | sed 's/^/    /' >&2
fi
echo "$passed $failed $skipped"
[ "$failed" = 0 ]
