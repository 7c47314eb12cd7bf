# Change a copy of mm/percpu so that it does not check frees: the benchmark measures
# the cost of these checks.  An entry of the object map then only holds the class.
s/^\tif (unlikely(!bits))$/\tif (unlikely(pcpu_objmap_is_wide(entry)))/
s/^\tif (unlikely(!pcpu_objmap_try_clear(where, entry, bits)))$/\tif (entry \& PCPU_OBJMAP_SPLIT \&\& !pcpu_objmap_try_clear(where, entry, bits))/
s/(!mag->max || !pcpu_objmap_try_clear(where, entry, bits))/(!mag->max || (entry \& PCPU_OBJMAP_SPLIT \&\& !pcpu_objmap_try_clear(where, entry, bits)))/
s/return off & (PCPU_GRANULE - 1) ? 0 : entry;/return entry;/
s/if (!(entry & PCPU_OBJMAP_SPLIT) || off & 3)/if (!(entry \& PCPU_OBJMAP_SPLIT))/
