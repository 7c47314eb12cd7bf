// SPDX-License-Identifier: GPL-2.0-only
/*
 * builtin: the part of the tests that is built-in if they are a module, too: static
 * percpu data of the kernel, and exports of the symbols that the module needs, in the
 * namespace of KUnit. Without the tests, the allocator has no exports for them.
 */
#include <kunit/visibility.h>

#include <linux/export.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/percpu-module.h>
#include <linux/printk.h>
#include <linux/smp.h>

#include <asm/sections.h>

#include "../account.h"
#include "../cache.h"
#include "../chunk.h"
#include "../debug/bad_free.h"
#include "../debug/hooks.h"
#include "../debug/redzone.h"
#include "../first_window.h"
#include "../layout.h"
#include "../objmap.h"
#include "../pages.h"
#include "builtin.h"

DEFINE_PER_CPU(long, pcpu_test_static);
EXPORT_SYMBOL_IF_KUNIT(pcpu_test_static);

/* layout.c */
EXPORT_SYMBOL_IF_KUNIT(pcpu_area);
EXPORT_SYMBOL_IF_KUNIT(pcpu_area_addr_to_off);
EXPORT_SYMBOL_IF_KUNIT(pcpu_area_far_to_off);
EXPORT_SYMBOL_IF_KUNIT(pcpu_unit_offsets);
EXPORT_SYMBOL_IF_KUNIT(__is_kernel_percpu_address);
EXPORT_SYMBOL_IF_KUNIT(is_kernel_percpu_address);
EXPORT_SYMBOL_IF_KUNIT(per_cpu_ptr_to_phys);

/* pages.c */
#ifdef CONFIG_MMU
EXPORT_SYMBOL_IF_KUNIT(pcpu_depopulate_page);
EXPORT_SYMBOL_IF_KUNIT(pcpu_flush_units);
EXPORT_SYMBOL_IF_KUNIT(pcpu_populate_page);
EXPORT_SYMBOL_IF_KUNIT(pcpu_populate_tables);
EXPORT_SYMBOL_IF_KUNIT(init_mm);
#endif

/* chunk.c, table.c */
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunk_create);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunk_init);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunk_ready);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunk_lock);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunk_release);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunk_table);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunk_top);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunk_creatable);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunk_unclaim);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunk_withhold);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunks_claim_bare);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunks_create_run);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunks_free);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunks_free_batch);
EXPORT_SYMBOL_IF_KUNIT(pcpu_chunks_inspect);
EXPORT_SYMBOL_IF_KUNIT(pcpu_counts);
EXPORT_SYMBOL_IF_KUNIT(pcpu_nr_populated);
EXPORT_SYMBOL_IF_KUNIT(pcpu_nr_present);
EXPORT_SYMBOL_IF_KUNIT(pcpu_range_alloc);
EXPORT_SYMBOL_IF_KUNIT(pcpu_range_free);
EXPORT_SYMBOL_IF_KUNIT(pcpu_slots);

/* objmap.c */
EXPORT_SYMBOL_IF_KUNIT(pcpu_objmap_clear);
EXPORT_SYMBOL_IF_KUNIT(pcpu_objmap_copy_length);
EXPORT_SYMBOL_IF_KUNIT(pcpu_objmap_set_long);
EXPORT_SYMBOL_IF_KUNIT(pcpu_small_alloc);
EXPORT_SYMBOL_IF_KUNIT(pcpu_small_free);
EXPORT_SYMBOL_IF_KUNIT(pcpu_small_prepare);
EXPORT_SYMBOL_IF_KUNIT(pcpu_small_split);

/* account.c */
#if defined(CONFIG_MEMCG) || defined(CONFIG_MEM_ALLOC_PROFILING)
EXPORT_SYMBOL_IF_KUNIT(pcpu_account_bytes);
EXPORT_SYMBOL_IF_KUNIT(pcpu_account_drop);
EXPORT_SYMBOL_IF_KUNIT(pcpu_account_record);
#endif

/* extent.c, cache.c, trim.c, balance.c */
EXPORT_SYMBOL_IF_KUNIT(pcpu_balance_now);
EXPORT_SYMBOL_IF_KUNIT(pcpu_cache_common);
EXPORT_SYMBOL_IF_KUNIT(pcpu_cache_count);
EXPORT_SYMBOL_IF_KUNIT(pcpu_cache_create);
EXPORT_SYMBOL_IF_KUNIT(pcpu_caches);
EXPORT_SYMBOL_IF_KUNIT(pcpu_caches_left);
EXPORT_SYMBOL_IF_KUNIT(pcpu_caches_trim);
EXPORT_SYMBOL_IF_KUNIT(pcpu_depot);
EXPORT_SYMBOL_IF_KUNIT(pcpu_depot_get);
EXPORT_SYMBOL_IF_KUNIT(pcpu_depot_put);
EXPORT_SYMBOL_IF_KUNIT(pcpu_extent_alloc);
EXPORT_SYMBOL_IF_KUNIT(pcpu_extent_alloc_run);
EXPORT_SYMBOL_IF_KUNIT(pcpu_worker_pause);
EXPORT_SYMBOL_IF_KUNIT(pcpu_worker_resume);

/* percpu.c */
EXPORT_SYMBOL_IF_KUNIT(pcpu_alloc_module_noprof);
EXPORT_SYMBOL_IF_KUNIT(pcpu_free_module);
EXPORT_SYMBOL_IF_KUNIT(pcpu_nr_pages);

/* first_window.c */
#ifdef CONFIG_MMU
EXPORT_SYMBOL_IF_KUNIT(pcpu_early_gap);
#endif

/* first_chunk.c */
#ifdef CONFIG_NUMA
EXPORT_SYMBOL_IF_KUNIT(pcpu_node_base);
EXPORT_SYMBOL_IF_KUNIT(pcpu_node_stride);
#endif

/* debug/ */
EXPORT_SYMBOL_IF_KUNIT(pcpu_bad_free_count);
EXPORT_SYMBOL_IF_KUNIT(pcpu_bad_free_diagnose);
EXPORT_SYMBOL_IF_KUNIT(pcpu_bad_free_name);
#ifdef CONFIG_PERCPU_DEBUG
EXPORT_SYMBOL_IF_KUNIT(pcpu_debug_alloc_size);
EXPORT_SYMBOL_IF_KUNIT(pcpu_debug_drain);
EXPORT_SYMBOL_IF_KUNIT(pcpu_debug_key);
EXPORT_SYMBOL_IF_KUNIT(pcpu_debug_report);
EXPORT_SYMBOL_IF_KUNIT(pcpu_debug_switch);
EXPORT_SYMBOL_IF_KUNIT(pcpu_quarantine_count);
EXPORT_SYMBOL_IF_KUNIT(pcpu_quarantine_init);
#endif

/* What the tests need of other files */
EXPORT_SYMBOL_IF_KUNIT(__per_cpu_end);
EXPORT_SYMBOL_IF_KUNIT(__per_cpu_start);
#ifdef CONFIG_SMP
EXPORT_SYMBOL_IF_KUNIT(__boot_cpu_id);
#endif
#ifdef CONFIG_PRINTK
EXPORT_SYMBOL_IF_KUNIT(__printk_deferred_enter);
EXPORT_SYMBOL_IF_KUNIT(__printk_deferred_exit);
#endif
