# The copy of the last CPU is not cleared.
# file: mm/percpu/percpu.c
/^static __always_inline void pcpu_zero_copies/,/^}/s/end = addr + pcpu_area.span;/end = addr + pcpu_area.span - (pcpu_area.span > stride) * stride;/
