#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build the kernels of overlay/beds, boot the guests, judge them, and print sums.
# The next kernels are built while guests and the userspace tests run.
# usage: test.sh quick|test, or one bed with BED=name
. "$(dirname "$0")/lib.sh"

which=$1
BED=${BED:-}
mkdir -p "$CACHE/logs"
run=$(mktemp -d "$CACHE/logs/test.XXXXXX")
# Keep the last ten runs, and those that may still be running.
find "$CACHE/logs" -maxdepth 1 -name 'test.*' -mmin +180 -printf '%T@ %p\n' | sort -rn |
	tail -n +11 | cut -d' ' -f2 | xargs -r rm -rf
mkdir "$run/sums" "$run/built"

# On an interrupt, end the children.
trap 'jobs -p | xargs -r kill 2>/dev/null; exit 130' INT TERM
trap 'rm -rf "$run"/kernel-*' EXIT

# The requested rows of overlay/beds
beds() {
	"$OVERLAY/beds.sh" |
		awk -v bed="$BED" -v which="$which" '
			(bed != "" && $1 == bed) ||
			(bed == "" && ($2 == "quick" || $2 == which))'
}

# sum BED PASSED FAILED SKIPPED SECONDS: print the line of a bed, and keep it for
# the summary
sum() {
	local line
	line=$(printf '%-14s %4d passed %3d failed %3d skipped %7s' \
		"$1" "$2" "$3" "$4" "$(clock "$5")")
	echo "$2 $3 $4 $line" >"$run/sums/$1"
	say "$line"
}

# sum_unbuilt CONFIG PASSED FAILED SKIPPED: sums for the beds of a kernel that cannot
# be built
sum_unbuilt() {
	local name c
	while read -r name _ c _; do
		[ "$c" != "$1" ] || sum "$name" "$2" "$3" "$4" 0
	done < <(beds)
}

selfcheck() {
	local start=$SECONDS passed failed
	bash "$OVERLAY/selfcheck/run.sh" >"$run/selfcheck" 2>&1 || true
	passed=$(grep -c '^ok' "$run/selfcheck" || true)
	failed=$(grep -c '^not ok' "$run/selfcheck" || true)
	# Fewer results than planned are a failure, too.
	grep -q "^1\.\.$((passed + failed))$" "$run/selfcheck" || failed=$((failed + 1))
	[ "$failed" = 0 ] || cat "$run/selfcheck" >&2
	sum selfcheck "$passed" "$failed" 0 $((SECONDS - start))
}

# tools/testing/percpu: each program that ends successfully is a passed test.
userspace() {
	local start=$SECONDS failed=0 log=$run/userspace/log
	mkdir "$run/userspace"
	env -u MAKEFLAGS -u MFLAGS make -k -C "$TOP/tools/testing/percpu" \
		OUT="$CACHE/build/userspace" test coverage >"$log" 2>&1 || failed=1
	# The lines before each error of make name the program that failed, and say why.
	grep -a -B 8 '^make.*\*\*\*' "$log" | cut -c1-300 | sed 's/^/userspace: /' |
		tee "$run/userspace/reasons" >&2 || true
	sum userspace "$(grep -cE '^(churn: cpus|fuzz: [0-9]+ inputs|libFuzzer:|fight: [0-9]+ threads|paused: ok|(carry|kill), [0-9]+ bits: ok|first: |links: |coverage:)' \
		"$log" || true)" "$failed" 0 $((SECONDS - start))
}

