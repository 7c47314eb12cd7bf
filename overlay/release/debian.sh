#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Install the packages of deb.sh into a new Debian system, and boot it under QEMU up
# to its login prompt; print the time of the start and the percpu statistics. With
# STRESS=SECONDS in the environment, stress-ng then creates processes, namespaces and
# cgroups and loads modules for so long. With DKMS=1, DKMS builds the module of
# overlay/release/debian/dkms against the package of headers, and the guest loads it.
# usage: debian.sh CONFIG, as for deb.sh
. "$(dirname "$0")/../lib.sh"
. "$OVERLAY/source/apt.sh"

suite=trixie
stress=${STRESS:-}
[[ -z $stress || $stress =~ ^[1-9][0-9]*$ ]] || die "STRESS=$stress is not a number of seconds"
"$OVERLAY/release/deb.sh" "${1:-}" >"$CACHE/logs/packages.list"
# package NAME: its path
package() {
	grep -E "/linux-$1-[^/]*\.deb$" "$CACHE/logs/packages.list" | grep -v -e -dbg_ ||
		die "no linux-$1 among the packages of deb.sh"
}
package=$(package image)
dir=$(dirname "$package")/system
log=$dir/log
base=$CACHE/deb/$suite${stress:+-stress}${DKMS:+-dkms}
mkdir -p "$dir"
"$OVERLAY/source/packages.sh" debootstrap e2fsprogs
[ "$(id -u)" = 0 ] || die "debootstrap and chroot need root"

# Fetched once
if [ ! -f "$base.tar" ]; then
	say "fetching Debian $suite"
	rm -rf "$base"
	logged "$log" "debootstrap" debootstrap --variant=minbase \
		--include="systemd-sysv,udev,kmod,initramfs-tools,zstd,login${stress:+,stress-ng}${DKMS:+,dkms,gcc,make}" \
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
logged "$log" "installing the kernel" chroot "$root" dpkg -i /image.deb
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
"$OVERLAY/guest/boot.sh" "$dir" x86_64 "$dir" "${SMP:-4}" "${MEM:-2G}" "${LIMIT:-$((900 + 2 * ${stress:-0}))}" \
	"root=/dev/vda rw systemd.show_status=1 ${stress:+stress=$stress}" \
	-drive "file=$dir/disk,format=raw,if=virtio" || status=$?
tr -d '\r' <"$dir/verdict.tap" | grep -vE '^(ok |done$)' || true
grep -aq 'login:' "$dir/console.log" || die "no login prompt came; see $dir/console.log"
"$OVERLAY/guest/verdict.sh" debian "$dir/console.log" "$dir/verdict.tap" "$status" debian \
	>/dev/null || die "the system did not end well; see $dir"
rm -f "$dir/disk"
