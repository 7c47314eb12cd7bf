# A waiter for fewer shallow tags that was granted one ends no further waits.
# file: lib/percpu_tag_wait.c
# bed: um
/^static int shallow_leave/,/^}/s/^\t\t\tshallow_grant(pool, &wakes);/\t\t\tif (err)\n\t\t\t\tshallow_grant(pool, \&wakes);/
