// SPDX-License-Identifier: GPL-2.0-only
/*
 * hooks: kmemleak, the tracepoints, lifetime counters and fault injection.
 */
#include <linux/compiler.h>
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/kmemleak.h>

#define CREATE_TRACE_POINTS
#include "../account.h"
#include "../chunk.h"
#include "hooks.h"

/*
 * Report a new object to kmemleak and to the tracepoint: @size and @align as requested,
 * and the bytes that it takes on each CPU. Any context that @gfp allows.
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

/*
 * Report a free to KASAN, kmemleak and the tracepoint; the object takes @size bytes on
 * each CPU. Any context. All of them key objects by address: call this exactly once for
 * each object, after the free was found to be valid and before the address can be
 * reused.
 */
void pcpu_free_hooks(void __percpu *ptr, unsigned long off, size_t size)
{
	unsigned long in = off & (PCPU_CHUNK_SIZE - 1);

	if (PCPU_SHADOW)
		pcpu_shadow_poison(off, size);
	kmemleak_free_percpu(ptr);
	trace_percpu_free_percpu((void *)pcpu_area_off_to_addr(off - in), in,
				 ptr);
}

#ifdef CONFIG_PERCPU_STATS

struct pcpu_stats pcpu_stats = {
	.min_size = ULONG_MAX,
};

/* Count an allocation of @size bytes. Any context. */
void pcpu_stats_alloc(size_t size)
{
	long cur = atomic_long_inc_return(&pcpu_stats.nr_alloc) -
		   atomic_long_read(&pcpu_stats.nr_free);
	long max = atomic_long_read(&pcpu_stats.nr_max);

	while (cur > max &&
	       !atomic_long_try_cmpxchg(&pcpu_stats.nr_max, &max, cur))
		;
	if (size < READ_ONCE(pcpu_stats.min_size))
		WRITE_ONCE(pcpu_stats.min_size, size);
	if (size > READ_ONCE(pcpu_stats.max_size))
		WRITE_ONCE(pcpu_stats.max_size, size);
}

#endif /* CONFIG_PERCPU_STATS */

#ifdef CONFIG_FAIL_PERCPU

/*
 * See Documentation/fault-injection/fault-injection.rst. Slab and the page allocator,
 * which populate pages and charges need, have fault injection of their own.
 */
DECLARE_FAULT_ATTR(pcpu_fail_attr);

/* Return true if an allocation must fail; one with %__GFP_NOFAIL does not. */
bool pcpu_should_fail(size_t size, gfp_t gfp)
{
	if (gfp & __GFP_NOFAIL)
		return false;
	return should_fail_ex(&pcpu_fail_attr, size,
			      gfp & __GFP_NOWARN ? FAULT_NOWARN : 0);
}

static int __init pcpu_fail_setup(char *str)
{
	return setup_fault_attr(&pcpu_fail_attr, str);
}
__setup("fail_percpu=", pcpu_fail_setup);

/* Without debugfs the boot option and fail-nth remain. */
static int __init pcpu_fail_debugfs(void)
{
	fault_create_debugfs_attr("fail_percpu", NULL, &pcpu_fail_attr);
	return 0;
}
late_initcall(pcpu_fail_debugfs);

#endif /* CONFIG_FAIL_PERCPU */
