#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Prove that the driver reports failures: judge guests that succeeded or failed, and
# apply an overlay to a small tree.
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
	"$overlay/guest/verdict.sh" bed "$tmp/console" "$tmp/verdict" "$1" kunit 2>/dev/null
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

# The reasons of a failed case of KUnit stand beside its name.
cat >"$tmp/wanted" <<EOF
bed: not ok 1 - kunit: s: fails
    # fails: EXPECTATION FAILED at x.c:1
    Expected a == b
EOF
printf '%s\n' '[ 1.0]     # other: INFO' '[ 1.0]     # fails: EXPECTATION FAILED at x.c:1' \
	'[ 1.0]     Expected a == b' '[ 1.0]     not ok 1 fails' '[ 1.0]     other' >"$tmp/console"
printf '%s\n' 'not ok 1 - kunit: s: fails' 'ok 2 - kunit: s: other' 'done' >"$tmp/verdict"
"$overlay/guest/verdict.sh" bed "$tmp/console" "$tmp/verdict" 0 kunit 2>&1 >/dev/null |
	sed '/: the end of /,$d' | diff "$tmp/wanted" - >&2
check "verdict: what KUnit says of a failed case" $?

# The script of the guest, with programs that succeed or fail
verdict_of_guest() {
	TMPDIR=$tmp sh -c 'groups=fake
		group_fake() {
			script "percpu: a" sh -c "echo ok 1 one; echo not ok 2 two; exit 1"
			script "percpu: b" sh -c "echo ok 1 one; exit 1"
			script "percpu: c" true
			script "percpu: d" sh -c "echo why; exit 4"
			script "percpu: e" sh -c "echo \"ok 1 one # SKIP no\"; echo \"    ok 1 deep\""
		}
		. "$0"' "$overlay/guest/root/tests.sh" 3>&1 >/dev/null
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
check "guest: results and status of a kselftest are used" $?

# overlay/beds names existing kernels and groups of tests.
"$overlay/beds.sh" | while read -r name _ config _ _ _ groups _; do
	[ -f "$overlay/config/$config.config" ] || echo "$name: no kernel $config"
	for group in ${groups//,/ }; do
		grep -q "^group_$group()" "$overlay/guest/root/tests.sh" \
			"$overlay/guest/root/programs.sh" ||
			echo "$name: no group $group"
	done
done >"$tmp/bad"
cat "$tmp/bad" >&2
[ ! -s "$tmp/bad" ]
check "beds: kernels and test groups exist" $?

# Each mutant plants its bug: its script for sed changes the file that it names.
for mutant in "$overlay"/mutants/*.sed; do
	file=$(dirname "$overlay")/$(sed -n 's/^# file: *//p' "$mutant")
	! sed -f "$mutant" "$file" | cmp -s - "$file" || echo "$mutant changes nothing"
done >"$tmp/bad" 2>&1
cat "$tmp/bad" >&2
[ ! -s "$tmp/bad" ]
check "mutants: each changes its file" $?

# What only= and skip= name are scripts or tags, and each tag has its description.
tests=$(dirname "$overlay")/tools/testing/selftests/percpu
{
	for script in "$tests"/*.sh; do basename "$script" .sh; done
	sed -n 's/^# tags: //p' "$tests"/*.sh | tr ' ' '\n' | sort -u | tee "$tmp/tags"
} >"$tmp/names"
{
	"$overlay/beds.sh" | grep -oE ' (only|skip)=[^ ]*' | cut -d= -f2 | tr , '\n' |
		grep -vxFf "$tmp/names" | sed 's/$/: neither a script nor a tag/'
	sed -n 's/^#   \([a-z]*\)   .*/\1/p' "$overlay/beds" >"$tmp/described"
	grep -vxFf "$tmp/described" "$tmp/tags" | sed 's/$/: overlay.beds does not describe this tag/'
	awk 'length > 120 {print FILENAME ": a line is too long: " $0}' "$overlay/beds"
} >"$tmp/bad"
cat "$tmp/bad" >&2
[ -s "$tmp/tags" ] && [ ! -s "$tmp/bad" ]
check "beds: scripts and tags exist" $?

# Reports in the kernel's log as the selftests see them, from a log that they marked
mkdir -p "$tmp/kselftest" "$tmp/log"
: >"$tmp/kselftest/ktap_helpers.sh"
clean() { # LOG
	printf '%b' "$1" >"$tmp/log/dmesg"
	sh -c '. "$0"; DIR=${0%/*}; dmesg() { cat "$DIR/dmesg"; }; MARK="mark 1"; log_is_clean' \
		"$tmp/log/functions.sh" >"$tmp/out" 2>&1
}
cp "$tests/functions.sh" "$tmp/log"
clean '[1] BUG: before\n[2] x mark 1\n[3] fine\n'
check "selftests: a log without reports is clean" $?
! clean '[2] x mark 1\n[3] BUG: y\n' && grep -q 'BUG: y' "$tmp/out"
check "selftests: a report is found" $?
! clean '[3] fine\n[4] fine\n' && grep -q 'mark is lost' "$tmp/out"
check "selftests: a log that has lost its mark is not clean" $?

# The guest's choice of scripts by name and by tag
mkdir -p "$tmp/kselftest/percpu"
for script in one two three; do
	printf '#!/bin/sh\n# tags: odd %s_\necho ok 1 -\n' $script >"$tmp/kselftest/percpu/$script.sh"
	echo "percpu:$script.sh"
done >"$tmp/kselftest/kselftest-list.txt"
sed -i '/^# tags/s/.*/# tags: even big/' "$tmp/kselftest/percpu/two.sh"
chmod +x "$tmp/kselftest/percpu"/*.sh
choice() { # WORDS, then the scripts that run
	env "$1" TMPDIR="$tmp" KSELFTEST="$tmp/kselftest" groups=percpu \
		sh "$overlay/guest/root/tests.sh" 3>&1 >/dev/null |
		sed -n 's/^ok [0-9]* - percpu: \([a-z]*\):.*/\1/p' | xargs
}
[ "$(choice only=)" = "one two three" ] && [ "$(choice only=even,three)" = "two three" ] &&
	[ "$(choice skip=odd)" = two ] && [ "$(choice skip=eve,ne,two)" = "one three" ]
check "guest: only= and skip= choose scripts by name and tag" $?

# Each exception of lint is of an existing check, and has a reason.
awk '
	/^(#|$)/ {next}
	/^\t/ {open = 0; next}
	open {print "no reason before " $0}
	NF != 2 || system("grep -q \"^check_" $1 "()\" " lint) {print "no such check: " $0}
	{open = 1}
	END {if (open) print "no reason at the end"}' \
	lint="$overlay/lint/lint.sh" "$overlay/lint/exceptions" >"$tmp/bad"
cat "$tmp/bad" >&2
[ ! -s "$tmp/bad" ]
check "lint: exceptions have reasons" $?

# The language of a tree with one file. The words are put together here, so that
# they do not count in this file.
h=h
subject=w${h}o phrase="at ${h}and"
language() { # SOURCE, then the hits that are expected: "line: word"
	rm -rf "$tmp/words"
	mkdir -p "$tmp/words/mm/percpu"
	printf '%b' "$1" >"$tmp/words/mm/percpu/a.c"
	shift
	"$overlay/lint/language.py" -v "$tmp/words" >"$tmp/out"
	status=$?
	sed -n 's/^mm.percpu.a.c:\([0-9]*: [^:]*\):.*/\1/p' "$tmp/out" >"$tmp/hits"
	printf '%s\n' "$@" | sed '/^$/d' | diff - "$tmp/hits" >&2 && [ $status = $((3 * ($# > 1))) ]
}
language "int $subject; /* fine */\nchar c = '\"', $subject;\n#include \"$subject.h\"\n\"\\\\\", $subject, '\\\\'', 1;\nwhole();\n"
check "language: code and names are not prose" $?
language "/* $subject */\nf(\"\\\"\", '\"', \"no $subject\"); // $subject" "1: $subject" "2: $subject" "2: $subject"
check "language: comments and strings are" $?
language "/*\n * is ${phrase% *}\n * ${phrase#* }, \"$subject\n */\nint $subject; /* ${phrase% *} */ int ${phrase#* };" "2: $phrase" "3: $subject"
check "language: a phrase is found across two lines" $?

# Figures of a tree with one document
figures=$overlay/bench/figures.py
mkdir -p "$tmp/figures/overlay/bench" "$tmp/figures/Documentation"
printf '# head\n\n[bench]\n# date: old\npair_8\t4\tcycles\t1790\t14330\n' >"$tmp/figures/overlay/bench/figures"
printf 'in Documentation/a.rst\n\tsection Cost\n\tof 8 bytes {pair_8} {pair_8:stock}\n\ttakes {pair_8} instr\n' \
	>"$tmp/figures/overlay/bench/places"
printf 'Cost\n====\n\nof 8 bytes    1,790   14,330\nA pair takes 1,790\ninstructions.\n\nMore\n====\n\n7 bytes\n' \
	>"$tmp/figures/Documentation/a.rst"
cp "$tmp/figures/Documentation/a.rst" "$tmp/a.rst"
figures() { # KIND of each finding
	OVERLAY_TOP=$tmp/figures "$figures" check 2>/dev/null >"$tmp/out" &&
		sed 's/^[^:]*:[0-9]*: \([A-Z]*\): .*/\1/' "$tmp/out" | diff <(printf '%s\n' "$@" | sed '/^$/d') - >&2
}
changed() { # SED-EXPRESSION: change the document
	sed "$1" "$tmp/a.rst" >"$tmp/figures/Documentation/a.rst"
}
figures
check "figures: a document with the figures is right" $?
changed 's/14,330/14,331/' && figures DIFFERS
check "figures: a changed digit is found" $?
changed 's/A pair takes 1,790/A pair takes 1,791/' && figures DIFFERS
check "figures: also in prose over two lines" $?
changed 's/^instructions.*/&\nor 5/' && figures UNTIED
check "figures: so is a number without a row" $?
changed 's/^7 bytes/takes 9 ns/' && figures UNTIED
check "figures: outside of the sections, too, if its unit says that it is one" $?
changed 's/of 8 bytes/of 9 bytes/' && figures UNTIED UNTIED UNTIED PLACE
check "figures: so is a text that is gone" $?
cp "$tmp/a.rst" "$tmp/figures/Documentation"
printf '[bench]\n# date: new\npair_8\t4\tcycles\t985\t114330\n' >"$tmp/run"
OVERLAY_TOP=$tmp/figures "$figures" merge "$tmp/run" >/dev/null
figures DIFFERS DIFFERS DIFFERS
check "figures: after another run the document differs" $?
OVERLAY_TOP=$tmp/figures "$figures" write >/dev/null && figures &&
	[ "$(sed -n 4p "$tmp/figures/Documentation/a.rst")" = "of 8 bytes      985  114,330" ]
check "figures: they are written, and columns stay" $?

# Layers of a small tree: a is below b, and c and d are beside each other.
mkdir -p "$tmp/lint" "$tmp/layers/mm/percpu"
cp "$overlay/lint/layers.py" "$tmp/lint"
printf 'map mm/percpu/m.h mm/percpu\nm\na\nb\nc d\nexempt pcpu_d_kick it queues work\n' >"$tmp/lint/layers"
layered() { # FILE TEXT, then KIND of each finding
	# e.c is named, but not in the table.
	printf '/*\n=== ===\na.[ch] b.c c.c d.c\n=== ===\n\ne.c\n*/\n' >"$tmp/layers/mm/percpu/m.h"
	printf '/* pcpu_b(), "pcpu_c()" */\nvoid pcpu_b(int x);\nstatic inline void pcpu_a_h(void)\n{\n}\n' >"$tmp/layers/mm/percpu/a.h"
	printf '#include "a.h"\nstatic int pcpu_c(void)\n{\n\treturn pcpu_d_kick();\n}\n' >"$tmp/layers/mm/percpu/a.c"
	printf 'int *pcpu_b(struct pcpu_c *p,\n\t\tint x)\n\t__must_hold(&y)\n{\n\tpcpu_a_h();\n}\n' >"$tmp/layers/mm/percpu/b.c"
	printf 'int pcpu_c(void)\n{\n\treturn pcpu_b(0) + pcpu_d();\n}\n' >"$tmp/layers/mm/percpu/c.c"
	printf 'int pcpu_d(void)\n{\n\treturn 0;\n}\nint pcpu_d_kick(void)\n{\n\treturn 0;\n}\n' >"$tmp/layers/mm/percpu/d.c"
	printf '%b' "$2" >>"$tmp/layers/mm/percpu/$1"
	shift 2
	"$tmp/lint/layers.py" "$tmp/layers" >"$tmp/out" &&
		sed 's/^[^:]*: \([A-Z]*\): .*/\1/' "$tmp/out" | diff <(printf '%s\n' "$@" | sed '/^$/d') - >&2
}
layered a.c ''
check "layers: calls downward and beside are right" $?
layered a.h 'static inline int x(void)\n{\n\treturn pcpu_d();\n}\n' CALL
check "layers: a call upward is found" $?
layered b.c 'static fn y = pcpu_c;\n' CALL CIRCLE
check "layers: so are a function's address, and a circle" $?
layered d.c 'static int x(void)\n{\n\treturn pcpu_c();\n}\n' CIRCLE
check "layers: a circle in a layer is found" $?
printf 'hooks h\nh\n' >>"$tmp/lint/layers"
echo '/* h.[ch] */ void pcpu_d(void);' >"$tmp/layers/mm/percpu/d.h"
echo '#include "d.h"' >"$tmp/layers/mm/percpu/h.h"
layered a.c '#include "h.h"\nstatic int x(void)\n{\n\treturn pcpu_d();\n}\n' MAP
check "layers: calls by way of a header of hooks are right" $?
sed -i '/^hooks/,$d' "$tmp/lint/layers"
rm "$tmp/layers/mm/percpu"/[dh].h
layered a.c '#include "b.h"\n' INCLUDE
check "layers: an include upward is found" $?
layered e.c '\n' MAP MAP
check "layers: a file without a layer is found" $?

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
	tree=$(CACHE=$tmp/cache KSRC="" STOCK="" bash "$tmp/top/overlay/source/apply.sh" "$tmp/src" 2>"$tmp/err")
}

apply && [ "$(cat "$tree/mm/a.c")" = "$(printf 'one\n2\nthree')" ] && [ -f "$tree/mm/b.c" ]
check "apply: files and patches arrive" $?
[ -e "$tree/mm/percpu.c" ] && [ "$(cat "$tmp/src/mm/a.c")" = "$(printf 'one\ntwo\nthree')" ]
check "apply: other files stay, the source is untouched" $?
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

# The compiler of all builds, for a source that includes a file that changes
included() (
	cd "$tmp" || exit
	export CACHE=$tmp/cache CCACHE_DIR=$tmp/ccache
	. "$overlay/lib.sh"
	use_compiler gcc
	echo '.incbin "blob"' >blob.S
	for blob in one two; do
		echo "$blob" >blob
		$cc -Wp,-MMD,blob.d -c blob.S -o blob.o
	done
	grep -q two blob.o
)
included 2>"$tmp/err"
check "build: a file that .incbin includes is never an old one" $?

# A series of two topics: the overlay adds b.c and c.c, and changes a.c.
series=$tmp/top/overlay/release/series
rm -rf "$series"
mkdir -p "$series/steps/first/mm" "$series/cover"
echo new >"$tmp/top/mm/c.c"
apply
printf 'topic one\nfirst\n\tmm/[b]*.c\n\tstep mm/a.c\nlast\n\tmm/a.c\ntopic two\nother\n\tmm/c.c\n' >"$series/manifest"
printf 'mm: first\n\nWhy.\n' >"$series/first.txt"
printf 'mm: last\n\nWhy.\n' >"$series/last.txt"
printf 'mm: other\n\nWhy.\n' >"$series/other.txt"
printf 'mm: both\n\nWhat.\n' | tee "$series/cover/one.txt" >"$series/cover/two.txt"
printf 'one\n1.5\ntwo\nthree\n' >"$series/steps/first/mm/a.c"
make_series() {
	patches=$(CACHE=$tmp/cache KSRC=$tmp/src STOCK="" bash "$tmp/top/overlay/release/series.sh" 2>"$tmp/err")
}
am() { # [FOLDER OF A TOPIC]
	rm -rf "$tmp/am"
	cp -r "$tmp/src" "$tmp/am"
	# shellcheck disable=SC2086
	(cd "$tmp/am" && export GIT_CONFIG_GLOBAL=/dev/null && git init -q && git add -A &&
		git config user.name a && git config user.email a@b && git commit -qm base &&
		git am -q --empty=drop "$patches"/${1:-*}/*.patch) >&2
}
make_series && am && diff -r --exclude=.git "$tmp/am" "$tree" >&2
check "series: git am of all topics ends where the overlay does" $?
[ "$(git -C "$tmp/am" log --format=%s | xargs)" = "mm: other mm: last mm: first base" ] &&
	[ "$(git -C "$tmp/am" show HEAD~2:mm/a.c | sed -n 2p)" = 1.5 ]
check "series: patches are in order, and a step is between" $?
am 02-two && [ "$(git -C "$tmp/am" log --format=%s | xargs)" = "mm: other base" ]
check "series: a topic that begins at the source stands on its own" $?
echo new >"$tmp/top/mm/extra.c"
! make_series && grep -q 'mm/extra.c belongs to no patch' "$tmp/err"
check "series: a file that belongs to no patch is an error" $?
rm "$tmp/top/mm/extra.c"
printf '\tmm/b.c\n' >>"$series/manifest"
! make_series && grep -q 'mm/b.c belongs to two patches, first and other' "$tmp/err"
check "series: a file of two patches is an error" $?
sed -i '$d' "$series/manifest"
printf '\tmm/gone.c\n' >>"$series/manifest"
! make_series && grep -q 'other names mm/gone.c, which the overlay does not touch' "$tmp/err"
check "series: a path that nothing has is an error" $?

# A patch for another version of a file of ours must follow its changes.
bad=
while read -r patch; do
	file=${patch%.[67].*.patch}
	[ ! -f "$file" ] || patch --dry-run -s --fuzz=0 -o /dev/null "$file" "$patch" >&2 ||
		bad="$bad $patch"
done < <(find "$(dirname "$overlay")"/{mm,lib,kernel,include,tools} -name '*.[67].*.patch')
[ -z "$bad" ]
check "overlay: patches of our files for one version apply" $?
echo "1..$n"
exit $failed
