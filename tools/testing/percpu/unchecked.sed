# The benchmark's measure for what it costs to check frees: of mm/percpu a copy that
# believes callers.  A mark tells what class an object is of, and no more.
s/^\tif (unlikely(!bits))$/\tif (0)/
s/^\tif (unlikely(!pcpu_mark_try_take(where, mark, bits)))$/\tif (mark \& PCPU_MARK_SPLIT \&\& !pcpu_mark_try_take(where, mark, bits))/
s/return off & (PCPU_GRANULE - 1) ? 0 : mark;/return mark;/
s/if (!(mark & PCPU_MARK_SPLIT) || off & 3)/if (!(mark \& PCPU_MARK_SPLIT))/
