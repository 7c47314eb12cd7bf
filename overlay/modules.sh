#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Show how much percpu data modules can have on a kernel: build generated
# modules for it, boot it, load them.
# usage: modules.sh
. "$(dirname "$0")/lib.sh"

tests=$TOP/tools/testing/selftests/percpu
dir=$(mktemp -d "$CACHE/logs/modules.XXXXXX")
log=$dir/build.log
root=$dir/root
mkdir -p "$dir/module" "$root"/{bin,dev,proc,sys,tmp}

"$OVERLAY/kernel.sh" "$ARCH" >"$dir/kernel"
tree=$(sed -n 's/^source: *//p' "$dir/kernel")
build=$(sed -n 's/^build tree: *//p' "$dir/kernel")
cp "$(sed -n 's/^image: *//p' "$dir/kernel")" "$dir/image"

# The stock kernel's tree is not ours to build in.
cp "$tests"/test_modules/*.h "$dir/module/"
for bytes in 3000 4096 1048576; do
	name=test_percpu_gen_${bytes}_n0000
	sh "$tests/test_modules/generate.sh" $bytes >"$dir/module/$name.c"
	echo "obj-m += $name.o" >>"$dir/module/Makefile"
done
logged "$log" "building the modules" kmake -C "$tree" O="$build" ARCH=x86_64 \
	M="$dir/module" modules
cp "$dir"/module/*.ko "$root/"
logged "$log" "building load_modules" gcc -O2 -Wall -static -D_GNU_SOURCE \
	-o "$root/bin/load_modules" "$tests/load_modules.c"
cp "$(command -v busybox)" "$root/bin/"
cp "$OVERLAY"/guest/* "$root/"
(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$dir/initramfs"

status=0
"$OVERLAY/boot.sh" "$dir" "$ARCH" "$dir" "${SMP:-4}" "${MEM:-1G}" 300 \
	"guest=modules quiet" || status=$?
tr -d '\r' <"$dir/verdict.tap" | grep -v -e '^ok ' -e '^done$' || true
tr -d '\r' <"$dir/console.log" | grep -m 1 'test_percpu_gen' | sed 's/^/the kernel says: /' || true
if ! "$OVERLAY/verdict.sh" modules "$dir/console.log" "$dir/verdict.tap" "$status" \
		modules >/dev/null; then
	# To refuse percpu data, stock warns with a trace.
	[ -n "$STOCK" ] || die "the guest did not end well; see $dir"
fi
rm -rf "$dir"
