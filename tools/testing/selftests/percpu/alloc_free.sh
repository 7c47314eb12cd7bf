#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Objects of all sizes are allocated, written and checked on each CPU, and freed.
# Invalid requests and frees are refused.
#
# PERCPU_MIN_SERVED is the number of objects that allocations with IRQs off must get.

. "$(dirname "$0")/functions.sh"

# With IBT a call of the function through a pointer traps.
phys_case() {
	if grep -qw ibt /proc/cpuinfo; then
		skip phys "indirect branch tracking"
	else
		run_case phys phys_fn="$(phys_address)"
	fi
}

static_case() {
	log_mark
	if ! module_load test_percpu_static; then
		log_since_mark | comment
		fail static_alignments "the module was not loaded"
	elif ! module_unload test_percpu_static || ! log_is_clean; then
		fail static_alignments "unloading"
	else
		pass static_alignments
	fi
}

bad_frees_case() {
	if old_allocator; then
		skip bad_frees "this allocator does not check frees"
		return
	fi
	run_case bad_frees
	say "$(log_since_mark | grep -c 'free_percpu(') frees reported"
}

# Print how many of its 4,096 objects atomic_burst must get: half of them, but none where
# a caller with IRQs off cannot populate pages.
atomic_minimum() {
	if old_allocator || grep -q 'User Mode Linux' /proc/cpuinfo ||
	   uname -v | grep -q PREEMPT_RT || grep -q ' __msan_warning$' /proc/kallsyms; then
		echo 0
		return
	fi
	case $(uname -m) in
	parisc* | xtensa*) echo 0 ;;
	*) echo 2048 ;;
	esac
}

plan 11

if old_allocator; then STRICT=0; else STRICT=1; fi
OBJECTS=$(churn_objects 4 "$(count_cpus $CPU_DIR/online)" 256)

run_case tour
run_case basic
run_case sizes_large max_size="$(unit_budget 2)"
run_case bad_requests strict=$STRICT
bad_frees_case
phys_case
run_case module_static
static_case
run_case irq seconds="$(min 2 "$SECONDS_TO_RUN")" max_objects="$OBJECTS"
run_case atomic_burst min_served="${PERCPU_MIN_SERVED:-$(atomic_minimum)}"
run_case basic

finish
