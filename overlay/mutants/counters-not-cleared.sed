# Freed counters of a bigref are not cleared.
# file: kernel/bigref_counters.c
# bed: um
/^void bigref_counters_clear/,/^}/s/^\tfor_each_possible_cpu(cpu)/\tfor (cpu = 0; cpu < 0; cpu++)/
