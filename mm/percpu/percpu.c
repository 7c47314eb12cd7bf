// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu: the interface, allocations; see free.c for frees.
 *
 * Sizes that have a class come from the per-CPU cache (cache.c), larger ones from
 * the chunks (extent.c); a cache keeps a few of these. If the cache has an object and
 * no accounting, tracing or check is needed, the fast path skips all other steps:
 * check the request, charge, allocate an extent and populate it, clear, set the object
 * map, call the hooks.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/percpu-module.h>
#include <linux/percpu-present.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
#include <asm/cpufeature.h>
#endif

#include "account.h"
#include "cache.h"
#include "chunk.h"
#include "debug/hooks.h"
#include "pages.h"

/*
 * Zero an object in all units, by a few stores for each unit: clearing is most of the cost
 * of a small allocation.
 */

/* More bytes than this are cleared by memset() if it is fast. */
#define PCPU_CLEAR_STORES_MAX	256

/* Without fast string instructions memset() of x86-64 is a loop of stores. */
#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
#define pcpu_memset_is_fast()	cpu_feature_enabled(X86_FEATURE_FSRS)
#else
#define pcpu_memset_is_fast()	true
#endif

/*
 * Zero @bytes, a constant, 4 or a multiple of 8, by stores without a loop. They are
 * volatile, or the compiler would replace them by a call of memset().
 */
static __always_inline void pcpu_zero(unsigned long addr, unsigned int bytes)
{
	unsigned int i;

	if (bytes == 4)
		WRITE_ONCE(*(u32 *)addr, 0);
	_Pragma("GCC unroll 64")
	for (i = 0; i + 8 <= bytes; i += 8)
		WRITE_ONCE(*(u64 *)(addr + i), 0);
}

/* Zero @bytes, a constant, of each copy; @addr is that of unit 0. */
static __always_inline void pcpu_zero_copies(unsigned long addr,
					     unsigned int bytes)
{
	unsigned long stride = pcpu_area.stride, end = addr + pcpu_area.span;

	do {
		pcpu_zero(addr, bytes);
		addr += stride;
	} while (addr != end);
}

/*
 * Zero twice @bytes, a constant, of each copy, the second time @skip bytes behind: they
 * may overlap, which takes fewer instructions than to tell sizes apart in each copy.
 */
static __always_inline void pcpu_zero_copies_twice(unsigned long addr,
						   unsigned int bytes,
						   unsigned long skip)
{
	unsigned long stride = pcpu_area.stride, end = addr + pcpu_area.span;

	do {
		pcpu_zero(addr, bytes);
		pcpu_zero(addr + skip, bytes);
		addr += stride;
	} while (addr != end);
}

/*
 * Zero @size bytes of each copy, in blocks of @block bytes, a constant and not more than
 * @size: the last two blocks may overlap.
 */
static __always_inline void pcpu_zero_copies_long(unsigned long addr,
						  unsigned int size,
						  unsigned int block)
{
	unsigned long stride = pcpu_area.stride, end = addr + pcpu_area.span, last, at;

	do {
		last = addr + size - block;
		for (at = addr; at < last; at += block)
			pcpu_zero(at, block);
		pcpu_zero(last, block);
		addr += stride;
	} while (addr != end);
}

/* Clear any size. */
static noinline void pcpu_clear_memset(unsigned long addr, size_t size)
{
	unsigned long stride = pcpu_area.stride, end = addr + pcpu_area.span;

	do {
		memset((void *)addr, 0, size);
		addr += stride;
	} while (addr != end);
}

/* @addr, here and below, is the address of the object in unit 0. */
static __always_inline void pcpu_clear_small(unsigned long addr,
					     unsigned int class)
{
	if (class)
		pcpu_zero_copies(addr, 8);
	else
		pcpu_zero_copies(addr, 4);
}

/* Bytes of an object that pcpu_clear_short() clears. */
#define PCPU_CLEAR_SHORT	64

/* Clear up to PCPU_CLEAR_SHORT bytes, a multiple of 16. */
static __always_inline void pcpu_clear_short(unsigned long addr,
					     unsigned int size)
{
	if (size & 64)
		pcpu_zero_copies(addr, 64);
	else if (size > 32)
		pcpu_zero_copies_twice(addr, 32, size - 32);
	else if (size > 16)
		pcpu_zero_copies(addr, 32);
	else
		pcpu_zero_copies(addr, 16);
}

