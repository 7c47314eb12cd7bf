#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Make patches for git am out of the overlay, by overlay/series/manifest; print
# their folder.
# usage: series.sh
. "$(dirname "$0")/lib.sh"

[ -z "$STOCK" ] || die "STOCK=1 has nothing to make a series of"
manifest=$OVERLAY/series/manifest
src=$("$OVERLAY/fetch.sh")
tree=$("$OVERLAY/apply.sh" "$src")
release=$(release_of "$src")
work=$CACHE/series/$(basename "$tree")
repo=$work/repo out=$work/patches
mkdir -p "$work"
exec 9>"$work.lock"
flock 9

# The manifest joined with what the overlay touches: "NAME file|step PATH" in
# the order of patches, or what is wrong with it.
join() {
	awk -v series="$(series_of "$src")" '
		function regex(glob) {
			gsub(/[.+]/, "\\\\&", glob)
			gsub(/\*/, "[^/]*", glob)
			sub(/\/$/, "/.*", glob)
			return "^" glob "$"
		}
		FILENAME == ARGV[1] {touched[$0] = 1; next}
		/^(#|$)/ {next}
		/^[^\t]/ {name = $1; print name, "patch"; next}
		$1 == "step" {print name, "step", $2; next}
		{
			found = 0
			for (path in touched) {
				if (path !~ regex($1))
					continue
				found = 1
				if (path in owner)
					print "! " path " belongs to two patches, " owner[path] " and " name
				owner[path] = name
				print name, "file", path
			}
			if (!found && ($2 == "" || $2 == series))
				print "! " name " names " $1 ", which the overlay does not touch"
		}
		END {
			for (path in touched)
				if (!(path in owner))
					print "! " path " belongs to no patch"
		}' "$work/touched" "$manifest"
}

# of KEY FORMAT ELSE: what git's config says, or else the last commit, or nobody
of() {
	git -C "$TOP" config "$1" || git -C "$TOP" log -1 --format="$2" 2>/dev/null || echo "$3"
}

# The user's name is the series', and the last commit's date.
identify() {
	local date
	GIT_AUTHOR_NAME=$(of user.name %an nobody)
	GIT_AUTHOR_EMAIL=$(of user.email %ae nobody@localhost)
	date=$(of no.date %cI "$(date -Is)")
	export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL
	export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
	export GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date
	# Nor is any other setting of the user's part of a series.
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
}

rgit() { git -C "$repo" "$@"; }

# copy FROM PATH: make PATH of the repository what it is in FROM, or nothing.
copy() {
	rm -f "$repo/$2"
	[ -e "$1/$2" ] || return 0
	mkdir -p "$(dirname "$repo/$2")"
	cp -p "$1/$2" "$repo/$2"
}

# A repository of the files that change, as they are in the kernel: blobs, and so
# patches, are the same as in one of the whole source.
begin() {
	rm -rf "$repo" "$out"
	mkdir -p "$repo"
	rgit init -q -b series
	while read -r path; do copy "$src" "$path"; done <"$work/touched"
	rgit add -A -f
	rgit commit -q -m "Linux $release"
	rgit tag base
}

# A step: a file whole, or by a patch to the kernel's.
step() {
	local from=$OVERLAY/series/steps/$1
	if [ -e "$from/$2" ]; then
		copy "$from" "$2"
	elif [ -e "$from/$2.patch" ]; then
		copy "$src" "$2"
		[ ! -s "$from/$2.patch" ] || patch --fuzz=0 --no-backup-if-mismatch -s \
			"$repo/$2" "$from/$2.patch" >&2 || die "the step $1 of $2 does not apply"
	else
		die "there is no step $1 of $2 in $from"
	fi
}

commit() {
	local message=$OVERLAY/series/$1.txt
	[ -f "$message" ] || die "$1 has no message, $message"
	rgit add -A -f
	rgit diff --cached --quiet && die "the patch $1 is empty"
	rgit commit -q -s -F "$message"
}

while read -r path; do
	[ ! -e "$src/$path" ] && [ ! -e "$tree/$path" ] || echo "$path"
done <"$tree.state/applied" >"$work/touched"
join >"$work/plan"
if grep '^!' "$work/plan" | sed 's/^!/   /' >&2; then
	die "overlay/series/manifest and the overlay differ"
fi
identify
begin
name=
while read -r patch kind path; do
	case $kind in
	patch)
		[ -z "$name" ] || commit "$name"
		name=$patch
		;;
	step) step "$patch" "$path" ;;
	file) copy "$tree" "$path" ;;
	esac
done <"$work/plan"
commit "$name"
while read -r path; do
	[ ! -e "$tree/$path" ] || cmp -s "$tree/$path" "$repo/$path" ||
		die "after the last patch $path is not what the overlay makes it"
done <"$work/touched"

rgit config branch.series.description "$(cat "$OVERLAY/series/cover.txt")"
rgit format-patch -q --cover-letter --cover-from-description=subject --no-renames \
	--full-index --signature= -o "$out" base
say "$(rgit rev-list --count base..series) patches and a cover letter for Linux $release: git am --empty=drop *.patch"
echo "$out"
