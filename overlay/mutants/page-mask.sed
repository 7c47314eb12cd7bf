# An object's last page is left without memory if 16 bytes of it lie there.
# file: mm/percpu/extent.c
/^static int pcpu_extent_populate(/,/^}/s/<< PCPU_GRANULE_SHIFT);/<< PCPU_GRANULE_SHIFT) - 16;/
