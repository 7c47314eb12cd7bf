# The done of an async disown of a bigref runs in the caller.
# file: kernel/bigref_owner.c
# bed: um
/call_rcu_hurry(&bigref_pending_rcu/{
N
s/call_rcu_hurry(\(.*\),\n[\t ]*bigref_run_pending)/bigref_run_pending(\1)/
}
