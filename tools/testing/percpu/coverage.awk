# SPDX-License-Identifier: GPL-2.0-only
# Print the coverage of mm/percpu/ that gcov found as a table, with the sum. Fail if
# it is below min percent. gcov lists a header once for all files that include it.

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
