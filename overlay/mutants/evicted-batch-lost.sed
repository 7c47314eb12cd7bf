# A batch that the depot evicts is lost.
# file: mm/percpu/depot.c
/^void pcpu_depot_put/,/^}/s/^\tif (other.nr) {/\tif (other.nr > PCPU_BATCH_MAX) {/
