#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Compare objects of the kernel as it comes with those of the patched kernel without
# CONFIG_PERCPU_AREA: instructions, relocations and data must be equal, except line
# numbers. Compare CRCs of exported symbols with those of the patched kernel with it.
# Prints differences, and the numbers of what is equal to fd 3.
# usage: stock.sh SOURCE TREE, or for itself stock.sh digest OBJECT...
. "$(dirname "$0")/../lib.sh"

# Print "FILE DIGEST". Two sections have line numbers, that of BUG() and that of
# allocation profiling; CRCs are compared by themselves.
digest() {
	local -a sections
	mapfile -t sections < <(objdump -h "$1" | awk '
		$1 ~ /^[0-9]+$/ && $2 !~ /^(__bug_table|alloc_tags|___kcrctab)/ {print "-j"; print $2}')
	{
		objdump -dr "$1"
		objdump -s "${sections[@]}" "$1"
	} | grep -v 'file format' | sha1sum | sed "s,\([^ ]*\) .*,$1 \1,"
}

if [ "$1" = digest ]; then
	for object in "${@:2}"; do digest "$object"; done
	exit
fi

src=$1 tree=$2 config=x86_64-same
words="mm/ kernel/module/ kernel/events/ kernel/cgroup/ kernel/fork.o kernel/sched/ lib/ arch/x86/kernel/ arch/x86/mm/ arch/x86/xen/ drivers/iommu/intel/"
words="$words block/ drivers/scsi/ net/9p/ fs/aio.o"
out=$CACHE/lint/$(basename "$tree")/stock
mkdir -p "$out"

# build WHICH TREE: build objects; link the build tree to $out/WHICH
build() {
	local dir
	dir=$CACHE/build/$(basename "$2")-$config${STOCK:+-stock}-words
	ln -sfn "$dir" "$out/$1"
	# shellcheck disable=SC2086
	"$OVERLAY/source/build.sh" "$2" "$config" $words >"$out/$1.log" && return
	echo "stock: BUILD: the build of $1 fails, see $out/$1.log"
	exit
}

# digests WHICH: "FILE DIGEST" of each object
digests() {
	(cd "$out/$1/" && find . -name '*.o' ! -name '*.mod.o' ! -name vmlinux.o ! -path './scripts/*' ! -path './tools/*' |
		sort | xargs -P "$JOBS" -n 20 "$OVERLAY/lint/stock.sh" digest) | sort
}

# crcs WHICH: "SYMBOL CRC" of each exported symbol
crcs() {
	find "$out/$1/" -name '.*.cmd' -exec sed -n 's/^#SYMVER //p' {} + | sort -u
}

command -v objdump >/dev/null || die "there is no objdump"
STOCK=1 build stock "$src"
STOCK=1 build off "$tree"
STOCK='' build on "$tree"
for which in stock off; do digests $which >"$out/$which.digests"; done
for which in stock on; do crcs $which >"$out/$which.crcs"; done
join -a 1 -a 2 "$out/stock.digests" "$out/off.digests" | awk '
	NF < 3 {print $1 ": ONLY: one of both kernels has this object"}
	NF == 3 && $2 != $3 {print $1 ": DIFFERS: from the object of the kernel as it comes"}'
join "$out/stock.crcs" "$out/on.crcs" |
	awk '$2 != $3 {print $1 ": CRC: " $2 " without the area, " $3 " with it"}'
objects=$(comm -12 "$out/stock.digests" "$out/off.digests" | wc -l)
symbols=$(join "$out/stock.crcs" "$out/on.crcs" | awk '$2 == $3' | wc -l)
[ "$objects" -gt 300 ] || echo "stock: EMPTY: only $objects objects were compared"
[ "$symbols" -gt 300 ] || echo "stock: EMPTY: only $symbols symbols were compared"
comm -23 <(cut -d' ' -f1 "$out/stock.crcs") <(cut -d' ' -f1 "$out/on.crcs") |
	sed 's/$/: GONE: an export that the area lacks/'
echo "    $objects objects without the area and $symbols CRCs with it are equal" >&3
