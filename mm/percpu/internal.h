/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The percpu area: a map for the reader. This file has no code.
 * Documentation/mm/percpu.rst has a glossary, and follows an allocation and a free
 * through the files.
 *
 * Every possible CPU owns one unit; units are numbered by the rank of their CPU. A
 * percpu pointer is an offset into all units at once; adding __per_cpu_offset[cpu]
 * makes it the address of that CPU's copy. Offsets are divided into chunks of
 * PCPU_CHUNK_PAGES pages.
 *
 * CPU-major layout: a unit is one contiguous range, mapped at boot.
 *
 *            offset 0                  1 chunk     2 chunks
 *    unit 0  | static | early dynamic | chunk 1   | chunk 2 ...
 *            :                          stride
 *    unit 1  | static | early dynamic | chunk 1   | chunk 2 ...
 *
 * The first chunk may begin further behind, see pcpu_area.first.
 *
 * Chunk-major layout: the first window is linear memory, later windows lie in a
 * vmalloc reservation, and the units of a window are one stride apart.
 *
 *    linear   | unit 0: window 0 | unit 1: window 0 | ...
 *    vmalloc  | unit 0: window 1 | unit 1: window 1 | ...
 *             | unit 0: window 2 | unit 1: window 2 | ...
 *
 * A window is a whole number of chunks. The CPU-major layout has one window, so that
 * an object may be as long as the area. In the chunk-major layout no object crosses
 * the end of a window.
 *
 * The files, the lowest layer first. A file includes, calls and locks only what is
 * listed before it.
 *
 *    layout    offset <-> address <-> unit; size classes         layout.[ch]
 *    pages     populates and unmaps pages; may a caller populate  pages.[ch]
 *    chunk     one chunk: used granules, pages, hints; counts populated pages
 *                                                                chunk.[ch]
 *    objmap    live object at each granule; finds double frees, in the header;
 *              granules split into objects of 4 and 8 bytes      objmap.[ch]
 *    place     chooses the offset of a run, an extent or a module  place.c
 *    table     all chunks, takes their lock; places what is longer than a chunk;
 *              claims chunks and pages for the worker and CPU hotplug  table.c
 *    account   owners: memcg charges and allocation tags         account.[ch]
 *    extent    granules with memory: has them placed, then populated; queues the
 *              worker                                            extent.c
 *    cache     free objects of each CPU, the depot between caches; cuts the offset
 *              of a new object off a run                         cache.[ch]
 *    trim      the life of a cache: made, trimmed, emptied when its CPU goes offline
 *                                                                trim.c
 *    clear     zeroes all copies of an object                    clear.h
 *    balance   the worker: trims, refills the reserve of populated pages, gives
 *              pages back                                        balance.c
 *    percpu    the interface; reports Percpu: of /proc/meminfo   percpu.c
 *    present   objects with memory on CPUs that have been online: gives a CPU its
 *              copies before that, names writes to copies of absent CPUs  present.c
 *
 *    first_window  what both layouts build on: boot parameters, addresses before
 *              vmalloc works, offsets that modules reach, metadata
 *                                                                first_window.[ch]
 *    first_mapped  builds the CPU-major layout                   first_mapped.c
 *    first_chunk  chooses the layout, builds the chunk-major one  first_chunk.c
 *
 *    debug/    diagnostics; the allocator includes debug/hooks.h only
 *      hooks     calls to what must see each object, the KASAN shadow, lifetime
 *                counters, fault injection                   hooks.[ch]
 *      redzone   red zones, poison and quarantine            redzone.[ch]
 *      bad_free  reports frees that the object map refused   bad_free.[ch]
 *      debugfs   files in debugfs                            debugfs.c
 *
 * Locks. None nests in another, except pcpu_map_lock in pcpu_kmsan_mutex. The steps are
 * those of one acquisition, whatever the size of the area.
 *
 *    cache->lock        raw, IRQs off   the cache of an isolated CPU, and the run of
 *                                       all CPUs: allocations only try its lock,
 *                                       trims and drains take it. Other caches are
 *                                       owned by their CPU with IRQs off. Steps: a
 *                                       copy of at most 96 objects, and two for each
 *                                       of 66 classes
 *    pcpu_depot_lock    raw, IRQs off   the depot. Steps: a copy of a batch, up to 32
 *                                       objects, or one for each of 66 classes
 *    pcpu_chunk_lock    raw, IRQs off   the chunks, their table, slots and counts.
 *                                       Steps: PCPU_SEARCH_STEPS chunks and pages, or
 *                                       the pages of one chunk; the granules of
 *                                       PCPU_SMALL_PAGES pages; PCPU_LOCK_CHUNKS
 *                                       chunks that the worker looks at; a range in
 *                                       one chunk, or the objects of one magazine, up
 *                                       to 64; for a module, one for each page of a
 *                                       linear first window
 *    pcpu_quarantine->lock  raw, IRQs off  freed objects that percpu_debug= checks
 *    pcpu_map_lock      IRQs off        one page table entry
 *    pcpu_tables_lock   IRQs off        the end of the page tables that exist
 *    pcpu_kmsan_mutex   KMSAN only      metadata of a page that is mapped
 *
 * No lock but the mutex is held while memory is allocated, mapped, cleared or
 * charged, and no loop over CPUs runs under any of them. Entries of the object map
 * change by one atomic operation each, without a lock.
 *
 * "make -C tools/testing/percpu worst" searches for the longest time under each.
 *
 * Conservation, in granules, checked by tests/validate.c, a validator per level:
 *
 *    free + live + split + cached + withheld + static == chunks
 */
#ifndef _MM_PERCPU_INTERNAL_H
#define _MM_PERCPU_INTERNAL_H

#endif /* _MM_PERCPU_INTERNAL_H */
