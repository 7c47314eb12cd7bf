# A long object may cross the end of a window.
# file: mm/percpu/chunk.c
/if (i % per_window == 0)/,+1d
