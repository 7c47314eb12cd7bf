# An object's last page is left without memory if 16 bytes of it lie there.
# file: mm/percpu/extent.c
s/\(last = min(end, base + PCPU_CHUNK_SIZE)\) - 1;/\1 - 17;/
