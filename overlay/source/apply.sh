#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Apply the overlay to a copy of the kernel source; print the path of the copy.
# Only files with other contents are written, so that a rebuild is short.
# usage: apply.sh SOURCE
. "$(dirname "$0")/../lib.sh"

src=$1
series=$(series_of "$src")
release=$(release_of "$src")

# One tree for each pair of source and checkout.
name=$series-$(printf '%s %s' "$src" "$TOP" | cksum | cut -d' ' -f1)
[ -z "$KSRC" ] || name=ksrc-$name
tree=$CACHE/tree/$name
state=$tree.state
exec 9>"$tree.lock"
flock 9
mkdir -p "$state"
touch "$state/applied"

# KSRC may have changed since the last copy, and may have been built in.
copy_ksrc() {
	sed 's,^,/,' "$state/applied" >"$state/ours"
	logged "$state/copy.log" "copying $src" rsync -a --delete --exclude-from="$state/ours" \
		--exclude=/.git --exclude='*.o' --exclude='*.a' --exclude='*.ko' \
		--exclude='*.cmd' --exclude='/.config*' --exclude=/include/config \
		--exclude=/include/generated --exclude='/arch/*/include/generated' \
		--exclude=/vmlinux --exclude='*.mod' --exclude='*.mod.c' \
		"$src/" "$tree/"
	[ ! -e "$src/include/config" ] || logged "$state/mrproper.log" \
		"cleaning the copy of $src" kmake -C "$tree" mrproper
}

if [ -n "$KSRC" ]; then
	[ -e "$tree" ] || say "copying $src"
	copy_ksrc
elif [ ! -e "$tree" ]; then
	say "copying the source of Linux $release"
	rm -rf "$tree.new"
	cp -a --reflink=auto "$src" "$tree.new"
	: >"$state/applied"
	mv "$tree.new" "$tree"
fi

# Existing files that git tracks or does not ignore; without git, all files
overlay_files() {
	cd "$TOP" || exit
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -co --exclude-standard
	else
		find . -type f | sed 's,^\./,,'
	fi | { grep -vE '^(overlay/|\.ci/|README\.md$|Makefile$|\.git)' || true; } |
		while read -r f; do [ ! -f "$f" ] || echo "$f"; done | LC_ALL=C sort -u
}

# put FILE FROM: copy FROM to FILE of the tree, if they differ
put() {
	echo "$1" >>"$state/applied.new"
	if ! cmp -s "$2" "$tree/$1"; then
		if ! mkdir -p "$(dirname "$tree/$1")" ||
			! cp --remove-destination "$2" "$tree/$1"; then
			die "cannot write $tree/$1"
		fi
		echo "$1" >>"$state/written"
	fi
	# Changing the mode of a script causes no rebuild.
	[ ! -x "$2" ] || [ -x "$tree/$1" ] || chmod +x "$tree/$1"
}

# put_patched FILE PATCH: patch a file of the kernel, or one of the overlay
put_patched() {
	local file=$1 patch=$2 from=$src
	[ ! -f "$TOP/$file" ] || from=$TOP
	if [ ! -f "$from/$file" ]; then
		say "error: $patch: Linux $release has no $file"
		return 1
	fi
	# Remove the file: cp keeps the mode of an existing one.
	rm -f "$state/work" "$state/rejected"
	cp "$from/$file" "$state/work" || return 1
	if ! patch --force --forward --fuzz=0 --no-backup-if-mismatch \
		-r "$state/rejected" "$state/work" "$TOP/$patch" \
		>"$state/patch.log" 2>&1 </dev/null; then
		say "error: $patch does not apply to Linux $release:"
		grep -E 'FAILED|malformed|Reversed|ignored|garbage' "$state/patch.log" |
			sed "s,^,    $file: ,; s, -- saving rejects.*,," >&2 || true
		[ ! -f "$state/rejected" ] || sed 1,2d "$state/rejected" | sed 's/^/    /' >&2
		return 1
	fi
	put "$file" "$state/work"
}

# patched_here FILE: return true if a file of the overlay has a patch for this version
patched_here() {
	[ -s "$TOP/$1.$series.patch" ] && grep -qxF "$1.$series.patch" "$state/list"
}

# A patch for this version replaces the general one; an empty patch means that this
# version needs no change.
put_one() {
	local f=$1 file
	case $f in
	*.[0-9]*.[0-9]*.patch)
		file=$(printf '%s' "$f" | sed -E 's/\.[0-9]+\.[0-9]+\.patch$//')
		[ "$f" = "$file.$series.patch" ] && [ -s "$TOP/$f" ] || return 0
		put_patched "$file" "$f"
		;;
	*.patch)
		file=${f%.patch}
		if [ -f "$TOP/$file" ]; then
			say "error: $f: $file is ours, change that instead"
			return 1
		fi
		[ -f "$TOP/$file.$series.patch" ] || put_patched "$file" "$f"
		;;
	*)
		patched_here "$f" || put "$f" "$TOP/$f"
		;;
	esac
}

# restore FILE: make a file that left the overlay as it is in the source
restore() {
	if [ -f "$src/$1" ]; then
		cmp -s "$src/$1" "$tree/$1" && return 0
		cp --remove-destination "$src/$1" "$tree/$1"
	else
		rm -f "$tree/$1"
		rmdir -p --ignore-fail-on-non-empty "$(dirname "$tree/$1")" 2>/dev/null || true
	fi
	echo "$1" >>"$state/written"
}

: >"$state/written"
: >"$state/applied.new"
overlay_files >"$state/list"
bad=0
while read -r f; do
	put_one "$f" || bad=$((bad + 1))
done <"$state/list"
# After a failure, files of the last run may still be in the tree.
if [ $bad -gt 0 ]; then
	LC_ALL=C sort -u -o "$state/applied" "$state/applied" "$state/applied.new"
	die "the overlay does not fit Linux $release ($src): $bad files"
fi
LC_ALL=C sort -u -o "$state/applied.new" "$state/applied.new"
LC_ALL=C sort -u "$state/applied" | LC_ALL=C comm -23 - "$state/applied.new" >"$state/gone"
while read -r f; do restore "$f"; done <"$state/gone"
mv "$state/applied.new" "$state/applied"
rm -f "$state/work"

n=$(LC_ALL=C sort -u "$state/written" | wc -l)
[ "$n" -eq 0 ] || say "applied to Linux $release: $n files changed"
echo "$tree"
