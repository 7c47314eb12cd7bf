# A free wakes the first waiter, but the waiter does not know that it has to look.
# file: lib/percpu_tag_wait.c
# bed: tag
/WRITE_ONCE(pool->drainer, w);/d
