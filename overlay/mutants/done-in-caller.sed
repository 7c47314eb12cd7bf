# The done of an async disown of a bigref runs in the caller.
# file: kernel/bigref_owner.c
# bed: um
s/call_rcu_hurry(\(&bigref_pending_rcu\[kill\]\), bigref_run_pending)/bigref_run_pending(\1)/
