# A page forgets how long its longest free run is.
# file: mm/percpu/chunk.c
s/^\tif (run > pg->run)$/\tif (run)/
s/^\t\tif (run > chunk->pages\[page\]\.run)$/\t\tif (run)/
