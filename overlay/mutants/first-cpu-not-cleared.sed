# Where memset() clears, that of the first CPU is not.
# file: mm/percpu/clear.h
/^static noinline void pcpu_clear_possible/,/^}/s/for_each_pcpu_unit(cpu)/for (cpu = 1; cpu < num_possible_cpus(); cpu++)/
