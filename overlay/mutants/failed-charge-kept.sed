# Who gets no object pays for it.
# file: mm/percpu/percpu.c
/^\t\tpcpu_account_cancel(req.room, objcg);/d
