#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Convert the KUnit results on a console to TAP as guest/root/tests.sh prints it, for
# guests without user space.
# usage: ktap.sh CONSOLE
set -euo pipefail

tr -d '\r\0' <"$1" | sed -E 's/^\[ *[0-9.]+\] ?//' | awk '
	/^1\.\.[0-9]+$/ {planned = substr($0, 4) + 0; begun = 1}
	!begun {next}
	/^    # Subtest: / {suite = $NF}
	/^    (not )?ok [0-9]+ / {
		verdict = $1 == "not" ? "not ok" : "ok"
		sub(/^ *(not )?ok [0-9]+ (- )?/, "")
		print verdict " " ++n " - kunit: " suite ": " $0
	}
	/^(not )?ok [0-9]+ / {done++}
	END {
		print "1.." n + 0
		if (planned && done == planned)
			print "done"
	}'
