// SPDX-License-Identifier: GPL-2.0-only
/*
 * hooks: kmemleak and the tracepoints.
 */
#include <linux/gfp.h>
#include <linux/kmemleak.h>

#define CREATE_TRACE_POINTS
#include "../account.h"
#include "../chunk.h"
#include "hooks.h"

/**
 * pcpu_alloc_hooks - report a new object to kmemleak and to the tracepoint
 * @off: its offset
 * @size: bytes on each CPU, as requested
 * @align: alignment, as requested
 * @alloc_size: bytes on each CPU that the object takes
 * @module: the object is the percpu section of a module
 * @gfp: allocation flags
 * @caller: return address of the allocation
 *
 * Context: any that @gfp allows.
 */
void pcpu_alloc_hooks(unsigned long off, size_t size, size_t align,
		      size_t alloc_size, bool module, gfp_t gfp,
		      unsigned long caller)
{
	void __percpu *ptr = pcpu_area_off_to_ptr(off);
	unsigned long in = off & (PCPU_CHUNK_SIZE - 1);

	kmemleak_alloc_percpu(ptr, size, gfp);
	trace_percpu_alloc_percpu(caller, module, !gfpflags_allow_blocking(gfp),
				  size, align,
				  (void *)pcpu_area_off_to_addr(off - in), in,
				  ptr, pcpu_account_bytes(alloc_size), gfp);
}

/**
 * pcpu_free_hooks - report a free to KASAN, kmemleak and the tracepoint
 * @ptr: the object
 * @off: its offset
 * @size: bytes on each CPU that it takes
 *
 * All of them key objects by address: call this exactly once for each object, after
 * the free was found to be valid and before the address can be reused.
 *
 * Context: any.
 */
void pcpu_free_hooks(void __percpu *ptr, unsigned long off, size_t size)
{
	unsigned long in = off & (PCPU_CHUNK_SIZE - 1);

	pcpu_shadow_poison(off, size);
	kmemleak_free_percpu(ptr);
	trace_percpu_free_percpu((void *)pcpu_area_off_to_addr(off - in), in,
				 ptr);
}
