#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# From nothing to a kernel; print its image, build tree and source. With GUEST,
# a folder, put what a guest boots from there, where no later build touches it.
# usage: kernel.sh CONFIG [GUEST]
. "$(dirname "$0")/lib.sh"

config=$1
# shellcheck source=arch/x86_64
. "$OVERLAY/arch/$(kernel_arch "$config")"
# shellcheck disable=SC2086
"$OVERLAY/packages.sh" ${packages:-}
src=$("$OVERLAY/fetch.sh")
tree=$("$OVERLAY/apply.sh" "$src")
build=$("$OVERLAY/build.sh" "$tree" "$config")
if [ -n "${2:-}" ]; then
	mkdir -p "$2"
	cp "$build/$image" "$2/image"
	if [ -z "${headless:-}" ]; then
		initramfs=$("$OVERLAY/initramfs.sh" "$tree" "$build" "$config")
		cp "$initramfs" "$2/initramfs"
	fi
fi
echo "image:      $build/$image"
echo "build tree: $build"
echo "source:     $tree"
