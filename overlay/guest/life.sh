#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The life of a machine: suspend, hibernation, kexec, kdump, CPUs and memory that come
# and go, with percpu objects that are checked after each step (root/life.sh). Prints a
# table of this kernel and, after STOCK=1 make life, of stock. Output: CACHE/life[-stock].
# usage: life.sh [GUEST...], default all
. "$(dirname "$0")/../lib.sh"

config=x86_64-life
dir=$CACHE/life${STOCK:+-stock}
modules=$TOP/tools/testing/selftests/percpu/test_modules
mkdir -p "$dir"
"$OVERLAY/guest/module-guest.sh" "$dir" $config "$modules/test_percpu" \
	"$OVERLAY/guest/life_objects.c" -- "$OVERLAY"/guest/{kexec,same_pages,vmcore_notes}.c

# The next kernel and its initramfs are in an archive behind the first one.
mkdir -p "$dir/extra/next" "$dir/guest" "$dir/results"
cp "$dir/image" "$dir/initramfs" "$dir/extra/next/"
(cd "$dir/extra" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$dir/extra.gz"
cp "$dir/image" "$dir/guest/image"
cat "$dir/initramfs" "$dir/extra.gz" >"$dir/guest/initramfs"

# do_action NAME ACTION: what the guest asks for
do_action() {
	local socket=$dir/$1/monitor
	monitor() { "$OVERLAY/guest/monitor.sh" "$socket" "$@"; }
	case $2 in
	wakeup)
		for _ in $(seq 100); do
			monitor "info status" | grep -q suspended && break
			sleep 1
		done
		monitor system_wakeup
		;;
	cpu_add) monitor "device_add max-x86_64-cpu,id=added,socket-id=2,core-id=0,thread-id=0" ;;
	cpu_del) monitor "device_del added" ;;
	memory_add)
		monitor "object_add memory-backend-ram,id=more,size=256M" \
			"device_add pc-dimm,id=dimm,memdev=more,node=1"
		;;
	memory_del) monitor "device_del dimm" ;;
	esac >>"$dir/$1/monitor.log" 2>&1
}

# start NAME MEMORY APPEND [QEMU OPTION...]: boot, and do what the guest asks for
start() {
	local name=$1 mem=$2 append=$3 guest status=0 actions=0 wanted
	shift 3
	mkdir -p "$dir/$name"
	"$OVERLAY/guest/boot.sh" "$dir/guest" $config "$dir/$name" 4,sockets=3,cores=2,maxcpus=6 \
		"$mem" 1800 "guest=life $append" \
		-monitor "unix:$dir/$name/monitor,server=on,wait=off" "$@" &
	guest=$!
	while kill -0 $guest 2>/dev/null; do
		sleep 1
		wanted=$(grep -ac '^host: ' "$dir/$name/verdict.tap" || true)
		while [ "$actions" -lt "$wanted" ]; do
			actions=$((actions + 1))
			do_action "$name" "$(sed -n 's/^host: \([a-z_]*\).*/\1/p' "$dir/$name/verdict.tap" |
				sed -n ${actions}p)"
		done
	done
	wait $guest || status=$?
	echo $status >"$dir/$name/status"
}

# judge NAME: keep the results of a guest
judge() {
	local console=$dir/$1/console.log
	# The panic of kdump is wanted.
	if [[ $1 = kdump* ]]; then
		sed '/sysrq: Trigger a crash/,/Linux version/d' "$console" >"$console.rest"
		console=$console.rest
	fi
	"$OVERLAY/guest/verdict.sh" "$1" "$console" "$dir/$1/verdict.tap" \
		"$(cat "$dir/$1/status")" life >"$dir/$1/counts" 2>"$dir/$1/reasons" || failed=1
	sed 's/^/    /' "$dir/$1/reasons" >&2
	tr -d '\r' <"$dir/$1/verdict.tap" |
		sed -nE 's/^(ok|not ok) [0-9]+ - life: ([^:]*(: notes of all CPUs)?).*/\2|\1/p' >"$dir/results/$1"
	[ -s "$dir/results/$1" ] || echo "all|no result" >"$dir/results/$1"
}

guest_large() { start large 2G "steps=spoil,unplug,suspend,move percpu_alloc=large cma=64M"; }
guest_page() { start page 2G "steps=unplug,suspend,move percpu_alloc=page cma=64M"; }
# Without cma=: 7.2 loads the next kernel into the CMA area, which then finds no valid
# initramfs there, with mm/percpu.c as well.
guest_kexec_large() { start kexec_large 2G "steps=kexec percpu_alloc=large"; }
guest_kexec_page() { start kexec_page 2G "steps=kexec percpu_alloc=page"; }
guest_kdump_large() { start kdump_large 2G "steps=panic percpu_alloc=large crashkernel=256M"; }
guest_kdump_page() { start kdump_page 2G "steps=panic percpu_alloc=page crashkernel=256M"; }
guest_hotplug() {
	start hotplug 2G,slots=2,maxmem=4G "steps=add,memory,remove percpu_alloc=large maxcpus=4" \
		-device max-x86_64-cpu,id=added,socket-id=2,core-id=0,thread-id=0 \
		-object memory-backend-ram,id=m0,size=2G -numa node,nodeid=0,memdev=m0 \
		-numa node,nodeid=1 -numa cpu,node-id=0,socket-id=0 \
		-numa cpu,node-id=0,socket-id=1 -numa cpu,node-id=1,socket-id=2
}
guest_hibernation() {
	local disk="file=$dir/disk,if=none,id=disk,format=raw"
	truncate -s 3G "$dir/disk"
	start hibernation 2G "steps=hibernate percpu_alloc=large" \
		-drive "$disk" -device virtio-blk-pci,drive=disk
	if ! grep -q '^not ok' "$dir/hibernation/verdict.tap"; then
		mv "$dir/hibernation/console.log" "$dir/hibernation/console.first"
		start hibernation 2G "steps=noresume percpu_alloc=large resume=/dev/vda" \
			-drive "$disk" -device virtio-blk-pci,drive=disk
		cat "$dir"/hibernation/console.{first,log} >"$dir/hibernation/console"
		mv "$dir/hibernation/console" "$dir/hibernation/console.log"
	fi
	rm -f "$dir/disk"
}

failed=
[ $# -gt 0 ] || set -- large page hotplug kexec_large kexec_page kdump_large kdump_page hibernation
for name; do
	rm -rf "${dir:?}/$name"
	guest_"$name"
	judge "$name"
done

# result_of FOLDER GUEST STEP
result_of() {
	awk -F'|' -v step="$3" '$1 == step {print $2; found = 1}
		END {if (!found) print "n/a"}' "$1/results/$2" 2>/dev/null || echo "not run"
}
printf '%-12s %-46s %-9s %s\n' guest step area mm/percpu.c
for name; do
	while IFS='|' read -r step _; do
		printf '%-12s %-46s %-9s %s\n' "$name" "$step" \
			"$(result_of "$CACHE/life" "$name" "$step")" \
			"$(result_of "$CACHE/life-stock" "$name" "$step")"
	done <"$dir/results/$name"
done
[ -z "$failed" ] || die "see $dir"
