#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Print the path of a static busybox for guests of another architecture, built from
# Debian's source, as Debian has no binary for some of them.
# usage: busybox.sh CROSS, the prefix of a compiler, as sparc64-linux-gnu-
. "$(dirname "$0")/../lib.sh"
. "$OVERLAY/source/apt.sh"

cross=$1
src=$CACHE/src/busybox
out=$CACHE/build/busybox-${cross%-}
log=$CACHE/logs/busybox-${cross%-}.log
exec 9>"$CACHE/src/busybox.lock"
flock 9

mk() {
	kmake -C "$src" O="$out" CROSS_COMPILE="$cross" CC="${cache:-} ${cross}gcc" \
		HOSTCC="${cache:-} gcc" "$@"
}

# allnoconfig, then the applets of config/busybox with their default features.
configure() {
	mk allnoconfig
	sed -n 's/^[A-Z].*/CONFIG_&=y/p' "$OVERLAY/config/busybox" >"$out/wanted"
	cut -d= -f1 "$out/wanted" | sed 's/.*/# & is not set/' |
		grep -vxFf - "$out/.config" | grep -v FEATURE |
		cat "$out/wanted" - >"$out/.config.new"
	mv "$out/.config.new" "$out/.config"
	{ yes '' || true; } | mk oldconfig
}

[ -d "$src" ] || logged "$log" "fetching busybox" debian_source busybox
mkdir -p "$out"
if [ ! -x "$out/busybox" ] || [ "$OVERLAY/config/busybox" -nt "$out/busybox" ]; then
	! have ccache || cache=ccache
	say "building busybox with ${cross}gcc"
	logged "$log" "configuring busybox" configure
	logged "$log" "building busybox" mk -j"$JOBS" busybox
fi
echo "$out/busybox"
