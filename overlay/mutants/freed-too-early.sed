# A chunk is freed while somebody may look at it.
# file: mm/percpu/chunk.c
s/call_rcu(&chunk->rcu, pcpu_chunk_free_rcu);/pcpu_chunk_free_rcu(\&chunk->rcu);/
