// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu: the interface.  An allocation is: check, charge, place and populate,
 * clear, publish.  What has a class is taken from what the CPU has at hand
 * (arena.c), the rest from the chunks (extent.c).  When an object is at hand and
 * nobody pays, none of the former needs more than a look.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/io.h>
#include <linux/kmemleak.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/percpu-module.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#define CREATE_TRACE_POINTS
#include <trace/events/percpu.h>

#include "account.h"
#include "age.h"
#include "arena.h"
#include "balance.h"
#include "clear.h"
#include "debug.h"
#include "extent.h"
#include "fail.h"
#include "mark.h"
#include "shadow.h"
#include "stats.h"
#include "wrong.h"

/* What callers may hand through to the page allocator and to slab. */
#define PCPU_GFP_PASSED		(GFP_KERNEL | __GFP_HIGH | __GFP_NORETRY | \
				 __GFP_NOWARN)

/**
 * struct pcpu_request - one allocation on its way
 * @size: bytes on each CPU, as asked for
 * @align: alignment in bytes, as asked for
 * @gfp: the caller's flags within its context
 * @module: for a module's percpu section
 * @owned: somebody may have to pay for it
 * @debug: it is checked, see debug.c
 * @class: size class, or %PCPU_CLASS_LONG
 * @room: bytes on each CPU that the object takes
 * @why: the reason, when the request is refused
 */
struct pcpu_request {
	size_t size;
	size_t align;
	gfp_t gfp;
	bool module;
	bool owned;
	bool debug;
	unsigned int class;
	size_t room;
	const char *why;
};

/* Whether the request makes sense; finds out what will serve it. */
static bool pcpu_request_check(struct pcpu_request *req)
{
	size_t size = req->size;

	if (unlikely(!size)) {
		req->why = "size is 0";
		return false;
	}
	if (unlikely(!is_power_of_2(req->align))) {
		req->why = "alignment is no power of two";
		return false;
	}
	if (unlikely(req->align > PAGE_SIZE)) {
		req->why = "alignment is over a page";
		return false;
	}
	if (unlikely(size > pcpu_area_max_object())) {
		req->why = req->module && pcpu_area_modules_near() ?
			   "size is over the limit, raise percpu_reserve=" :
			   "size is over the limit";
		return false;
	}
	if (unlikely(pcpu_should_fail(size, req->gfp))) {
		req->why = "a fault is injected";
		return false;
	}

	req->owned = pcpu_account_wanted(req->gfp);
	if (req->owned)
		size = max(size, PCPU_OWNED_MIN);
	if (req->module)
		size = max(size, PCPU_GRANULE);
	size = min(size + PCPU_SHADOW_GAP, pcpu_area_max_object());
	req->debug = pcpu_debug_enabled() && !req->module &&
		     pcpu_debug_room(size) <= pcpu_area_max_object();
	if (req->debug) {
		req->class = PCPU_CLASS_LONG;
		req->room = pcpu_debug_room(size);
		return true;
	}
	req->class = pcpu_class_of(size, req->align);
	if (likely(req->class != PCPU_CLASS_LONG))
		req->room = pcpu_class_size(req->class);
	else
		req->room = ALIGN(size, PCPU_GRANULE);
	return true;
}

/* Get offsets with memory for what is not at hand. */
static unsigned long pcpu_request_place_slow(struct pcpu_request *req)
{
	gfp_t gfp = req->gfp & PCPU_GFP_PASSED;
	struct pcpu_place place = {
		.size = req->room,
		.align = req->align,
		.module = req->module,
	};

	if (req->class == PCPU_CLASS_LONG || req->module)
		return pcpu_extent_alloc(&place, gfp, &req->why);
	return pcpu_arena_refill(req->class, req->align, gfp, &req->why);
}

