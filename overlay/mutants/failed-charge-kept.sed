# A cgroup stays charged for an allocation that fails.
# file: mm/percpu/percpu.c
/^\t\tpcpu_account_cancel(req\.alloc_size, objcg);/d
