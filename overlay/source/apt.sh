# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# apt with a folder of its own, so that the configuration of the user is unchanged.
# Sourced after lib.sh by scripts that fetch sources of Debian.

apt_dir=$CACHE/packages/apt
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# mirror ARCHIVE: the mirror that the user has configured, or deb.debian.org
mirror() {
	local uri
	# shellcheck disable=SC2016
	uri=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null |
		grep -E "/$1/?$" | head -n 1 || true)
	echo "${uri:-http://deb.debian.org/$1/}"
}

private_apt() {
	apt-get -q -o Dir::Etc::sourcelist="$apt_dir/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$apt_dir/lists" \
		-o Dir::State::status="$apt_dir/status" \
		-o Dir::Cache="$apt_dir/cache" \
		-o APT::Sandbox::User="$(id -un)" "$@"
}

# use_suite SUITE ARCHIVE [deb|deb-src]
use_suite() {
	rm -rf "$apt_dir"
	mkdir -p "$apt_dir"/{lists/partial,cache/archives/partial}
	: >"$apt_dir/status"
	echo "${3:-deb} [signed-by=$keyring] $(mirror "$2") $1 main" >"$apt_dir/sources.list"
	private_apt update
}

# debian_source PACKAGE: unpack the source of Debian's package as CACHE/src/PACKAGE
debian_source() {
	local dir=$CACHE/packages/$1 new=$CACHE/src/$1.new
	rm -rf "$dir" "$new"
	mkdir -p "$dir" "$new"
	use_suite bookworm debian deb-src || return
	(cd "$dir" && private_apt source --download-only "$1") || return
	tar xf "$dir/$1"_*.orig.tar.* -C "$new" --strip-components=1 || return
	mv "$new" "$CACHE/src/$1"
	rm -rf "$dir" "$apt_dir"
}
