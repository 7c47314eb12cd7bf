# A page with a longer run stays out of the masks by which searches find it.
# file: mm/percpu/chunk.c
s/^			chunk->by_run\[i\] |= bit;/			;/
