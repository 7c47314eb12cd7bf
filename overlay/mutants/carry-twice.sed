# A percpu counter of a 32-bit bigref moves to the count, and keeps its value.
# file: kernel/bigref.c
# bed: bigref
s/bigref_move(ref, this_cpu_xchg(\*counter, 0), BIGREF_ZONE_BIASED)/bigref_move(ref, this_cpu_add_return(*counter, 0), BIGREF_ZONE_BIASED)/
