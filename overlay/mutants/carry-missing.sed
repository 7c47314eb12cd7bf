# The percpu counters of a 32-bit bigref never move to its count.
# file: include/linux/bigref.h
# bed: bigref
s/if (unlikely(this_cpu_add_return(\*counter, nr) + __BIGREF_CARRY >/if (unlikely(0 * this_cpu_add_return(*counter, nr) >/
