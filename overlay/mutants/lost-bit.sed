# Two CPUs allocate objects of one granule, and one bit of its entry is lost.
# file: mm/percpu/objmap.h
/^static inline void pcpu_objmap_set_small/,/^}/s/while (.*/WRITE_ONCE(*where, old | bit);/
/^static inline void pcpu_objmap_set_small/,/^}/s/^\t\t;$//
