# A chunk is freed while a lookup may use it.
# file: mm/percpu/table.c
s/call_rcu(&chunk->rcu, pcpu_chunk_free_rcu);/pcpu_chunk_free_rcu(\&chunk->rcu);/