/* Take what the CPU has at hand. */
static unsigned long pcpu_request_at_hand(const struct pcpu_request *req)
{
	if (unlikely(req->module))
		return PCPU_NO_OFF;
	if (req->class == PCPU_CLASS_LONG)
		return pcpu_arena_take_long(req->room >> PCPU_GRANULE_SHIFT,
					    req->align);
	return pcpu_arena_take(req->class, req->align);
}

static unsigned long pcpu_request_place(struct pcpu_request *req)
{
	unsigned long off = pcpu_request_at_hand(req);

	if (likely(off != PCPU_NO_OFF))
		return off;
	off = pcpu_request_place_slow(req);
	if (unlikely(off == PCPU_NO_OFF)) {
		bool may_wait = gfpflags_allow_blocking(req->gfp);

		/* What takes long is not for who has IRQs off. */
		if (may_wait)
			pcpu_debug_drain();
		/* It may be what others have at hand that is missing. */
		pcpu_age(true, may_wait);
		off = pcpu_request_place_slow(req);
	}
	pcpu_balance_check();
	return off;
}

/* Clear a large object for a caller that may sleep. */
static void pcpu_clear_patiently(unsigned long off, size_t size)
{
	size_t part;

	for (; size; off += part, size -= part) {
		part = min_t(size_t, size, PAGE_SIZE);
		pcpu_clear(off, part);
		cond_resched();
	}
}

/* Whether anybody wants to hear of each object that is given out. */
static inline bool pcpu_alloc_is_heard(void)
{
	return IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || pcpu_shadow_is_kept() ||
	       pcpu_debug_enabled() || trace_percpu_alloc_percpu_enabled();
}

/* Tell who wants to hear of a new object. */
static noinline void pcpu_announce_alloc(const struct pcpu_request *req,
					 unsigned long off,
					 unsigned long caller)
{
	void __percpu *ptr = pcpu_area_off_to_ptr(off);
	unsigned long in = off & (PCPU_CHUNK_SIZE - 1);

	kmemleak_alloc_percpu(ptr, req->size, req->gfp);
	trace_percpu_alloc_percpu(caller, req->module,
				  !gfpflags_allow_blocking(req->gfp), req->size,
				  req->align,
				  (void *)pcpu_area_off_to_addr(off - in), in,
				  ptr, pcpu_account_bytes(req->room), req->gfp);
}

static void pcpu_request_clear(const struct pcpu_request *req,
			       unsigned long off)
{
	/* Where KASAN looks, what lies behind the object is not ours to clear. */
	if (pcpu_shadow_is_kept()) {
		pcpu_shadow_give(off, req->size);
		pcpu_clear(off, req->size);
		return;
	}
	if (likely(req->class != PCPU_CLASS_LONG))
		pcpu_clear_class(off, req->class);
	else if (gfpflags_allow_blocking(req->gfp))
		pcpu_clear_patiently(off, req->room);
	else
		pcpu_clear(off, req->room);
}

/* From now on it can be freed. */
static void pcpu_request_mark(const struct pcpu_request *req, unsigned long off,
			      unsigned long caller)
{
	if (unlikely(req->debug))
		pcpu_debug_give(off, req->size, req->room, caller);
	else if (unlikely(req->module))
		pcpu_mark_give_module(off, req->room >> PCPU_GRANULE_SHIFT);
	else if (likely(req->class != PCPU_CLASS_LONG))
		pcpu_mark_give(off, req->class);
	else
		pcpu_mark_give_long(off, req->room >> PCPU_GRANULE_SHIFT);
}

/* Clear the object, tell everybody, and turn it into a pointer. */
static void __percpu *pcpu_request_finish(struct pcpu_request *req,
					  unsigned long off,
					  struct obj_cgroup *objcg,
					  unsigned long caller)
{
	pcpu_request_clear(req, off);
	pcpu_request_mark(req, off, caller);
	if (req->owned)
		pcpu_account_record(off, req->room,
				    req->gfp & PCPU_GFP_PASSED, objcg);
	pcpu_stats_alloc(req->size);
	if (pcpu_alloc_is_heard())
		pcpu_announce_alloc(req, off, caller);
	return pcpu_area_off_to_ptr(off);
}

