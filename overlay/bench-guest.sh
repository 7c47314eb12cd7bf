#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Make what a measuring guest boots from: busybox, our guest scripts, and the
# benchmark's modules and program, built for the kernel at hand.
# usage: bench-guest.sh DIR
. "$(dirname "$0")/lib.sh"

dir=$1
mkdir -p "$dir"
log=$dir/build.log
"$OVERLAY/kernel.sh" bench >"$dir/kernel"
tree=$(sed -n 's/^source: *//p' "$dir/kernel")
build=$(sed -n 's/^build tree: *//p' "$dir/kernel")
cp "$(sed -n 's/^image: *//p' "$dir/kernel")" "$dir/image"

root=$dir/root
bench=$TOP/tools/testing/selftests/percpu
rm -rf "$root" "$dir/module"
mkdir -p "$root"/{bin,dev,proc,sys,tmp,lib/modules} "$dir/module"
# The stock kernel's tree is not ours to build in.
cp "$bench"/bench_{percpu,refs}.c "$dir/module/"
echo 'obj-m := bench_percpu.o bench_refs.o' >"$dir/module/Makefile"
logged "$log" "building the benchmark's modules" kmake -C "$tree" O="$build" \
	ARCH=x86_64 M="$dir/module" modules
cp "$dir"/module/bench_{percpu,refs}.ko "$root/"
logged "$log" "building bench_syscalls" gcc -O2 -Wall -static \
	-o "$root/bin/bench_syscalls" "$bench/bench_syscalls.c"
cp "$(command -v busybox)" "$root/bin/"
cp "$OVERLAY"/guest/* "$root/"
logged "$log" "modules_install" kmake -C "$tree" O="$build" ARCH=x86_64 \
	INSTALL_MOD_PATH="$root" modules_install
rm -f "$root"/lib/modules/*/{build,source}
(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$dir/initramfs"
