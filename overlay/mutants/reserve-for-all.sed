# Any object may use the reserve for modules.
# file: mm/percpu/place.c
s/(fit->populated ? chunk->populated : PCPU_ALL_PAGES) & ~chunk->reserved;/fit->populated ? chunk->populated : PCPU_ALL_PAGES;/
