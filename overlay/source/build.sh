#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Configure and build a kernel; print its build tree. With WORDs, make these targets
# only, in a build tree of their own, and print the output of make.
# usage: build.sh TREE CONFIG [WORD...], CONFIG as a file config/CONFIG.config names it
. "$(dirname "$0")/../lib.sh"

tree=$1 config=$2
fragment=$OVERLAY/config/$config.config
[ -f "$fragment" ] || die "no kernel is called $config: there is no $fragment"
# shellcheck source=arch/x86_64
. "$OVERLAY/arch/$(kernel_arch "$config")"
build=$CACHE/build/$(basename "$tree")-$config${STOCK:+-stock}${3:+-words}
log=$CACHE/logs/build-$(basename "$build").log
mkdir -p "$build"
exec 9>"$build.lock"
flock 9

if [ -n "$llvm" ]; then
	use_compiler "clang$llvm"
else
	use_compiler "${compiler:-${cross:-}gcc}"
fi

# A line "# ours: NAME_SANITIZE" in the fragment: instrument only the files of the
# overlay.
sanitize=()
sanitizer=$(sed -n 's/^# ours: //p' "$fragment")
if [ -n "$sanitizer" ]; then
	sanitize=("$sanitizer=n")
	for file in "$TOP"/mm/percpu/{,debug/,tests/}*.c "$TOP"/mm/percpu_cache*.c \
		"$TOP"/kernel/bigref*.c "$TOP"/lib/percpu_*.c; do
		sanitize+=("${sanitizer}_$(basename "$file" .c).o=y")
	done
fi
mk() {
	kmake -C "$tree" O="$build" ARCH="$karch" CROSS_COMPILE="${cross:-}" ${llvm:+LLVM="$llvm"} CC="$cc" \
		"${sanitize[@]}" "$@"
}

# fragments FILE: the fragment, after those that its "# on:" lines name
fragments() {
	local on
	for on in $(sed -n 's/^# on: //p' "$1"); do
		fragments "$OVERLAY/config/$on.config"
	done
	cat "$1"
}

# Options of the patched kernel; with PARTIAL=1, for a commit in the middle of the
# series, those that its Kconfig has. Without them it is the stock kernel.
percpu_options() {
	local line
	while read -r line; do
		[[ $line == CONFIG_* ]] || continue
		[ -z "${PARTIAL:-}" ] || grep -rqx --include='Kconfig*' \
			"config $(expr "$line" : 'CONFIG_\([^=]*\)')" "$tree"/{mm,lib,kernel} || continue
		echo "$line"
	done <"$OVERLAY/config/percpu.config"
}

# Set the options of the fragments, where the last setting of each counts, and
# nothing else.
configure() {
	{
		[ -n "$STOCK" ] || percpu_options
		fragments "$fragment"
		[ -z "$EXTRA_CONFIG" ] || cat "$EXTRA_CONFIG"
	} >"$build/wanted"
	awk -F'[ =]' '/^CONFIG_/ {k = $1} /^# CONFIG_.* is not set/ {k = $2; $0 = k "=n"}
		k {if (!(k in last)) order[++n] = k; last[k] = $0; k = ""}
		END {for (i = 1; i <= n; i++) print last[order[i]]}' "$build/wanted" >"$build/wanted.new"
	if [ -f "$build/.config" ] && cmp -s "$build/wanted.new" "$build/wanted.config" &&
		[ -z "$(find "$tree" -name 'Kconfig*' -newer "$build/wanted.config" -print -quit)" ]; then
		return
	fi
	rm -f "$build/wanted.config"
	logged "$log" "configuring $config" mk KCONFIG_ALLCONFIG="$build/wanted.new" allnoconfig
	check_config
	mv "$build/wanted.new" "$build/wanted.config"
	touch "$build/wanted.config"
}

# Fail if Kconfig dropped an option: tests would be missing silently.
check_config() {
	local line key bad=
	while read -r line; do
		key=${line%%=*}
		case $line in
		*=n) ! grep -q "^$key=" "$build/.config" || bad="$bad $line" ;;
		*) grep -qxF "$line" "$build/.config" ||
			grep -qxF "$key" "$OVERLAY/config/optional" || bad="$bad $line" ;;
		esac
	done <"$build/wanted.new"
	[ -z "$bad" ] || die "Linux $(release_of "$tree") does not take for $config:$bad"
}

# The number of objects of a build, from the last complete one
objects() {
	[ -f "$build/$image" ] || cat "$build.objects" 2>/dev/null ||
		awk -v c="$config" '$1 == c {print $2}' "$OVERLAY/config/objects"
}

configure
if [ $# -gt 2 ]; then
	mk -j"$JOBS" "${@:3}" 2>&1 </dev/null
	exit
fi
total=$(objects)
start=$SECONDS
if ! watched "$log" "building $config" "$total" mk -j"$JOBS" all; then
	tail_of "$log"
	die "the build of $config failed; the full log is $log"
fi
ours='(mm/percpu[/_]|kernel/bigref|lib/percpu_)[a-z0-9_/]*'
if [ -z "$STOCK" ] && grep -A5 -E "(^|/)$ours\.[ch]:[0-9:]* warning:" "$log" >&2; then
	# Remove the object, so that the next build warns again.
	grep -oE "$ours\.[ch]:[0-9:]* warning:" "$log" | cut -d. -f1 | sort -u |
		while read -r f; do rm -f "$build/$f.o"; done
	die "our own files build with warnings; the full log is $log"
fi
[ -f "$build/$image" ] || die "the build of $config made no $image; the log is $log"
n=$(objects_in "$log")
[ -z "$total" ] || echo "$n" >"$build.objects"
[ "$n" -eq 0 ] || say "built $config: $n objects in $(clock $((SECONDS - start)))"
echo "$build"
