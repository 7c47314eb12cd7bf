# A page is published before it has memory, so that another CPU may use it.
# file: mm/percpu/extent.c
/^static int pcpu_extent_populate_page(/,/^}/s/^\t\terr = pcpu_populate_page/\t\tpcpu_chunk_publish_pages(chunk, BIT_ULL(page), run, max), err = pcpu_populate_page/
