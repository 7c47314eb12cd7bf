# A page is published before it has memory: who comes in between uses it.
# file: mm/percpu/extent.c
/^static bool pcpu_extent_populate_pages/,/^}/{
s/^\t\tif (pcpu_populate_page/\t\traw_spin_lock_irqsave(\&pcpu_chunk_lock, flags);\n\t\tpcpu_chunk_set_populated(chunk, BIT_ULL(page), true);\n\t\traw_spin_unlock_irqrestore(\&pcpu_chunk_lock, flags);\n&/
}
