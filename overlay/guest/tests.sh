#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Run the test groups that $groups names. What they print goes to the console;
# each test's result goes to descriptor 3, as TAP with numbers of its own.

n=0
tmp=${TMPDIR:-/tmp}

# How long to churn, and how often to load a module meanwhile: a guest without
# KVM is slow. APPEND="churn=60 loads=50" on the host asks for more.
export PERCPU_TEST_SECONDS="${churn:-2}" PERCPU_TEST_LOADS="${loads:-2}"

# result ok|"not ok" NAME [DIRECTIVE]
result() {
	n=$((n + 1))
	echo "$1 $n - $2${3:+ $3}" >&3
}

# A result that the stock kernel cannot have, and ours must.
missing() {
	if [ "${stock:-}" = 1 ]; then
		result ok "$1" "# SKIP not in the stock kernel"
	else
		result "not ok" "$1 is missing"
	fi
}

# Take over results: prefix, file, how deep they are indented.
take() {
	sed -nE "s/^${3:-}(ok|not ok) [0-9]+ *(- )?(.*)/\1|\3/p" "$2" >"$tmp/taken"
	while IFS='|' read -r verdict test; do
		case $test in
		*'# SKIP'*) verdict=ok ;;
		esac
		result "$verdict" "$1: $test"
	done <"$tmp/taken"
}

# KUnit has run at boot; a suite's cases are the lines indented by four.
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
	while read -r suite; do
		[ -e "/sys/kernel/debug/kunit/$suite" ] ||
			result "not ok" "kunit: $suite was not run"
	done </kunit-suites
}

# script NAME COMMAND...: a kselftest, by its TAP and its exit status
script() {
	name=$1
	shift
	echo "== $name"
	timeout $((900 + 2 * PERCPU_TEST_SECONDS)) "$@" >"$tmp/tap" 2>&1 </dev/null
	rc=$?
	cat "$tmp/tap"
	take "$name" "$tmp/tap"
	case $rc in
	0) [ -s "$tmp/taken" ] || result ok "$name" ;;
	4) [ -s "$tmp/taken" ] || result ok "$name" "# SKIP $(tail -n 1 "$tmp/tap")" ;;
	*) grep -q '^not ok' "$tmp/taken" || result "not ok" "$name: exit status $rc" ;;
	esac
}

# On the kernel's command line: only=NAME,NAME those scripts alone, without=NAME,NAME
# not those, where the bed is about something else.
group_percpu() {
	[ -d /kselftest/percpu ] || { missing percpu:; return; }
	for program in $(sed -n 's/^percpu://p' /kselftest/kselftest-list.txt); do
		cd /kselftest/percpu || return
		name=${program%.sh}
		case ,${only:-$name}, in *,"$name",*) ;; *) continue ;; esac
		case ,${without:-}, in *,"$name",*) continue ;; esac
		script "percpu: $name" ./"$program"
		cd /
	done
}

# Those about modules' percpu data, with all the modules that they can load.
# The word cycles= says how often one comes and goes while others allocate.
group_modules() {
	[ -d /kselftest/percpu ] || { missing modules:; return; }
	export PERCPU_TEST_FULL=1 PERCPU_TEST_CYCLES="${cycles:-}"
	for program in data sizes storm; do
		cd /kselftest/percpu || return
		script "modules: $program" ./module_$program.sh
		cd /
	done
	unset PERCPU_TEST_FULL PERCPU_TEST_CYCLES
}

# It warns if something is wrong, and never stays loaded.
group_percpu_test() {
	dmesg -c >/dev/null
	modprobe percpu_test 2>/dev/null
	if dmesg | grep -q 'percpu test done' && ! dmesg | grep -q 'WARNING:'; then
		result ok "percpu_test: lib/percpu_test.c"
	else
		result "not ok" "percpu_test: lib/percpu_test.c did not end well"
	fi
}

# 128 is the test of percpu allocations.
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

# Of these only the accounting of percpu memory is our affair.
group_cgroup() {
	cd /kselftest/cgroup || return
	timeout 900 ./test_kmem >"$tmp/all" 2>&1 </dev/null
	cat "$tmp/all"
	cd /
	grep test_percpu_basic "$tmp/all" >"$tmp/tap"
	take "cgroup: test_kmem" "$tmp/tap"
	[ -s "$tmp/taken" ] || result "not ok" "cgroup: test_percpu_basic has no result"
}

group_hotplug() {
	cd /kselftest/cpu-hotplug || return
	script "hotplug: one CPU" bash ./cpu-on-off-test.sh
	script "hotplug: all CPUs" bash ./cpu-on-off-test.sh -a
	cd /
}

# An object is old enough to be called leaked after five seconds.
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

echo "TAP version 13" >&3
for group in $(echo "$groups" | tr , ' '); do
	group_"$group"
done
echo "1..$n" >&3
echo 'done' >&3
