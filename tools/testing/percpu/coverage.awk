# SPDX-License-Identifier: GPL-2.0-only
# What gcov says of mm/percpu/, as a table, with a sum. Fails below min percent.
# A header is there once for each file that it is included in, or at all.

/^File / {
	file = $2
}

/^Lines executed:/ && file ~ /mm\/percpu\// {
	sub(/.*\//, "", file)
	split($0, part, /[:% ]+/)
	printf "%-12s %6.2f %% of %4d lines\n", file, part[3], part[5]
	lines += part[5]
	hit += part[3] * part[5] / 100
	file = ""
}

END {
	share = lines ? 100 * hit / lines : 0
	printf "coverage: %.2f %% of %d lines\n", share, lines
	exit share < min
}
