#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Plant the bugs of overlay/mutants, one at a time, in a copy of the sources, and
# print which test catches each. Fails if a bug is not caught, or if a test fails
# without one. A mutant is a script for sed: its first line describes the bug, the
# second names the file. A line "# bed: NAME" names a bed of overlay/beds, for KUnit
# tests; other mutants are tested in userspace.
# usage: mutants.sh [MUTANT...]
. "$(dirname "$0")/lib.sh"

dir=$CACHE/mutants
top=$dir/top
log=$dir/log
mkdir -p "$top" "$log" "$dir/user/tag" "$dir/user/bigref"
exec 9>"$dir/lock"
flock -n 9 || die "another make mutants works in $top"
"$OVERLAY/source/packages.sh"
if [ $# -eq 0 ]; then
	for file in "$OVERLAY"/mutants/*.sed; do
		set -- "$@" "$(basename "$file" .sed)"
	done
fi

# Restore the copy. A restored file has a new time, so make compiles it again.
fresh() {
	rsync -rlp --delete --checksum --exclude=/.git "$TOP/" "$top/"
}

field() { # FIELD MUTANT
	sed -n "s/^# $1: *//p" "$OVERLAY/mutants/$2.sed"
}

# tests_of BED: its tests, the fastest first; run_NAME() runs a test.
tests_of() {
	case $1 in
	user)
		echo "corpus fuzzer churn churn_tsan"
		;;
	tag)
		echo "fight"
		;;
	bigref)
		echo "carry kill"
		;;
	*)
		echo "kunit"
		;;
	esac
}

bed_of() { # MUTANT
	local bed
	bed=$(field bed "$1")
	[ "$(field file "$1")" != lib/percpu_tag.c ] || bed=${bed:-tag}
	echo "${bed:-user}"
}

umake() {
	env -u MAKEFLAGS -u MFLAGS make -s -C "$top/tools/testing/percpu" OUT="$dir/user" "$@"
}

# Build the program of a test. A failure here does not count as a catch.
build_corpus() { umake "$dir/user/fuzz-run"; }
build_fuzzer() { :; }
build_churn() { umake "$dir/user/churn"; }
build_churn_tsan() { umake OUT="$dir/user/tsan" SAN=-fsanitize=thread "$dir/user/tsan/churn"; }
build_fight() { umake -C "$top/tools/testing/percpu/tag" OUT="$dir/user/tag" "$dir/user/tag/fight"; }
build_carry() { umake -C "$top/tools/testing/percpu/bigref" OUT="$dir/user/bigref"; }
build_kill() { build_carry; }
build_kunit() { :; }

run_corpus() { "$dir/user/fuzz-run" -c "$top/tools/testing/percpu/corpus.txt"; }
run_fuzzer() { "$dir/user/fuzz-run" -r 20 1; }
run_churn() { "$dir/user/churn" 4 4 1 && "$dir/user/churn" 2 2 5; }
run_churn_tsan() { "$dir/user/tsan/churn" 2 2 4; }
run_fight() {
	"$dir/user/tag/fight" 16 32 2 enough && "$dir/user/tag/fight" 4 4 1 &&
		"$dir/user/tag/fight" 16 1 1 calm && "$dir/user/tag/fight" 16 4 1 calm shallow=2
}
run_carry() { "$dir/user/bigref/carry32" && "$dir/user/bigref/carry64"; }
run_kill() { "$dir/user/bigref/kill32" && "$dir/user/bigref/kill64"; }
# KUnit runs at boot. The bed also expects results of scripts: use a short one, with
# a time limit, as it can hang with a bug.
run_kunit() {
	env -u MAKEFLAGS -u MFLAGS LIMIT=180 BED="$bed" APPEND="${APPEND:-} only=stats_agree" \
		"$top/overlay/test.sh" test
}

# reason LOG: the line that describes the failure
reason() {
	grep -aE "^strict: |^churn: [a-z ]+$|^fight: |^(carry|kill): |ERROR: .*Sanitizer|WARNING: ThreadSan|not ok|reports:|Assertion" "$1" |
		head -n 1 | sed -E 's/==[0-9]+==//; s/^(.{70}).*/\1.../' || true
}

# try MUTANT BED: run the tests until one fails; set caught and why
try() {
	local test bed=$2
	caught='' why=''
	for test in $(tests_of "$bed"); do
		"build_$test" >"$log/$1.build" 2>&1 ||
			die "$1 does not build; the log is $log/$1.build"
		if ! timeout -k 10 "${LIMIT:-1200}" bash -c "$(declare -f "run_$test");
			dir=$dir top=$top bed=$bed; run_$test" >"$log/$1.$test" 2>&1 </dev/null; then
			caught=${test//_/, } why=$(reason "$log/$1.$test")
			return
		fi
	done
}

plant() { # MUTANT
	local file
	file=$(field file "$1")
	[ -f "$top/$file" ] || die "$1: there is no file $file"
	sed -i -f "$OVERLAY/mutants/$1.sed" "$top/$file"
	! cmp -s "$TOP/$file" "$top/$file" || die "$1 changes nothing in $file"
}

row() { printf '%-22s %-5s %-12s %s\n' "$@"; }

# All tests must pass without a bug.
for bed in $(for m; do bed_of "$m"; done | sort -u); do
	fresh
	try none "$bed"
	[ -z "$caught" ] || die "$caught fails without a mutant: $why; the logs are in $log"
done

row mutant bed "caught by" "which says"
total=0 survived=0
for mutant; do
	total=$((total + 1))
	fresh
	plant "$mutant"
	try "$mutant" "$(bed_of "$mutant")"
	[ -n "$caught" ] || survived=$((survived + 1))
	row "$mutant" "$(bed_of "$mutant")" "${caught:-NONE}" "$why"
done
fresh
echo "$total mutants, $((total - survived)) caught, $survived survived"
exit $((survived > 0))
