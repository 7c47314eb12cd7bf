# A run of chunks that could not be completed keeps what it had.
# file: mm/percpu/chunk.c
/pcpu_chunks_unclaim_run(start, nr);/d
