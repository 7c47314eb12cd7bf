#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Print the folder of the unpatched kernel source; fetch it if it is missing.
. "$(dirname "$0")/../lib.sh"
. "$OVERLAY/source/apt.sh"

if [ -n "$KSRC" ]; then
	[ -f "$KSRC/Kbuild" ] || die "KSRC=$KSRC is not a kernel source"
	cd "$KSRC" && pwd
	exit 0
fi

exec 9>"$CACHE/src/lock"
flock 9
log=$CACHE/logs/fetch.log

# download PACKAGE: fetch it, and print its progress
download() {
	local pid shown=0 kb
	private_apt download "$1" >>"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		sleep 1
		shown=$((shown + 1))
		kb=$(du -sk . | cut -f1)
		if [ -t 2 ]; then
			printf '\r\033[Kfetching %s: %d MB' "$1" $((kb / 1024)) >&2
		elif [ $((shown % 20)) = 0 ]; then
			say "fetching $1: $((kb / 1024)) MB"
		fi
	done
	wait $pid
}

# fetch SERIES: unpack the source to $CACHE/src/SERIES; fail if no suite has it
fetch() {
	local series=$1 suite archive got='' dir=$CACHE/packages/deb
	[ -f "$CACHE/src/$series/Kbuild" ] && return 0
	rm -rf "$dir"
	mkdir -p "$dir"
	while read -r _ suite archive; do
		say "looking for linux-source-$series in Debian $suite"
		use_suite "$suite" "$archive" >>"$log" 2>&1 </dev/null || continue
		(cd "$dir" && download "linux-source-$series/$suite") || continue
		got=$suite
		break
	done < <(grep "^$series " "$OVERLAY/source/suites")
	[ -n "$got" ] || return 1
	unpack "$series" "$dir"/*.deb
	rm -rf "$dir" "$apt_dir"
}

unpack() {
	local to=$CACHE/src/$1
	say "unpacking $(basename "$2")"
	rm -rf "$to.new"
	mkdir -p "$to.new"
	if ! dpkg-deb --fsys-tarfile "$2" |
		tar xO --wildcards './usr/src/linux-source-*.tar.xz' |
		tar xJ -C "$to.new" --strip-components=1 || [ ! -f "$to.new/Kbuild" ]; then
		die "cannot unpack $2"
	fi
	mv "$to.new" "$to"
}

grep -q "^$KERNEL " "$OVERLAY/source/suites" ||
	die "KERNEL=$KERNEL must be one of: $(awk '!/^#/ {print $1}' "$OVERLAY/source/suites" | sort -u | xargs)"
: >"$log"
if ! fetch "$KERNEL"; then
	[ "$KERNEL" != 6.12 ] ||
		die "no Debian suite has linux-source-6.12; set KSRC= to a source you have (log: $log)"
	say "no Debian suite has linux-source-$KERNEL: falling back to KERNEL=6.12"
	KERNEL=6.12
	fetch 6.12 || die "no Debian suite has linux-source-6.12 either; set KSRC= to a source you have (log: $log)"
fi
echo "$CACHE/src/$KERNEL"
