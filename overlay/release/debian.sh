#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Install the packages of deb.sh into a new Debian system, and boot it under QEMU up
# to its login prompt; print the time of the start and the percpu statistics. With
# STRESS=SECONDS in the environment, stress-ng then creates processes, namespaces and
# cgroups and loads modules for so long. With DKMS=1, DKMS builds the module of
# overlay/release/debian/dkms against the package of headers, and the guest loads it.
# With KSELFTEST=1, selftests of the kernel and perf bench run in it; after the same with
# STOCK=1, the results of both are printed side by side.
# usage: debian.sh CONFIG, as for deb.sh, or a package of another kernel, linux-image-*.deb
. "$(dirname "$0")/../lib.sh"
. "$OVERLAY/source/apt.sh"

suite=trixie
stress=${STRESS:-}
kselftest=${KSELFTEST:+iproute2,iputils-ping,ethtool,jq,socat,nftables,iptables,tcpdump,python3,procps,libelf1t64,linux-perf,psmisc}
[[ -z $stress || $stress =~ ^[1-9][0-9]*$ ]] || die "STRESS=$stress is not a number of seconds"
list=$CACHE/logs/packages.list
force=()
if [[ ${1:-} == *.deb ]]; then
	[ -f "$1" ] || die "there is no package $1"
	dir=$CACHE/deb/$(basename "$1" .deb)
	mkdir -p "$dir"
	cp "$1" "$dir/"
	echo "$dir/$(basename "$1")" >"$list"
	# Its dependencies, such as linux-base, are those of another release.
	force=(--force-depends)
else
	"$OVERLAY/release/deb.sh" "${1:-}" >"$list"
fi
# package NAME: its path
package() {
	grep -E "/linux-$1-[^/]*\.deb$" "$list" | grep -v -e -dbg_ ||
		die "no linux-$1 among the packages of deb.sh"
}
package=$(package image)
dir=$(dirname "$package")/system
log=$dir/log
base=$CACHE/deb/$suite${stress:+-stress}${DKMS:+-dkms}${KSELFTEST:+-kselftest}
mkdir -p "$dir"
"$OVERLAY/source/packages.sh" debootstrap e2fsprogs
[ "$(id -u)" = 0 ] || die "debootstrap and chroot need root"

# Fetched once
if [ ! -f "$base.tar" ]; then
	say "fetching Debian $suite"
	rm -rf "$base"
	logged "$log" "debootstrap" debootstrap --variant=minbase \
		--include="systemd-sysv,udev,kmod,initramfs-tools,zstd,login${stress:+,stress-ng}${DKMS:+,dkms,gcc,make}${kselftest:+,$kselftest}" \
		"$suite" "$base" "$(mirror debian)"
	tar -C "$base" -cf "$base.tar.new" .
	mv "$base.tar.new" "$base.tar"
	rm -rf "$base"
fi

say "installing $(basename "$package")"
root=$dir/root
rm -rf "$root"
mkdir -p "$root"
tar -C "$root" -xf "$base.tar"
cp "$package" "$root/image.deb"
logged "$log" "installing the kernel" chroot "$root" dpkg -i "${force[@]}" /image.deb
rm "$root/image.deb"
if [ -n "${DKMS:-}" ]; then
	say "building a module by DKMS"
	cp "$(package headers)" "$root/headers.deb"
	cp -r "$OVERLAY/release/debian/dkms" "$root/usr/src/percpu-sample-1"
	logged "$log" "installing the headers" chroot "$root" dpkg -i --force-depends /headers.deb
	rm "$root/headers.deb"
	kernel=$(basename "$root"/boot/vmlinuz-* | cut -d- -f2-)
	# The headers install modules that DKMS knows; this one is new to it.
	logged "$log" "DKMS" chroot "$root" dkms install percpu-sample/1 -k "$kernel"
	echo percpu_sample >"$root/etc/modules-load.d/percpu-sample.conf"
fi
if [ -n "$kselftest" ]; then
	"$OVERLAY/release/kselftest.sh" "$dir/kselftest"
	cp -r "$dir/kselftest" "$root/opt/kselftest"
	cp "$OVERLAY/release/debian/percpu-kselftest" "$root/usr/local/bin/"
fi
cp "$OVERLAY/release/debian/percpu-report" "$root/usr/local/bin/"
cp "$OVERLAY/release/debian/percpu-report.service" "$root/etc/systemd/system/"
chroot "$root" systemctl enable percpu-report serial-getty@ttyS0 2>>"$log"
echo percpu >"$root/etc/hostname"
echo "/dev/vda / ext4 defaults 0 1" >"$root/etc/fstab"
chroot "$root" passwd -d root >>"$log"
cp "$root"/boot/vmlinuz-* "$dir/image"
cp "$root"/boot/initrd.img-* "$dir/initramfs"
rm -f "$dir/disk"
logged "$log" "making the disk" mke2fs -q -t ext4 -d "$root" "$dir/disk" 3G
rm -rf "$root"

say "booting Debian $suite; the console goes to $dir/console.log"
status=0
"$OVERLAY/guest/boot.sh" "$dir" x86_64 "$dir" "${SMP:-4}" "${MEM:-2G}" "${LIMIT:-$((900 + 2 * ${stress:-0}${KSELFTEST:+ + 3600}))}" \
	"root=/dev/vda rw systemd.show_status=1 ${stress:+stress=$stress}" \
	-drive "file=$dir/disk,format=raw,if=virtio" || status=$?
tr -d '\r' <"$dir/verdict.tap" | grep -vE '^(ok |done$|kselftest )' || true
if [ -n "$kselftest" ]; then
	results=$CACHE/deb/kselftest
	which=area
	[ -z "$STOCK" ] || which=stock
	sed -n 's/\r$//; s/^kselftest //p' "$dir/verdict.tap" >"$results.$which"
	touch "$results.area" "$results.stock"
	awk -F': ' 'BEGIN {printf "%-42s %-42s %s\n", "", "the percpu area", "stock"}
		NR == FNR {stock[$1] = $2; next}
		{printf "%-42s %-42s %s\n", $1, $2, stock[$1]}' "$results.stock" "$results.area"
fi
grep -aq 'login:' "$dir/console.log" || die "no login prompt came; see $dir/console.log"
console=$dir/console.log
if [ -n "$kselftest" ]; then
	# Selftests of memory control exceed a limit on purpose.
	sed '/^\[[ 0-9.]*\] test_[a-z]* invoked oom-killer/d' "$console" >"$console.rest"
	console=$console.rest
fi
"$OVERLAY/guest/verdict.sh" debian "$console" "$dir/verdict.tap" "$status" debian \
	>/dev/null || die "the system did not end well; see $dir"
rm -f "$dir/disk"
