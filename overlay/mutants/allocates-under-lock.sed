# The worker populates a page while it holds the chunk lock.
# file: mm/percpu/balance.c
/^static void pcpu_balance_grow/,/^}/{
s/^\tint err = 0;/\tunsigned long flags;\n&/
s/^\t\t\terr = pcpu_populate_page/\traw_spin_lock_irqsave(\&pcpu_chunk_lock, flags);\n&/
s/^\t\t\tif (!err)/\traw_spin_unlock_irqrestore(\&pcpu_chunk_lock, flags);\n&/
}
