# A run of chunks that could not be completed keeps what it had.
# file: mm/percpu/table.c
/pcpu_chunks_unclaim_run(first, nr);/d
