/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interfaces that the stock allocator uses beyond shim.h.  Its sources are copied
 * from a kernel source during the build, and each header that they include is this
 * one.
 */
#ifndef _PERCPU_STOCK_SHIM_H
#define _PERCPU_STOCK_SHIM_H

#include <shim.h>

#define CONFIG_HAVE_SETUP_PER_CPU_AREA	1
#define NR_CPUS			4096
#define SMP_CACHE_BYTES		64

#define __initconst
#define __maybe_unused		__attribute__((unused))
#undef __alloc_size
#define __alloc_size(...)
#define DEFINE_FREE(...)
#define early_param(name, f)	static void *shim_param_##f __attribute__((unused)) = (void *)(f)
#define EXPORT_SYMBOL(x)	extern int shim_export_##x
#define data_race(x)		(x)
#define alloc_hooks(x)		(x)

/* arithmetic and bitmaps */
#define __ffs(x)		((unsigned long)__builtin_ctzl(x))
#define max_t(t, a, b)		max((t)(a), (t)(b))
#define __ALIGN_MASK(x, m)	(((x) + (m)) & ~(m))
#define IS_ALIGNED(x, a)	(!((x) & ((typeof(x))(a) - 1)))
#define PFN_ALIGN(x)		ALIGN((unsigned long)(x), PAGE_SIZE)
#define rounddown_pow_of_two(x)	(1UL << (63 - __builtin_clzl(x)))
#define set_bit(n, p)		__set_bit(n, p)
#define bitmap_fill(p, n)	bitmap_set(p, 0, n)
#define for_each_set_bitrange(b, e, p, size)				\
	for ((b) = 0; (b) = find_next_bit(p, size, b),			\
	     (e) = find_next_zero_bit(p, size, b), (b) < (size);	\
	     (b) = (e) + 1)

/* lists */
static inline void list_move_tail(struct list_head *n, struct list_head *h)
{
	list_del_init(n);
	list_add(n, h->prev);
}

#define list_first_entry(h, t, m)	container_of((h)->next, t, m)
#define list_for_each_entry_safe(pos, n, head, m)			\
	for (pos = list_first_entry(head, typeof(*pos), m),		\
	     n = list_first_entry(&pos->m, typeof(*pos), m);		\
	     &pos->m != (head);						\
	     pos = n, n = list_first_entry(&n->m, typeof(*n), m))

/* locks */
typedef raw_spinlock_t spinlock_t;
#define DEFINE_SPINLOCK(n)	DEFINE_RAW_SPINLOCK(n)
#define spin_lock_irqsave(l, f)		raw_spin_lock_irqsave(l, f)
#define spin_unlock_irqrestore(l, f)	raw_spin_unlock_irqrestore(l, f)
#define spin_lock_irq(l)	raw_spin_lock(l)
#define spin_unlock_irq(l)	raw_spin_unlock(l)

/* As in the kernel, it spins for a while before it sleeps. */
struct mutex { pthread_mutex_t m; unsigned int last; };
extern unsigned long stock_mutex_taken;
#define DEFINE_MUTEX(n)	struct mutex n = { PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP }
static inline void mutex_lock(struct mutex *m)
{
	pthread_mutex_lock(&m->m);
	stock_mutex_taken++;
	shim_locks.taken++;
	shim_locks.foreign += m->last != shim_cpu;
	m->last = shim_cpu;
}
#define mutex_lock_killable(l)	(mutex_lock(l), 0)
#define mutex_unlock(l)		pthread_mutex_unlock(&(l)->m)

#define ATOMIC_INIT(n)		{ n }
static inline int atomic_dec_if_positive(atomic_t *a)
{
	return a->v > 0 ? --a->v : -1;
}

/* warnings end the program */
#define WARN_ON(c)		({ bool bad_ = (c); if (bad_) abort(); bad_; })
#define WARN_ON_ONCE(c)		WARN_ON(c)
#define WARN(c, ...)		((c) ? fprintf(stderr, __VA_ARGS__) : 0)
#define BUG_ON(c)		assert(!(c))
#define BUG()			abort()
#define KERN_DEBUG		""
#define KERN_EMERG		""
#define printk(...)		shim_ignore(0, __VA_ARGS__)
#define pr_cont(...)		shim_ignore(0, __VA_ARGS__)
#define pr_info(...)		shim_ignore(0, __VA_ARGS__)
#define pr_emerg(fmt, ...)	fputs(fmt, stderr)
#define cpumask_pr_args(m)	0, 0

/* memory; there is no accounting */
struct obj_cgroup;
#define mem_cgroup_kmem_disabled()	true
#define __GFP_HIGHMEM		64u
#define __GFP_ZERO		128u
#define memblock_alloc(s, a)	calloc(1, s)
#define memblock_alloc_or_panic(s, a)	calloc(1, s)
#define memblock_free(p, s)	free(p)
#define __vmalloc(s, g)		calloc(1, s)
#define kvfree(p)		free(p)
#define PAGE_KERNEL		0
#define cpu_possible(c)		((c) < shim_nr_cpus)
#define flush_cache_vmap(a, b)		((void)(a), (void)(b))
#define flush_cache_vunmap(a, b)	((void)(a), (void)(b))
#define flush_tlb_kernel_range(a, b)	((void)(a), (void)(b))

struct page { unsigned long private; };
struct vm_struct { void *addr; };
struct page *alloc_pages_node(int node, gfp_t gfp, unsigned int order);
void __free_page(struct page *page);
#undef vmalloc_to_page
struct page *vmalloc_to_page(const void *addr);
int vmap_pages_range_noflush(unsigned long addr, unsigned long end, int prot, struct page **pages,
			     unsigned int shift, gfp_t gfp);
void vunmap_range_noflush(unsigned long addr, unsigned long end);
struct vm_struct **pcpu_get_vm_areas(const unsigned long *offsets, const size_t *sizes, int nr,
				     size_t align);
void pcpu_free_vm_areas(struct vm_struct **vms, int nr);

#define per_cpu_ptr(p, cpu)	((void *)((unsigned long)(p) + pcpu_unit_offsets[cpu] +	\
				 (unsigned long)pcpu_base_addr - (unsigned long)__per_cpu_start))

/* bed_work() and bed_settle() run the work item. */
struct stock_work { void (*func)(struct stock_work *work); };
#define work_struct		stock_work
#define DECLARE_WORK(n, f)	struct work_struct n = { f }
extern struct stock_work *stock_pending;
#define schedule_work(w)						\
	((void)(stock_pending = (w), __atomic_store_n(&shim_work_due, true, __ATOMIC_RELAXED)))

#endif /* _PERCPU_STOCK_SHIM_H */
