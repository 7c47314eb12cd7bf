#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build Debian packages of a kernel; print their paths.
# usage: deb.sh CONFIG: a whole kernel config such as /boot/config-*, or the word
# localmodconfig
. "$(dirname "$0")/../lib.sh"

config=${1:-}
[ -n "$config" ] || die "CONFIG= must be set: a file such as" \
	"/boot/config-$(uname -r), localmodconfig, or overlay/release/debian/small.config"
[ "$config" = localmodconfig ] || [ -f "$config" ] || die "there is no config $config"
# dwarves is for BTF, which Debian's config selects; 7.2 always needs libdw-dev.
"$OVERLAY/source/packages.sh" debhelper dwarves libdw-dev
src=$("$OVERLAY/source/fetch.sh")
tree=$("$OVERLAY/source/apply.sh" "$src")
name=$(basename "$config" .config)
dir=$CACHE/deb/$(basename "$tree")-$name${STOCK:+-stock}
build=$dir/build
log=$dir/build.log
mkdir -p "$build"
exec 9>"$dir/lock"
flock 9

use_compiler gcc
export KDEB_PKGVERSION=1
KDEB_PKGVERSION=$(release_of "$tree" | tr -d +~ | tr - .)-1
mk() { kmake -C "$tree" O="$build" ARCH=x86_64 CC="$cc" "$@"; }
set_option() { "$tree/scripts/config" --file "$build/.config" "$@"; }

# Set a release name, so that no other kernel is replaced, and remove keys that only
# Debian has.
adapt() {
	local word=${STOCK:+stock} key
	set_option --set-str LOCALVERSION "-${word:-percpu}" -d LOCALVERSION_AUTO \
		-e PERCPU_STATS
	for key in SYSTEM_TRUSTED_KEYS SYSTEM_REVOCATION_KEYS; do
		! grep -q "^CONFIG_$key=" "$build/.config" || set_option --set-str $key ""
	done
	! grep -q '^CONFIG_MODULE_SIG_KEY=' "$build/.config" ||
		set_option --set-str MODULE_SIG_KEY certs/signing_key.pem
	[ -n "$STOCK" ] || set_option -e PERCPU_AREA
}

configure() {
	if [ "$config" = localmodconfig ]; then
		yes '' | mk localmodconfig
	else
		cp "$config" "$build/.config"
	fi
	adapt
	mk olddefconfig
}

cp "$build/.config" "$dir/before" 2>/dev/null || : >"$dir/before"
logged "$dir/configure.log" "configuring $name" configure
# An unchanged config keeps its time, so that nothing is built again.
! cmp -s "$build/.config" "$dir/before" || touch -r "$dir/before" "$build/.config"
rm -f "$dir"/*.deb
if ! watched "$log" "building packages of $(release_of "$tree"), $name" "" \
		mk -j"$JOBS" bindeb-pkg; then
	tail_of "$log"
	die "no packages were built; the full log is $log"
fi
find "$dir" -maxdepth 1 -name '*.deb' | sort | grep . || die "no package in $dir"
