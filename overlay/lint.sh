#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own checks and Debian's, over what is ours: each says how much it
# found, and what; overlay/lint-exceptions says what is let pass, and why.
# usage: lint.sh [CHECK...], default all but docs, which takes minutes
. "$(dirname "$0")/lib.sh"

# lint.sh findings CHECK: what that check alone finds. A shell of its own, so that
# a command which fails ends it.
[ "${1:-}" != findings ] || only=$2
checks=("$@")
[ $# -gt 0 ] || checks=(shell layers kerneldoc maintainers checkpatch compile cocci)
"$OVERLAY/packages.sh" shellcheck sparse coccinelle ocaml-nox
src=$("$OVERLAY/fetch.sh")
tree=$("$OVERLAY/apply.sh" "$src")
out=$CACHE/lint/$(basename "$tree")
mkdir -p "$out"
cd "$tree"

# Files of ours from the first line to the last, below the paths given
ours() {
	local path
	while read -r path; do
		[ -f "$path" ] || continue
		[ ! -e "$src/$path" ] || [ "$path" = include/linux/percpu.h ] || continue
		echo "$path"
	done <"$tree.state/applied" | grep -E "$1" || true
}

check_shell() {
	cd "$TOP"
	git ls-files -co --exclude-standard '*.sh' overlay/guest/init .ci/run |
		xargs shellcheck -x -P overlay -P SCRIPTDIR -f gcc || true
}

# A file of mm/percpu includes only what stands above it in the map of internal.h.
# shellcheck disable=SC2016
check_layers() {
	{ echo mm/percpu/internal.h; ours '^mm/percpu/[^/]*\.[ch]$' | grep -v internal.h; } | xargs awk '
		FILENAME == "mm/percpu/internal.h" {
			while ($0 ~ /^ \*    [a-z]/ && match($0, /[a-z_]+\.(\[ch\]|[ch])/)) {
				name = substr($0, RSTART, RLENGTH)
				sub(/\..*/, "", name)
				level[name] = ++n
				sub(/[a-z_]+\.(\[ch\]|[ch])/, "")
			}
			next
		}
		FNR == 1 {
			name = FILENAME
			gsub(/.*\/|-nommu|\.[ch]$/, "", name)
			if (!(name in level))
				print FILENAME ": MAP: internal.h does not name it"
		}
		/^#include "/ {
			above = $2
			gsub(/"|\.h/, "", above)
			if (level[above] > level[name])
				print FILENAME ": LAYER: includes " $2 ", which is above it"
		}'
}

check_kerneldoc() {
	ours '^(mm|kernel|lib|include)/.*\.[ch]$' |
		{ xargs scripts/kernel-doc -none -Wall 2>&1 || true; } |
		sed -E 's/^(Warning|Error): ([^:]*:[0-9]+) /\2: \1: /'
}

# Each of our files is known to MAINTAINERS by the percpu allocator's entry, and
# each pattern of that means something.
check_maintainers() {
	ours . | while read -r path; do
		perl scripts/get_maintainer.pl --no-git --no-git-fallback --sections -f "$path" |
			grep -x 'PER-CPU MEMORY ALLOCATOR' >/dev/null ||
			echo "$path: MAINTAINERS: its entry does not match"
	done
	sed -n '/^PER-CPU MEMORY ALLOCATOR$/,/^$/s/^F:\t//p' MAINTAINERS | while read -r pattern; do
		compgen -G "$pattern" >/dev/null || echo "MAINTAINERS: PATTERN: nothing is $pattern"
	done
}

check_checkpatch() {
	local patches
	patches=$("$OVERLAY/series.sh" | tail -n 1)
	# Of our own, in case somebody makes them anew; it leaves a file where it is run.
	rm -rf "$out/patches"
	cp -r "$patches" "$out/patches"
	cd "$out"
	find "$out/patches" -name '*.patch' ! -name '0000-*' | sort | { xargs perl \
		"$tree/scripts/checkpatch.pl" --root="$tree" --strict --terse --showfile --show-types --no-summary 2>&1 || true; } |
		sed -E 's/^([^:]*:[0-9]+: )(ERROR|WARNING|CHECK):/\1/' | grep -v '^total:' || true
}

# Our objects in build trees of their own, with more warnings, and with sparse.
# 32 bit, UP and NOMMU compile code that x86-64 does not. Debian's sparse does not
# know __typeof_unqual__; nor does its gcc, for which the kernel takes __typeof__.
check_compile() {
	local config log words sparse
	for config in x86_64 um-up i386 riscv64-nommu; do
		log=$out/compile-$config.log
		words="mm/percpu/ kernel/bigref.o kernel/bigref_kunit.o lib/percpu_tag.o lib/percpu_tag_kunit.o"
		[[ $config != x86_64 && $config != i386 ]] ||
			words="$words kernel/bigref_percpu.o kernel/bigref_counters.o kernel/module/main.o"
		toolchain "$config" || { echo "compile: SKIP: no compiler for $config"; continue; }
		# Sparse does not know the -march of riscv.
		sparse="C=2 CF=-D__typeof_unqual__=__typeof__"
		[ "$config" != riscv64-nommu ] || sparse=
		# shellcheck disable=SC2086
		"$OVERLAY/build.sh" "$tree" "$config" W=1 $sparse $words >"$log" ||
			echo "compile: BUILD: $config fails, see $log"
		[ -z "$sparse" ] || grep -qE '^  CHECK .*mm/percpu/arena\.c' "$log" ||
			echo "compile: BUILD: sparse did not run with $config, see $log"
		sed -nE "s,^(\.\./)*(.*/)?((mm/percpu|kernel/bigref|kernel/module/main|lib/percpu_tag|include/linux/(bigref|percpu))[^:]*:.*(warning|error):),\3 $config:,p" "$log"
	done | sort -u
}

toolchain() (
	# shellcheck source=arch/x86_64
	. "$OVERLAY/arch/$(kernel_arch "$1")"
	# shellcheck disable=SC2086
	[ -z "${packages:-}" ] || "$OVERLAY/packages.sh" $packages
)

# The kernel's script checks a folder: one with nothing but ours.
check_cocci() {
	local only=$out/ours
	rm -rf "$only"
	mkdir "$only"
	ours '^(mm|kernel|lib|include)/.*\.[ch]$' | xargs cp --parents -t "$only"
	# Where Linux 6.12's looks, the second names; without it that is the whole tree.
	srctree=$tree srcroot=$only KBUILD_EXTMOD=$only MODE=report J=1 \
		LINUXINCLUDE="-I$tree/arch/x86/include -I$tree/include" \
		scripts/coccicheck >"$out/cocci.log" 2>&1 || echo "cocci: FAILED: see $out/cocci.log"
	grep -q 'spatch -D report' "$out/cocci.log" || echo "cocci: EMPTY: nothing was checked"
	sed -nE "s,^$only/,,p; /coccicheck failed|No OCaml/p" "$out/cocci.log"
}

# Our pages by Sphinx, with the folders that link them.
check_docs() {
	"$OVERLAY/packages.sh" python3-sphinx >&2
	mkdir -p "$out/docs"
	kmake O="$out/docs" htmldocs SPHINXDIRS="mm core-api admin-guide" >"$out/docs.log" 2>&1 ||
		echo "docs: make htmldocs fails, see $out/docs.log"
	docs_of_ours "$out/docs.log"
}

# The rest of these folders is not ours to mend.
docs_of_ours() {
	sed -E "s,$tree/(Documentation/)?,,g; s,^(WARNING|ERROR): ,," "$1" |
		{ grep -E '((^|/)(core-api|mm|admin-guide/mm)/[a-z_-]*(percpu|bigref)[a-z_-]*\.rst|mm/percpu/[a-z_-]*\.[ch]|percpu_tag\.[ch]|bigref[a-z_]*\.[ch]|linux/percpu(-module)?\.h):[0-9]+' || true; } | sort -u
}

# run CHECK: its findings less those let pass; a line that says how many
run() {
	local start=$SECONDS all=$out/$1.all left=$out/$1.left n passed
	awk -v c="$1" '$1 == c {print $2}' "$OVERLAY/lint-exceptions" >"$out/$1.except"
	"$OVERLAY/lint.sh" findings "$1" >"$all" 2>"$out/$1.err" ||
		echo "$1: the check itself failed, see $out/$1.err" >>"$all"
	grep -vE -f "$out/$1.except" "$all" >"$left" || true
	n=$(wc -l <"$left")
	passed=$(($(wc -l <"$all") - n))
	sed 's/^/    /' "$left"
	printf '%-12s %4d found %4d let pass %7s\n' "$1" "$n" "$passed" "$(clock $((SECONDS - start)))"
	[ "$n" = 0 ] || failed="$failed $1"
}

if [ -n "${only:-}" ]; then
	"check_$only"
	exit
fi
failed=
for check in "${checks[@]}"; do
	declare -F "check_$check" >/dev/null || die "there is no check $check"
	run "$check"
done
if [ -n "$failed" ]; then
	echo "lint: Linux $(release_of "$src"): findings of$failed"
	exit 1
fi
echo "lint: Linux $(release_of "$src"): clean"