/* Clear more than PCPU_CLEAR_STORES_MAX bytes, a multiple of 16. */
static __always_inline void pcpu_clear_long(unsigned long addr,
					    unsigned int size)
{
	if (pcpu_memset_is_fast())
		pcpu_clear_memset(addr, size);
	else
		pcpu_zero_copies_long(addr, size, 256);
}

/*
 * Clear a wide object, a multiple of 16 bytes. With larger blocks a copy takes fewer
 * turns; of a short object too much would be zeroed twice.
 */
static __always_inline void pcpu_clear_wide(unsigned long addr,
					    unsigned int size)
{
	if (size < 2048 || pcpu_memset_is_fast())
		pcpu_clear_long(addr, size);
	else
		pcpu_zero_copies_long(addr, size, 512);
}

/* Clear any multiple of 16 bytes. */
static __always_inline void pcpu_clear_granules(unsigned long addr,
						unsigned int size)
{
	if (size <= PCPU_CLEAR_SHORT)
		pcpu_clear_short(addr, size);
	else if (size <= 128)
		pcpu_zero_copies_twice(addr, 64, size - 64);
	else if (size <= PCPU_CLEAR_STORES_MAX)
		pcpu_zero_copies_twice(addr, 128, size - 128);
	else
		pcpu_clear_long(addr, size);
}

/* Flags of the caller that are passed to the page allocator and to slab. */
#define PCPU_GFP_PASSED		(GFP_KERNEL | __GFP_HIGH | __GFP_NORETRY | \
				 __GFP_NOWARN)

/**
 * struct pcpu_request - an allocation
 * @size: bytes on each CPU, as requested
 * @align: alignment in bytes, as requested but at least %PCPU_ALIGN_MIN
 * @gfp: flags of the caller within its context
 * @kind: what the object is for. Unless it is %PCPU_KIND_OBJECT, the object is not
 *	cached, and its entry in the object map is one that free_percpu() treats as
 *	"no live object"
 * @owned: the object may get an owner
 * @debug: percpu_debug= checks the object
 * @class: size class, or %PCPU_CLASS_LONG
 * @alloc_size: bytes on each CPU that the object takes
 * @err: why it is refused
 */
struct pcpu_request {
	size_t size;
	size_t align;
	gfp_t gfp;
	enum pcpu_kind kind;
	bool owned;
	bool debug;
	unsigned int class;
	size_t alloc_size;
	int err;
};

/* Return true if the object may be charged or tagged. */
static inline bool pcpu_account_wanted(gfp_t gfp)
{
	return ((gfp & __GFP_ACCOUNT) && memcg_kmem_online()) ||
	       mem_alloc_profiling_enabled();
}

/* All objects are aligned to it; an alignment below it need not be a power of two. */
#define PCPU_ALIGN_MIN	4UL

/* Check what the caller asks for, and choose the class and the size that it takes. */
static int pcpu_request_check(struct pcpu_request *req)
{
	bool section = req->kind != PCPU_KIND_OBJECT;
	size_t size = req->size;

	req->align = max(req->align, PCPU_ALIGN_MIN);
	if (unlikely(!size || !is_power_of_2(req->align) || req->align > PAGE_SIZE))
		return -EINVAL;
	if (unlikely(size > pcpu_area.max_object))
		return -E2BIG;
	req->owned = pcpu_account_wanted(req->gfp) &&
		     req->kind != PCPU_KIND_PRESENT;
	if (unlikely(pcpu_may_fail() && pcpu_should_fail(size, req->gfp)))
		return -ECANCELED;
	if (req->owned)
		size = max(size, PCPU_OWNED_MIN);
	size = min(size + PCPU_SHADOW_GAP, pcpu_area.max_object);
	req->debug = pcpu_debug_enabled() && req->kind != PCPU_KIND_PRESENT &&
		     pcpu_debug_alloc_size(size) + req->align <= pcpu_area.max_object;
	if (pcpu_debug_begun() && req->debug)
		size = pcpu_debug_alloc_size(size);
	req->class = req->debug || section ? PCPU_CLASS_LONG :
					     pcpu_class_of(size, req->align);
	req->alloc_size = req->class < PCPU_NR_SMALL ? pcpu_class_size(req->class) :
						       ALIGN(size, PCPU_GRANULE);
	return 0;
}

