# Where memset() clears, that of the first CPU is not.
# file: mm/percpu/clear.h
/^static noinline void pcpu_clear_memset/,/^}/s/for_each_pcpu_unit(unit)/for (unit = 1; unit < pcpu_area.nr_units; unit++)/
