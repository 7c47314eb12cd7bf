# Two frees of one object at the same time both succeed.
# file: mm/percpu/mark.h
/^static inline bool pcpu_mark_try_take/,/^}/s/^\treturn try_cmpxchg(.*/\tWRITE_ONCE(*where, mark \& ~bits);\n\treturn true;/
