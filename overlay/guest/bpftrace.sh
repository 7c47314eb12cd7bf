#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Boot a guest with bpftrace, and run each bpftrace line of the documents in it, while
# objects and chunks are created and freed and an allocation fails. Prints their
# output; fails if bpftrace refuses a line, or a line prints no value.
# Output: CACHE/bpftrace.
. "$(dirname "$0")/../lib.sh"

config=x86_64-bpftrace
dir=$CACHE/bpftrace
rm -rf "$dir"
mkdir -p "$dir/root/bin"
"$OVERLAY/source/packages.sh" bpftrace
"$OVERLAY/source/kernel.sh" $config "$dir" >"$dir/kernel"

# A second archive: the kernel unpacks one after the other.
add_program "$dir/root" "$(command -v bpftrace)"
# The kernel has no BTF: bpftrace reads the headers of the kernel.
source=$(sed -n 's/^source: *//p' "$dir/kernel")
build=$(sed -n 's/^build tree: *//p' "$dir/kernel")
mkdir -p "$dir/root"/headers/{source,build}/arch/x86
cp -r "$source/include" "$dir/root/headers/source/"
cp -r "$source/arch/x86/include" "$dir/root/headers/source/arch/x86/"
cp -r "$build/include" "$dir/root/headers/build/"
cp -r "$build/arch/x86/include" "$dir/root/headers/build/arch/x86/"
sed -n "s/^    \(bpftrace -e '.*'\)$/\1/p" "$TOP"/Documentation/*/percpu*.rst >"$dir/root/lines"
lines=$(wc -l <"$dir/root/lines")
[ "$lines" -gt 0 ] || die "no document has a bpftrace line"
(cd "$dir/root" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >>"$dir/initramfs"

say "booting; the console goes to $dir/console.log"
status=0
"$OVERLAY/guest/boot.sh" "$dir" $config "$dir" "${SMP:-4}" "${MEM:-3G}" 900 \
	"guest=bpftrace percpu_area=16M" || status=$?
cat "$dir/verdict.tap"
tried=$(grep -c '^# bpftrace' "$dir/verdict.tap" || true)
if [ "$status" != 0 ] || [ "$tried" != "$lines" ]; then
	die "$tried of $lines lines ran; see $dir"
fi
! grep -q '^not ok' "$dir/verdict.tap" || die "not all lines print a value; see $dir"
say "$lines lines of the documents ran"
