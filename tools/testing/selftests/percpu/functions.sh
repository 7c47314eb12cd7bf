# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Functions of the percpu selftests, for any POSIX shell: an initramfs may have only
# busybox.
#
# A script sources this file, calls plan, then one of pass, fail, skip, run_case
# for each planned test, then finish.  Environment:
#
#	PERCPU_TEST_SECONDS	seconds that threads churn, default 5

DIR=$(cd "$(dirname "$0")" && pwd)
SECONDS_TO_RUN=${PERCPU_TEST_SECONDS:-5}
CPU_DIR=/sys/devices/system/cpu
NAME=$(basename "$0" .sh)
MARKS=0
MARK='no mark'
MOUNTED=
DEBUGFS=
# Modules, in the order in which they can be unloaded
OUR_MODULES="test_percpu test_percpu_wrong test_percpu_static test_percpu_import test_percpu_export"

KTAP_HELPERS="$DIR/../kselftest/ktap_helpers.sh"
if [ ! -r "$KTAP_HELPERS" ]; then
	echo "1..0 # SKIP no kselftest/ktap_helpers.sh beside $DIR"
	exit 4
fi
. "$KTAP_HELPERS"

# Print the lines of stdin as comments of the report.  ktap_print_msg would let the
# shell expand them.
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

# conclude <test> <error, or nothing>
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

# Print the mount point of a file system of type $1.
mounted() {
	while read -r _ where type _; do
		if [ "$type" = "$1" ]; then
			echo "$where"
			return 0
		fi
	done < /proc/mounts
	return 1
}

# mount_point <variable> <type>: set the variable to the mount point of a file system,
# and mount it if necessary
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

# kcsan on|off: switch KCSAN, if the kernel has it
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

