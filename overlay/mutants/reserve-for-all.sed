# Any object may use the reserve for modules.
# file: mm/percpu/place.c
s/return (fit->populated ? chunk->populated : ~0ULL) & ~chunk->reserved;/return fit->populated ? chunk->populated : ~0ULL;/
