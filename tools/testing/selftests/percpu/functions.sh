# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the percpu selftests share.  For any POSIX shell: an initramfs may have
# nothing but busybox.
#
# A script sources this file, calls plan, then one of pass, fail, skip, run_case
# for each planned test, then finish.  Environment:
#
#	PERCPU_TEST_SECONDS	how long threads churn, default 5

DIR=$(cd "$(dirname "$0")" && pwd)
SECONDS_TO_RUN=${PERCPU_TEST_SECONDS:-5}
CPU_DIR=/sys/devices/system/cpu
NAME=$(basename "$0" .sh)
MARKS=0
MOUNTED=
DEBUGFS=
# In the order in which they can be unloaded
OUR_MODULES="test_percpu test_percpu_wrong test_percpu_static test_percpu_import test_percpu_export"

KTAP_HELPERS="$DIR/../kselftest/ktap_helpers.sh"
if [ ! -r "$KTAP_HELPERS" ]; then
	echo "1..0 # SKIP no kselftest/ktap_helpers.sh beside $DIR"
	exit 4
fi
. "$KTAP_HELPERS"

# Lines of stdin, as comments of the report.  ktap_print_msg would have the
# shell expand what a log line contains.
comment() {
	sed 's/^/# /'
}

say() {
	echo "# $*"
}

pass() {
	ktap_test_pass "$1"
}

# fail <test> <reason>
fail() {
	say "$1: $2"
	ktap_test_fail "$1"
}

# skip <test> <reason>
skip() {
	say "$1: skipped: $2"
	ktap_test_skip "$1"
}

# conclude <test> <what went wrong, if anything did>
conclude() {
	if [ -n "$2" ]; then
		fail "$1" "$2"
	else
		pass "$1"
	fi
}

skip_all() {
	ktap_print_header
	ktap_skip_all "$1"
	exit "$KSFT_SKIP"
}

# Where a file system of type $1 is mounted
mounted() {
	while read -r _ where type _; do
		if [ "$type" = "$1" ]; then
			echo "$where"
			return 0
		fi
	done < /proc/mounts
	return 1
}

# mount_point <variable> <type>: where it is mounted, after mounting it if need be
mount_point() {
	point=$(mounted "$2") || {
		point=$(mktemp -d) || return 1
		if ! mount -t "$2" none "$point" 2>/dev/null; then
			rmdir "$point"
			return 1
		fi
		MOUNTED="$point $MOUNTED"
	}
	eval "$1=\$point"
}

# kcsan on|off: a kernel may have KCSAN and not have it look from boot on
kcsan() {
	! mount_point KCSAN debugfs || [ ! -w "$KCSAN/kcsan" ] ||
		echo "$1" > "$KCSAN/kcsan"
}

cleanup() {
	kcsan off
	for module in $OUR_MODULES; do
		module_unload "$module"
	done
	type extra_cleanup >/dev/null 2>&1 && extra_cleanup
	for point in $MOUNTED; do
		umount "$point" && rmdir "$point"
	done
}

meminfo_kb() {
	sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo
}

percpu_kb() {
	meminfo_kb Percpu
}

