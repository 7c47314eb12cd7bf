#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Prove that the runner turns red: feed it guests that went well or wrong, and
# lay an overlay over a small tree.
set -u
here=$(cd "$(dirname "$0")" && pwd)
overlay=$(dirname "$here")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0 failed=0

check() { # NAME, status of the command before
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		failed=1
	fi
}

# judge STATUS CONSOLE VERDICT: the counts
judge() {
	printf '%b' "$2" >"$tmp/console"
	printf '%b' "$3" >"$tmp/verdict"
	"$overlay/verdict.sh" bed "$tmp/console" "$tmp/verdict" "$1" kunit 2>/dev/null
}

good='ok 1 - kunit: a: b\nok 2 - self: c\nok 3 - self: d # SKIP no e\ndone\n'
expect() { # NAME WANTED STATUS CONSOLE VERDICT
	[ "$(judge "$3" "$4" "$5")" = "$2" ]
	check "verdict: $1" $?
}
expect "a good guest passes" "2 0 1" 0 'hello\n' "$good"
expect "a failed test fails" "1 1 0" 0 'hello\n' 'ok 1 - kunit: a: b\nnot ok 2 - x\ndone\n'
expect "a warning fails" "2 1 1" 0 '[ 1.0] WARNING: CPU: 0 PID: 1 at mm/x.c:1\n' "$good"
expect "a lockdep report fails" "2 1 1" 0 'WARNING: possible circular locking dependency detected\n' "$good"
expect "a KASAN report fails" "2 1 1" 0 'BUG: KASAN: slab-out-of-bounds in f\n' "$good"
expect "an RCU stall fails" "2 1 1" 0 'rcu: INFO: rcu_preempt self-detected stall on CPU\n' "$good"
expect "a leak fails" "2 1 1" 0 'kmemleak: 3 new suspected memory leaks\n' "$good"
expect "an oops fails" "2 1 1" 0 'Oops: 0002 [#1] SMP\n' "$good"
expect "a hung task fails" "2 1 1" 0 'INFO: task insmod:12 blocked for more than 120 seconds.\n' "$good"
expect "a guest that stops early fails" "2 1 1" 0 'hello\n' "${good%done*}"
expect "a time-out fails" "2 1 1" 124 'hello\n' "$good"
expect "a killed guest fails" "2 1 1" 137 'hello\n' "$good"
expect "a missing group fails" "1 1 0" 0 'hello\n' 'ok 1 - self: c\ndone\n'
expect "an empty verdict fails" "0 2 0" 0 '' ''

# The guest's script, fed with programs that end well or badly.
verdict_of_guest() {
	TMPDIR=$tmp sh -c 'groups=fake
		group_fake() {
			script "percpu: a" sh -c "echo ok 1 one; echo not ok 2 two; exit 1"
			script "percpu: b" sh -c "echo ok 1 one; exit 1"
			script "percpu: c" true
			script "percpu: d" sh -c "echo why; exit 4"
			script "percpu: e" sh -c "echo \"ok 1 one # SKIP no\"; echo \"    ok 1 deep\""
		}
		. "$0"' "$overlay/guest/tests.sh" 3>&1 >/dev/null
}
cat >"$tmp/wanted" <<EOF
TAP version 13
ok 1 - percpu: a: one
not ok 2 - percpu: a: two
ok 3 - percpu: b: one
not ok 4 - percpu: b: exit status 1
ok 5 - percpu: c
ok 6 - percpu: d # SKIP why
ok 7 - percpu: e: one # SKIP no
1..7
done
EOF
verdict_of_guest | diff "$tmp/wanted" - >&2
check "guest: a kselftest's results and status are taken over" $?

