#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Make image and initramfs of a guest that loads our modules on any kernel, also on
# stock: busybox, the scripts of guest/root, the modules of the kernel, and modules
# and programs built for it. A SOURCE that is a folder is one module of all its files.
# usage: module-guest.sh DIR CONFIG SOURCE... [-- PROGRAM.c...]
. "$(dirname "$0")/../lib.sh"

dir=$1 config=$2
shift 2
log=$dir/build.log root=$dir/root
rm -rf "$root" "$dir/module"
mkdir -p "$root"/{bin,dev,proc,sys,tmp,lib/modules} "$dir/module"

"$OVERLAY/source/kernel.sh" "$config" >"$dir/kernel"
tree=$(sed -n 's/^source: *//p' "$dir/kernel")
build=$(sed -n 's/^build tree: *//p' "$dir/kernel")
cp "$(sed -n 's/^image: *//p' "$dir/kernel")" "$dir/image"

# Do not build in the source tree of the stock kernel.
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	cp -r "$1" "$dir/module/"
	name=$(basename "$1" .c)
	[[ $1 != *.c && ! -d $1 ]] || echo "obj-m += $name.o"
	[ ! -d "$1" ] || (cd "$dir/module" && echo "$name-y :=" "$name"/*.c | sed 's/\.c/.o/g')
	shift
done >"$dir/module/Makefile"
logged "$log" "building our modules" kmake -C "$tree" O="$build" ARCH=x86_64 \
	M="$dir/module" modules
cp "$dir"/module/*.ko "$root/"
for program in "${@:2}"; do
	name=$(basename "$program" .c)
	logged "$log" "building $name" gcc -O2 -Wall -static -D_GNU_SOURCE \
		-o "$root/bin/$name" "$program"
done
logged "$log" "modules_install" kmake -C "$tree" O="$build" ARCH=x86_64 \
	INSTALL_MOD_PATH="$root" modules_install
rm -f "$root"/lib/modules/*/{build,source}
cp "$(command -v busybox)" "$root/bin/"
cp "$OVERLAY"/guest/root/* "$root/"
(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$dir/initramfs"
