#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Print when and of what rows are: date, kernel, compiler, commit of the overlay.
# usage: head.sh
. "$(dirname "$0")/../lib.sh"

commit=$(git -C "$TOP" describe --always --dirty 2>/dev/null || echo none)
echo "$(date -u +%F), Linux $(release_of "$("$OVERLAY/source/fetch.sh")"), $(gcc --version | head -n 1), commit $commit"
