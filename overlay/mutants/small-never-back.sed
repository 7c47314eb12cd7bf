# A split granule is not freed when all its objects are.
# file: mm/percpu/objmap.c
s/if (\*mask == full) {/if (*mask == full \&\& class) {/
