#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run checks of the kernel, of Debian and of the overlay over our files. Prints the
# findings of each, without those in overlay/lint/exceptions.
# usage: lint.sh [CHECK...], default all but docs, stock, callers and arch, which take minutes
. "$(dirname "$0")/../lib.sh"

# lint.sh findings CHECK: print the findings of one check. It runs in a shell of its
# own, which ends if a command fails.
[ "${1:-}" != findings ] || only=$2
checks=("$@")
[ $# -gt 0 ] || checks=(shell language figures layers rst names kerneldoc maintainers checkpatch compile cocci linear)
# A check prints findings to stdout, and a table that is always shown to fd 3.
[ -n "${only:-}" ] || exec 3>&1

# needs_kernel CHECK...: true if one of them needs the kernel source
needs_kernel() {
	local check
	for check in "$@"; do
		[[ $check =~ ^(language|figures|layers|rst)$ ]] || return 0
	done
	return 1
}

if ! needs_kernel "${only:-${checks[@]}}"; then
	"$OVERLAY/source/packages.sh" python3
	src='' tree=$TOP
else
	"$OVERLAY/source/packages.sh" shellcheck sparse coccinelle ocaml-nox
	src=$("$OVERLAY/source/fetch.sh")
	tree=$("$OVERLAY/source/apply.sh" "$src")
fi
out=$CACHE/lint/$(basename "$tree")
mkdir -p "$out"
cd "$tree"

# ours REGEX: our files, without patched files of the kernel
ours() {
	local path
	while read -r path; do
		[ -f "$path" ] || continue
		[ ! -e "$src/$path" ] || continue
		echo "$path"
	done <"$tree.state/applied" | grep -E "$1" || true
}

check_shell() {
	cd "$TOP"
	git ls-files -co --exclude-standard '*.sh' overlay/guest/root/init .ci/run |
		xargs shellcheck -x -P overlay -P SCRIPTDIR -f gcc || true
}

# Words of overlay/lint/language in comments, messages and documents; VERBOSE=1 prints
# each of them.
check_language() {
	{ "$OVERLAY/lint/language.py" "$TOP" || [ $? = 3 ]; } | tee /dev/fd/3 |
		sed -n 's/ *too many$/ per 1,000 lines/; T; s/  \+/: /; s/  \+/ lines, /; s/  \+/ words, /p'
}

# Numbers in documents are those of overlay/bench/figures.
check_figures() {
	OVERLAY_TOP=$TOP "$OVERLAY/bench/figures.py" check 2>&3
}

# Includes and calls go down the layers of overlay/lint/layers.
check_layers() {
	"$OVERLAY/lint/layers.py" "$TOP"
}

# Our pages are valid reStructuredText.
check_rst() {
	"$OVERLAY/source/packages.sh" python3-docutils >&2
	cd "$TOP"
	git ls-files -co --exclude-standard 'Documentation/*.rst' | xargs "$OVERLAY/lint/rst.py"
}

# Our files name no command that the kernel tree lacks, and documents compare by the
# names of both allocators.
check_names() {
	local targets
	targets=$(sed -n 's/^  make \([a-z-]*\) .*/\1/p' "$TOP/Makefile" |
		grep -vx -e run -e test -e shell -e clean -e source -e kernel | paste -sd'|')
	{
		ours . | xargs grep -nHoE "\<overlay/[a-z]+|\<make ($targets)\>|\<(BED|ROW|PART)="
		ours '^Documentation/' | xargs grep -nHoiwE 'ours|stock'
	} | sed -E 's/^([^:]*:[0-9]+:)/\1 NAMES: /' || true
}

check_kerneldoc() {
	ours '^(mm|kernel|lib|include)/.*\.[ch]$' |
		{ xargs scripts/kernel-doc -none -Wall 2>&1 || true; } |
		sed -E 's/^(Warning|Error): ([^:]*:[0-9]+) /\2: \1: /'
}

# The entry of the percpu allocator in MAINTAINERS matches each of our files, and each
# of its patterns matches a file.
check_maintainers() {
	ours . | while read -r path; do
		perl scripts/get_maintainer.pl --no-git --no-git-fallback --sections -f "$path" |
			grep -x 'PER-CPU MEMORY ALLOCATOR' >/dev/null ||
			echo "$path: MAINTAINERS: its entry does not match"
	done
	sed -n '/^PER-CPU MEMORY ALLOCATOR$/,/^$/s/^F:\t//p' MAINTAINERS | while read -r pattern; do
		compgen -G "$pattern" >/dev/null || echo "MAINTAINERS: PATTERN: no file matches $pattern"
	done
}

check_checkpatch() {
	local patches
	patches=$("$OVERLAY/release/series.sh" | tail -n 1)
	# Copy the patches, as another make series would replace them. checkpatch leaves a
# file in the current folder.
	rm -rf "$out/patches"
	cp -r "$patches" "$out/patches"
	cd "$out"
	find "$out/patches" -name '*.patch' ! -name '0000-*' | sort | { xargs perl \
		"$tree/scripts/checkpatch.pl" --root="$tree" --strict --terse --showfile --show-types --no-summary 2>&1 || true; } |
		sed -E 's/^([^:]*:[0-9]+: )(ERROR|WARNING|CHECK):/\1/' | grep -v '^total:' || true
}

# Our objects in separate build trees, with W=1 and with sparse. 32 bit, UP and NOMMU
# compile code that x86-64 does not. Debian's sparse does not know __typeof_unqual__;
# nor does its gcc, for which the kernel uses __typeof__.
check_compile() {
	local config log words sparse
	for config in x86_64 um-up i386 riscv64-nommu; do
		log=$out/compile-$config.log
		words="mm/percpu/ $(echo kernel/bigref{,_mode,_owner,_kunit,_owner_kunit,_race_kunit}.o \
			lib/percpu_tag{,_list,_pool,_wait,_kunit,_wait_kunit}.o \
			mm/percpu_cache{,_main,_slab,_trim,_walk,_check,_debugfs,_charge,_present}.o \
			mm/percpu_cache{,_memory,_present}_kunit.o)"
		[[ $config != x86_64 && $config != i386 ]] ||
			words="$words kernel/bigref_counters.o kernel/module/main.o lib/percpu_counter.o lib/percpu_counter_cache.o lib/percpu_counter_kunit.o"
		[ "$config" != x86_64 ] ||
			words="$words mm/mm_percpu.o mm/mm_percpu_kunit.o mm/memcg_percpu.o kernel/cgroup/rstat.o kernel/cgroup/rstat_cache.o"
		toolchain "$config" || { echo "compile: SKIP: no compiler for $config"; continue; }
		# sparse does not know -march of riscv.
		sparse="C=2 CF=-D__typeof_unqual__=__typeof__"
		[ "$config" != riscv64-nommu ] || sparse=
		# shellcheck disable=SC2086
		"$OVERLAY/source/build.sh" "$tree" "$config" W=1 $sparse $words >"$log" ||
			echo "compile: BUILD: $config fails, see $log"
		[ -z "$sparse" ] || grep -qE '^  CHECK .*mm/percpu/cache\.c' "$log" ||
			echo "compile: BUILD: sparse did not run with $config, see $log"
		sed -nE "s,^(\.\./)*(.*/)?((mm/percpu|kernel/bigref|kernel/module/main|lib/percpu_tag|include/linux/(bigref|percpu))[^:]*:.*(warning|error):),\3 $config:,p" "$log"
	done | sort -u
}

toolchain() (
	# shellcheck source=arch/x86_64
	. "$OVERLAY/arch/$(kernel_arch "$1")"
	# shellcheck disable=SC2086
	[ -z "${packages:-}" ] || "$OVERLAY/source/packages.sh" $packages
)

# coccicheck checks a folder: make one with our files only.
check_cocci() {
	local only=$out/ours
	rm -rf "$only"
	mkdir "$only"
	ours '^(mm|kernel|lib|include)/.*\.[ch]$' | xargs cp --parents -t "$only"
	# srcroot is for the script of Linux 6.12, which checks the whole tree without it.
	srctree=$tree srcroot=$only KBUILD_EXTMOD=$only MODE=report J=1 \
		LINUXINCLUDE="-I$tree/arch/x86/include -I$tree/include" \
		scripts/coccicheck >"$out/cocci.log" 2>&1 || echo "cocci: FAILED: see $out/cocci.log"
	grep -q 'spatch -D report' "$out/cocci.log" || echo "cocci: EMPTY: no file was checked"
	sed -nE "s,^$only/,,p; /coccicheck failed|No OCaml/p" "$out/cocci.log"
}

# Places of the whole kernel that may take percpu data for linear memory. Only files
# that have both kinds of calls are parsed.
check_linear() {
	local cocci=$OVERLAY/lint/linear.cocci linear cpu
	linear=$(sed -n 's/^identifier lin =~ "^(\(.*\))\$";$/\1/p' "$cocci" | head -n 1)
	cpu=$(sed -n 's/^identifier cpu =~ "^(\(.*\))\$";$/\1/p' "$cocci" | head -n 1)
	grep -rlE --include='*.[ch]' "\<($cpu)\(" ./*/ | { grep -v '^\./tools/' || true; } |
		xargs grep -lE "\<($linear)\(" | sort >"$out/linear.files"
	[ -s "$out/linear.files" ] || echo "linear: EMPTY: no file was checked"
	xargs spatch --very-quiet -D report --no-includes --timeout 60 --sp-file "$cocci" \
		<"$out/linear.files" | sed 's,^\./,,' | sort -u
}

# The kernel without our options is the kernel as it comes.
check_stock() {
	"$OVERLAY/lint/stock.sh" "$src" "$tree"
}

# Files that use a percpu interface compile as before.
check_callers() {
	"$OVERLAY/lint/callers.sh" "$tree"
}

# Other architectures compile our files. Prints the table of all architectures.
check_arch() {
	"$OVERLAY/lint/arch.sh" "$tree"
}

# The userspace tests pass on other architectures. Prints a table of them.
check_foreign() {
	"$OVERLAY/lint/foreign.sh"
}

# Our pages by Sphinx, with the folders that link to them
check_docs() {
	"$OVERLAY/source/packages.sh" python3-sphinx >&2
	mkdir -p "$out/docs"
	kmake O="$out/docs" htmldocs SPHINXDIRS="mm core-api admin-guide" >"$out/docs.log" 2>&1 ||
		echo "docs: make htmldocs fails, see $out/docs.log"
	docs_of_ours "$out/docs.log"
}

# docs_of_ours LOG: warnings about our pages and comments only
docs_of_ours() {
	sed -E "s,$tree/(Documentation/)?,,g; s,^(WARNING|ERROR): ,," "$1" |
		{ grep -E '((^|/)(core-api|mm|admin-guide/mm)/[a-z_-]*(percpu|bigref)[a-z_-]*\.rst|mm/percpu/[a-z_-]*\.[ch]|percpu_tag\.[ch]|percpu_cache[a-z_]*\.[ch]|bigref[a-z_]*\.[ch]|linux/percpu(-module)?\.h):[0-9]+' || true; } | sort -u
}

# run CHECK: print its findings without the exceptions, and their number
run() {
	local start=$SECONDS all=$out/$1.all left=$out/$1.left n passed
	awk -v c="$1" '$1 == c {print $2}' "$OVERLAY/lint/exceptions" >"$out/$1.except"
	"$OVERLAY/lint/lint.sh" findings "$1" >"$all" 2>"$out/$1.err" ||
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
of=
[ -z "$src" ] || of="Linux $(release_of "$src"): "
if [ -n "$failed" ]; then
	echo "lint: ${of}findings of$failed"
	exit 1
fi
echo "lint: ${of}clean"
