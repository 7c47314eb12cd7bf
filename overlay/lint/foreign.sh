#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run the userspace tests of the allocator on other architectures, each by the user
# emulation of QEMU. Prints failures, and to fd 3 a table. ARCHES=REGEX does only the
# rows that match.
# usage: foreign.sh
. "$(dirname "$0")/../lib.sh"

# QEMU's name, the prefix of the compiler, the package of its C library
rows="aarch64  aarch64-linux-gnu-         libc6-dev-arm64-cross
arm            arm-linux-gnueabihf-       libc6-dev-armhf-cross
hppa           hppa-linux-gnu-            libc6-dev-hppa-cross
i386           i686-linux-gnu-            libc6-dev-i386-cross
m68k           m68k-linux-gnu-            libc6-dev-m68k-cross
mips           mips-linux-gnu-            libc6-dev-mips-cross
ppc            powerpc-linux-gnu-         libc6-dev-powerpc-cross
mips64el       mips64el-linux-gnuabi64-   libc6-dev-mips64el-cross
ppc64le        powerpc64le-linux-gnu-     libc6-dev-ppc64el-cross
riscv64        riscv64-linux-gnu-         libc6-dev-riscv64-cross
s390x          s390x-linux-gnu-           libc6-dev-s390x-cross
sparc64        sparc64-linux-gnu-         libc6-dev-sparc64-cross"

# compiler_of NAME PREFIX LIBC: install it, and set $cc
compiler_of() {
	"$OVERLAY/source/packages.sh" qemu-user "gcc-${2%-}" "$3" || return
	cc="${2}gcc -static"
	# Some have atomic operations of 64 bits in a library only.
	case $1 in
	hppa | m68k | mips | ppc) cc="$cc -Wl,-u,__atomic_load_8,-u,__atomic_store_8 -latomic" ;;
	esac
}

n=0
while read -r name prefix libc; do
	[[ $name =~ ${ARCHES:-.} ]] || continue
	out=$CACHE/lint/foreign/$name
	mkdir -p "$out"
	if ! compiler_of "$name" "$prefix" "$libc"; then
		printf '    %-14sno compiler can be installed\n' "$name" >&3
		continue
	fi
	n=$((n + 1))
	if env -u MAKEFLAGS -u MFLAGS make -k -C "$TOP/tools/testing/percpu" OUT="$out" CC="$cc" \
		RUN="qemu-$name" portable >"$out/log" 2>&1; then
		printf '    %-14s%d programs pass\n' "$name" \
			"$(grep -cE '^(churn|sparse|full|fuzz|fight|carry|kill)[:,]' "$out/log")" >&3
	else
		echo "$name: FOREIGN: a test fails, see $out/log"
	fi
done <<<"$rows"
[ "$n" -gt 0 ] || echo "foreign: EMPTY: no architecture was tested"
