#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build Debian packages of a kernel, for any Debian machine to install; print
# their paths.
# usage: deb.sh CONFIG: a whole kernel config such as /boot/config-*, or the word
# localmodconfig
. "$(dirname "$0")/lib.sh"

config=${1:-}
[ -n "$config" ] || die "of which config? CONFIG= may be a file such as" \
	"/boot/config-$(uname -r), localmodconfig, or overlay/debian/small.config"
[ "$config" = localmodconfig ] || [ -f "$config" ] || die "there is no config $config"
# dwarves is for the BTF that Debian's own config asks for; 7.2 wants libdw-dev for
# whatever config.
"$OVERLAY/packages.sh" debhelper dwarves libdw-dev
src=$("$OVERLAY/fetch.sh")
tree=$("$OVERLAY/apply.sh" "$src")
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

# A release of its own, so that no other kernel is replaced; and keys that only
# Debian has cannot be asked for.
adapt() {
	local word=${STOCK:+stock} key
	set_option --set-str LOCALVERSION "-${word:-percpu}" -d LOCALVERSION_AUTO \
		-e PERCPU_STATS
	for key in SYSTEM_TRUSTED_KEYS SYSTEM_REVOCATION_KEYS; do
		! grep -q "^CONFIG_$key=" "$build/.config" || set_option --set-str $key ""
	done
	! grep -q '^CONFIG_MODULE_SIG_KEY=' "$build/.config" ||
		set_option --set-str MODULE_SIG_KEY certs/signing_key.pem
	[ -n "$STOCK" ] || set_option -m PERCPU_TAG
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
# A config that is the same has no reason to be newer.
! cmp -s "$build/.config" "$dir/before" || touch -r "$dir/before" "$build/.config"
rm -f "$dir"/*.deb
if ! watched "$log" "building packages of $(release_of "$tree"), $name" "" \
		mk -j"$JOBS" bindeb-pkg; then
	tail_of "$log"
	die "no packages were built; the full log is $log"
fi
find "$dir" -maxdepth 1 -name '*.deb' | sort | grep . || die "no package in $dir"
