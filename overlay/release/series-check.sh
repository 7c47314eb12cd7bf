#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Check the series: git am applies all topics to the kernel source, the result is the
# same as that of the overlay, each topic applies to what it needs, and every commit
# builds and boots. Prints a table of times. With TOPIC="NAME..." commits of these
# topics only are built.
# usage: series-check.sh [CONFIG...], default um and x86_64-small
. "$(dirname "$0")/../lib.sh"

patches=$("$OVERLAY/release/series.sh" | tail -n 1)
src=$("$OVERLAY/source/fetch.sh")
tree=$("$OVERLAY/source/apply.sh" "$src")
release=$(release_of "$src")
"$OVERLAY/source/packages.sh" git
# The same path for every checkout, so that ccache has its objects.
commits=$CACHE/series/commits-$(series_of "$src")
[ -z "$KSRC" ] || commits=$CACHE/series/commits-$(basename "$tree")
results=$CACHE/series/check-$(basename "$tree")
mkdir -p "$results"
exec 8>"$commits.lock"
flock 8
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null PARTIAL=1
cgit() { git -C "$commits" -c user.name=series -c user.email=series@localhost "$@"; }

# Make a repository of the kernel source, once for each release.
begin() {
	if [ "$(cgit log -1 --format=%s base 2>/dev/null || true)" != "Linux $release" ]; then
		say "committing the source of Linux $release"
		rm -rf "$commits" "$commits.new"
		cp -a --reflink=auto "$src" "$commits.new"
		git -C "$commits.new" init -q -b series
		# gc in the background would keep the lock.
		git -C "$commits.new" config gc.auto 0
		git -C "$commits.new" add -A -f
		git -C "$commits.new" -c user.name=series -c user.email=series@localhost \
			commit -q -m "Linux $release"
		git -C "$commits.new" tag base
		mv "$commits.new" "$commits"
	fi
	[ ! -e "$commits/.git/rebase-apply" ] || cgit am --abort
	cgit checkout -q -f -B all base
	cgit clean -q -d -f -x
}

# The last commit must be equal to the tree of the overlay.
same_as_overlay() {
	diff -r --exclude=.git "$tree" "$commits" >"$results/diff" ||
		die "the series does not end where the overlay does: see $results/diff"
	diff <(cd "$tree" && find . -type f -perm /111 | sort) \
		<(cd "$commits" && find . -name .git -prune -o -type f -perm /111 -print | sort) \
		>"$results/diff" || die "modes differ: see $results/diff"
}

# try CONFIG WORD: build and boot the commit that is checked out; print the seconds of
# both. WORD is part of file names.
try() {
	local config=$1 dir=$results/$1-$2 start=$SECONDS build initramfs status=0 built
	mkdir -p "$dir"
	build=$("$OVERLAY/source/build.sh" "$commits" "$config" 2>"$dir/build.log") || return
	built=$((SECONDS - start))
	start=$SECONDS
	# shellcheck source=arch/x86_64
	. "$OVERLAY/arch/$(kernel_arch "$config")"
	cp "$build/$image" "$dir/image"
	initramfs=$("$OVERLAY/guest/initramfs.sh" "$commits" "$build" "$config" 2>>"$dir/build.log") || return
	mv "$initramfs" "$dir/initramfs"
	# Tests of later commits are skipped, as in the stock kernel.
	"$OVERLAY/guest/boot.sh" "$dir" "$config" "$dir" 4 512M 600 \
		"guest=tests groups=kunit stock=1" || status=$?
	"$OVERLAY/guest/verdict.sh" "$config" "$dir/console.log" "$dir/verdict.tap" "$status" \
		kunit >"$dir/counts" 2>"$dir/reasons" || return
	rm -f "$dir/image" "$dir/initramfs"
	echo "$built $((SECONDS - start)) $(cat "$dir/counts")"
}

# row NAME SUBJECT: try all configs, print a row of the table
row() {
	local config cells='' result built booted passed
	for config in "${configs[@]}"; do
		if ! result=$(try "$config" "$1"); then
			tail -n 20 "$results/$config-$1"/{build.log,reasons} >&2 2>/dev/null
			die "commit $1, $2, fails with $config; see $results/$config-$1"
		fi
		read -r built booted passed _ <<<"$result"
		cells+=$(printf ' %6s %5s %4s' "$built" "$booted" "$passed")
	done
	printf '%-14s%s  %.62s\n' "$1" "$cells" "$2"
}

# need TOPIC: the topic that it needs, by the manifest
need() {
	awk -v topic="$1" '$1 == "topic" && $2 == topic {print $4}' "$OVERLAY/release/series/manifest"
}

# only_text COMMIT: return true if the kernel has nothing to build of it
only_text() {
	! cgit diff --name-only "$1~" "$1" | grep -vqE '^(Documentation|tools)/|^MAINTAINERS$'
}

# check_topic NAME: build and boot its commits, with the area and without
check_topic() {
	local commit base n=0
	base=$(need "$1")
	for commit in $(cgit rev-list --reverse "${base:-base}..$1"); do
		n=$((n + 1))
		if only_text "$commit"; then
			printf '%-14s not built: %s\n' "$1-$n" "$(cgit log -1 --format=%s "$commit")"
			continue
		fi
		cgit checkout -q -f "$commit"
		if [ -f "$commits/mm/percpu/Kconfig" ]; then
			STOCK=1 row "$1-$n" "$(cgit log -1 --format=%s)"
			row "$1-$n+" "the same with CONFIG_PERCPU_AREA=y"
		else
			row "$1-$n" "$(cgit log -1 --format=%s)"
		fi
	done
}

start=$SECONDS
begin
logged "$results/am.log" "git am" cgit am --empty=drop "$patches"/*/*.patch
say "git am took $(cgit rev-list --count base..all) patches"
same_as_overlay
say "the end of the series and the overlay are the same"
topics=()
for folder in "$patches"/*/; do
	topic=$(basename "$folder" | sed 's/^[0-9]*-//')
	topics+=("$topic")
	base=$(need "$topic")
	cgit checkout -q -f -B "$topic" "${base:-base}"
	logged "$results/am-$topic.log" "git am of $topic" cgit am --empty=drop "$folder"*.patch
	say "$topic applies to ${base:-the source}"
done

configs=("$@")
[ $# -gt 0 ] || configs=(um x86_64-small)
grep -q '^config SMP' "$commits/arch/um/Kconfig" || configs=("${configs[@]/#um/um-up}")
printf '%-14s' ''
printf ' %17s' "${configs[@]}"
printf '\n%-14s' 'commit'
for _ in "${configs[@]}"; do printf ' %6s %5s %4s' build boot pass; done
echo "  subject, times in seconds"
cgit checkout -q -f base
row base "$(cgit log -1 --format=%s)"
for topic in ${TOPIC:-"${topics[@]}"}; do check_topic "$topic"; done
cgit checkout -q -f all
echo "every commit builds and boots, in $(clock $((SECONDS - start)))"