/* The words for the error of a request, for the log. */
static const char *pcpu_strerror(const struct pcpu_request *req)
{
	bool window = req->kind == PCPU_KIND_MODULE && pcpu_modules_in_first_window();

	switch (req->err) {
	case -EINVAL:
		return !req->size ? "size is 0" :
		       req->align > PAGE_SIZE ? "alignment is over a page" :
		       "alignment is not a power of two";
	case -E2BIG:
		return window ? "size is over the limit, raise percpu_reserve=" :
				"size is over the limit";
	case -ECANCELED:
		return "fault injection";
	case -ENOSPC:
		return window ? "the module range is full, raise percpu_reserve=" :
		       req->kind == PCPU_KIND_MODULE ?
		       "the module range is full, see percpu_area=" :
		       req->alloc_size > PCPU_CHUNK_SIZE ?
		       "no adjacent chunks are free, see percpu_area=" :
		       "the area is full, see percpu_area=";
	case -EBUSY:
		return "the last free chunks or pages are being given back or populated";
	case -EAGAIN:
		return "not enough populated memory, and the caller may not populate";
	default:
		return "out of memory for pages, page tables or metadata";
	}
}

/* Bytes of the red zone before the object: a granule if it is checked. */
static unsigned int pcpu_request_front(const struct pcpu_request *req)
{
	return req->debug && req->kind == PCPU_KIND_OBJECT ? PCPU_DEBUG_FRONT : 0;
}

/* Allocate an extent for the request, or take one from the cache. */
static unsigned long pcpu_request_alloc_extent(const struct pcpu_request *req)
{
	/* The alignment of the object is kept. */
	const unsigned int front = pcpu_request_front(req) ?
				   max_t(unsigned int, req->align, PCPU_DEBUG_FRONT) : 0;
	unsigned int nr = (req->alloc_size + front) >> PCPU_GRANULE_SHIFT;
	unsigned long off = PCPU_NO_OFF;

	if (req->kind == PCPU_KIND_OBJECT && nr <= PCPU_CACHED_MAX)
		off = pcpu_cache_alloc_wide(nr, req->align);
	if (off == PCPU_NO_OFF)
		off = pcpu_extent_alloc(nr, req->align, req->kind, req->gfp & PCPU_GFP_PASSED);
	if (likely(!front) || IS_ERR_VALUE(off))
		return off;
	if (front > PCPU_DEBUG_FRONT)
		pcpu_chunks_free(off, (front - PCPU_DEBUG_FRONT) >> PCPU_GRANULE_SHIFT);
	return off + front;
}

/* Return cached memory, before an allocation is tried once more. */
static noinline void pcpu_request_drain(const struct pcpu_request *req)
{
	if (!gfpflags_allow_blocking(req->gfp)) {
		pcpu_caches_drain_some();
		return;
	}
	/* Draining the quarantine can take long. */
	if (pcpu_debug_begun())
		pcpu_debug_drain();
	/* Caches of other CPUs may hold the missing memory. */
	pcpu_caches_drain();
}

/* Free the granules of the request. */
static void pcpu_request_unplace(const struct pcpu_request *req, unsigned long off)
{
	unsigned int front = pcpu_request_front(req);

	if (req->class != PCPU_CLASS_LONG)
		pcpu_cache_free_slow(off, req->class);
	else
		pcpu_chunks_free(off - front, (req->alloc_size + front) >> PCPU_GRANULE_SHIFT);
}

/* Bytes of each copy that are cleared without a pause, if the caller may sleep. */
#define PCPU_CLEAR_PART		(16U << 10)

/* Clear an object without a class, in parts. */
static noinline void pcpu_request_clear_long(const struct pcpu_request *req,
					     unsigned long off)
{
	size_t part, size = req->alloc_size;

	for (; size; off += part, size -= part) {
		part = min_t(size_t, size, PCPU_CLEAR_PART);
		pcpu_clear_granules(pcpu_area_off_to_addr(off), part);
		if (size > PCPU_CLEAR_PART && gfpflags_allow_blocking(req->gfp))
			cond_resched();
	}
}

/*
 * Clear the object, and set the object map: the object can be freed from then on. Return
 * its pointer.
 */
