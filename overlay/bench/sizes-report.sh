#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tables and plots of the recording of guest/root/sizes.sh: sizes.tsv by exact size,
# sizes.md by powers of two, which is printed.
# usage: sizes-report.sh DIR, which has verdict.tap
. "$(dirname "$0")/../lib.sh"

out=$1
order="boot cgroup netns fork module network"

# The life of each object: PHASE SIZE SECONDS LATER, where LATER is the number of later
# allocations; "-" for both if it is still live at the end.
tr -d '\r' <"$out/verdict.tap" | awk -v OFS='\t' '
	BEGIN {phase = "boot"}
	$1 == "phase" {phase = $2; next}
	$1 == "a" && phase != "end" {
		n++
		size[$3] = $4; born[$3] = $2; nth[$3] = n; in_phase[$3] = phase
	}
	$1 == "f" && $3 in size {
		print in_phase[$3], size[$3], $2 - born[$3], n - nth[$3]
		delete size[$3]
	}
	END {for (p in size) print in_phase[p], size[p], "-", "-"}' >"$out/lives"

# summarize: from lines KEY LIFE LATER, print KEY COUNT ALIVE and the medians and 90th
# percentiles of LIFE and LATER of the freed objects
summarize() {
	sort -t $'\t' -k1,1 -k2,2n -k3,3n | awk -F'\t' -v OFS='\t' '
		function flush() {
			if (!count)
				return
			if (died)
				print key, count, count - died, \
					sprintf("%.1f", life[int((died + 1) / 2)] * 1000), \
					sprintf("%.1f", life[int(died * 0.9 + 0.99)] * 1000), \
					later[int((died + 1) / 2)], later[int(died * 0.9 + 0.99)]
			else
				print key, count, count, "-", "-", "-", "-"
			count = died = 0
		}
		$1 != key {flush(); key = $1}
		{count++; if ($2 != "-") {died++; life[died] = $2; later[died] = $3}}
		END {flush()}'
}


{
	printf 'workload\tsize\tallocations\talive\tlife_ms_p50\tlife_ms_p90\tlife_allocations_p50\tlife_allocations_p90\n'
	awk -F'\t' -v OFS='\t' '{print sprintf("%s %d", $1, $2), $3, $4}' "$out/lives" |
		summarize | sed 's/ /\t/' | sort -t $'\t' -k1,1 -k2,2n
} >"$out/sizes.tsv"

awk -F'\t' -v OFS='\t' '{
		for (c = 8; c < $2; c *= 2);
		print sprintf("%s %07d", $1, c), $3, $4}' "$out/lives" |
	summarize | sed 's/ 0*/\t/' >"$out/classes.tsv"

{
	echo "# Sizes and lifetimes of percpu objects"
	echo
	echo "Linux $(release_of "$("$OVERLAY/source/fetch.sh")"), bench.config, ${SMP:-4} CPUs. An object counts for the workload that"
	echo "allocated it. Its life is in ms, and in later allocations:"
	echo "medians and 90th percentiles of those that were freed before the recording ended."
	echo
	echo "| workload | bytes up to | allocations | share | alive at the end | ms, p50 | p90 | allocations, p50 | p90 |"
	echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
	for phase in $order; do
		awk -F'\t' -v p="$phase" '
			FNR == NR {if ($1 == p) sum += $3; next}
			$1 == p {printf "| %s | %d | %d | %.1f %% | %d | %s | %s | %s | %s |\n",
				$1, $2, $3, 100 * $3 / sum, $4, $5, $6, $7, $8}' \
			"$out/classes.tsv" "$out/classes.tsv"
	done
} >"$out/sizes.md"

# shares: a row for each size, a column for each workload
shares() {
	local c
	for ((c = 8; c <= 65536; c *= 2)); do
		awk -F'\t' -v c="$c" -v order="$order" '
			{sum[$1] += $3; if ($2 == c) at[$1] = $3}
			END {
				n = split(order, p, " ")
				printf "%d", c
				for (i = 1; i <= n; i++)
					printf "\t%.2f", sum[p[i]] ? 100 * at[p[i]] / sum[p[i]] : 0
				print ""
			}' "$out/classes.tsv"
	done
}

if have gnuplot; then
	shares >"$out/shares.dat"
	for phase in $order; do
		awk -F'\t' -v p="$phase" '$1 == p && $3 != "-" {print $3 * 1000}' "$out/lives" |
			sort -n | awk '{v[NR] = $1} END {for (i = 1; i <= NR; i++) print v[i] + 0.001, 100 * i / NR}' \
			>"$out/life-$phase.dat"
	done
	gnuplot <<-EOF
		set terminal svg size 960,480 background "white"
		set datafile separator "\t"
		set output "$out/sizes.svg"
		set title "Requested sizes"
		set xlabel "bytes up to"
		set ylabel "% of the workload's allocations"
		set style data histograms
		set style fill solid 0.8
		set grid ytics
		names = "$order"
		plot for [i=1:words(names)] "$out/shares.dat" using i+1:xtic(1) title word(names, i)
		set output "$out/lives.svg"
		set datafile separator whitespace
		set title "Lifetimes of objects"
		set xlabel "ms"
		set ylabel "% that live no longer"
		set logscale x
		set key left top
		plot for [i=1:words(names)] "$out/life-".word(names, i).".dat" with lines lw 2 title word(names, i)
	EOF
fi
cat "$out/sizes.md"
say "report: $out/sizes.md, sizes.tsv, sizes.svg, lives.svg"
