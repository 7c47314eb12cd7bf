# A granule of small objects is not given back when all are free.
# file: mm/percpu/small.c
s/if (\*room == full) {/if (*room == full \&\& class) {/