static void __percpu *pcpu_request_finish(const struct pcpu_request *req,
					  unsigned long off,
					  unsigned long caller)
{
	unsigned int nr = req->alloc_size >> PCPU_GRANULE_SHIFT;
	unsigned long addr = pcpu_area_off_to_addr(off);

	/* KASAN must not see a write beyond the requested size. */
	if (PCPU_SHADOW)
		pcpu_shadow_unpoison(off, req->size);
	/* Some copies of a present object have no memory: the caller clears the others. */
	if (PCPU_SHADOW && req->kind != PCPU_KIND_PRESENT)
		pcpu_clear_memset(addr, req->size);
	else if (req->class < PCPU_NR_SMALL)
		pcpu_clear_small(addr, req->class);
	else if (likely(req->class != PCPU_CLASS_LONG))
		pcpu_clear_granules(addr, req->alloc_size);
	else if (req->kind != PCPU_KIND_PRESENT)
		pcpu_request_clear_long(req, off);
	if (pcpu_debug_begun() && req->debug)
		pcpu_debug_alloc(off, req->size, req->alloc_size,
				 req->kind == PCPU_KIND_MODULE, caller);
	if (unlikely(req->kind != PCPU_KIND_OBJECT))
		pcpu_objmap_write_long(off, PCPU_OBJMAP_MODULE_LONG, nr);
	else if (unlikely(req->debug))
		pcpu_objmap_write_long(off, PCPU_OBJMAP_DEBUG, nr);
	else if (req->class < PCPU_NR_SMALL)
		pcpu_objmap_set_small(off);
	else if (likely(req->class != PCPU_CLASS_LONG))
		pcpu_objmap_set_granules(off, nr);
	else
		pcpu_objmap_set_long(off, nr);
	pcpu_stats_alloc(req->size);
	if (pcpu_alloc_has_hooks())
		pcpu_alloc_hooks(off, req->size, req->align, req->alloc_size,
				 req->kind == PCPU_KIND_MODULE, req->gfp, caller);
	return pcpu_area_addr_to_ptr(addr);
}

/* Log why a request is refused; the module loader does it, by @why, for a module. */
static noinline void pcpu_request_refused(const struct pcpu_request *req,
					  unsigned long caller, const char **why)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);
	bool module = req->kind == PCPU_KIND_MODULE;

	trace_percpu_alloc_percpu_fail(module, !gfpflags_allow_blocking(req->gfp),
				       req->size, req->align);
	if (module)
		*why = pcpu_strerror(req);
	if (module || (req->gfp & __GFP_NOWARN) || !__ratelimit(&limit))
		return;
	pr_warn("allocation refused: %s (size %zu, align %zu, gfp %pGg, caller %pS, limit %lu)\n",
		pcpu_strerror(req), req->size, req->align, &req->gfp,
		(void *)caller, pcpu_area.max_object);
}

/*
 * Allocate an object with all steps; the fast paths fail into this. Most pcpu_request_*()
 * functions have one caller, so that the compiler inlines them. Return NULL if the request
 * is refused, with the reason in @why if it is for a module, or if the cgroup is over its
 * limit.
 */
static noinline void __percpu *pcpu_alloc_slow(size_t size, size_t align,
					       unsigned long caller, gfp_t gfp,
					       enum pcpu_kind kind, const char **why)
{
	struct pcpu_request req = {
		.size = size,
		.align = align,
		.gfp = current_gfp_context(gfp),
		.kind = kind,
	};
	unsigned long off = PCPU_NO_OFF;
	struct obj_cgroup *objcg = NULL;
	unsigned int tries;

	req.err = pcpu_request_check(&req);
	if (unlikely(req.err))
		goto refused;
	if (unlikely(req.owned && kind == PCPU_KIND_OBJECT &&
		     !pcpu_account_charge(req.alloc_size, req.gfp, &objcg)))
		return NULL;

