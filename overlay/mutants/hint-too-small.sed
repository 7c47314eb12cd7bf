# A page forgets how long its longest free run is.
# file: mm/percpu/chunk.c
s/^\tif (run <= old)$/\tif (run == old)/
