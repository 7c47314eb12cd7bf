#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Make the guest's file system out of busybox, bash, our guest scripts, a
# build's modules and the kernel's selftests; print the archive's path.
# usage: initramfs.sh TREE BUILD CONFIG
. "$(dirname "$0")/lib.sh"

tree=$1 build=$2 config=$3
# shellcheck source=arch/x86_64
. "$OVERLAY/arch/$(kernel_arch "$config")"
root=$build.guest
tests=$build.kselftest
log=$CACHE/logs/guest-$(basename "$build").log
: >"$log"
mkdir -p "$tests"
exec 9>"$build.lock"
flock 9

step() { # WHAT COMMAND...
	local what=$1
	shift
	"$@" >>"$log" 2>&1 </dev/null && return
	tail_of "$log"
	die "$what failed; the full log is $log"
}

# "make install" may end well though something was not built.
must_exist() {
	[ -n "$(find "$tests/installed/$1" -name "$2" 2>/dev/null)" ] && return
	tail_of "$log"
	die "the selftests have no $1/$2; the full log is $log"
}

# install_tests TARGETS VARIABLE...: build selftests apart from the kernel.
install_tests() {
	local targets=$1
	shift
	kmake -C "$tree/tools/testing/selftests" TARGETS="$targets" ARCH="$karch" \
		CROSS_COMPILE="${cross:-}" CC="${compiler:-${cross:-}gcc}" O="$tests" KDIR="$build" INSTALL_PATH="$tests/installed" \
		KHDR_INCLUDES="-isystem $build/usr/include" "$@" install
}

# The kernel's own tests that touch us; only a changed source changes them.
kernel_tests() {
	local dir=$tree/tools/testing/selftests stamp=$tests/kernel-tests
	[ -f "$stamp" ] &&
		[ -z "$(find "$dir/cgroup" "$dir/cpu-hotplug" -newer "$stamp" -print -quit)" ] &&
		return
	step "make headers" kmake -C "$tree" O="$build" ARCH="$karch" headers
	step "building the selftests" install_tests "cgroup cpu-hotplug" LDLIBS=-static
	must_exist cgroup test_kmem
	must_exist cpu-hotplug cpu-on-off-test.sh
	find "$tests/installed/cgroup" -type f ! -name test_kmem -delete
	touch "$stamp"
}

# Ours have modules, which kselftest builds in the source folder: for this
# kernel now, and for nobody else at the same time.
percpu_tests() {
	rm -rf "$tests/installed/percpu"
	[ -d "$tree/tools/testing/selftests/percpu" ] || return 0
	exec 8>"$CACHE/tree/modules.lock"
	flock 8
	clean_modules
	step "building the percpu selftests" install_tests percpu
	clean_modules
	flock -u 8
	must_exist percpu test_percpu.ko
}

clean_modules() {
	kmake -C "$build" ARCH="$karch" CROSS_COMPILE="${cross:-}" \
		M="$tree/tools/testing/selftests/percpu/test_modules" \
		clean >>"$log" 2>&1 </dev/null || true
}

# The names of our KUnit suites: one that is not run must not go unnoticed.
kunit_suites() {
	find "$TOP" -name '*_kunit.c' -exec sed -n 's/^\t\.name = "\(.*\)",$/\1/p' {} +
}

# A program of this machine with the libraries it needs.
add_program() {
	local lib
	cp -L "$1" "$root/bin/"
	ldd "$1" 2>/dev/null | grep -oE '/[^ ]+' | while read -r lib; do
		mkdir -p "$root$(dirname "$lib")"
		cp -L "$lib" "$root$lib"
	done
}

[ "$karch" = um ] || [ -n "${cross:-}" ] || kernel_tests
percpu_tests
busybox=$(command -v busybox)
[ -z "${cross:-}" ] || busybox=$("$OVERLAY/busybox.sh" "$cross")
rm -rf "$root"
mkdir -p "$root"/{bin,dev,proc,sys,tmp,lib/modules}
cp "$busybox" "$root/bin/"
cp "$OVERLAY"/guest/* "$root/"
kunit_suites >"$root/kunit-suites"
# cpu-on-off-test.sh is written for bash, and not run where there is none.
[ -n "${cross:-}" ] || add_program "$(command -v bash)"
step "modules_install" kmake -C "$tree" O="$build" ARCH="$karch" \
	CROSS_COMPILE="${cross:-}" INSTALL_MOD_PATH="$root" modules_install
rm -f "$root"/lib/modules/*/{build,source}
[ ! -d "$tests/installed" ] || cp -r "$tests/installed" "$root/kselftest"

(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$build.initramfs"
echo "$build.initramfs"
