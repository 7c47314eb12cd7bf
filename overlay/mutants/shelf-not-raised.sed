# A shelf is taken to have no longer run than before something was given back.
# file: mm/percpu/chunk.c
/^static void pcpu_chunk_raise/,/^}/s/^	pcpu_shelf_raise(chunk);/	;/
