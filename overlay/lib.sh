# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Functions and settings of all scripts. Sourced, not run.

set -eEuo pipefail
# A command that fails unexpectedly is reported.
trap 'echo "error: ${BASH_SOURCE[0]##*/}, line $LINENO: a command failed" >&2' ERR

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# OVERLAY_TOP: the checkout that a copy of overlay/ works on
TOP=${OVERLAY_TOP:-$TOP}
# shellcheck disable=SC2034
OVERLAY=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
KERNEL=${KERNEL:-7.2}
ARCH=${ARCH:-x86_64}
KSRC=${KSRC:-}
STOCK=${STOCK:-}
EXTRA_CONFIG=${EXTRA_CONFIG:-}
SMP=${SMP:-}
MEM=${MEM:-}
CACHE=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/percpu-overlay}
JOBS=${JOBS:-$(nproc)}
mkdir -p "$CACHE"/{src,tree,build,logs,packages}
CACHE=$(cd "$CACHE" && pwd)

# Results go to stdout, messages to stderr.
say() {
	[ ! -t 2 ] || printf '\r\033[K' >&2
	printf '%s\n' "$*" >&2
}
die() { say "error: $*"; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }

# make for a kernel, without the flags and variables of the overlay's make
kmake() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u KERNEL -u CACHE -u ARCH \
		-u KSRC -u SMP -u MEM -u APPEND -u BED -u STOCK -u JOBS \
		make --no-print-directory "$@"
}

# Variables that a file of overlay/arch may set: prefix or name of the compiler,
# packages, the suffix of LLVM's programs where these build the kernel, headless=1 for
# guests without user space, CPUs and memory of make run
# shellcheck disable=SC2034
cross='' compiler='' packages='' llvm='' headless='' cpus='' memory=''

# make_field FIELD TREE: VERSION, PATCHLEVEL or SUBLEVEL of a source tree
make_field() { sed -n "s/^$1 = *//p" "$2/Makefile"; }
series_of() { echo "$(make_field VERSION "$1").$(make_field PATCHLEVEL "$1")"; }
release_of() { echo "$(series_of "$1").$(make_field SUBLEVEL "$1")$(make_field EXTRAVERSION "$1")"; }

# kernel_arch CONFIG: its file of overlay/arch: the name without as many words at its
# end as it takes, else x86_64
kernel_arch() {
	local name=$1
	while [ ! -f "$OVERLAY/arch/$name" ] && [[ $name == *-* ]]; do name=${name%-*}; done
	[ -f "$OVERLAY/arch/$name" ] || name=x86_64
	echo "$name"
}

# mm:ss
clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

objects_in() { grep -cE '^ +(CC|AS|LD|AR|HOSTCC|HOSTLD)( |$)' "$1" 2>/dev/null || true; }

# use_compiler NAME: set $cc, through ccache if it is installed. Time, place and
# user of a build are fixed, as they would make ccache miss. CCACHE_DEPEND saves
# the preprocessor run: ccache reads the dependency file of the compiler.
use_compiler() {
	cc=$1
	if have ccache; then
		cc="$OVERLAY/source/ccache.sh $cc"
		export CCACHE_BASEDIR=$CACHE CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
	fi
	export KBUILD_BUILD_TIMESTAMP=@1 KBUILD_BUILD_USER=percpu KBUILD_BUILD_HOST=overlay
}

# watched LOG WHAT TOTAL COMMAND...: run a build, print its progress, and return its
# status. It is killed if the script ends, and does not inherit the lock on fd 9.
watched() {
	local log=$1 what=$2 total=$3 start=$SECONDS line pid
	shift 3
	"$@" >"$log" 2>&1 </dev/null 9>&- &
	pid=$!
	# shellcheck disable=SC2064
	trap "kill $pid 2>/dev/null" EXIT
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		line="$what: $(objects_in "$log")${total:+ of $total} objects, $(clock $((SECONDS - start)))"
		if [ -t 2 ]; then
			printf '\r\033[K%s' "$line" >&2
		elif [ $(((SECONDS - start) % 20)) = 19 ]; then
			say "$line"
		fi
	done
	[ ! -t 2 ] || printf '\r\033[K' >&2
	trap - EXIT
	wait "$pid"
}

# add_program ROOT PATH: copy a program of the host with its libraries
add_program() {
	local lib
	cp -L "$2" "$1/bin/"
	ldd "$2" 2>/dev/null | grep -oE '/[^ ]+' | while read -r lib; do
		mkdir -p "$1$(dirname "$lib")"
		cp -L "$lib" "$1$lib"
	done
}

# tail_of LOG: print its errors, or its last lines
tail_of() {
	{ grep -aE '(error:|Error [0-9]|undefined reference|warning:|\*\*\*|^E: |FATAL|ERROR)' "$1" || tail -n 30 "$1"; } |
		tail -n 30 | sed 's/^/    /' >&2
}

# logged LOG WHAT COMMAND...: run quietly; print the errors if it fails
logged() {
	local log=$1 what=$2
	shift 2
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail_of "$log"
		die "$what failed; the full log is $log"
	fi
}
