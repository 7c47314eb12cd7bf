#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Compile the allocator, what stands on it, and some of its callers for the architectures
# of overlay/lint/arches that no bed boots. Prints warnings and errors, and to fd 3 a
# table of all architectures. ARCHES=REGEX does only the rows that match.
# usage: arch.sh TREE
. "$(dirname "$0")/../lib.sh"

tree=$1
out=$CACHE/lint/$(basename "$tree")/arch
mkdir -p "$out"
exec 8>"$out.lock"
flock 8

callers="mm/vmstat.o kernel/fork.o kernel/module/main.o lib/percpu-refcount.o"
# Options over a defconfig: what overlay/config/percpu.config has, and what that needs.
# Without KUnit tests, which the beds compile in 32 and 64 bit, and without options that
# make objects large; warnings are counted.
options() {
	grep '^CONFIG_' "$OVERLAY/config/percpu.config" | grep -v KUNIT
	printf 'CONFIG_%s\n' COMPILE_TEST=y EXPERT=y MODULES=y DEBUG_FS=y \
		PERCPU_STATS=y MEMCG=y CGROUPS=y WERROR=n DEBUG_INFO_NONE=y
}

# The objects of ours that every configuration has
ours() {
	echo mm/percpu/
	(cd "$TOP" && ls mm/percpu_cache*.c kernel/bigref*.c lib/percpu_*.c) |
		grep -vE '_kunit\.c|bigref_counters\.c|percpu_counter_' | sed 's/\.c$/.o/'
}

# mk ARCH COMPILER WORD...: make for a row
mk() {
	local words=("CROSS_COMPILE=$2" "CC=$cc")
	[[ $2 != clang-* ]] || words=("LLVM=${2#clang}" "CC=$cc")
	kmake -C "$tree" O="$build" ARCH="$1" "${words[@]}" "${@:3}" </dev/null
}

# compiler_of COMPILER: install it, and set $cc and, for hppa64, a name without version
compiler_of() {
	local prefix=${1%-}
	case $1 in
	clang-*) "$OVERLAY/source/packages.sh" "$1" "lld${1#clang}" "llvm${1#clang}" || return; use_compiler "$1" ;;
	hppa64-*) "$OVERLAY/source/packages.sh" gcc-12-hppa64-linux-gnu || return; use_compiler "${1}gcc-12" ;;
	*) "$OVERLAY/source/packages.sh" "gcc-$prefix" || return; use_compiler "${1}gcc" ;;
	esac
}

# configure ARCH COMPILER CONFIG: the defconfig with the options
configure() {
	local words
	IFS=, read -ra words <<<"$3"
	mk "$1" "$2" "${words[0]}" || return
	{ options; printf 'CONFIG_%s\n' "${words[@]:1}" | sed '/^CONFIG_$/d'; } >"$build/wanted"
	# A choice takes the last setting, so that the other one need not be named.
	cat "$build/wanted" >>"$build/.config"
	mk "$1" "$2" olddefconfig || return
	grep -qx CONFIG_PERCPU_AREA=y "$build/.config"
}

has() { grep -qx "CONFIG_$1=y" "$build/.config"; }

# Layout, and whether the units of two nodes are on their nodes, see pcpu_want_mapped()
layout() {
	local layout=chunk-major nodes='no nodes'
	if ! has MMU; then
		layout='no MMU'
	elif has NEED_PER_CPU_PAGE_FIRST_CHUNK && has SMP && { has X86_64 || has ARM64; }; then
		layout=CPU-major
	fi
	if has NUMA; then
		nodes='yes, of two nodes'
		[ "$layout" != CPU-major ] || nodes=yes
		# s390 has no memory of its own for a node.
		! has S390 || nodes='no nodes'
	fi
	has SMP || nodes='one CPU'
	printf '%-12s %-18s' "$layout" "$nodes"
}

# messages LOG: warnings about our files, and all errors
messages() {
	sed -nE "s,^(\.\./)*($tree/)?((mm/percpu|kernel/bigref|lib/percpu_|include/linux/(bigref|percpu))[^:]*:[0-9]+):[0-9:]* (warning): ,\3: ARCH: $1: \6: ,p
		s,^(\.\./)*($tree/)?([a-z_0-9]+/[^: ]*\.[chS]:[0-9]+):[0-9:]* (error|fatal error): ,\3: ARCH: $1: \4: ,p
		s,^make.*\*\*\* (\[[^]]*: |No rule to make target ')([a-z_0-9/.-]*\.o).*,\2: ARCH: $1: it does not compile,p" "$2" | sort -u
}

# compiled NAME ARCH COMPILER CONFIG OBJECT...
compiled() {
	local name=$1 state log=$out/$1.log n
	build=$CACHE/build/$(basename "$tree")-arch-$1
	mkdir -p "$build"
	if ! compiler_of "$3"; then
		echo "neither: no compiler can be installed"
		return
	fi
	if ! configure "$2" "$3" "$4" >"$log.config" 2>&1; then
		echo "$name: ARCH: CONFIG: no kernel with CONFIG_PERCPU_AREA, see $log.config" >>"$out/messages"
		echo "neither: not configured"
		return
	fi
	state=compiled
	{
		mk "$2" "$3" -j"$JOBS" prepare
		# shellcheck disable=SC2046,SC2086
		mk "$2" "$3" -k -j"$JOBS" $(ours) $callers $(! has SMP || echo lib/percpu_counter.o) "${@:5}"
	} >"$log" 2>&1 || state="does not compile"
	messages "$name" "$log" >"$out/$name.messages"
	cat "$out/$name.messages" >>"$out/messages"
	n=$(find "$build"/{mm,kernel,lib,arch} -name '*.o' | wc -l)
	[ "$n" -gt 0 ] || state="does not compile"
	printf '%s %s: %d objects, %d warnings' "$(layout)" "$state" "$n" \
		"$(grep -c ': warning: ' "$out/$name.messages" || true)"
}

# booted CONFIG: its beds
booted() {
	build=$CACHE/build/$(basename "$tree")-$1-words
	"$OVERLAY/source/build.sh" "$tree" "$1" syncconfig >"$out/$1.log" 2>&1 || {
		echo "$1: ARCH: CONFIG: see $out/$1.log" >>"$out/messages"
		return
	}
	printf '%s booted: %s' "$(layout)" "$("$OVERLAY/beds.sh" | awk -v c="${1%-numa}" '
		$3 ~ "^" c "(-numa)?$" && n++ < 4 {printf "%s%s", n > 1 ? ", " : "", $1}')"
}

: >"$out/messages"
rows=0
while read -r name arch compiler config objects; do
	[[ $name =~ ${ARCHES:-.} ]] || continue
	rows=$((rows + 1))
	if [ "$arch" = bed ]; then
		line=$(booted "$config")
	else
		# shellcheck disable=SC2086
		line=$(compiled "$name" "$arch" "$compiler" "$config" $objects)
	fi
	printf '    %-14s%s\n' "$name" "$line" >&3
done < <(grep -v '^#' "$OVERLAY/lint/arches")
[ "$rows" -gt 0 ] || echo "arch: EMPTY: no architecture was compiled"
cat "$out/messages"
