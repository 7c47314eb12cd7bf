# Two CPUs allocate objects of one granule, and one bit of its entry is lost.
# file: mm/percpu/objmap.h
/^static inline void pcpu_objmap_add_bits/,/^}/s/while (.*/WRITE_ONCE(*where, old | bits);/
/^static inline void pcpu_objmap_add_bits/,/^}/s/^\t\t;$//
