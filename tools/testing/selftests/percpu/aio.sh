#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tags: generic users
#
# AIO contexts. Their users and requests are counted by percpu_refs or, with
# CONFIG_AIO_BIGREF, by bigrefs: all contexts end, with and without requests in flight,
# and their counters are freed.

. "$(dirname "$0")/functions.sh"

aio_nr() {
	cat /proc/sys/fs/aio-nr
}

contexts_are_back() {
	[ "$(aio_nr)" -le "$contexts" ]
}

# Each context is mapped.
others_have_contexts() {
	grep -qs '\[aio\]' /proc/[0-9]*/maps
}

# aio <test>
aio() {
	if [ "$1" = limit ] && others_have_contexts; then
		skip limit "other processes have contexts"
		return
	fi
	log_mark
	wrong=''
	others=''
	contexts=$(aio_nr)
	before=$(nr_percpu)
	said=$("$DIR/aio_contexts" "$1" "$file" "$SECONDS_TO_RUN" 2>&1) ||
		wrong="status $?: $said"
	counters_are_back
	if ! wait_for 60 contexts_are_back; then
		others="aio-nr is $(aio_nr), $contexts before"
		others_have_contexts || wrong=${wrong:-"$others"}
	fi
	log_is_clean || wrong=${wrong:-"a report in the kernel log"}
	! log_grep -q 'bigref: .*leaked' ||
		wrong=${wrong:-"a count was reported as misused"}
	if [ -z "$wrong" ] && [ -n "$others" ]; then
		skip "$1" "$others, and other processes have contexts"
	else
		conclude "$1" "$wrong"
	fi
}

[ -e /proc/sys/fs/aio-nr ] || skip_all "no AIO"
file=$(mktemp)
plan 5
for test in pairs data cancel threads limit; do
	aio $test
done
rm -f "$file"
finish