# boot_bed NAME WHEN CONFIG CPUS MEMORY LIMIT TESTS [APPEND...] [| QEMU...]
boot_bed() {
	local name=$1 config=$3 smp=${SMP:-$4} mem=${MEM:-$5} limit=${LIMIT:-$6} tests=$7
	local rest="${*:8}" dir=$run/$1 start=$SECONDS status=0 counts qemu=()
	[[ $rest != *"|"* ]] || read -ra qemu <<<"${rest#*|}"
	mkdir -p "$dir/host"
	qemu=("${qemu[@]/HOST_DIR/$dir/host}")
	"$OVERLAY/guest/boot.sh" "$run/kernel-$config" "$config" "$dir" "$smp" "$mem" "$limit" \
		"guest=tests groups=$tests stock=$STOCK ${rest%%|*}" "${qemu[@]}" || status=$?
	# shellcheck disable=SC2086
	counts=$("$OVERLAY/guest/verdict.sh" "$name" "$dir/console.log" "$dir/verdict.tap" \
		"$status" ${tests//,/ } 2>"$dir/reasons") || true
	cat "$dir/reasons" >&2
	# shellcheck disable=SC2086
	sum "$name" ${counts:-0 1 0} $((SECONDS - start))
}

# impossible CONFIG: print why a kernel cannot be built or run here, if so
impossible() {
	case $1 in
	um)
		# SMP of UML was added in 6.19.
		grep -q '^config SMP' "$tree/arch/um/Kconfig" ||
			echo "Linux $(release_of "$tree") has no SMP on UML"
		;;
	um-up)
		# Older kernels request a fixed size of registers, which AMX exceeds.
		! grep -qw 'HOST_FP_SIZE, 2696' "$tree/arch/x86/um/user-offsets.c" ||
			! grep -qw amx_tile /proc/cpuinfo ||
			echo "UML of Linux $(release_of "$tree") cannot save this CPU's registers"
		;;
	esac
}

# toolchain CONFIG: install compiler and QEMU; return false if that fails
toolchain() (
	# shellcheck source=arch/x86_64
	. "$OVERLAY/arch/$(kernel_arch "$1")"
	# shellcheck disable=SC2086
	[ -z "${packages:-}" ] || "$OVERLAY/source/packages.sh" $packages || exit 1
)

build_kernel() {
	local why="no toolchain for $1 can be installed here"
	! toolchain "$1" || why=$(impossible "$1")
	if [ -n "$why" ]; then
		say "skipped: $why"
		sum_unbuilt "$1" 0 0 1
		return 1
	fi
	"$OVERLAY/source/kernel.sh" "$1" "$run/kernel-$1" >/dev/null && return
	sum_unbuilt "$1" 0 1 0
	return 1
}

# Build the kernels in the order of overlay/beds. A file in built/ means that a kernel
# is built, or if it is empty, that it cannot be.
build_kernels() {
	local config
	for config in $(beds | awk '!seen[$3]++ {print $3}'); do
		if build_kernel "$config"; then
			echo yes >"$run/built/$config"
		else
			touch "$run/built/$config"
		fi
	done
}

# The userspace tests run beside the guests.
with_userspace() {
	[ -z "$BED" ] && [ "$which" != quick ]
}

building() {
	kill -0 "$builder" 2>/dev/null
}

# Return true if another guest may run. Guests have several CPUs, so half as many
# guests as host CPUs may run, and one more when no kernel is built.
guest_may_run() {
	local most=$(($(nproc) / 2))
	building || most=$((most + 1))
	[ "$(jobs -rp | grep -cvx "$builder" || true)" -lt $((most > 1 ? most : 1)) ]
}

# Boot each bed when its kernel is built and another guest may run.
boot_beds() {
	local -a bed
	while read -r -a bed; do
		while [ ! -e "$run/built/${bed[2]}" ] && building; do sleep 1; done
		[ -s "$run/built/${bed[2]}" ] || continue
		while ! guest_may_run; do sleep 1; done
		boot_bed "${bed[@]}" </dev/null &
	done < <(beds)
}

[ -n "$(beds)" ] || die "overlay/beds has no bed $BED"
"$OVERLAY/source/packages.sh"
[ -n "$BED" ] || selfcheck
src=$("$OVERLAY/source/fetch.sh")
tree=$("$OVERLAY/source/apply.sh" "$src")
build_kernels &
builder=$!
! with_userspace || userspace &
boot_beds
wait
# A bed without a sum has failed.
while read -r name _; do
	[ -s "$run/sums/$name" ] || sum "$name" 0 1 0 0
done < <(beds; ! with_userspace || echo userspace)

echo
echo "Linux $(release_of "$tree")${STOCK:+, stock}, in $(clock "$SECONDS"); logs in $run:"
cut -d' ' -f4- "$run"/sums/*
# Print the failures again, after the summary.
find "$run" -mindepth 2 -name reasons | sort |
	xargs -r awk 'FNR == 1 {on = 1} /: the end of / {on = 0} on && !/# SKIP/'
awk '{p += $1; f += $2; s += $3} END {
	printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0}' "$run"/sums/* || exit
