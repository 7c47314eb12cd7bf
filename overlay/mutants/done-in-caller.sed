# The done of an async disown of a bigref runs in the caller.
# file: kernel/bigref_owner.c
# bed: um
s/bigref_mode_disown(ref, how, done, bigref_run_pending)/bigref_mode_disown(ref, how == BIGREF_HOW_ASYNC ? BIGREF_HOW_SYNC : how, done, bigref_run_pending)/
s/^\t\t\tgood = bigref_move(ref, -__BIGREF_BIAS, BIGREF_ZONE_EXACT);/&\n\t\tif (how == BIGREF_HOW_ASYNC)\n\t\t\tdone(ref);/
