#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Record sizes and lifetimes of objects in a guest that boots and then creates
# cgroups, network namespaces, processes, modules and traffic.
. "$(dirname "$0")/../lib.sh"

out=$CACHE/sizes
kernel=$CACHE/bench/${STOCK:+stock}
[ -n "$STOCK" ] || kernel=$CACHE/bench/ours
mkdir -p "$out"
"$OVERLAY/source/packages.sh" gnuplot-nox
"$OVERLAY/bench/guest.sh" "$kernel"
say "recording; the console goes to $out/console.log"
status=0
"$OVERLAY/guest/boot.sh" "$kernel" bench "$out" "${SMP:-4}" "${MEM:-1G}" 600 \
	"guest=sizes quiet no_hash_pointers trace_clock=global trace_buf_size=16M trace_event=percpu:percpu_alloc_percpu,percpu:percpu_free_percpu" ||
	status=$?
"$OVERLAY/guest/verdict.sh" sizes "$out/console.log" "$out/verdict.tap" "$status" sizes >/dev/null ||
	die "the guest did not end well; see $out"
"$OVERLAY/bench/sizes-report.sh" "$out"
