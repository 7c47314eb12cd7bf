# The first waiter for a tag is woken for nothing again and again.
# file: lib/percpu_tag_wait.c
# bed: um
s/pool->flags & PERCPU_TAG_FIFO || pool->barged >= BARGE_MAX/pool->flags \& PERCPU_TAG_FIFO/
