#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic users
#
# AIO contexts. Their users and requests are counted by percpu_refs or, with
# CONFIG_AIO_BIGREF, by bigrefs: all contexts end, with and without requests in flight,
# and their counters are freed.

. "$(dirname "$0")/functions.sh"

NR_PERCPU=/sys/module/bigref/parameters/nr_percpu

nr_percpu() {
	cat $NR_PERCPU 2>/dev/null || echo 0
}

# At most: other counts may have ended meanwhile.
counters_are_back() {
	[ "$(nr_percpu)" -le "$before" ]
}

# aio <test>
aio() {
	log_mark
	wrong=''
	before=$(nr_percpu)
	said=$("$DIR/aio_contexts" "$1" "$file" "$SECONDS_TO_RUN" 2>&1) ||
		wrong="status $?: $said"
	wait_for 20 counters_are_back ||
		wrong=${wrong:-"$(nr_percpu) counters, $before before"}
	log_fetch
	log_is_clean || wrong=${wrong:-"a report in the kernel log"}
	! log_grep -q 'bigref: .*leaked' ||
		wrong=${wrong:-"a count was reported as misused"}
	conclude "$1" "$wrong"
}

[ -e /proc/sys/fs/aio-nr ] || skip_all "no AIO"
file=$(mktemp)
plan 5
for test in pairs data cancel threads limit; do
	aio $test
done
rm -f "$file"
finish
