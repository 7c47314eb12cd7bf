#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Join the rows of ours and stock of all parts that were measured: DIR/report.tsv,
# DIR/report.md, which is printed, DIR/figures for make figures, and plots if gnuplot is
# installed.
# usage: report.sh DIR
. "$(dirname "$0")/../lib.sh"

out=$1
parts=
for part in bench distro memory user; do
	[ ! -s "$out/$part-ours.rows" ] || parts="$parts $part"
done

# Rows in the order of ours: PART ROW CPUS UNIT WORKLOAD OURS STOCK RATIO
join_part() {
	awk -F'\t' -v OFS='\t' '
		FILENAME ~ /\/rows$/ {
			if (match($0, /^[^# ][^ ]* +/)) {
				name = $0
				sub(/ .*/, "", name)
				workload[name] = substr($0, RLENGTH + 1)
			}
			next
		}
		{key = $1 FS $2 FS $3}
		FILENAME ~ /-stock\.rows$/ {stock[key] = $4; next}
		{
			ratio = "-"
			if (key in stock && stock[key] > 0)
				ratio = sprintf("%.3f", $4 / stock[key])
			print part, $1, $2, $3, workload[$1], $4, \
				(key in stock) ? stock[key] : "-", ratio
		}' part="$1" "$OVERLAY/bench/rows" "$out/$1-stock.rows" "$out/$1-ours.rows"
}

{
	printf 'part\trow\tcpus\tunit\tworkload\tours\tstock\tours/stock\n'
	for part in $parts; do join_part "$part"; done
} >"$out/report.tsv"

{
	echo "# The percpu area against stock"
	echo
	for part in $parts; do echo "- $part: $(cat "$out/$part-ours.head")"; done
	echo
	echo "bench and distro are guests with bench.config and bench-distro.config, QEMU TCG with icount; cycles are guest instructions."
	echo "user: $(nproc) CPUs of this machine, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); ns and pairs/s vary from run to run."
	echo
	awk -F'\t' '
		NR == 1 {print "| part | row | CPUs | workload | unit | ours | stock | ours / stock |"
			print "|---|---|---:|---|---|---:|---:|---:|"; next}
		{printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", $1, $2, $3, $5, $4, $6, $7, $8}' \
		"$out/report.tsv"
} >"$out/report.md"

# The blocks of overlay/bench/figures
for part in $parts; do
	echo "[$part]"
	sed 's/^/# date: area: /' "$out/$part-ours.head"
	sed 's/^/# date: mm\/percpu.c: /' "$out/$part-stock.head"
	printf '# ROW\tCPUS\tUNIT\tAREA\tSTOCK\n'
	awk -F'\t' -v OFS='\t' -v part="$part" '$1 == part {print $2, $3, $4, $6, $7}' "$out/report.tsv"
done >"$out/figures"

# plot NAME TITLE UNIT PATTERN CPUS: bars of ours and stock
plot() {
	awk -F'\t' -v p="$4" -v cpus="$5" '$1 == "bench" && $2 ~ p && $3 == cpus {
		gsub("_", " ", $2); printf "\"%s\"\t%s\t%s\n", $2, $6, $7}' \
		"$out/report.tsv" >"$out/$1.dat"
	[ -s "$out/$1.dat" ] || return 0
	gnuplot <<-EOF
		set terminal svg size 960,480 background "white"
		set output "$out/$1.svg"
		set title "$2"
		set ylabel "$3"
		set logscale y
		set style data histograms
		set style fill solid 0.8
		set boxwidth 0.9
		set xtics rotate by -35
		set grid ytics
		set datafile separator "\t"
		plot "$out/$1.dat" using 2:xtic(1) title "ours", "" using 3 title "stock"
	EOF
}

# Cost by the number of simulated CPUs
plot_cpus() {
	local name=user_$1
	for which in ours stock; do
		awk -F'\t' -v r="$name" '$1 == r {print $2, $4}' "$out/user-$which.rows" >"$out/$name-$which.dat"
	done
	gnuplot <<-EOF
		set terminal svg size 720,480 background "white"
		set output "$out/$name.svg"
		set title "Userspace: $2"
		set xlabel "simulated CPUs"
		set ylabel "ns"
		set logscale xy
		set grid
		set key left top
		plot "$out/$name-ours.dat" with linespoints title "ours", \
			"$out/$name-stock.dat" with linespoints title "stock"
	EOF
}

if have gnuplot; then
	if [ -s "$out/bench-ours.rows" ]; then
		plot pairs "alloc and free, 4 CPUs" "guest instructions" '^(pair_|batch_|churn)' 4
		plot tails "single calls, 4 CPUs" "guest instructions" '^(free_random|grow_[pw]|first_in|chunk_c)' 4
		plot syscalls "system calls, 4 CPUs" "guest instructions" '^(fork|unshare|cgroup)' 4
	fi
	if [ -s "$out/user-ours.rows" ]; then
		plot_cpus pair_64 "alloc and free of 64 bytes"
		plot_cpus churn_4096 "churn over up to 4,096 objects"
	fi
fi
cat "$out/report.md"
say "report: $out/report.md, report.tsv, figures$(find "$out" -maxdepth 1 -name '*.svg' -printf ', %f')"
