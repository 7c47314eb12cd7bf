# Two frees of one object at the same time both succeed.
# file: mm/percpu/mark.h
/^static inline bool pcpu_mark_try_take/,/^}/{
s/^\treturn try_cmpxchg(.*/\tWRITE_ONCE(chunk->marks[pcpu_off_to_granule(off)], mark \& ~bits);/
s/^\t\t\t   mark & ~bits);/\treturn true;/
}
