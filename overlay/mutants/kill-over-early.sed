# A kill of a bigref looks over before it drops the owner's reference.
# file: kernel/bigref_internal.h
# bed: bigref
s/(mode == BIGREF_EXACT && bigref_zone(count) == BIGREF_ZONE_BIASED)/false/