static void pcpu_request_refused(struct pcpu_request *req, unsigned long caller)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);

	trace_percpu_alloc_percpu_fail(req->module,
				       !gfpflags_allow_blocking(req->gfp),
				       req->size, req->align);
	if ((req->gfp & __GFP_NOWARN) || !__ratelimit(&limit))
		return;
	pr_warn("allocation refused: %s (size %zu, align %zu, gfp %pGg, caller %pS, limit %lu)\n",
		req->why, req->size, req->align, &req->gfp, (void *)caller,
		pcpu_area_max_object());
}

/* Any allocation. */
static noinline void __percpu *pcpu_alloc_slow(size_t size, size_t align,
					       unsigned long caller, gfp_t gfp)
{
	struct pcpu_request req = {
		.size = size,
		.align = align,
		.gfp = current_gfp_context(gfp),
	};
	struct obj_cgroup *objcg = NULL;
	unsigned long off;

	if (unlikely(!pcpu_request_check(&req)))
		goto refused;
	if (unlikely(req.owned &&
		     !pcpu_account_charge(req.room, req.gfp, &objcg)))
		return NULL;

	off = pcpu_request_place(&req);
	if (unlikely(off == PCPU_NO_OFF)) {
		pcpu_account_cancel(req.room, objcg);
		pcpu_balance_kick();
		goto refused;
	}
	return pcpu_request_finish(&req, off, objcg, caller);

refused:
	pcpu_request_refused(&req, caller);
	return NULL;
}

/*
 * A plain allocation, after a look at what is at hand: with the chunks' help.
 * What it cannot have at once is for the others.
 */
static noinline void __percpu *pcpu_alloc_missed(size_t size, size_t align,
						 unsigned long caller,
						 gfp_t gfp)
{
	unsigned int class = pcpu_class_of(size, align);
	unsigned long off;
	const char *why;

	off = pcpu_arena_refill(class, align,
				current_gfp_context(gfp) & PCPU_GFP_PASSED,
				&why);
	if (unlikely(off == PCPU_NO_OFF))
		return pcpu_alloc_slow(size, align, caller, gfp);
	pcpu_balance_check();
	pcpu_clear_class(off, class);
	pcpu_mark_give(off, class);
	pcpu_stats_alloc(size);
	return pcpu_area_off_to_ptr(off);
}

/* Whether an allocation concerns nobody else. */
static __always_inline bool pcpu_request_is_plain(gfp_t gfp)
{
	return !pcpu_account_wanted(gfp) && !pcpu_alloc_is_heard() &&
	       !pcpu_may_have_to_fail();
}

/*
 * Allocate an object of a small class. This and what follows are functions of
 * their own that call nothing on the way to success, so that each saves no more
 * registers than it needs.
 */
static noinline void __percpu *pcpu_alloc_small(size_t size, size_t align,
						unsigned long caller,
						gfp_t gfp)
{
	unsigned int class = pcpu_class_of_small(size, align);
	unsigned long addr, off = pcpu_arena_take(class, 1);

	if (unlikely(off == PCPU_NO_OFF))
		return pcpu_alloc_missed(size, align, caller, gfp);
	addr = pcpu_area_off_to_addr(off);
	pcpu_clear_small(addr, class);
	pcpu_mark_give_small(off);
	pcpu_stats_alloc(size);
	return pcpu_area_addr_to_ptr(addr);
}

