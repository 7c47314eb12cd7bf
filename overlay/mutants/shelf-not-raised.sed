# A shelf is taken to have no longer run than before something was given back.
# file: mm/percpu/chunk.c
/^	pcpu_chunk_add_free(chunk, nr);/,/^}/s/^	pcpu_shelf_raise(chunk);/	;/
