#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Make the file system of a guest: busybox, bash, the scripts of guest/root, the
# modules of a build and the selftests; print the path of the archive.
# usage: initramfs.sh TREE BUILD CONFIG
. "$(dirname "$0")/../lib.sh"

tree=$1 build=$2 config=$3
# shellcheck source=arch/x86_64
. "$OVERLAY/arch/$(kernel_arch "$config")"
root=$build.guest
tests=$build.kselftest
# Tests and their modules are built by the compiler of the kernel.
compiler_words=("CC=${compiler:-${cross:-}gcc}")
[ -z "$llvm" ] || compiler_words=("LLVM=$llvm")
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

# must_exist FOLDER FILE: "make install" can succeed although a build failed
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
		CROSS_COMPILE="${cross:-}" "${compiler_words[@]}" O="$tests" KDIR="$build" \
		INSTALL_PATH="$tests/installed" KHDR_INCLUDES="-isystem $build/usr/include" "$@" install
}

cgroup_tests="test_kmem test_core test_kill test_freezer test_pids"

# Selftests of the kernel that use percpu memory or reference counts; built again if their source changes
kernel_tests() {
	local dir=$tree/tools/testing/selftests stamp=$tests/kernel-tests
	# The names of those that are kept, as an older cache has others
	[ "$(cat "$stamp" 2>/dev/null)" = "$cgroup_tests" ] &&
		[ -z "$(find "$dir/cgroup" "$dir/cpu-hotplug" -newer "$stamp" -print -quit)" ] &&
		return
	step "make headers" kmake -C "$tree" O="$build" ARCH="$karch" headers
	step "building the selftests" install_tests "cgroup cpu-hotplug" LDLIBS=-static
	must_exist cgroup test_kmem
	must_exist cpu-hotplug cpu-on-off-test.sh
	for test in "$tests"/installed/cgroup/*; do
		[[ " $cgroup_tests " == *" ${test##*/} "* ]] || rm -rf "$test"
	done
	echo "$cgroup_tests" >"$stamp"
}

# Those of rseq are built one by one: they link with a shared library.
rseq_test() { # NAME SOURCE OPTION...
	local dir=$tree/tools/testing/selftests/rseq
	gcc -O2 -static -D_GNU_SOURCE -I"$dir" -I"$dir/.." -I"$tree/tools/include" \
		-I"$build/usr/include" "${@:3}" -o "$tests/installed/rseq/$1" \
		"$dir/$2.c" "$dir/rseq.c" -lpthread
}

rseq_tests() {
	rm -rf "$tests/installed/rseq"
	mkdir -p "$tests/installed/rseq"
	[ -d "$tree/tools/testing/selftests/rseq" ] || return 0
	step "building the selftests of rseq" rseq_test basic_test basic_test
	step "building the selftests of rseq" rseq_test basic_percpu_ops_test basic_percpu_ops_test
	step "building the selftests of rseq" rseq_test basic_percpu_ops_mm_cid_test \
		basic_percpu_ops_test -DBUILDOPT_RSEQ_PERCPU_MM_CID
	step "building the selftests of rseq" rseq_test param_test_mm_cid param_test \
		-DBUILDOPT_RSEQ_PERCPU_MM_CID
}

# The percpu selftests have modules, which kselftest builds in the source folder:
# under a lock, as other kernels may be built from the same source.
percpu_tests() {
	rm -rf "$tests/installed/percpu"
	# Most of them test what only the area has.
	[ -z "$STOCK" ] && [ -f "$tree/tools/testing/selftests/percpu/Makefile" ] || return 0
	exec 8>"$CACHE/tree/modules.lock"
	flock 8
	clean_modules
	step "building the percpu selftests" install_tests percpu
	clean_modules
	flock -u 8
	must_exist percpu test_percpu.ko
}

clean_modules() {
	kmake -C "$build" ARCH="$karch" CROSS_COMPILE="${cross:-}" "${compiler_words[@]}" \
		M="$tree/tools/testing/selftests/percpu/test_modules" \
		clean >>"$log" 2>&1 </dev/null || true
}

# The names of the KUnit suites, for the guest to check that all have run. A file with
# a line " * Needs CONFIG_NAME." is left out without that option.
kunit_suites() {
	local file option
	find "$TOP" -name '*_kunit.c' | while read -r file; do
		option=$(sed -n 's/^ \* Needs \(CONFIG_[A-Z0-9_]*\)\.$/\1/p' "$file")
		[ -z "$option" ] || grep -qx "$option=y" "$build/.config" || continue
		sed -n 's/^\t\.name = "\(.*\)",$/\1/p' "$file"
	done
}

[ "$karch" = um ] || [ -n "${cross:-}" ] || { kernel_tests; rseq_tests; }
percpu_tests
busybox=$(command -v busybox)
[ -z "${cross:-}" ] || busybox=$("$OVERLAY/guest/busybox.sh" "$cross")
rm -rf "$root"
mkdir -p "$root"/{bin,dev,proc,sys,tmp,lib/modules}
cp "$busybox" "$root/bin/"
cp "$OVERLAY"/guest/root/* "$root/"
kunit_suites >"$root/kunit-suites"
# cpu-on-off-test.sh needs bash; it is not run in guests without.
[ -n "${cross:-}" ] || add_program "$root" "$(command -v bash)"
# A line "# programs" in the config
! grep -qx '# programs' "$OVERLAY/config/$config.config" || "$OVERLAY/guest/programs.sh" "$root"
step "modules_install" kmake -C "$tree" O="$build" ARCH="$karch" \
	CROSS_COMPILE="${cross:-}" "${compiler_words[@]}" INSTALL_MOD_PATH="$root" modules_install
rm -f "$root"/lib/modules/*/{build,source}
[ ! -d "$tests/installed" ] || cp -r "$tests/installed" "$root/kselftest"

(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$build.initramfs"
echo "$build.initramfs"
