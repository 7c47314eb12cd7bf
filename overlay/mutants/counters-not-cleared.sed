# A bigref gets the counters of the one before it as they were.
# file: kernel/bigref_counters.c
# bed: um
/^void bigref_clear/,/^}/s/^\tfor_each_possible_cpu(cpu)/\tfor (cpu = 0; cpu < 0; cpu++)/
