# A search for tags does not see lists that have some.
# file: lib/percpu_tag_list.c
# bed: tag
/cpumask_set_cpu(list->cpu, list->pool->marked);/d
