# A bigref is zero before its last put is over.
# file: kernel/bigref.c
# bed: um
/^bool bigref_is_zero/,/^}/{
s/smp_load_acquire(&ref->mode) == BIGREF_ENDED &&/atomic_long_read(\&ref->count) == -1 ||/
}
