# Where memset() clears, that of the first CPU is not.
# file: mm/percpu/percpu.c
/^static noinline void pcpu_clear_memset/,/^}/s/^\tdo {/\taddr += (pcpu_area.span > stride) * stride;\n&/
