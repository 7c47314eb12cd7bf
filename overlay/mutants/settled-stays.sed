# A chunk's hint stays when a long run is freed below it.
# file: mm/percpu/chunk.c
/^	chunk->settled = min/d
