#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run the tests of one bed on two kernels, and print the results side by side: a
# line for each selftest and suite, and one for each test that differs.
# usage: side-by-side.sh [BED]
. "$(dirname "$0")/lib.sh"

bed=${1:-x86_64}
dir=$(mktemp -d "$CACHE/logs/both.XXXXXX")
failed=0

# results VERDICT: lines "NAME|RESULT"
results() {
	tr -d '\r' <"$1" | sed -nE -e 's/^ok [0-9]+ - (.*) # SKIP.*/\1|skipped/p' -e t \
		-e 's/^ok [0-9]+ - (.*)/\1|passed/p' -e 's/^not ok [0-9]+ - (.*)/\1|FAILED/p'
}

for kernel in 7.2 6.12; do
	say "Linux $kernel:"
	KERNEL=$kernel KSRC='' BED=$bed "$OVERLAY/test.sh" test >"$dir/out" || failed=1
	cat "$dir/out" >&2
	run=$(sed -n 's/^Linux .*; logs in \(.*\):$/\1/p' "$dir/out")
	[ -f "$run/$bed/verdict.tap" ] || die "no results of $bed on Linux $kernel"
	results "$run/$bed/verdict.tap" >"$dir/$kernel"
done

# The group of a test is its name without the last part.
awk -F'|' '
	{ group = $1; sub(/: [^:]*$/, "", group) }
	FNR == 1 { k++ }
	!(group in seen) { seen[group]; order[++n] = group }
	!($1 in known) { known[$1]; tests[++m] = $1 }
	{ count[group, k, $2]++; is[$1, k] = $2 }
	function cell(g, k) {
		return sprintf("%4d/%d/%d", count[g, k, "passed"], count[g, k, "FAILED"],
			       count[g, k, "skipped"])
	}
	END {
		printf "%-34s %16s %16s\n", "passed/failed/skipped", "7.2", "6.12"
		for (i = 1; i <= n; i++)
			printf "%-34s %16s %16s\n", order[i], cell(order[i], 1), cell(order[i], 2)
		for (i = 1; i <= m; i++)
			if (is[tests[i], 1] != is[tests[i], 2])
				printf "differs: %s: %s, %s\n", tests[i],
				       (tests[i], 1) in is ? is[tests[i], 1] : "not there",
				       (tests[i], 2) in is ? is[tests[i], 2] : "not there"
	}' "$dir/7.2" "$dir/6.12"
rm -rf "$dir"
exit $failed
