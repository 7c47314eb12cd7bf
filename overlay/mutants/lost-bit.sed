# Two CPUs give out objects of one granule, and one mark is lost.
# file: mm/percpu/mark.h
/^static inline void pcpu_mark_add/,/^}/s/while (.*/WRITE_ONCE(*where, old | bits);/
/^static inline void pcpu_mark_add/,/^}/s/^\t\t;$//
