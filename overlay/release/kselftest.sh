#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build the selftests of the kernel that run without other machines, and without clang, to
# a folder: net, cgroup, and those of bpf that load no object file.
# usage: kselftest.sh DIR
. "$(dirname "$0")/../lib.sh"

out=$1
tree=$("$OVERLAY/source/apply.sh" "$("$OVERLAY/source/fetch.sh")")
tests=$tree/tools/testing/selftests
work=$out.work
log=$out.log
rm -rf "$out" "$work"
mkdir -p "$out"/{net/forwarding,cgroup,bpf} "$work"/{headers,libbpf,include/bpf}
include="-isystem $work/headers/usr/include"

net="reuseport_bpf reuseport_bpf_cpu reuseport_dualstack reuseaddr_conflict tun tap
	sk_bind_sendto_listen sk_so_peek_off so_incoming_cpu bind_wildcard bind_timewait socket
	psock_tpacket"
af_unix="diag_uid scm_pidfd scm_rights unix_connect"
# Run by scripts only
helpers="psock_snd reuseport_addr_any ip_defrag ipv6_flowlabel ipv6_flowlabel_mgr bind_bhash"

build() {
	local name
	kmake -C "$tree" O="$work/headers" ARCH=x86_64 headers || return
	for name in $net $helpers; do
		kmake -C "$tests/net" OUTPUT="$out/net" KHDR_INCLUDES="$include" "$out/net/$name" || return
	done
	for name in $af_unix; do
		kmake -C "$tests/net/af_unix" OUTPUT="$out/net" KHDR_INCLUDES="$include" \
			"$out/net/$name" || return
	done
	kmake -C "$tests/cgroup" OUTPUT="$out/cgroup" KHDR_INCLUDES="$include" || return
	kmake -C "$tree/tools/lib/bpf" OUTPUT="$work/libbpf/" "$work/libbpf/libbpf.a" || return
	cp "$tree"/tools/lib/bpf/*.h "$work"/libbpf/*.h "$work/include/bpf/"
	for name in test_lpm_map test_lru_map; do
		# Newer kernels have some of them in a program that needs clang.
		[ -f "$tests/bpf/$name.c" ] || continue
		gcc -O2 -D_GNU_SOURCE -I"$tests/bpf" -I"$work/include" -I"$tree/tools/include/uapi" \
			-I"$tree/tools/include" -o "$out/bpf/$name" "$tests/bpf/$name.c" \
			"$work/libbpf/libbpf.a" -lelf -lz -lpthread || return
	done
	# shellcheck disable=SC2086
	printf '%s\n' $net $af_unix >"$out/net/programs"
	cp "$tests"/net/*.sh "$out/net/"
	cp "$tests"/net/forwarding/*.sh "$out/net/forwarding/"
	# lib.sh of net is also looked for one folder higher.
	cp -r "$tests/net/lib" "$out/net/"
}

say "building selftests of Linux $(release_of "$tree")"
logged "$log" "building selftests" build
rm -rf "$work"
