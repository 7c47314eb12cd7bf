# A shallow tag is counted after its free.
# file: lib/percpu_tag.c
# bed: tag
s/^\(	*\)percpu_tag_shallow_put(list->pool, &wakes);/\1(void)shallow;/
