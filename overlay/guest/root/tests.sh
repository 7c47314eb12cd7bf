#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Run the test groups in $groups. Their output goes to the console; results go to
# descriptor 3 as TAP, numbered again.

n=0
tmp=${TMPDIR:-/tmp}
kselftest=${KSELFTEST:-/kselftest}

# Seconds of churn, and loads of a module during it: few, as a guest without KVM is
# slow. APPEND="churn=60 loads=50" on the host sets more.
export PERCPU_TEST_SECONDS="${churn:-2}" PERCPU_TEST_LOADS="${loads:-2}"

# result ok|"not ok" NAME [DIRECTIVE]
result() {
	n=$((n + 1))
	echo "$1 $n - $2${3:+ $3}" >&3
}

# missing NAME: a skip on the stock kernel, and a failure on ours
missing() {
	if [ "${stock:-}" = 1 ]; then
		result ok "$1" "# SKIP not in the stock kernel"
	else
		result "not ok" "$1 is missing"
	fi
}

# take PREFIX FILE [INDENT]: copy the results of a test
take() {
	sed -nE "s/^${3:-}(ok|not ok) [0-9]+ *(- )?(.*)/\1|\3/p" "$2" >"$tmp/taken"
	while IFS='|' read -r verdict test; do
		case $test in
		*'# SKIP'*) verdict=ok ;;
		esac
		result "$verdict" "$1: $test"
	done <"$tmp/taken"
}

# KUnit has run at boot; the cases of a suite are indented by four.
group_kunit() {
	found=
	for suite in /sys/kernel/debug/kunit/*/results; do
		[ -e "$suite" ] || continue
		found=1
		name=${suite%/results}
		cat "$suite" >"$tmp/kunit"
		take "kunit: ${name##*/}" "$tmp/kunit" '    '
		[ -s "$tmp/taken" ] || result "not ok" "kunit: ${name##*/} has no result"
	done
	[ -n "$found" ] || missing kunit:
	[ "${stock:-}" != 1 ] || return 0
	# kunit.filter_glob= on the command line chooses suites.
	glob=$(cat /sys/module/kunit/parameters/filter_glob 2>/dev/null)
	[ "$glob" != "(null)" ] || glob='*'
	while read -r suite; do
		# shellcheck disable=SC2254 # it is a pattern
		case $suite in ${glob:-*}) ;; *) continue ;; esac
		[ -e "/sys/kernel/debug/kunit/$suite" ] ||
			result "not ok" "kunit: $suite was not run"
	done </kunit-suites
}

# Suites that are modules run when these are loaded; group_kunit has their results.
group_kunit_modules() {
	for module in percpu_area_test bigref_test percpu_tag_test; do
		if modprobe $module; then
			result ok "kunit_modules: $module"
		else
			result "not ok" "kunit_modules: $module cannot be loaded"
		fi
	done
}

# script NAME COMMAND...: run a kselftest; results by its TAP and exit status
script() {
	name=$1
	shift
	echo "== $name"
	timeout $((900 + 2 * PERCPU_TEST_SECONDS)) "$@" >"$tmp/tap" 2>&1 </dev/null
	rc=$?
	cat "$tmp/tap"
	take "$name" "$tmp/tap"
	# The reasons of failures
	grep -B 4 '^not ok' "$tmp/tap" | sed -n 's/^# /    # /p' >&3
	case $rc in
	0) [ -s "$tmp/taken" ] || result ok "$name" ;;
	4) [ -s "$tmp/taken" ] || result ok "$name" "# SKIP $(tail -n 1 "$tmp/tap")" ;;
	*) grep -q '^not ok' "$tmp/taken" || result "not ok" "$name: exit status $rc" ;;
	esac
}

# named SCRIPT LIST: true if the list, with commas, has its name or one of its tags
named() {
	for word in "$1" $(sed -n 's/^# tags: //p' "$1.sh"); do
		case ,$2, in *,"$word",*) return 0 ;; esac
	done
	return 1
}

