# A batch that the depot evicts is lost.
# file: mm/percpu/depot.c
/^void pcpu_depot_put/,/^}/s/^\traw_spin_unlock_irqrestore(.*/&\n\tevicted->nr = 0;/
