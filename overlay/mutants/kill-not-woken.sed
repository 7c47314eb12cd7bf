# The end of a kill of a bigref wakes no waiter.
# file: kernel/bigref_owner.c
# bed: bigref
/^static void bigref_end_disown/,/^}/s/^\tbigref_mode_wake();//
