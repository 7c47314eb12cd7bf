# What the depot gives up for something else is nobody's.
# file: mm/percpu/depot.c
/^unsigned int pcpu_depot_put/,/^}/s/^\t\tnr = 0;/\t\tnr = back = 0;/
