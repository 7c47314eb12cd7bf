#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Install the missing packages among those needed to build and boot, and those
# named, after a line that lists them.
# usage: packages.sh [PACKAGE...]
. "$(dirname "$0")/../lib.sh"

wanted="gcc libc6-dev make flex bison bc libelf-dev libssl-dev cpio xz-utils
	rsync patch kmod perl python3 ccache busybox-static
	qemu-system-x86 debian-archive-keyring $*"

if ! have dpkg-query || ! have apt-get; then
	say "this is not Debian; the packages needed, by their names there, are:"
	say "  $(xargs <<<"$wanted")"
	exit 0
fi
missing=
for p in $wanted; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' ||
		missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	say "packages are missing; please run:"
	say "  sudo apt-get update && sudo apt-get install --no-install-recommends$missing"
	exit 1
fi
exec 9>"$CACHE/packages/lock"
flock 9
say "installing packages:$missing"
log=$CACHE/logs/packages.log
install_them() {
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
}
# Update the package lists only if the installation fails without.
if ! install_them >"$log" 2>&1 </dev/null; then
	logged "$log" "apt-get update" apt-get -q update
	logged "$log" "installing packages" install_them
fi