# count_cpus <file>: print the number of CPUs in a list like "0-3,8"
count_cpus() {
	total=0
	for range in $(tr ',' ' ' < "$1"); do
		total=$((total + ${range#*-} - ${range%-*} + 1))
	done
	echo "$total"
}

# expand <list>: print the CPUs of a list like "0-3,8", one a line
expand() {
	echo "$1" | tr ',' '\n' | while IFS=- read -r first last; do
		seq "$first" "${last:-$first}"
	done
}

# Print the page size in kB.  Some userspaces have no getconf.
page_kb() {
	kb=$(sed -n 's/^KernelPageSize: *\([0-9]*\) kB/\1/p' /proc/self/smaps \
		2>/dev/null | head -n 1)
	echo "${kb:-$(($(getconf PAGESIZE 2>/dev/null || echo 4096) / 1024))}"
}

# Print the kB of populated pages without objects, from debugfs at $DEBUGFS.
spare_kb() {
	pages=$(sed -n 's/^ *empty_pop_pages *: *//p' \
		"$DEBUGFS/percpu_stats" 2>/dev/null | head -n 1)
	echo $((${pages:-0} * $(page_kb) * CPUS))
}

# Print the kB in use.  In a first chunk of large pages, Percpu: does not change.
used_kb() {
	echo $(($(percpu_kb) - $(spare_kb)))
}

used_at_most() {
	[ "$(used_kb)" -le "$1" ]
}

# exact <test>: the counts of the whole system are as the test expects. The test adds the
# difference that each of its tries saw to $saw: if they differ from each other, other tasks
# change the counts. The same wrong one in all tries is a failure.
exact() {
	saw=
	if "$1"; then
		pass "$1"
	elif [ "$(echo "$saw" | tr ' ' '\n' | sort -u | grep -c .)" -gt 1 ]; then
		skip "$1" "other tasks change the counts"
	else
		fail "$1" "the counts differ by $saw"
	fi
}

# Set $before to the kB in use, when they do not change for a second.
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

# Print at most three CPUs that can go offline or are offline, the last one first.
hotplug_cpus() {
	ls -d $CPU_DIR/cpu[0-9]*/online 2>/dev/null |
		sed 's/.*cpu\([0-9]*\).online/\1/' | sort -rn | head -n 3
}

# For extra_cleanup of scripts that take CPUs offline
hotplug_cleanup() {
	for cpu in $(hotplug_cpus); do
		set_cpu "$cpu" 1
	done
}

# cpus_go <cpu...>, cpus_come <cpu...>: take CPUs offline, and online again; set
# $wrong on failure
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

# hotplug_rounds <cpu...>: take CPUs offline and online for SECONDS_TO_RUN; set $wrong
# on failure
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

# memory_budget <share>: print the bytes of each CPU in 1/<share> of free memory
memory_budget() {
	echo $(($(meminfo_kb MemAvailable) / $1 / CPUS * 1024))
}

# Print the bytes of offset space for objects, from debugfs.
area_bytes() {
	sed -n 's/^ *dyn_size *: *//p' \
		"${DEBUGFS:-/sys/kernel/debug}/percpu_stats" 2>/dev/null |
		head -n 1
}

# unit_budget <share>: print the bytes of each CPU that a test may use: 1/<share> of
# free memory, and at most 1/<share> of the area
unit_budget() {
	area=
	old_allocator || area=$(area_bytes)
	if [ -n "$area" ]; then
		min "$(memory_budget "$1")" $((area / $1))
	else
		memory_budget "$1"
	fi
}

# churn_objects <share> <threads> <most>: print the number of objects that each of so
# many threads may churn in 1/<share> of the budget.  Their average size is 415
# bytes.
churn_objects() {
	max 16 "$(min $(($(unit_budget "$1") / 415 / $2)) "$3")"
}

# Drop caches that keep objects alive; 4 suppresses the log message.
drop_caches() {
	echo 4 > /proc/sys/vm/drop_caches
	echo 3 > /proc/sys/vm/drop_caches
}

# Print the address of per_cpu_ptr_to_phys(), which is not exported to modules.
phys_address() {
	sed -n 's/^\([0-9a-f]*\) . per_cpu_ptr_to_phys$/0x\1/p' /proc/kallsyms \
		2>/dev/null | head -n 1
}

# Return true for the previous allocator, which answers invalid requests with a WARN
# and does not detect invalid frees.
old_allocator() {
	grep -q ' pcpu_balance_workfn$' /proc/kallsyms 2>/dev/null
}

# Mark the place in the kernel's log where log_since_mark begins.
log_mark() {
	MARKS=$((MARKS + 1))
	MARK="percpu selftest $NAME $$ mark $MARKS"
	echo "$MARK" > /dev/kmsg
}

# Print the log since the mark, which is the first line.
log_since_mark() {
	dmesg | sed -n "/$MARK\$/,\$p"
}

# Store the log since the mark in $LOG.  On an emulated CPU with memory checks the
# start of a program takes a tenth of a second.
log_fetch() {
	LOG=$(log_since_mark)
}

# log_has <words>: return true if they are in $LOG; log_grep: print matching lines
log_has() {
	case $LOG in
	*"$1"*) return 0 ;;
	esac
	return 1
}

log_grep() {
	printf '%s\n' "$LOG" | grep "$@"
}

# log_say <expression>: print the ends of lines of $LOG that match it
log_say() {
	printf '%s\n' "$LOG" | sed -n "s/^.*\($1\)\$/# \1/p"
}

# Words that must not be in the log, one in each line
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

# log_is_clean [<expression for lines that are expected>]: return true if there is no
# report since the mark; later lines can have pushed the mark out of the log.
log_is_clean() {
	log_fetch
	if ! log_has "$MARK"; then
		say "the log has been overrun: its mark is lost"
		return 1
	fi
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
# The insmod of busybox tries twice, so a failed test can be in the log twice.
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

# job_begin <module> [parameter=value ...]: load a module in the background, whose test
# lasts as long as its loading, and wait until it runs
job_begin() {
	JOB_STOP=/sys/module/$1/parameters/stop
	module_load "$@" &
	JOB=$!
	wait_for 60 test -e "$JOB_STOP"
}

# Stop the test, and return the status of the load.  insmod may try again after an
# error, so one write would not do.
job_end() {
	while kill -0 "$JOB" 2>/dev/null; do
		echo 1 2>/dev/null > "$JOB_STOP"
		sleep 1
	done
	wait "$JOB"
}

# load <test> [parameter=value ...]: load test_percpu, and print its log lines
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

# One planned test: the module's test of that name passes, with a clean log.
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

# wait_for <seconds> <command...>: repeat the command until it succeeds. The limits are for
# a slow host, which can keep a CPU of a guest from running for seconds while time goes on.
wait_for() {
	limit=$1
	shift
	while ! "$@"; do
		[ "$limit" -gt 0 ] || return 1
		limit=$((limit - 1))
		sleep 1
	done
}

# group_run <group> <command...>: run the command in the cgroup of that folder
group_run() {
	group=$1
	shift
	sh -c 'echo 0 > "$0/cgroup.procs" && exec "$@"' "$group" "$@"
}

# group_percpu <group>: print the bytes of percpu memory that it is charged for
group_percpu() {
	sed -n 's/^percpu \([0-9]*\)$/\1/p' "$1/memory.stat"
}

# group_refresh <group>: memory.stat lags behind by up to 64 changes for each CPU:
# twice as many page faults in the group bring it up to date.
group_refresh() {
	group_run "$1" dd if=/dev/zero of=/dev/null count=1 \
		bs=$((512 * CPUS))k 2>/dev/null
}

# group_has <group> <bytes> <slack>: return true if the group is charged for so many
# bytes, by less than <slack> more or less. The memory of a process that has exited may
# stay for a while.
group_has() {
	group_refresh "$1"
	more=$(($(group_percpu "$1") - $2))
	[ $more -lt "$3" ] && [ $more -gt $((-$3)) ]
}

# Print the number of all bigrefs that have percpu memory, not only those of a test.
nr_percpu() {
	cat /sys/module/bigref/parameters/nr_percpu 2>/dev/null || echo 0
}

# Print the number of bigrefs that cgroups and their controllers have with
# CONFIG_CGROUP_BIGREF.  One for which CPUs contend gets percpu memory, and keeps it.
nr_cgroup_counts() {
	groups=0
	controllers=0
	if where=$(mounted cgroup2); then
		groups=$(sed -n 's/^nr_descendants //p' "$where/cgroup.stat")
		controllers=$(wc -w < "$where/cgroup.controllers")
	fi
	echo $((groups * (1 + controllers)))
}

# counters_are_back: wait until no more bigrefs have percpu memory than $before, but for
# those of cgroups; set $wrong if they do not return it
counters_are_back() {
	wait_for 60 counters_at_most && return
	wrong=${wrong:-"$(nr_percpu) counters, $before before"}
	say "the counts of cgroups are $(nr_cgroup_counts) of them at most"
}

counters_at_most() {
	[ "$(nr_percpu)" -le $((before + $(nr_cgroup_counts))) ]
}

load_has_begun() {
	! kill -0 "$LOAD" 2>/dev/null ||
		grep -qs '^SigCgt:.*[4567cdef]...$' "/proc/$LOAD/status"
}

# load_begin <file> <threads>: read and write in the background, as process $LOAD;
# load_begin <file> <seed> file_model: also truncate and map the file
load_begin() {
	said=$(mktemp)
	"$DIR/${3:-disk_load}" "$1" "$2" > "$said" 2>&1 &
	LOAD=$!
	# Until it catches SIGTERM, so that load_end() does not end it before it counts
	wait_for 60 load_has_begun
}

# load_end: set $nr_requests, and $wrong if a request failed or there was none
load_end() {
	kill "$LOAD"
	wait "$LOAD" || wrong=${wrong:-"the load failed: $(cat "$said")"}
	LOAD=
	nr_requests=$(cat "$said")
	rm -f "$said"
	[ -n "$wrong" ] || [ "$nr_requests" -gt 0 ] || wrong="no request"
}

percpu_at_most() {
	[ "$(percpu_kb)" -le "$1" ]
}

# Without SMP, percpu data of modules is ordinary data.
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
