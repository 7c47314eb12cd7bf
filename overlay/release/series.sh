#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Make patches for git am from the overlay, by overlay/release/series/manifest: a folder
# for each topic, in their order; print the folder of these.
# usage: series.sh
. "$(dirname "$0")/../lib.sh"

[ -z "$STOCK" ] || die "STOCK=1 has no series"
manifest=$OVERLAY/release/series/manifest
src=$("$OVERLAY/source/fetch.sh")
tree=$("$OVERLAY/source/apply.sh" "$src")
release=$(release_of "$src")
work=$CACHE/series/$(basename "$tree")
repo=$work/repo out=$work/patches
mkdir -p "$work"
exec 9>"$work.lock"
flock 9

# Join the manifest with the files that the overlay changes: "topic NAME BASE" and "NAME
# file|step PATH" in their order, and lines with "!" for errors.
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
		/^topic / {print "topic", $2, $4; next}
		/^[^\t]/ {name = $1; print name, "patch"; next}
		$1 == "step" {
			stepped[$2] = 1
			if ($3 == "" || $3 == series)
				print name, "step", $2
			next
		}
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
				if (!(path in owner) && !(path in stepped))
					print "! " path " belongs to no patch"
		}' "$work/touched" "$manifest"
}

# of KEY FORMAT DEFAULT: the setting of git, else that of the last commit, else DEFAULT
of() {
	git -C "$TOP" config "$1" || git -C "$TOP" log -1 --format="$2" 2>/dev/null || echo "$3"
}

# The author is the user; the date is that of the last commit.
identify() {
	local date
	GIT_AUTHOR_NAME=$(of user.name %an percpu)
	GIT_AUTHOR_EMAIL=$(of user.email %ae percpu@localhost)
	date=$(of no.date %cI "$(date -Is)")
	export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL
	export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
	export GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date
	# Other settings of the user must not change the series.
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
}

rgit() { git -C "$repo" "$@"; }

# copy FROM PATH: copy PATH from FROM to the repository, or remove it if FROM has none
copy() {
	rm -f "$repo/$2"
	[ -e "$1/$2" ] || return 0
	mkdir -p "$(dirname "$repo/$2")"
	cp -p "$1/$2" "$repo/$2"
}

# A repository of the files that change. Blobs, and so patches, are the same as in a
# repository of the whole source.
begin() {
	rm -rf "$repo" "$out"
	mkdir -p "$repo"
	rgit init -q -b source
	while read -r path; do copy "$src" "$path"; done <"$work/touched"
	rgit add -A -f
	rgit commit -q -m "Linux $release"
	rgit tag base
}

# step NAME PATH: a file of series/steps/NAME, or a patch there to the file as the topic
# has it; for one version, PATH.VERSION.patch
step() {
	local from=$OVERLAY/release/series/steps/$1 patch
	patch=$from/$2.$(series_of "$src").patch
	[ -e "$patch" ] || patch=$from/$2.patch
	if [ -e "$from/$2" ]; then
		copy "$from" "$2"
	elif [ -e "$patch" ]; then
		patch --fuzz=0 --no-backup-if-mismatch -s "$repo/$2" "$patch" >&2 ||
			die "the step $1 of $2 does not apply"
	else
		die "there is no step $1 of $2 in $from"
	fi
}

commit() {
	local message=$OVERLAY/release/series/$1.txt
	[ -f "$message" ] || die "$1 has no message, $message"
	rgit add -A -f
	rgit diff --cached --quiet && die "the patch $1 is empty"
	rgit commit -q -s -F "$message"
}

# begin_topic NAME [BASE]
begin_topic() {
	rgit checkout -q -b "topic/$1" "${2:+topic/}${2:-base}"
	topics+=("$1 topic/$1 ${2:+topic/}${2:-base}")
}

# The patches of all topics. A topic that begins at the source has one line of context,
# so that it applies after other topics as well.
write_patches() {
	local name branch base nr=0 context
	for topic in "${topics[@]}"; do
		read -r name branch base <<<"$topic"
		context=-U3
		[ "$base" != base ] || [ $nr = 0 ] || context=-U1
		nr=$((nr + 1))
		rgit config "branch.$branch.description" \
			"$(cat "$OVERLAY/release/series/cover/$name.txt")"
		rgit format-patch -q --cover-letter --cover-from-description=subject --no-renames \
			--full-index --signature= $context -o "$out/$(printf %02d $nr)-$name" "$base..$branch"
		say "$(rgit log --format=tformat:@ --numstat "$base..$branch" | awk -v name="$name" '
			/^@/ {n++; lines = 0; next}
			NF {lines += $1; all += $1; if (lines > most) most = lines}
			END {printf "%-10s %2d patches, %5d lines, at most %3d in one", name, n, all, most}')"
	done
}

while read -r path; do
	[ ! -e "$src/$path" ] && [ ! -e "$tree/$path" ] || echo "$path"
done <"$tree.state/applied" >"$work/touched"
join >"$work/plan"
if grep '^!' "$work/plan" | sed 's/^!/   /' >&2; then
	die "overlay/release/series/manifest and the overlay differ"
fi
identify
begin
name=
topics=()
while read -r patch kind path; do
	case $patch,$kind in
	topic,*)
		[ -z "$name" ] || commit "$name"
		name=
		begin_topic "$kind" "$path"
		;;
	*,patch)
		[ -z "$name" ] || commit "$name"
		name=$patch
		;;
	*,step) step "$patch" "$path" ;;
	*,file) copy "$tree" "$path" ;;
	esac
done <"$work/plan"
commit "$name"
write_patches

# All topics one after another end where the overlay does.
rgit checkout -q -b all base
logged "$work/am.log" "git am of all topics" rgit am --empty=drop "$out"/*/*.patch
while read -r path; do
	cmp -s "$tree/$path" "$repo/$path" ||
		die "after the last topic $path differs from the overlay"
done <"$work/touched"
say "$(rgit rev-list --count base..all) patches in ${#topics[@]} topics for Linux $release, each with a cover letter: git am --empty=drop TOPIC/*.patch"
echo "$out"
