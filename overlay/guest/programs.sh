#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Add programs of Debian to the file system of a guest, for root/programs.sh: fio,
# stress-ng, and the tests of libaio, which are built from its source.
# usage: programs.sh ROOT
. "$(dirname "$0")/../lib.sh"
. "$OVERLAY/source/apt.sh"

root=$1 src=$CACHE/src/libaio log=$CACHE/logs/programs.log

build_tests() {
	kmake -C "$src/src" libaio.a
	kmake -C "$src/harness" CFLAGS="-O2 -w -static -I../src"
}

"$OVERLAY/source/packages.sh" fio stress-ng
exec 9>"$CACHE/src/libaio.lock"
flock 9
[ -d "$src" ] || logged "$log" "fetching libaio" debian_source libaio
logged "$log" "building the tests of libaio" build_tests
mkdir -p "$root/programs/libaio"
cp "$src"/harness/cases/*.p "$root/programs/libaio/"
# They need a file system with blocks, and one that is full.
rm "$root"/programs/libaio/{8,10}.p
for program in fio stress-ng; do
	add_program "$root" "$(command -v $program)"
done