/* The same for granules; @few: they are short, and no more aligned than one. */
static __always_inline void __percpu *pcpu_alloc_granules(size_t size,
							  size_t align,
							  unsigned long caller,
							  gfp_t gfp, bool few)
{
	unsigned int nr = DIV_ROUND_UP((unsigned int)size, PCPU_GRANULE);
	unsigned long addr, off;

	off = pcpu_arena_take(pcpu_class_of_granules(nr), few ? 1 : align);
	if (unlikely(off == PCPU_NO_OFF))
		return pcpu_alloc_missed(size, align, caller, gfp);
	addr = pcpu_area_off_to_addr(off);
	if (few)
		pcpu_clear_short(addr, nr * PCPU_GRANULE);
	else
		pcpu_clear_granules(addr, nr * PCPU_GRANULE);
	pcpu_mark_give_granules(off, nr);
	pcpu_stats_alloc(size);
	return pcpu_area_addr_to_ptr(addr);
}

static noinline void __percpu *pcpu_alloc_few(size_t size, size_t align,
					      unsigned long caller, gfp_t gfp)
{
	return pcpu_alloc_granules(size, align, caller, gfp, true);
}

static noinline void __percpu *pcpu_alloc_many(size_t size, size_t align,
					       unsigned long caller, gfp_t gfp)
{
	return pcpu_alloc_granules(size, align, caller, gfp, false);
}

/**
 * pcpu_alloc - allocate an object on every possible CPU
 * @size: bytes on each CPU; at most pcpu_area_max_object(), which is at least
 *	1 MB on 64-bit
 * @align: alignment on each CPU, a power of two, at most %PAGE_SIZE
 * @reserved: means nothing any more; there is no reserve that one could ask for
 * @gfp: allocation flags
 *
 * The object is zero on every possible CPU, online or not.
 *
 * %__GFP_ACCOUNT charges the current cgroup. %__GFP_NOWARN keeps refusals
 * quiet. %__GFP_NOFAIL is accepted but promises nothing, as ever: it is not
 * passed on, and the allocation may fail.
 *
 * Context: any that @gfp allows, but NMI. With %GFP_KERNEL it may sleep, to
 * populate pages; it holds no lock while it does, so %GFP_NOFS, %GFP_NOIO and
 * reclaim itself may call it. Without %__GFP_DIRECT_RECLAIM it does not sleep
 * and may be called with IRQs off.
 * Return: percpu pointer, or %NULL.
 */
void __percpu *pcpu_alloc_noprof(size_t size, size_t align, bool reserved,
				 gfp_t gfp)
{
	/* Of size or alignment 0 this is more than any class has. */
	size_t most = (size - 1) | (align - 1);

	might_alloc(gfp);
	if (unlikely(most >= PAGE_SIZE || align & (align - 1) ||
		     !pcpu_request_is_plain(gfp)))
		return pcpu_alloc_slow(size, align, _RET_IP_, gfp);
	if (most < 8)
		return pcpu_alloc_small(size, align, _RET_IP_, gfp);
	if (size <= PCPU_CLEAR_SHORT && likely(align <= PCPU_GRANULE))
		return pcpu_alloc_few(size, align, _RET_IP_, gfp);
	if (likely(size <= PCPU_CLASS_GRANULES * PCPU_GRANULE))
		return pcpu_alloc_many(size, align, _RET_IP_, gfp);
	return pcpu_alloc_slow(size, align, _RET_IP_, gfp);
}
EXPORT_SYMBOL_GPL(pcpu_alloc_noprof);

/**
 * pcpu_alloc_module - allocate a module's percpu section
 * @size: bytes on each CPU; at most pcpu_area_max_object()
 * @align: alignment on each CPU, a power of two, at most %PAGE_SIZE
 * @why: where to store the reason when it is refused
 *
 * All code of modules reaches the object by all its relocations. It is zero on
 * every possible CPU, nobody is charged for it, and pcpu_free_module() frees it.
 * A refusal is not logged: the caller knows the module's name.
 *
 * Context: process context; may sleep.
 * Return: percpu pointer, or %NULL.
 */
