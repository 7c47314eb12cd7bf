#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Plant the bugs of overlay/mutants, one at a time, in a copy of the sources, and
# see which test catches each. Fails if one survives, or if a test fails without
# any. A mutant is a script for sed: its first line says what is wrong then, the
# second which file it changes; a line "# bed: NAME" has it tried on that bed of
# overlay/beds, by KUnit, and not in userspace.
# usage: mutants.sh [MUTANT...]
. "$(dirname "$0")/lib.sh"

dir=$CACHE/mutants
top=$dir/top
log=$dir/log
mkdir -p "$top" "$log" "$dir/user/tag"
exec 9>"$dir/lock"
flock -n 9 || die "others plant bugs in $top now"
"$OVERLAY/packages.sh"
if [ $# -eq 0 ]; then
	for file in "$OVERLAY"/mutants/*.sed; do
		set -- "$@" "$(basename "$file" .sed)"
	done
fi

# The copy, as it is without a bug. What changes back is new to make.
fresh() {
	rsync -rlp --delete --checksum --exclude=/.git "$TOP/" "$top/"
}

field() { # FIELD MUTANT
	sed -n "s/^# $1: *//p" "$OVERLAY/mutants/$2.sed"
}

# The tests of a bed, the quickest first; each is a function that runs it.
tests_of() {
	case $1 in
	user)
		echo "corpus fuzzer churn churn_tsan"
		;;
	tag)
		echo "fight"
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

# What is built for a test. To fail here is no merit of the test.
build_corpus() { umake "$dir/user/fuzz-run"; }
build_fuzzer() { :; }
build_churn() { umake "$dir/user/churn"; }
build_churn_tsan() { umake OUT="$dir/user/tsan" SAN=-fsanitize=thread "$dir/user/tsan/churn"; }
build_fight() { umake -C "$top/tools/testing/percpu/tag" OUT="$dir/user/tag" "$dir/user/tag/fight"; }
build_kunit() { :; }

run_corpus() { "$dir/user/fuzz-run" -c "$top/tools/testing/percpu/corpus.txt"; }
run_fuzzer() { "$dir/user/fuzz-run" -r 20 1; }
run_churn() { "$dir/user/churn" 4 4 1 && "$dir/user/churn" 2 2 5; }
run_churn_tsan() { "$dir/user/tsan/churn" 2 2 4; }
run_fight() { "$dir/user/tag/fight" 16 32 2 enough && "$dir/user/tag/fight" 4 4 1; }
# KUnit ran at boot; the bed wants a result of the scripts, too: of a short one. It
# takes seconds, but with a bug it may hang.
run_kunit() {
	env -u MAKEFLAGS -u MFLAGS LIMIT=180 BED="$bed" APPEND="${APPEND:-} only=stats_agree" \
		"$top/overlay/test.sh" test
}

# The line of a log that says what was wrong
reason() {
	grep -aE "^strict: |^churn: [a-z ]+$|^fight: |ERROR: .*Sanitizer|WARNING: ThreadSan|not ok|reports:|Assertion" "$1" |
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

# Without a bug all tests pass, or to fail would mean nothing.
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
	row "$mutant" "$(bed_of "$mutant")" "${caught:-NOBODY}" "$why"
done
fresh
echo "$total mutants, $((total - survived)) caught, $survived survived"
exit $((survived > 0))
