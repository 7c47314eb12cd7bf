#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Join the rows of ours and stock: DIR/report.tsv, DIR/report.md, which is printed
# too, and plots where there is gnuplot.
# usage: bench-report.sh all|quick DIR
. "$(dirname "$0")/lib.sh"

what=$1 out=$2
halves=user
[ "$what" = quick ] || halves="guest user"
src=$("$OVERLAY/fetch.sh")

# Both sides' rows in the order of ours: ROW CPUS UNIT WORKLOAD OURS STOCK RATIO
join_half() {
	awk -F'\t' -v OFS='\t' '
		FILENAME ~ /bench-rows$/ {
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
			if (stock[key] > 0)
				ratio = sprintf("%.3f", $4 / stock[key])
			print $1, $2, $3, workload[$1], $4, \
				(key in stock) ? stock[key] : "-", ratio
		}' "$OVERLAY/bench-rows" "$out/$1-stock.rows" "$out/$1-ours.rows"
}

{
	printf 'row\tcpus\tunit\tworkload\tours\tstock\tours/stock\n'
	for half in $halves; do join_half "$half"; done
} >"$out/report.tsv"

{
	echo "# The percpu area against stock"
	echo
	echo "Linux $(release_of "$src"), one source for both. $(gcc --version | head -n 1)."
	[ "$what" = quick ] ||
		echo "Guests: config bench.config, QEMU TCG with icount, 4 and 16 CPUs, with WIDE=1 also 64; cycles are guest instructions."
	echo "Userspace (user_ rows): $(nproc) CPUs of this machine, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); ns and pairs/s vary from run to run."
	echo
	awk -F'\t' '
		NR == 1 {print "| row | CPUs | workload | unit | ours | stock | ours / stock |"
			print "|---|---:|---|---|---:|---:|---:|"; next}
		{printf "| %s | %s | %s | %s | %s | %s | %s |\n", $1, $2, $4, $3, $5, $6, $7}' \
		"$out/report.tsv"
} >"$out/report.md"

# plot NAME TITLE UNIT PATTERN CPUS: bars of ours and stock
plot() {
	awk -F'\t' -v p="$4" -v cpus="$5" '$1 ~ p && $2 == cpus {
		gsub("_", " ", $1); printf "\"%s\"\t%s\t%s\n", $1, $5, $6}' \
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
	if [ "$what" = all ]; then
		plot pairs "alloc and free, 4 CPUs" "guest instructions" '^(pair_|batch_|churn)' 4
		plot tails "single calls, 4 CPUs" "guest instructions" '^(free_random|grow_[pw]|first_in|chunk_c)' 4
		plot syscalls "system calls, 4 CPUs" "guest instructions" '^(fork|unshare|cgroup)' 4
	fi
	plot_cpus pair_64 "alloc and free of 64 bytes"
	plot_cpus churn_4096 "churn over up to 4,096 objects"
fi
cat "$out/report.md"
say "report: $out/report.md, report.tsv$(cd "$out" && ls ./*.svg 2>/dev/null | sed 's,^\./,,' | xargs -r printf ', %s')"
