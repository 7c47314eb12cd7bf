# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Print percpu memory with a description. Sourced, not run.

percpu_kb() { awk '/^Percpu:/ {print $2}' /proc/meminfo; }
say() { printf '%-40s Percpu: %6s kB\n' "$1" "$(percpu_kb)"; }