	for (tries = 0; IS_ERR_VALUE(off) && tries < 2; tries++) {
		if (tries)
			pcpu_request_drain(&req);
		off = req.class != PCPU_CLASS_LONG ?
		      pcpu_cache_alloc_slow(req.class, req.align, req.gfp & PCPU_GFP_PASSED) :
		      pcpu_request_alloc_extent(&req);
	}
	pcpu_balance_check();
	if (req.owned && !IS_ERR_VALUE(off) &&
	    !pcpu_account_record(off, req.alloc_size, req.gfp & PCPU_GFP_PASSED, objcg)) {
		pcpu_request_unplace(&req, off);
		off = -ENOMEM;
	}
	if (IS_ERR_VALUE(off)) {
		req.err = off;
		pcpu_account_cancel(req.alloc_size, objcg);
		pcpu_balance_kick();
		goto refused;
	}
	return pcpu_request_finish(&req, off, caller);
refused:
	pcpu_request_refused(&req, caller, why);
	return NULL;
}

/*
 * Allocate an object of a small class. This function and the following ones call
 * no other unless they fail, so that each saves no more registers than it needs.
 */
static noinline void __percpu *pcpu_alloc_small(size_t size, size_t align,
						unsigned long caller,
						gfp_t gfp)
{
	unsigned int class = pcpu_class_of_small(size, align);
	unsigned long addr, off = pcpu_cache_alloc_fast(class, 1);

	if (unlikely(off == PCPU_NO_OFF))
		return pcpu_alloc_slow(size, align, caller, gfp, PCPU_KIND_OBJECT, NULL);
	addr = pcpu_area_off_to_addr(off);
	pcpu_clear_small(addr, class);
	pcpu_objmap_set_small(off);
	pcpu_stats_alloc(size);
	return pcpu_area_addr_to_ptr(addr);
}

/* Allocate an object of up to 64 bytes, aligned to a granule at most. */
static noinline void __percpu *pcpu_alloc_short(size_t size, size_t align,
						unsigned long caller, gfp_t gfp)
{
	unsigned int nr = DIV_ROUND_UP((unsigned int)size, PCPU_GRANULE);
	unsigned int class = pcpu_class_of_granules(nr);
	unsigned long addr, off = pcpu_cache_alloc_fast(class, 1);

	if (unlikely(off == PCPU_NO_OFF))
		return pcpu_alloc_slow(size, align, caller, gfp, PCPU_KIND_OBJECT, NULL);
	addr = pcpu_area_off_to_addr(off);
	pcpu_clear_short(addr, nr * PCPU_GRANULE);
	pcpu_objmap_set_granules(off, nr);
	pcpu_stats_alloc(size);
	return pcpu_area_addr_to_ptr(addr);
}

/* Allocate an object of any class of granules. */
static noinline void __percpu *pcpu_alloc_medium(size_t size, size_t align,
						 unsigned long caller,
						 gfp_t gfp)
{
	unsigned int nr = DIV_ROUND_UP((unsigned int)size, PCPU_GRANULE);
	unsigned int class = pcpu_class_of_granules(nr);
	unsigned long addr, off = pcpu_cache_alloc_fast(class, align);

	if (unlikely(off == PCPU_NO_OFF))
		return pcpu_alloc_slow(size, align, caller, gfp, PCPU_KIND_OBJECT, NULL);
	addr = pcpu_area_off_to_addr(off);
	pcpu_clear_granules(addr, nr * PCPU_GRANULE);
	pcpu_objmap_set_granules(off, nr);
	pcpu_stats_alloc(size);
	return pcpu_area_addr_to_ptr(addr);
}

/* Allocate an object over a class, of up to %PCPU_WIDE_BYTES. */
static noinline void __percpu *pcpu_alloc_wide(size_t size, size_t align,
					       unsigned long caller, gfp_t gfp)
{
	unsigned int nr = DIV_ROUND_UP((unsigned int)size, PCPU_GRANULE);
	unsigned long addr, off = pcpu_cache_alloc_wide(nr, align);

	if (unlikely(off == PCPU_NO_OFF))
		return pcpu_alloc_slow(size, align, caller, gfp, PCPU_KIND_OBJECT, NULL);
	addr = pcpu_area_off_to_addr(off);
	pcpu_clear_wide(addr, nr * PCPU_GRANULE);
	pcpu_objmap_set_wide(off, nr);
	pcpu_stats_alloc(size);
	return pcpu_area_addr_to_ptr(addr);
}

