#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Print the rows of overlay/beds, each on one line: all, or that of NAME.
# usage: beds.sh [NAME]
awk -v name="${1:-}" '
	function flush() {
		if (row != "" && (name == "" || bed == name))
			print row
		row = ""
	}
	/^(#|$)/ {next}
	/^[ \t]/ {sub(/^[ \t]+/, " "); row = row $0; next}
	{flush(); row = $0; bed = $1}
	END {flush()}' "$(dirname "$0")/beds"
