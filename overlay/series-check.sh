#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Prove the series: git am takes it onto the kernel's source, the end is what the
# overlay makes of that source, and every commit builds and boots. Prints a table
# of seconds.
# usage: series-check.sh [CONFIG...], default um and x86_64-small
. "$(dirname "$0")/lib.sh"

patches=$("$OVERLAY/series.sh" | tail -n 1)
src=$("$OVERLAY/fetch.sh")
tree=$("$OVERLAY/apply.sh" "$src")
release=$(release_of "$src")
"$OVERLAY/packages.sh" git
# By a name that every checkout has, so that what one has compiled, ccache has.
commits=$CACHE/series/commits-$(series_of "$src")
[ -z "$KSRC" ] || commits=$CACHE/series/commits-$(basename "$tree")
results=$CACHE/series/check-$(basename "$tree")
mkdir -p "$results"
exec 8>"$commits.lock"
flock 8
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null PARTIAL=1
cgit() { git -C "$commits" -c user.name=series -c user.email=series@localhost "$@"; }

# The kernel's source as a repository, made once for each release.
begin() {
	if [ "$(cgit log -1 --format=%s base 2>/dev/null || true)" != "Linux $release" ]; then
		say "committing the source of Linux $release"
		rm -rf "$commits" "$commits.new"
		cp -a --reflink=auto "$src" "$commits.new"
		git -C "$commits.new" init -q -b series
		# In the background it would keep our lock.
		git -C "$commits.new" config gc.auto 0
		git -C "$commits.new" add -A -f
		git -C "$commits.new" -c user.name=series -c user.email=series@localhost \
			commit -q -m "Linux $release"
		git -C "$commits.new" tag base
		mv "$commits.new" "$commits"
	fi
	[ ! -e "$commits/.git/rebase-apply" ] || cgit am --abort
	cgit checkout -q -f -B series base
	cgit clean -q -d -f -x
}

# What the overlay makes of the source is what the last commit has.
same_as_overlay() {
	diff -r --exclude=.git "$tree" "$commits" >"$results/diff" ||
		die "the series does not end where the overlay does: see $results/diff"
	diff <(cd "$tree" && find . -type f -perm /111 | sort) \
		<(cd "$commits" && find . -name .git -prune -o -type f -perm /111 -print | sort) \
		>"$results/diff" || die "modes differ: see $results/diff"
}

# try CONFIG WORD: build and boot the commit that is checked out; print seconds
# of each. WORD is for the file names.
try() {
	local config=$1 dir=$results/$1-$2 start=$SECONDS build initramfs status=0 built
	mkdir -p "$dir"
	build=$("$OVERLAY/build.sh" "$commits" "$config" 2>"$dir/build.log") || return
	built=$((SECONDS - start))
	start=$SECONDS
	# shellcheck source=arch/x86_64
	. "$OVERLAY/arch/$(kernel_arch "$config")"
	cp "$build/$image" "$dir/image"
	initramfs=$("$OVERLAY/initramfs.sh" "$commits" "$build" "$config" 2>>"$dir/build.log") || return
	mv "$initramfs" "$dir/initramfs"
	# What a commit does not have yet is skipped, as in the stock kernel.
	"$OVERLAY/boot.sh" "$dir" "$config" "$dir" 4 512M 600 \
		"guest=tests groups=kunit stock=1" || status=$?
	"$OVERLAY/verdict.sh" "$config" "$dir/console.log" "$dir/verdict.tap" "$status" \
		kunit >"$dir/counts" 2>"$dir/reasons" || return
	rm -f "$dir/image" "$dir/initramfs"
	echo "$built $((SECONDS - start)) $(cat "$dir/counts")"
}

# row NAME SUBJECT: try all configs
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
	printf '%-5s%s  %.62s\n' "$1" "$cells" "$2"
}

start=$SECONDS
begin
logged "$results/am.log" "git am" cgit am --empty=drop "$patches"/*.patch
say "git am took $(cgit rev-list --count base..series) patches"
same_as_overlay
say "the end of the series is the overlay applied: diff -r says nothing"

configs=("$@")
[ $# -gt 0 ] || configs=(um x86_64-small)
grep -q '^config SMP' "$commits/arch/um/Kconfig" || configs=("${configs[@]/#um/um-up}")
printf '%-5s' ''
printf ' %17s' "${configs[@]}"
printf '\n%-5s' 'nr'
for _ in "${configs[@]}"; do printf ' %6s %5s %4s' build boot pass; done
echo "  subject, times in seconds"
n=0
for commit in base $(cgit rev-list --reverse base..series); do
	cgit checkout -q -f "$commit"
	row "$n" "$(cgit log -1 --format=%s)"
	# Between these commits there are two allocators to choose from.
	if grep -qs '^config PERCPU_AREA' "$commits/mm/Kconfig"; then
		echo CONFIG_PERCPU_AREA=y >"$results/area.config"
		EXTRA_CONFIG=$results/area.config row "$n+" "the same with CONFIG_PERCPU_AREA=y"
	fi
	n=$((n + 1))
done
cgit checkout -q -f series
echo "every commit builds and boots, in $(clock $((SECONDS - start)))"
