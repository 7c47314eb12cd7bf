#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fetch, patch and build a kernel; print its image, build tree and source. Copy image
# and initramfs to the folder GUEST, where a later build does not change them.
# usage: kernel.sh CONFIG [GUEST]
. "$(dirname "$0")/../lib.sh"

config=$1
# shellcheck source=arch/x86_64
. "$OVERLAY/arch/$(kernel_arch "$config")"
# shellcheck disable=SC2086
"$OVERLAY/source/packages.sh" ${packages:-}
src=$("$OVERLAY/source/fetch.sh")
tree=$("$OVERLAY/source/apply.sh" "$src")
build=$("$OVERLAY/source/build.sh" "$tree" "$config")
if [ -n "${2:-}" ]; then
	mkdir -p "$2"
	cp "$build/$image" "$2/image"
	if [ -z "${headless:-}" ]; then
		initramfs=$("$OVERLAY/guest/initramfs.sh" "$tree" "$build" "$config")
		cp "$initramfs" "$2/initramfs"
	fi
fi
echo "image:      $build/$image"
echo "build tree: $build"
echo "source:     $tree"
