#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# From nothing to a kernel; print its image, build tree and source. With GUEST,
# a folder, put what a guest boots from there, where no later build touches it.
# usage: kernel.sh CONFIG [GUEST]
. "$(dirname "$0")/lib.sh"

config=$1
"$OVERLAY/packages.sh"
src=$("$OVERLAY/fetch.sh")
tree=$("$OVERLAY/apply.sh" "$src")
build=$("$OVERLAY/build.sh" "$tree" "$config")
# shellcheck source=arch/x86_64
. "$OVERLAY/arch/$(kernel_arch "$config")"
if [ -n "${2:-}" ]; then
	initramfs=$("$OVERLAY/initramfs.sh" "$tree" "$build" "$config")
	mkdir -p "$2"
	cp "$build/$image" "$2/image"
	cp "$initramfs" "$2/initramfs"
fi
echo "image:      $build/$image"
echo "build tree: $build"
echo "source:     $tree"
