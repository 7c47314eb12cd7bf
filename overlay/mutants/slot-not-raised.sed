# The hint of a slot is not raised when a chunk gets a longer free run.
# file: mm/percpu/chunk.c
/^static void pcpu_chunk_raise/,/^}/s/^	pcpu_slot_raise(chunk);/	;/