/**
 * pcpu_alloc - allocate an object on every possible CPU
 * @size: bytes on each CPU, not 0; at most pcpu_area.max_object, which is at
 *	least a chunk
 * @align: alignment on each CPU, a power of two, at most %PAGE_SIZE; less than 4 is 4
 * @reserved: unused, only pcpu_alloc_module() allocates from the module reserve
 * @gfp: allocation flags
 *
 * The object is zero on every possible CPU, online or not.
 *
 * %__GFP_ACCOUNT charges the current cgroup. %__GFP_NOWARN suppresses the log
 * line of a refusal. %__GFP_NOFAIL is ignored: the allocation may fail.
 *
 * Context: any that @gfp allows, except NMI. With %GFP_KERNEL it may sleep to
 * populate pages. It holds no lock then, so %GFP_NOFS, %GFP_NOIO and reclaim may
 * call it. Without %__GFP_DIRECT_RECLAIM it does not sleep and may be called with
 * IRQs off.
 * Return: percpu pointer, or %NULL.
 */
void __percpu *pcpu_alloc_noprof(size_t size, size_t align, bool reserved,
				 gfp_t gfp)
{
	/* Over PAGE_SIZE if size or alignment is 0. */
	size_t most = (size - 1) | (align - 1);

	might_alloc(gfp);
	/* The fast paths only cover what no charge, hook or fault injection has to see. */
	if (unlikely(most >= PAGE_SIZE || align & (align - 1) || pcpu_account_wanted(gfp) ||
		     pcpu_alloc_has_hooks() || pcpu_may_fail()))
		return pcpu_alloc_slow(size, align, _RET_IP_, gfp, PCPU_KIND_OBJECT, NULL);
	if (most < 8)
		return pcpu_alloc_small(size, align, _RET_IP_, gfp);
	if (size <= PCPU_CLEAR_SHORT && likely(align <= PCPU_GRANULE))
		return pcpu_alloc_short(size, align, _RET_IP_, gfp);
	if (likely(size <= PCPU_CLASS_GRANULES * PCPU_GRANULE))
		return pcpu_alloc_medium(size, align, _RET_IP_, gfp);
	if (size <= PCPU_WIDE_BYTES)
		return pcpu_alloc_wide(size, align, _RET_IP_, gfp);
	return pcpu_alloc_slow(size, align, _RET_IP_, gfp, PCPU_KIND_OBJECT, NULL);
}
EXPORT_SYMBOL_GPL(pcpu_alloc_noprof);

/**
 * pcpu_alloc_module - allocate the percpu section of a module
 * @size: bytes on each CPU, not 0; at most pcpu_area.max_object
 * @align: alignment on each CPU, a power of two, at most %PAGE_SIZE; less than 4 is 4
 * @why: set to the reason if the request is refused
 *
 * All relocations of all modules reach the object. It is zero on every possible
 * CPU, no cgroup is charged for it, and only pcpu_free_module() frees it. A refusal
 * is not logged, as the caller knows the name of the module.
 *
 * Context: process context, may sleep.
 * Return: percpu pointer, or %NULL.
 */
void __percpu *pcpu_alloc_module_noprof(size_t size, size_t align,
					const char **why)
{
	might_alloc(current_gfp_context(GFP_KERNEL));
	return pcpu_alloc_slow(size, align, _RET_IP_, GFP_KERNEL, PCPU_KIND_MODULE, why);
}

#ifdef CONFIG_PERCPU_PRESENT
/**
 * pcpu_alloc_present - allocate an object with memory on present CPUs only
 * @size: bytes on each CPU, not 0; at most %PCPU_PRESENT_MAX
 * @align: alignment on each CPU, a power of two, at most %PAGE_SIZE; less than 4 is 4
 * @gfp: allocation flags; no cgroup is charged
 *
 * The copy of a CPU that never was online reads as zeroes, and must not be written to. Other
 * copies have any contents, but are zero if the CPU became present after the object was
 * allocated, or if no copy was written to. Only pcpu_free_present() frees the object.
 *
 * Context: any that @gfp allows, except NMI; between pcpu_present_enter() and
 * pcpu_present_leave().
 * Return: percpu pointer, or %NULL.
 */
void __percpu *pcpu_alloc_present(size_t size, size_t align, gfp_t gfp)
{
	might_alloc(gfp);
	return pcpu_alloc_slow(size, align, _RET_IP_, gfp, PCPU_KIND_PRESENT, NULL);
}
#endif
