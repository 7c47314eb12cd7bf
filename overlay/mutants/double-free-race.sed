# Two frees of one object at the same time both succeed.
# file: mm/percpu/objmap.h
/^static inline bool pcpu_objmap_try_clear/,/^}/s/^\treturn try_cmpxchg(.*/\tWRITE_ONCE(*where, entry \& ~bits);\n\treturn true;/
