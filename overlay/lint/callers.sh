#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Compile each file of the kernel that allocates or frees percpu memory, with allmodconfig
# of x86-64 and CONFIG_PERCPU_AREA. Prints warnings, and files that do not compile, unless
# it is the same without the option. Prints the numbers of files to fd 3. CALLERS=REGEX
# compiles only those files that match.
# usage: callers.sh TREE
. "$(dirname "$0")/../lib.sh"

tree=$1
out=$CACHE/lint/$(basename "$tree")/callers
build=$CACHE/build/$(basename "$tree")-callers
interfaces='(__)?alloc_percpu(_gfp|_noprof)?|__alloc_reserved_percpu|free_percpu|devm_alloc_percpu|netdev_alloc_pcpu_stats'
mkdir -p "$out" "$build"
exec 8>"$build.lock"
flock 8

# Without what makes objects large or adds no warning
options=(DEBUG_INFO_NONE=y WERROR=n KASAN=n KCOV=n UBSAN=n GCOV_KERNEL=n
	GCC_PLUGINS=n RUST=n MODVERSIONS=n COMPILE_TEST=y)

cc=
mk() { kmake -C "$tree" O="$build" ARCH=x86_64 CC="$cc" "$@" </dev/null; }

# The files, without those of other architectures and of programs. In place of a file
# that another one includes, of its folder or of the one above, the latter.
callers() {
	cd "$tree" || exit
	grep -rlE --include='*.c' "\<($interfaces)\(" arch/x86 block crypto drivers fs init \
		io_uring ipc kernel lib mm net security sound virt >"$out/callers"
	sed -nE 's,/[^/]*$,,p; T; s,/[^/]*$,,p' "$out/callers" | sort -u | while read -r folder; do
		grep -sE '^# *include "[^"]*\.c"' "$folder"/*.c /dev/null || true
	done | sed -E 's,^((.*/)[^/]*):# *include "(.*)".*,\2\3 \1,' >"$out/included"
	awk 'FILENAME == ARGV[1] {by[$1] = $2; next} {print ($1 in by) ? by[$1] : $1}' \
		"$out/included" "$out/callers" | sort -u
}

# configured: those files of stdin that no Makefile line excludes, as drivers of other
# architectures: obj-$(CONFIG_NAME) += file.o without CONFIG_NAME
configured() {
	local file name options option
	while read -r file; do
		name=$(basename "$file" .c).o
		options=$(grep -hoE "^obj-\\\$\(CONFIG_[A-Z0-9_]*\)[[:space:]]*[+:]?=.*\<${name//./\\.}( |$)" \
			"$tree/$(dirname "$file")/Makefile" 2>/dev/null |
			sed -E 's/^obj-..(CONFIG_[A-Z0-9_]*).*/\1/' || true)
		for option in $options; do
			! grep -q "^$option=" "$build/.config" || options=
		done
		[ -n "$options" ] || echo "$file"
	done
}

# configure on|off: allmodconfig with the area or without
configure() {
	local area=n
	[ "$1" = off ] || area=y
	printf 'CONFIG_%s\n' PERCPU_AREA=$area "${options[@]}" >"$build/wanted"
	if ! cmp -s "$build/wanted" "$build/wanted.done"; then
		mk KCONFIG_ALLCONFIG="$build/wanted" allmodconfig
		cp "$build/wanted" "$build/wanted.done"
	fi >"$out/config.log" 2>&1
	[ $area = n ] || grep -qx CONFIG_PERCPU_AREA=y "$build/.config" ||
		die "allmodconfig has no CONFIG_PERCPU_AREA, see $out/config.log"
}

# compile LOG FILE...
compile() {
	local objects
	mapfile -t objects < <(printf '%s\n' "${@:2}" | sed 's/\.c$/.o/')
	{
		mk -j"$JOBS" prepare
		mk -k -j"$JOBS" "${objects[@]}" || true
	} >"$1" 2>&1
}

# messages LOG: warnings and errors, without line numbers
messages() {
	sed -nE "s,^(\.\./)*($tree/)?([a-z_0-9]+/[^: ]*\.[ch]):[0-9:]* (warning|error|fatal error): ,\3: \4: ,p
		s,^make.*\*\*\* \[[^]]*: ([a-z_0-9/.-]*)\.o\].*,\1.c: object: it does not compile,p
		s,^make.*\*\*\* No rule to make target '([a-z_0-9/.-]*)\.o'.*,\1.c: object: it does not compile,p" "$1" | sort -u
}

# compiled FILE...: the number of files that have an object
compiled() {
	local file n=0
	for file; do [ ! -f "$build/${file%.c}.o" ] || n=$((n + 1)); done
	echo $n
}

# forget FILE...: remove their objects
forget() {
	local file
	for file; do rm -f "$build/${file%.c}.o"; done
}

use_compiler gcc
callers >"$out/sources"
configure on
mapfile -t files < <(configured <"$out/sources" | grep -E "${CALLERS:-.}")
compile "$out/on.log" "${files[@]}"
messages "$out/on.log" >"$out/on.messages"
n=$(compiled "${files[@]}")

# Without the area only files that have messages
: >"$out/off.messages"
mapfile -t again < <(cut -d: -f1 "$out/on.messages" | sort -u |
	grep -xFf <(printf '%s\n' "${files[@]}") || true)
if [ "${#again[@]}" -gt 0 ]; then
	# An object that is made again gives its messages again.
	forget "${again[@]}"
	configure off
	compile "$out/off.log" "${again[@]}"
	forget "${again[@]}"
	messages "$out/off.log" >"$out/off.messages"
fi
comm -23 "$out/on.messages" "$out/off.messages" | sed -E 's/^([^:]*): ([^:]*): /\1: CALLER: \2: /'
[ -n "${CALLERS:-}" ] || [ "$n" -gt 150 ] || echo "callers: EMPTY: only $n files were compiled"
echo "    $(wc -l <"$out/callers") files call, $n of ${#files[@]} in question are compiled; of $(wc -l <"$out/on.messages") messages $(comm -12 "$out/on.messages" "$out/off.messages" | wc -l) are the same without the area" >&3