void __percpu *pcpu_alloc_module_noprof(size_t size, size_t align,
					const char **why)
{
	struct pcpu_request req = {
		.size = size,
		.align = align,
		.gfp = current_gfp_context(GFP_KERNEL),
		.module = true,
	};
	unsigned long off = PCPU_NO_OFF;

	might_alloc(req.gfp);
	if (pcpu_request_check(&req))
		off = pcpu_request_place(&req);
	if (off == PCPU_NO_OFF) {
		trace_percpu_alloc_percpu_fail(true, false, size, align);
		*why = req.why;
		return NULL;
	}
	return pcpu_request_finish(&req, off, NULL, _RET_IP_);
}

/* Give back an object that its class does not keep; return its bytes. */
static size_t pcpu_free_extent(unsigned long off, unsigned int class)
{
	struct pcpu_run run = { .off = off };
	unsigned int nr;

	if (class == PCPU_CLASS_LONG)
		nr = pcpu_mark_take_long(off);
	else
		nr = pcpu_class_granules(class);
	pcpu_shadow_take(off, (size_t)nr << PCPU_GRANULE_SHIFT);
	run.nr = nr;
	/* It is still in use for the chunk, which stays. */
	if (!pcpu_chunk_is_reserved(pcpu_chunk_of(off), off))
		pcpu_arena_keep_long(&run);
	if (run.nr)
		pcpu_extent_free(run.off, run.nr);
	return (size_t)nr << PCPU_GRANULE_SHIFT;
}

/* Whether anybody wants to hear of each object that is freed. */
static inline bool pcpu_free_is_heard(void)
{
	return IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || pcpu_shadow_is_kept() ||
	       trace_percpu_free_percpu_enabled();
}

/*
 * Those who keep books by address must hear of a free before the address can
 * be handed out again, and only once, however many try to free.
 */
static void pcpu_announce_free(void __percpu *ptr, unsigned long off)
{
	unsigned long in = off & (PCPU_CHUNK_SIZE - 1);

	if (!pcpu_free_is_heard())
		return;
	kmemleak_free_percpu(ptr);
	trace_percpu_free_percpu((void *)pcpu_area_off_to_addr(off - in), in,
				 ptr);
}

/* The object is gone: nobody pays for it any more. */
static void pcpu_free_finish(size_t size, struct pcpu_owner *owner)
{
	if (!pcpu_owner_is_none(owner))
		pcpu_account_drop(size, owner);
	pcpu_stats_free();
}

/* Free an object that is checked; return %false when there is none at @off. */
static bool pcpu_free_debug(void __percpu *ptr, unsigned long off,
			    unsigned long caller)
{
	size_t room = pcpu_debug_take(off, caller);
	struct pcpu_owner owner;

	if (likely(!room))
		return false;
	pcpu_shadow_take(off, room);
	pcpu_announce_free(ptr, off);
	owner = pcpu_owner_take(pcpu_chunk_of(off), off);
	pcpu_debug_retire(off, room);
	pcpu_balance_check();
	pcpu_free_finish(room, &owner);
	return true;
}

/* Any free. */
static noinline void pcpu_free_slow(void __percpu *ptr, unsigned long caller)
{
	struct pcpu_owner owner;
	enum pcpu_kept kept;
	unsigned int class;
	unsigned long off;
	size_t size;

	if (!ptr)
		return;

	off = pcpu_area_ptr_to_off(ptr);
	if (unlikely(off == PCPU_NO_OFF)) {
		pcpu_wrong_report(ptr, caller);
		return;
	}
	if (pcpu_debug_begun() && pcpu_free_debug(ptr, off, caller))
		return;
	kept = pcpu_arena_claim(off, &class, &owner);
	if (unlikely(kept == PCPU_NOT_LIVE)) {
		pcpu_wrong_report(ptr, caller);
		return;
	}
	pcpu_announce_free(ptr, off);
	if (kept == PCPU_NOT_KEPT) {
		size = pcpu_free_extent(off, class);
		pcpu_balance_check();
	} else {
		size = pcpu_class_size(class);
		pcpu_shadow_take(off, size);
		pcpu_arena_exchange(off, class);
	}
	pcpu_free_finish(size, &owner);
}