# The kernel's command line may choose: only=LIST, skip=LIST
group_percpu() {
	[ -d "$kselftest/percpu" ] || { missing percpu:; return; }
	for program in $(sed -n 's/^percpu://p' "$kselftest/kselftest-list.txt"); do
		cd "$kselftest/percpu" || return
		name=${program%.sh}
		[ -z "${only:-}" ] || named "$name" "$only" || continue
		[ -z "${skip:-}" ] || ! named "$name" "$skip" || continue
		script "percpu: $name" ./"$program"
		cd /
	done
}

# Scripts about percpu data of modules, with all modules that they can load.
# cycles= is the number of loads while other tasks allocate.
group_modules() {
	[ -d "$kselftest/percpu" ] || { missing modules:; return; }
	export PERCPU_TEST_FULL=1 PERCPU_TEST_CYCLES="${cycles:-}"
	for program in data sizes storm; do
		cd "$kselftest/percpu" || return
		script "modules: $program" ./module_$program.sh
		cd /
	done
	unset PERCPU_TEST_FULL PERCPU_TEST_CYCLES
}

# percpu_test warns on an error, and its init function always fails.
group_percpu_test() {
	dmesg -c >/dev/null
	modprobe percpu_test 2>/dev/null
	if dmesg | grep -q 'percpu test done' && ! dmesg | grep -q 'WARNING:'; then
		result ok "percpu_test: lib/percpu_test.c"
	else
		result "not ok" "percpu_test: lib/percpu_test.c did not end well"
	fi
}

# Bit 128 is pcpu_alloc_test.
group_vmalloc() {
	dmesg -c >/dev/null
	modprobe test_vmalloc run_test_mask=128 nr_threads=2 nr_pcpu_objects=5000 2>/dev/null
	if dmesg | grep -q 'pcpu_alloc_test passed: 1 failed: 0' &&
	   ! dmesg | grep -q 'failed: [1-9]'; then
		result ok "vmalloc: pcpu_alloc_test of lib/test_vmalloc.c"
	else
		result "not ok" "vmalloc: pcpu_alloc_test of lib/test_vmalloc.c"
	fi
}

# Of test_kmem only the accounting of percpu memory counts.
group_cgroup() {
	cd "$kselftest/cgroup" || return
	timeout 900 ./test_kmem >"$tmp/all" 2>&1 </dev/null
	cat "$tmp/all"
	cd /
	grep test_percpu_basic "$tmp/all" >"$tmp/tap"
	take "cgroup: test_kmem" "$tmp/tap"
	[ -s "$tmp/taken" ] || result "not ok" "cgroup: test_percpu_basic has no result"
	cd "$kselftest/cgroup" || return
	script "cgroup: test_core" ./test_core
	cd /
}

# What the scheduler stores on each CPU for a process is from percpu caches: tests of
# concurrency IDs, which run without the rseq of the C library.
group_rseq() {
	export GLIBC_TUNABLES=glibc.pthread.rseq=0
	cd "$kselftest/rseq" || return
	script "rseq: basic" ./basic_test
	script "rseq: percpu operations" ./basic_percpu_ops_test
	script "rseq: operations by mm_cid" ./basic_percpu_ops_mm_cid_test
	for test in s l b m i r; do
		script "rseq: param_test_mm_cid -T $test" \
			./param_test_mm_cid -T $test -r 20 -t $((3 * $(nproc)))
	done
	unset GLIBC_TUNABLES
	cd /
}

group_hotplug() {
	cd "$kselftest/cpu-hotplug" || return
	script "hotplug: one CPU" bash ./cpu-on-off-test.sh
	script "hotplug: all CPUs" bash ./cpu-on-off-test.sh -a
	cd /
}

# kmemleak reports objects that are at least five seconds old.
group_kmemleak() {
	leaks=/sys/kernel/debug/kmemleak
	for _ in 1 2; do
		sleep 6
		echo scan >$leaks
	done
	if [ ! -e $leaks ] || [ -n "$(cat $leaks)" ]; then
		cat $leaks
		result "not ok" "kmemleak: leaks, see the console"
	else
		result ok "kmemleak: no leaks"
	fi
}

# shellcheck source=programs.sh
[ ! -d /programs ] || . /programs.sh

echo "TAP version 13" >&3
for group in $(echo "$groups" | tr , ' '); do
	group_"$group"
done
echo "1..$n" >&3
echo 'done' >&3
