# A tryget of a live bigref can be preempted before it takes the reference.
# file: kernel/bigref.c
# bed: bigref
/^bool __bigref_tryget_slow/,/^}/s/^\tguard(preempt)();//
