# A batch that a full depot refuses is lost.
# file: mm/percpu/cache.c
# bed: um
/^void pcpu_depot_put/,/^}/s/^\t\tpcpu_depot_push(.*/&\n\telse\n\t\tbatch->nr = 0;/
