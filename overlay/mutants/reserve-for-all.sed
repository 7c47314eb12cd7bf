# Any object may use the reserve for modules.
# file: mm/percpu/place.c
s/return chunk->populated & ~chunk->reserved;/return chunk->populated;/
s/return ~chunk->reserved;/return ~0ULL;/
