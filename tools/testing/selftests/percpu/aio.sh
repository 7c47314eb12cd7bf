#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic users
#
# AIO contexts. Their users and requests are counted by percpu_refs or, with
# CONFIG_AIO_BIGREF, by bigrefs: all contexts end, with and without requests in flight,
# and their counters are freed.

. "$(dirname "$0")/functions.sh"

# aio <test>
aio() {
	log_mark
	wrong=''
	before=$(nr_percpu)
	said=$("$DIR/aio_contexts" "$1" "$file" "$SECONDS_TO_RUN" 2>&1) ||
		wrong="status $?: $said"
	counters_are_back
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
