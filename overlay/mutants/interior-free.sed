# A free of the middle of a granule frees its object.
# file: mm/percpu/objmap.h
s/return off & (PCPU_GRANULE - 1) ? 0 : entry;/return entry;/
