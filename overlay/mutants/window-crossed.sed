# A long object may cross the end of a window.
# file: mm/percpu/table.c
/if (i % per_window == 0)/,+1d
