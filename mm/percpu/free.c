// SPDX-License-Identifier: GPL-2.0-only
/*
 * free: the interface, frees.
 *
 * An object with a class goes to the per-CPU cache (cache.c), a longer one to the chunks
 * (table.c); a cache keeps a few of these. The fast path frees what has no owner and what
 * no hook must see. All others take the slow path, and so do invalid frees.
 */
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/percpu.h>
#include <linux/percpu-module.h>

#include "account.h"
#include "cache.h"
#include "chunk.h"
#include "debug/hooks.h"

/*
 * The object of @size bytes at @off belongs to the caller, and is not reused before its
 * granules are freed: call the hooks and detach its owner.
 */
static struct pcpu_owner pcpu_free_begin(void __percpu *ptr, unsigned long off, size_t size)
{
	if (pcpu_free_has_hooks())
		pcpu_free_hooks(ptr, off, size);
	return pcpu_owner_detach(pcpu_chunk_of(off), off);
}

/* The granules of the object are free: uncharge its owner. */
static void pcpu_free_end(size_t size, struct pcpu_owner *owner)
{
	pcpu_account_drop(size, owner);
	pcpu_stats_free();
}

/* Free an object with all steps, or report an invalid free. @rel: see pcpu_area_ptr_to_rel(). */
static noinline void pcpu_free_slow(unsigned long rel, unsigned long caller)
{
	void __percpu *ptr = pcpu_area_addr_to_ptr(pcpu_area.base + rel);
	unsigned long off;
	struct pcpu_owner owner;
	unsigned int class, nr;
	struct pcpu_run run;
	size_t size;

	if (!ptr)
		return;

	off = pcpu_area_ptr_to_off(ptr);
	if (unlikely(off == PCPU_NO_OFF))
		goto invalid;
	/* Not in free_percpu(), which would save registers for the call. */
	if (!pcpu_free_has_hooks() && pcpu_cache_free_wide(off)) {
		pcpu_stats_free();
		return;
	}
	if (pcpu_debug_begun()) {
		size = pcpu_debug_free(off, caller);
		if (size) {
			owner = pcpu_free_begin(ptr, off, size);
			pcpu_debug_retire(off, size);
			pcpu_balance_check();
			goto done;
		}
	}
	nr = pcpu_objmap_clear(off, &class);
	if (unlikely(!nr))
		goto invalid;
	size = class < PCPU_NR_SMALL ? pcpu_class_size(class) :
				       (size_t)nr << PCPU_GRANULE_SHIFT;
	owner = pcpu_free_begin(ptr, off, size);
	if (class == PCPU_CLASS_LONG) {
		run = (struct pcpu_run) { .off = off, .nr = nr };
		pcpu_cache_free_wide_slow(&run);
		pcpu_chunks_free(run.off, run.nr);
		pcpu_balance_check();
	} else {
		pcpu_cache_free_slow(off, class);
	}
done:
	pcpu_free_end(size, &owner);
	return;
invalid:
	pcpu_bad_free_report(ptr, caller);
}

/**
 * free_percpu - free an object on every CPU
 * @ptr: pointer from alloc_percpu() or another allocation function, or %NULL
 *
 * If no live object begins at @ptr, the free is reported and ignored.
 *
 * Context: any, except NMI.
 */
void free_percpu(void __percpu *ptr)
{
	/* NULL and most invalid pointers are beyond the first window. */
	unsigned long off = pcpu_area_ptr_to_rel(ptr);

	if (unlikely(off >= pcpu_area.max_object || pcpu_free_has_hooks() ||
		     !pcpu_cache_free_fast(off))) {
		pcpu_free_slow(off, _RET_IP_);
		return;
	}
	pcpu_stats_free();
}
EXPORT_SYMBOL_GPL(free_percpu);

/**
 * pcpu_free_module - free the percpu section of a module
 * @ptr: pointer from pcpu_alloc_module(), or %NULL
 *
 * free_percpu() of a variable of a module is an invalid free.
 *
 * Context: any, except NMI.
 */
void pcpu_free_module(void __percpu *ptr)
{
	unsigned long off = pcpu_area_ptr_to_off(ptr);
	struct pcpu_owner owner;
	unsigned int granules;
	size_t size;

	if (!ptr)
		return;
	granules = off == PCPU_NO_OFF ? 0 : pcpu_objmap_cmpxchg(off, PCPU_OBJMAP_MODULE_LONG, 0);
	if (!granules) {
		pcpu_bad_free_report(ptr, _RET_IP_);
		return;
	}
	size = (size_t)granules << PCPU_GRANULE_SHIFT;
	if (pcpu_debug_begun() && !pcpu_chunk_of(off)->present)
		pcpu_debug_free_section(off, size);
	owner = pcpu_free_begin(ptr, off, size);
	pcpu_chunks_free(off, granules);
	pcpu_balance_check();
	pcpu_free_end(size, &owner);
}
