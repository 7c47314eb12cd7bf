# The worker populates a page with the lock of all chunks held.
# file: mm/percpu/balance.c
/^static bool pcpu_balance_populate/,/^}/{
/^\traw_spin_lock_irqsave/d
s/^\tok = !pcpu_populate_page/\traw_spin_lock_irqsave(\&pcpu_chunk_lock, flags);\n&/
}
