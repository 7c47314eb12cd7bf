/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The percpu area: a map for the reader.  No code lives here.
 *
 * Every CPU owns one unit.  A percpu pointer names an offset into all units at
 * once; adding __per_cpu_offset[cpu] turns it into that CPU's copy.  Offsets
 * are handed out in chunks of PCPU_CHUNK_PAGES pages.
 *
 * CPU-major layout (a unit is one contiguous range, mapped at boot):
 *
 *            offset 0                  1 chunk     2 chunks
 *    unit 0  | static | early dynamic | chunk 1   | chunk 2 ...
 *            :                          stride
 *    unit 1  | static | early dynamic | chunk 1   | chunk 2 ...
 *
 * Chunk-major layout (the first window is linear memory, later windows lie in
 * a vmalloc reservation, units of a window one stride apart):
 *
 *    linear   | unit 0: window 0 | unit 1: window 0 | ...
 *    vmalloc  | unit 0: window 1 | unit 1: window 1 | ...
 *             | unit 0: window 2 | unit 1: window 2 | ...
 *
 * A window holds a whole number of chunks.  In the CPU-major layout there is
 * one window, so an object may be as long as the area; in the chunk-major one
 * no object crosses the end of a window.
 *
 * What is what, from the ground up (a file includes, calls and locks downward
 * only):
 *
 *    area      offset <-> address <-> unit                       area.[ch]
 *    shadow    what KASAN is told                                shadow.h
 *    reach     offsets that the code of modules can name         reach.h
 *    class     sizes of objects                                  class.h
 *    populate  pages and page tables behind offsets              populate.[ch]
 *    chunk     64 pages of offsets: what is in use, in granules  chunk.[ch]
 *    mark      which live object begins at a granule             mark.[ch]
 *    extent    runs of granules, first fit by address            extent.[ch]
 *    small     granules split into objects of 4 and 8 bytes      small.[ch]
 *    quarantine  freed objects that nobody is given for a while  quarantine.[ch]
 *    debug     red zones, poison and owners of objects           debug.[ch]
 *    wrong     what is wrong with a free that was refused        wrong.[ch]
 *    owner     who pays for an object                            owner.h
 *    depot     batches that arenas had too much of               depot.[ch]
 *    arena     free objects that a group of CPUs has at hand     arena.[ch]
 *    age       what nobody needs goes back from there            age.[ch]
 *    clear     zeroes for all copies of an object                clear.h
 *    account   memcg and allocation profiling                    account.[ch]
 *    balance   the worker: keeps a reserve, gives pages back     balance.[ch]
 *    stats     lifetime counters                                 stats.[ch]
 *    fail      fault injection                                   fail.[ch]
 *    percpu    the interface: check, place, populate, clear      percpu.c
 *
 *    first_chunk, boot   run once                                first_chunk.[ch], boot.c
 *    check     one validator per level                           check.[ch]
 *    snapshot  a chunk's books, copied, to be read at leisure    snapshot.[ch]
 *    debugfs   what people look at             debugfs.[ch], report.c, sites.c
 *
 * Locks.  None nests in another, but pcpu_map_lock in the mutex that only KMSAN
 * has:
 *
 *    arena->lock        raw, IRQs off   what an arena has at hand that is shared,
 *                                       as the run of all arenas is; others
 *                                       belong to their CPU, IRQs off
 *    pcpu_depot_lock    raw, IRQs off   the depot
 *    pcpu_chunk_lock    raw, IRQs off   chunk table, pages, granules, small rooms
 *    pcpu_quarantine->lock  raw, IRQs off  freed objects that are checked
 *    pcpu_map_lock      IRQs off        one page table entry
 *    pcpu_kmsan_mutex   KMSAN only      what it keeps of a page that is mapped
 *
 * None but the mutex is held while memory is allocated, mapped, cleared or
 * charged, and no loop over CPUs runs under any of them.  Marks change by one
 * atomic operation each, without a lock.
 *
 * Conservation, checked by check.c, in granules:
 *
 *    free + live + split + at hand + withheld + static == chunks
 */
#ifndef _MM_PERCPU_INTERNAL_H
#define _MM_PERCPU_INTERNAL_H

#endif /* _MM_PERCPU_INTERNAL_H */
