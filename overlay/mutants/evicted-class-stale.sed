# The depot looks for what can go among the classes that have nothing, too.
# file: mm/percpu/depot.c
/__clear_bit(class, pcpu_depot->filled);/s/.*/\t\t;/