/**
 * free_percpu - free an object on every CPU
 * @ptr: from alloc_percpu() and the like; %NULL is fine
 *
 * What is not the beginning of a live object is reported, and nothing changes.
 *
 * Context: any but NMI.
 */
void free_percpu(void __percpu *ptr)
{
	/* NULL, like most that is wrong, is far from the first window. */
	unsigned long off = pcpu_area_ptr_to_rel(ptr);

	if (unlikely(off >= pcpu_area_max_object() || pcpu_free_is_heard() ||
		     !pcpu_arena_keep(off))) {
		pcpu_free_slow(ptr, _RET_IP_);
		return;
	}
	pcpu_stats_free();
}
EXPORT_SYMBOL_GPL(free_percpu);

/**
 * pcpu_free_module - free a module's percpu section
 * @ptr: from pcpu_alloc_module(); %NULL is fine
 *
 * Nobody else can: free_percpu() of a module's variable is refused.
 *
 * Context: any but NMI.
 */
void pcpu_free_module(void __percpu *ptr)
{
	unsigned long off = pcpu_area_ptr_to_off(ptr);
	struct pcpu_owner owner;
	unsigned int granules;
	size_t size;

	if (!ptr)
		return;
	granules = off == PCPU_NO_OFF ? 0 : pcpu_mark_take_module(off);
	if (!granules) {
		pcpu_wrong_report(ptr, _RET_IP_);
		return;
	}
	/* It is ours now: nobody can be given the address before we are done. */
	size = (size_t)granules << PCPU_GRANULE_SHIFT;
	pcpu_shadow_take(off, size);
	pcpu_announce_free(ptr, off);
	owner = pcpu_owner_take(pcpu_chunk_of(off), off);
	pcpu_extent_free(off, granules);
	pcpu_balance_check();
	pcpu_free_finish(size, &owner);
}

/**
 * __is_kernel_percpu_address - whether an address is static percpu data
 * @addr: address
 * @can_addr: where to store the address of the boot CPU's copy, or %NULL
 *
 * Context: any.
 * Return: %true for the kernel's own percpu data, on any possible CPU. On UP
 * that cannot be told from other data, and the answer is %false.
 */
bool __is_kernel_percpu_address(unsigned long addr, unsigned long *can_addr)
{
	unsigned long off;
	unsigned int unit;

	if (!pcpu_area.static_size ||
	    !pcpu_area_addr_to_off(addr, &off, &unit) ||
	    off >= pcpu_area.static_size || !cpu_possible(unit))
		return false;
	if (can_addr)
		*can_addr = off + pcpu_area_unit_addr(get_boot_cpu_id(), 0);
	return true;
}

/**
 * is_kernel_percpu_address - whether an address is static percpu data
 * @addr: address
 *
 * Percpu data of modules is not meant, see is_module_percpu_address().
 *
 * Context: any.
 * Return: true if @addr is a static percpu variable of the kernel on some CPU.
 */
bool is_kernel_percpu_address(unsigned long addr)
{
	return __is_kernel_percpu_address(addr, NULL);
}

/**
 * per_cpu_ptr_to_phys - physical address of a CPU's copy
 * @addr: from per_cpu_ptr() and the like; the object must stay allocated
 *
 * Use this, not __pa(): percpu memory need not be linear.
 *
 * Context: any.
 * Return: the physical address.
 */
phys_addr_t per_cpu_ptr_to_phys(void *addr)
{
	if (is_vmalloc_addr(addr))
		return page_to_phys(vmalloc_to_page(addr)) +
		       offset_in_page(addr);
	return __pa(addr);
}

/**
 * pcpu_nr_pages - pages behind percpu memory
 *
 * Context: any.
 * Return: populated pages in all units, without the allocator's own data.
 */
unsigned long pcpu_nr_pages(void)
{
	return READ_ONCE(pcpu_counts.populated) * pcpu_nr_units();
}
