#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Run a compiler through ccache, except for sources that may use .incbin: with
# CCACHE_DEPEND ccache does not see the included file, and returns an object with
# its old contents.
# usage: ccache.sh COMPILER ARGUMENT...

for arg; do
	case $arg in *.S | */kernel/configs.c) exec "$@" ;; esac
done
exec ccache "$@"
