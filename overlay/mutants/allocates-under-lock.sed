# The worker populates a page while it holds the chunk lock.
# file: mm/percpu/balance.c
/^static int pcpu_balance_populate/,/^}/{
s/^\tint err;/\tunsigned long flags;\n&/
s/^\terr = pcpu_populate_page/\traw_spin_lock_irqsave(\&pcpu_chunk_lock, flags);\n&/
s/^\tif (!err)/\traw_spin_unlock_irqrestore(\&pcpu_chunk_lock, flags);\n&/
}
