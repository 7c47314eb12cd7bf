# The last granule of what is given back stays in use.
# file: mm/percpu/chunk.c
/^static unsigned int pcpu_word_clear/,/^}/s/~1UL/~0UL/
