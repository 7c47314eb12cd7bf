# Any object may use the reserve for modules.
# file: mm/percpu/place.c
s/(fit->populated ? chunk->populated : ~0ULL) & ~chunk->reserved;/fit->populated ? chunk->populated : ~0ULL;/
