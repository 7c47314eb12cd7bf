# A batch that a full depot refuses is lost.
# file: mm/percpu/cache.c
# bed: um
/^void pcpu_depot_put/,/^}/s/^\t\treturn;/\t\tbatch->nr = 0;/