# The table of beds names kernels and groups of tests that there are.
grep -vE '^(#|$)' "$overlay/beds" | while read -r name _ config _ _ _ groups _; do
	[ -f "$overlay/config/$config.config" ] || echo "$name: no kernel $config"
	for group in ${groups//,/ }; do
		grep -q "^group_$group()" "$overlay/guest/tests.sh" ||
			echo "$name: no group $group"
	done
done >"$tmp/bad"
cat "$tmp/bad" >&2
[ ! -s "$tmp/bad" ]
check "beds: kernels and test groups exist" $?

# What lint lets pass is of a check that there is, and has its reason.
awk '
	/^(#|$)/ {next}
	/^\t/ {open = 0; next}
	open {print "no reason before " $0}
	NF != 2 || system("grep -q \"^check_" $1 "()\" " lint) {print "no such check: " $0}
	{open = 1}
	END {if (open) print "no reason at the end"}' \
	lint="$overlay/lint.sh" "$overlay/lint-exceptions" >"$tmp/bad"
cat "$tmp/bad" >&2
[ ! -s "$tmp/bad" ]
check "lint: exceptions have reasons" $?

# A small kernel and a small overlay.
mkdir -p "$tmp/src/mm" "$tmp/top/mm" "$tmp/cache"
cp -r "$overlay" "$tmp/top/overlay"
printf 'VERSION = 7\nPATCHLEVEL = 2\n' >"$tmp/src/Makefile"
: >"$tmp/src/Kbuild"
printf 'one\ntwo\nthree\n' >"$tmp/src/mm/a.c"
echo old >"$tmp/src/mm/percpu.c"
echo new >"$tmp/top/mm/b.c"
printf -- '--- a/mm/a.c\n+++ b/mm/a.c\n@@ -2 +2 @@\n-two\n+2\n' >"$tmp/top/mm/a.c.patch"
apply() {
	tree=$(CACHE=$tmp/cache KSRC="" STOCK="" bash "$tmp/top/overlay/apply.sh" "$tmp/src" 2>"$tmp/err")
}

apply && [ "$(cat "$tree/mm/a.c")" = "$(printf 'one\n2\nthree')" ] && [ -f "$tree/mm/b.c" ]
check "apply: files and patches arrive" $?
[ ! -e "$tree/mm/percpu.c" ] && [ "$(cat "$tmp/src/mm/a.c")" = "$(printf 'one\ntwo\nthree')" ]
check "apply: removed files are gone, the source is untouched" $?
before=$(stat -c %y.%i "$tree/mm/a.c" "$tree/mm/b.c")
echo newer >"$tmp/top/mm/c.c"
apply && [ "$before" = "$(stat -c %y.%i "$tree/mm/a.c" "$tree/mm/b.c")" ] && [ -f "$tree/mm/c.c" ]
check "apply: only what changed is written" $?
rm "$tmp/top/mm/a.c.patch" "$tmp/top/mm/c.c"
apply && [ "$(cat "$tree/mm/a.c")" = "$(printf 'one\ntwo\nthree')" ] && [ ! -e "$tree/mm/c.c" ]
check "apply: what left the overlay is restored" $?
printf -- '--- a/mm/a.c\n+++ b/mm/a.c\n@@ -2 +2 @@\n-zwei\n+2\n' >"$tmp/top/mm/a.c.patch"
! apply && grep -q 'mm/a.c.patch does not apply to Linux 7.2' "$tmp/err" &&
	grep -q 'mm/a.c: Hunk #1 FAILED at 2' "$tmp/err" && grep -q zwei "$tmp/err"
check "apply: a hunk that does not apply stops, with file, hunk and version" $?
printf -- '--- a/mm/a.c\n+++ b/mm/a.c\n@@ -2 +2 @@\n-two\n+II\n' >"$tmp/top/mm/a.c.7.2.patch"
apply && [ "$(sed -n 2p "$tree/mm/a.c")" = II ]
check "apply: a version's own patch wins" $?
chmod +x "$tmp/top/mm/b.c"
printf -- '--- a/mm/b.c\n+++ b/mm/b.c\n@@ -1 +1 @@\n-new\n+new on 7.2\n' >"$tmp/top/mm/b.c.7.2.patch"
sed 's/ 7\.2/ 6.12/' "$tmp/top/mm/b.c.7.2.patch" >"$tmp/top/mm/b.c.6.12.patch"
apply && [ "$(cat "$tree/mm/b.c")" = "new on 7.2" ] && [ "$(cat "$tmp/top/mm/b.c")" = new ]
check "apply: a file of ours is patched for its version, and only in the tree" $?
apply && [ -x "$tree/mm/b.c" ] && [ ! -s "$tmp/err" ]
check "apply: it keeps its mode, and is written once" $?
: >"$tmp/top/mm/b.c.7.2.patch"
apply && [ "$(cat "$tree/mm/b.c")" = new ]
check "apply: by an empty patch it is as it was" $?
mv "$tmp/top/mm/b.c.6.12.patch" "$tmp/top/mm/b.c.patch"
! apply && grep -q 'mm/b.c is ours' "$tmp/err"
check "apply: a patch for a file of ours on every version is an error" $?
rm "$tmp"/top/mm/b.c.*patch
chmod -x "$tmp/top/mm/b.c"
apply

# A series of that: apply.sh puts b.c there, changes a.c and removes percpu.c.
series=$tmp/top/overlay/series
rm -rf "$series"
mkdir -p "$series/steps/first/mm"
printf 'first\n\tmm/[b]*.c\n\tstep mm/a.c\nlast\n\tmm/a.c\n\tmm/percpu*.c\n' >"$series/manifest"
printf 'mm: first\n\nWhy.\n' >"$series/first.txt"
printf 'mm: last\n\nWhy.\n' >"$series/last.txt"
printf 'mm: both\n\nWhat.\n' >"$series/cover.txt"
printf 'one\n1.5\ntwo\nthree\n' >"$series/steps/first/mm/a.c"
make_series() {
	patches=$(CACHE=$tmp/cache KSRC=$tmp/src STOCK="" bash "$tmp/top/overlay/series.sh" 2>"$tmp/err")
}
am() {
	rm -rf "$tmp/am"
	cp -r "$tmp/src" "$tmp/am"
	(cd "$tmp/am" && export GIT_CONFIG_GLOBAL=/dev/null && git init -q && git add -A &&
		git config user.name a && git config user.email a@b && git commit -qm base &&
		git am -q --empty=drop "$patches"/*.patch) >&2
}
make_series && am && diff -r --exclude=.git "$tmp/am" "$tree" >&2 && [ ! -e "$tmp/am/mm/percpu.c" ]
check "series: git am ends where the overlay does" $?
[ "$(git -C "$tmp/am" log --format=%s | xargs)" = "mm: last mm: first base" ] &&
	[ "$(git -C "$tmp/am" show HEAD~1:mm/a.c | sed -n 2p)" = 1.5 ]
check "series: patches are in order, and a step is between" $?
echo new >"$tmp/top/mm/nobodys.c"
! make_series && grep -q 'mm/nobodys.c belongs to no patch' "$tmp/err"
check "series: a file that belongs to no patch is an error" $?
rm "$tmp/top/mm/nobodys.c"
printf '\tmm/b.c\n' >>"$series/manifest"
! make_series && grep -q 'mm/b.c belongs to two patches, first and last' "$tmp/err"
check "series: a file of two patches is an error" $?
sed -i '$d' "$series/manifest"
printf '\tmm/gone.c\n' >>"$series/manifest"
! make_series && grep -q 'last names mm/gone.c, which the overlay does not touch' "$tmp/err"
check "series: a path that nothing has is an error" $?
echo "1..$n"
exit $failed
