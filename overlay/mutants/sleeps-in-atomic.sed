# A caller that may not sleep may do so between two pages that it populates.
# file: mm/percpu/extent.c
/^static int pcpu_extent_populate(/,/^}/s/if (gfpflags_allow_blocking(gfp))/if (true)/
