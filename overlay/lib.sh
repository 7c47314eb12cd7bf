# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What every script of the driver needs. Sourced, not run.

set -eEuo pipefail
# No script stops without a word.
trap 'echo "error: ${BASH_SOURCE[0]##*/}, line $LINENO: a command failed" >&2' ERR

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# A copy of overlay/ may serve another checkout (selfcheck does that).
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

# Answers go to stdout, everything said to people to stderr.
say() {
	[ ! -t 2 ] || printf '\r\033[K' >&2
	printf '%s\n' "$*" >&2
}
die() { say "error: $*"; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }

# A kernel's make, without the flags and variables of our own.
kmake() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u KERNEL -u CACHE -u ARCH \
		-u KSRC -u SMP -u MEM -u APPEND -u BED -u STOCK -u JOBS \
		make --no-print-directory "$@"
}

# What a file of overlay/arch may set: a compiler's prefix or all of its name,
# packages, whether there is no process, CPUs and memory of make run.
# shellcheck disable=SC2034
cross='' compiler='' packages='' headless='' cpus='' memory=''

# make_field FIELD TREE: VERSION, PATCHLEVEL or SUBLEVEL of a source tree
make_field() { sed -n "s/^$1 = *//p" "$2/Makefile"; }
series_of() { echo "$(make_field VERSION "$1").$(make_field PATCHLEVEL "$1")"; }
release_of() { echo "$(series_of "$1").$(make_field SUBLEVEL "$1")$(make_field EXTRAVERSION "$1")"; }

# kernel_arch CONFIG: the file of overlay/arch that serves it, by the name up to
# a dash; what has none of its own is x86_64.
kernel_arch() {
	local name=${1%%-*}
	[ -f "$OVERLAY/arch/$name" ] || name=x86_64
	echo "$name"
}

# mm:ss
clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

objects_in() { grep -cE '^ +(CC|AS|LD|AR|HOSTCC|HOSTLD)( |$)' "$1" 2>/dev/null || true; }

# use_compiler NAME: have $cc be that, through ccache where there is one. A build's
# time, place and person would only spoil its cache; what a file includes the
# compiler says itself, so that nothing is preprocessed twice.
use_compiler() {
	cc=$1
	if have ccache; then
		cc="ccache $cc"
		export CCACHE_BASEDIR=$CACHE CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
	fi
	export KBUILD_BUILD_TIMESTAMP=@1 KBUILD_BUILD_USER=percpu KBUILD_BUILD_HOST=overlay
}

# watched LOG WHAT TOTAL COMMAND...: run a build, say how far it is, and whether it
# ended well. It ends with us, and holds no lock of ours.
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

# tail_of LOG: the lines of a log that say why
tail_of() {
	{ grep -aE '(error:|Error [0-9]|undefined reference|warning:|\*\*\*|^E: |FATAL|ERROR)' "$1" || tail -n 30 "$1"; } |
		tail -n 30 | sed 's/^/    /' >&2
}

# logged LOG WHAT COMMAND...: run quietly; on failure show why.
logged() {
	local log=$1 what=$2
	shift 2
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail_of "$log"
		die "$what failed; the full log is $log"
	fi
}