# "0-3,8" has five CPUs.
count_cpus() {
	total=0
	for range in $(tr ',' ' ' < "$1"); do
		total=$((total + ${range#*-} - ${range%-*} + 1))
	done
	echo "$total"
}

# Not every userspace has getconf.
page_kb() {
	kb=$(sed -n 's/^KernelPageSize: *\([0-9]*\) kB/\1/p' /proc/self/smaps \
		2>/dev/null | head -n 1)
	echo "${kb:-$(($(getconf PAGESIZE 2>/dev/null || echo 4096) / 1024))}"
}

# What is populated with nothing in it, as debugfs at $DEBUGFS says
spare_kb() {
	pages=$(sed -n 's/^ *empty_pop_pages *: *//p' \
		"$DEBUGFS/percpu_stats" 2>/dev/null | head -n 1)
	echo $((${pages:-0} * $(page_kb) * CPUS))
}

# What is in use: a first chunk of large pages hides what comes and goes in it.
used_kb() {
	echo $(($(percpu_kb) - $(spare_kb)))
}

used_at_most() {
	[ "$(used_kb)" -le "$1" ]
}

# Sets $before to what is in use, once that is the same a second later.
settle() {
	before=
	wait_for 10 settled
}

settled() {
	last=$before
	before=$(used_kb)
	[ "$before" = "$last" ]
}

possible_cpus() {
	count_cpus $CPU_DIR/possible
}

set_cpu() {
	echo "$2" > "$CPU_DIR/cpu$1/online" 2>/dev/null
}

# CPUs that can go offline, or are: at most three, the last first
hotplug_cpus() {
	ls -d $CPU_DIR/cpu[0-9]*/online 2>/dev/null |
		sed 's/.*cpu\([0-9]*\).online/\1/' | sort -rn | head -n 3
}

# For extra_cleanup of those who take CPUs offline
hotplug_cleanup() {
	for cpu in $(hotplug_cpus); do
		set_cpu "$cpu" 1
	done
}

# cpus_go <cpu...>, cpus_come <cpu...>: all of them; set $wrong if one does not
cpus_go() {
	for cpu in "$@"; do
		set_cpu "$cpu" 0 || wrong="cpu $cpu does not go offline"
	done
}

cpus_come() {
	for cpu in "$@"; do
		set_cpu "$cpu" 1 || wrong="cpu $cpu does not come back"
	done
}

# hotplug_rounds <cpu...>: they go and come back for as long as tests run; sets
# $wrong if one does not
hotplug_rounds() {
	rounds=0
	end=$(($(date +%s) + SECONDS_TO_RUN))
	while [ "$(date +%s)" -lt $end ] || [ $rounds = 0 ]; do
		cpus_go "$@"
		cpus_come "$@"
		rounds=$((rounds + 1))
	done
	say "$rounds rounds of $*"
}

min() {
	if [ "$1" -lt "$2" ]; then echo "$1"; else echo "$2"; fi
}

max() {
	if [ "$1" -gt "$2" ]; then echo "$1"; else echo "$2"; fi
}

# Bytes of each CPU: a share (1/$1) of the memory that is free
memory_budget() {
	echo $(($(meminfo_kb MemAvailable) / $1 / CPUS * 1024))
}

# Bytes of offset space, as debugfs says
area_bytes() {
	sed -n 's/^ *unit_size *: *//p' \
		"${DEBUGFS:-/sys/kernel/debug}/percpu_stats" 2>/dev/null |
		head -n 1
}

# How many bytes of each CPU a test may use: a share of the memory, and where
# the address space is narrow, of the area.
unit_budget() {
	area=
	old_allocator || area=$(area_bytes)
	if [ -n "$area" ]; then
		min "$(memory_budget "$1")" $((area / $1))
	else
		memory_budget "$1"
	fi
}

# churn_objects <share> <threads> <most>: how many objects each of so many threads
# may churn in a share (1/<share>) of what there is.  415 bytes is what one of them
# has on average.
churn_objects() {
	max 16 "$(min $(($(unit_budget "$1") / 415 / $2)) "$3")"
}

# What the caches hold of something keeps it; 4 keeps the log free of it.
drop_caches() {
	echo 4 > /proc/sys/vm/drop_caches
	echo 3 > /proc/sys/vm/drop_caches
}

# The allocator that was here before answers bad requests with a WARN, and
# takes bad frees for good ones.
old_allocator() {
	grep -q ' pcpu_balance_workfn$' /proc/kallsyms 2>/dev/null
}

# The kernel's log from here on
log_mark() {
	MARKS=$((MARKS + 1))
	MARK="percpu selftest $NAME $$ mark $MARKS"
	echo "$MARK" > /dev/kmsg
}

log_since_mark() {
	dmesg | sed -n "/$MARK\$/,\${/$MARK\$/!p;}"
}

# The same in $LOG, once for all who look: where memory is checked, and CPUs are
# emulated, each program that is started takes a tenth of a second.
log_fetch() {
	LOG=$(log_since_mark)
}

# log_has <words>: whether they are in $LOG; log_grep: the lines of it that match
log_has() {
	case $LOG in
	*"$1"*) return 0 ;;
	esac
	return 1
}

log_grep() {
	printf '%s\n' "$LOG" | grep "$@"
}

# log_say <expression>: what matches it, from there to the ends of lines of $LOG
log_say() {
	printf '%s\n' "$LOG" | sed -n "s/^.*\($1\)\$/# \1/p"
}

# What must not be in it, a line each
REPORTS='WARNING:
BUG:
Oops
possible circular
possible recursive
possible irq lock
inconsistent lock state
lock order inver
detected stall
self-detected
blocked for more than
kmemleak:
KASAN'

# log_is_clean [<what is expected>]
log_is_clean() {
	log_fetch
	log_has_report || return 0
	! log_grep -v -e "${1:-no such line}" | grep -F "$REPORTS" | comment |
		grep .
}

log_has_report() {
	while read -r words; do
		! log_has "$words" || return 0
	done <<-END
	$REPORTS
	END
	return 1
}

module_path() {
	for path in "$DIR/test_modules/$1.ko" "$DIR/$1.ko"; do
		if [ -e "$path" ]; then
			echo "$path"
			return 0
		fi
	done
	return 1
}

# module_load <module> [parameter=value ...]
# The insmod of busybox tries twice, so a test that fails may show twice.
module_load() {
	module=$1
	shift
	if path=$(module_path "$module"); then
		insmod "$path" "$@" 2>/dev/null
	else
		modprobe "$module" "$@" 2>/dev/null
	fi
}

module_loaded() {
	grep -q "^$1 " /proc/modules
}

module_unload() {
	if module_loaded "$1"; then
		rmmod "$1"
	fi
}

# load <test> [parameter=value ...]: test_percpu, with its lines in the report
load() {
	name=$1
	shift
	log_mark
	module_load test_percpu run="$name" "$@"
	verdict=$?
	log_fetch
	log_say 'test_percpu: .*'
	return $verdict
}

# One planned test: the module's test of that name passes, quietly.
run_case() {
	if load "$@"; then
		if ! module_unload test_percpu; then
			fail "$1" "the module does not unload"
		elif ! log_is_clean; then
			fail "$1" "a report in the kernel's log"
		elif log_has FAIL && log_grep -q 'test_percpu: .*FAIL'; then
			fail "$1" "a late failure"
		else
			pass "$1"
		fi
	elif log_has "test_percpu: $1: SKIP"; then
		skip "$1" "see above"
	else
		log_is_clean
		fail "$1" "the module was not loaded"
	fi
}

# wait_for <seconds> <command...>: until it succeeds
wait_for() {
	limit=$1
	shift
	while ! "$@"; do
		[ "$limit" -gt 0 ] || return 1
		limit=$((limit - 1))
		sleep 1
	done
}

percpu_at_most() {
	[ "$(percpu_kb)" -le "$1" ]
}

# Without SMP percpu data of modules is data like any other.
is_smp() {
	uname -v | grep -qw SMP
}

plan() {
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	[ -r /proc/modules ] || skip_all "needs /proc and modules"
	[ -n "$(percpu_kb)" ] || skip_all "no Percpu: in /proc/meminfo"
	[ -d /sys/devices/system/cpu ] || mount -t sysfs none /sys 2>/dev/null ||
		skip_all "needs /sys"
	[ -w /dev/kmsg ] || skip_all "needs /dev/kmsg"
	module_path test_percpu >/dev/null ||
		modprobe -n -q test_percpu 2>/dev/null ||
		skip_all "no test_percpu.ko beside $DIR, and none that modprobe knows"
	trap cleanup EXIT
	for module in $OUR_MODULES; do
		module_unload "$module"
	done
	CPUS=$(possible_cpus)
	kcsan on

	ktap_print_header
	ktap_set_plan "$1"
}

finish() {
	if [ "$KTAP_CNT_SKIP" -eq "$KSFT_NUM_TESTS" ]; then
		ktap_print_totals
		exit "$KSFT_SKIP"
	fi
	ktap_finished
}
