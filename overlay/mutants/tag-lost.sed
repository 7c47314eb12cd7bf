# Who looks for a tag forgets the lists that have some.
# file: lib/percpu_tag.c
/cpumask_set_cpu(list->cpu, list->pool->have);/d
