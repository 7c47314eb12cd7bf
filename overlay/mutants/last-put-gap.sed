# The last put of a bigref leaves RCU before its release.
# file: kernel/bigref.c
# bed: x86_64
/The critical section must have no gap/,/^}/{
/rcu_read_lock();/d
/rcu_read_unlock();/d
}
