# Who may not sleep might, between two pages that are populated.
# file: mm/percpu/extent.c
/^static bool pcpu_extent_populate_pages/,/^}/s/if (gfpflags_allow_blocking(gfp))/if (true)/
