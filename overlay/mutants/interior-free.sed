# A free of the middle of a granule frees its object.
# file: mm/percpu/mark.h
s/return off & (PCPU_GRANULE - 1) ? 0 : mark;/return mark;/
