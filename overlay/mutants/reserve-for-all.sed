# Anybody gets what is reserved for modules.
# file: mm/percpu/extent.c
s/return place->module ? pages : pages & ~chunk->reserved;/return pages;/
