# A page that was given back is still mapped.
# file: mm/percpu/pages.c
# bed: um
/^\t\tpte_clear(&init_mm, addr, pte);/d
