# A batch that a full depot refuses is lost.
# file: mm/percpu/cache.c
# bed: um
/^void pcpu_depot_put/,/^}/s/^\traw_spin_unlock_irqrestore(.*/&\n\tbatch->nr = 0;/
