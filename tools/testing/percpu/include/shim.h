/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shim: the interfaces of the kernel that mm/percpu/ uses, in userspace.
 *
 * CPUs are simulated: a thread sets the number of the CPU that it runs on.  Locks,
 * memory and messages have two implementations, see plain.h and strict.h.
 */
#ifndef _PERCPU_SHIM_H
#define _PERCPU_SHIM_H

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <limits.h>
#include <errno.h>
#include <unistd.h>

/* types, annotations */
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef int32_t s32;
typedef unsigned int gfp_t;
typedef uint64_t phys_addr_t;

#define CONFIG_SMP		1
#if __SIZEOF_LONG__ == 4 && !defined(CONFIG_32BIT)
#define CONFIG_32BIT		1
#endif
#ifndef CONFIG_32BIT
#define CONFIG_64BIT		1
#endif
#define CONFIG_MMU		1
#define CONFIG_PERCPU_PRESENT	1
#define BITS_PER_LONG		(8 * __SIZEOF_LONG__)
#ifndef PAGE_SHIFT
#define PAGE_SHIFT		12
#endif
#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)
#define PFN_UP(x)		(((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PFN_DOWN(x)		((x) >> PAGE_SHIFT)

#define __percpu
#define __force
#define __init
#undef __always_inline
#define __always_inline	inline __attribute__((always_inline))
#define noinline	__attribute__((noinline))
#define __initdata
#define __section(s)
#define __ro_after_init
#define __read_mostly
#define L1_CACHE_BYTES		64
#define ____cacheline_aligned_in_smp	__attribute__((aligned(64)))
#define EXPORT_SYMBOL_GPL(x)	extern int shim_export_##x
/* An option is defined as 1, or not defined. */
#define SHIM_IS_1		0,
#define SHIM_SECOND(a, b, ...)	b
#define SHIM_IS_ON(junk)	SHIM_SECOND(junk 1, 0)
#define SHIM_IS(value)		SHIM_IS_ON(SHIM_IS_##value)
#define IS_ENABLED(x)		SHIM_IS(x)
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#ifdef __SANITIZE_THREAD__
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
#define data_race(e)		({ AnnotateIgnoreReadsBegin(__FILE__, __LINE__);	\
				   __auto_type v_ = (e);				\
				   AnnotateIgnoreReadsEnd(__FILE__, __LINE__); v_; })
#else
#define data_race(e)		(e)
#endif
/* Reads through a pointer are ordered after the read of the pointer. */
#define READ_ONCE(x)		__atomic_load_n(&(x), __builtin_classify_type(x) == 5 ?	\
						__ATOMIC_CONSUME : __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_store_release(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
extern int (*shim_sleep)(useconds_t us);
#define usleep_range(a, b)	shim_sleep(a)
extern void (*shim_relax)(void);
#define cpu_relax()		shim_relax()
#define might_alloc(g)		((void)(g))
#define _RET_IP_		((unsigned long)__builtin_return_address(0))
#define swap(a, b)		do { typeof(a) t_ = (a); (a) = (b); (b) = t_; } while (0)
#define container_of(p, t, m)	((t *)((char *)(p) - offsetof(t, m)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define HZ			100
#define SZ_2M			(2UL << 20)
#define SZ_4M			(4UL << 20)
#define PCPU_MIN_UNIT_SIZE	(32UL << 10)
#define KASAN_VMALLOC_PROT_NORMAL	1
#define kasan_unpoison_vmalloc(addr, size, flags)	((void)(addr), (void)(size))
#define kasan_poison_vmalloc(addr, size)		((void)(addr), (void)(size))

/* arithmetic */
#define min_t(t, a, b)	min((t)(a), (t)(b))
#define max_t(t, a, b)	max((t)(a), (t)(b))
#define min(a, b)	({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b)	({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ > b_ ? a_ : b_; })
#define max3(a, b, c)	max(max(a, b), c)
#define min3(a, b, c)	min(min(a, b), c)
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define ALIGN(x, a)		(((x) + (typeof(x))(a) - 1) & ~((typeof(x))(a) - 1))
#define round_down(x, a)	((x) & ~((typeof(x))(a) - 1))
#define round_up(x, a)		ALIGN(x, a)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK_ULL(h, l)	((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#define __ffs(x)		((unsigned int)__builtin_ctzl(x))
#define __ffs64(x)		((unsigned int)__builtin_ctzll(x))
#define fls64(x)		((x) ? 64 - __builtin_clzll(x) : 0)
#define fls_long(x)		((unsigned int)fls64(x))
#define fls(x)			((x) ? 32 - __builtin_clz(x) : 0)
#define hweight8(x)		((unsigned int)__builtin_popcount((u8)(x)))
#define hweight64(x)		((unsigned int)__builtin_popcountll(x))
#define is_power_of_2(x)	((x) && !((x) & ((x) - 1)))

/* bitmaps */
#define BIT_WORD(n)		((n) / BITS_PER_LONG)
#define BIT_MASK(n)		(1UL << ((n) % BITS_PER_LONG))
#define BITS_TO_LONGS(n)	DIV_ROUND_UP(n, BITS_PER_LONG)
#define DECLARE_BITMAP(name, bits)	unsigned long name[BITS_TO_LONGS(bits)]
static inline void __set_bit(unsigned int n, unsigned long *p)
{
	p[BIT_WORD(n)] |= BIT_MASK(n);
}

static inline void __clear_bit(unsigned int n, unsigned long *p)
{
	p[BIT_WORD(n)] &= ~BIT_MASK(n);
}

static inline void set_bit(unsigned int n, unsigned long *p)
{
	__atomic_fetch_or(&p[BIT_WORD(n)], BIT_MASK(n), __ATOMIC_RELAXED);
}

static inline void clear_bit(unsigned int n, unsigned long *p)
{
	__atomic_fetch_and(&p[BIT_WORD(n)], ~BIT_MASK(n), __ATOMIC_RELEASE);
}

#define clear_bit_unlock	clear_bit

static inline bool test_bit_acquire(unsigned int n, const unsigned long *p)
{
	return __atomic_load_n(&p[BIT_WORD(n)], __ATOMIC_ACQUIRE) & BIT_MASK(n);
}

static inline bool test_and_set_bit(unsigned int n, unsigned long *p)
{
	return __atomic_fetch_or(&p[BIT_WORD(n)], BIT_MASK(n), __ATOMIC_SEQ_CST) & BIT_MASK(n);
}

static inline bool test_bit(unsigned int n, const unsigned long *p)
{
	return p[BIT_WORD(n)] & BIT_MASK(n);
}

unsigned long find_next_bit(const unsigned long *p, unsigned long size, unsigned long from);
unsigned long find_next_zero_bit(const unsigned long *p, unsigned long size, unsigned long from);
unsigned long find_last_bit(const unsigned long *p, unsigned long size);
#define find_first_bit(p, size)		find_next_bit(p, size, 0)
static inline unsigned long find_next_bit_wrap(const unsigned long *p, unsigned long size, unsigned long from)
{
	unsigned long bit = find_next_bit(p, size, from);

	return bit < size ? bit : find_first_bit(p, size);
}
#define find_first_zero_bit(p, size)	find_next_zero_bit(p, size, 0)
#define for_each_clear_bitrange_from(b, e, p, size)		\
	for (; (b) = find_next_zero_bit(p, size, b),		\
	       (e) = find_next_bit(p, size, (b) + 1), (b) < (size); (b) = (e) + 1)
#define for_each_clear_bitrange(b, e, p, size)			\
	for ((b) = 0; (b) = find_next_zero_bit(p, size, b),	\
	       (e) = find_next_bit(p, size, (b) + 1), (b) < (size); (b) = (e) + 1)
void bitmap_set(unsigned long *p, unsigned int start, unsigned int nr);
void bitmap_clear(unsigned long *p, unsigned int start, unsigned int nr);
unsigned int bitmap_weight(const unsigned long *p, unsigned int nr);
void *memchr_inv(const void *start, int c, size_t bytes);

#define hash_long(v, bits)	((unsigned long)((v) * 0x61C8864680B583EBULL) >> \
				 (BITS_PER_LONG - (bits)))

/* lists */
struct list_head { struct list_head *next, *prev; };
#define LIST_HEAD_INIT(n)	{ &(n), &(n) }
#define LIST_HEAD(n)		struct list_head n = LIST_HEAD_INIT(n)
/* As in the kernel: list_empty() may be called without a lock. */
static inline void INIT_LIST_HEAD(struct list_head *l)
{
	WRITE_ONCE(l->next, l); l->prev = l;
}
static inline void list_add(struct list_head *n, struct list_head *h)
{
	h->next->prev = n; WRITE_ONCE(n->next, h->next); n->prev = h; WRITE_ONCE(h->next, n);
}
static inline void list_add_tail(struct list_head *n, struct list_head *h) { list_add(n, h->prev); }
static inline void list_del_init(struct list_head *n)
{
	n->next->prev = n->prev; WRITE_ONCE(n->prev->next, n->next); INIT_LIST_HEAD(n);
}
static inline void list_move(struct list_head *n, struct list_head *h) { list_del_init(n); list_add(n, h); }
static inline void list_rotate_to_front(struct list_head *n, struct list_head *h) { list_del_init(h); list_add(h, n->prev); }
static inline bool list_empty(const struct list_head *h) { return READ_ONCE(h->next) == h; }
#define list_for_each_entry(pos, head, member)						\
	for (pos = container_of((head)->next, typeof(*pos), member);			\
	     &pos->member != (head);							\
	     pos = container_of(pos->member.next, typeof(*pos), member))
#define list_for_each_entry_safe(pos, n, head, member)					\
	for (pos = container_of((head)->next, typeof(*pos), member),			\
	     n = container_of(pos->member.next, typeof(*pos), member);			\
	     &pos->member != (head);							\
	     pos = n, n = container_of(n->member.next, typeof(*n), member))
#define list_first_entry_or_null(head, type, member)					\
	(list_empty(head) ? NULL : container_of((head)->next, type, member))

/* CPUs */
/* The possible CPUs are 0, shim_cpu_step, 2 * shim_cpu_step, ... */
extern unsigned int shim_nr_cpus, shim_cpu_step;
extern __thread unsigned int shim_cpu;
#define nr_cpu_ids		(shim_nr_cpus * shim_cpu_step)
#define num_possible_cpus()	shim_nr_cpus
#define for_each_possible_cpu(c)	for ((c) = 0; (c) < nr_cpu_ids; (c) += shim_cpu_step)
#define raw_smp_processor_id()	shim_cpu
#define cpu_to_node(c)		((void)(c), 0)
#define SHIM_MAX_CPUS		12288
/* This CPU is isolated. */
extern unsigned int shim_isolated;
/* RAM in pages; with none, pages are given back for any number where a CPU is isolated. */
extern unsigned long shim_ram;
#define totalram_pages()	shim_ram
#define cpu_is_isolated(c)	((c) == READ_ONCE(shim_isolated))
#define tick_nohz_full_cpu(c)	((void)(c), false)
/* A copy of 0 has the initial value of the definition. */
#define DECLARE_PER_CPU(t, n)	extern typeof(t) n[SHIM_MAX_CPUS], n##_initial
#define DEFINE_PER_CPU(t, n)	typeof(t) n[SHIM_MAX_CPUS]; typeof(t) n##_initial
#define raw_cpu_read(n)		((n)[shim_cpu] ?: n##_initial)
#define raw_cpu_write(n, v)	((void)((n)[shim_cpu] = (v)))
#define per_cpu(n, cpu)		((n)[cpu])
#define get_boot_cpu_id()	0

/*
 * locks; a lock counts its acquisitions, a thread counts its own, and those of
 * locks that another CPU held last
 */
struct shim_locks { unsigned long taken, foreign; };
extern __thread struct shim_locks shim_locks;
#define CPUHP_BP_PREPARE_DYN	0
#define try_cmpxchg(p, o, n)							\
	__atomic_compare_exchange_n((p), (o), (n), false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)
typedef struct { long v; } atomic_long_t;
typedef struct { int v; } atomic_t;
#define atomic_read(a)		__atomic_load_n(&(a)->v, __ATOMIC_RELAXED)
#define atomic_set(a, n)	__atomic_store_n(&(a)->v, (n), __ATOMIC_RELAXED)
#define atomic_add(n, a)	((void)__atomic_add_fetch(&(a)->v, (n), __ATOMIC_RELAXED))
#define atomic_sub_return(n, a)	__atomic_sub_fetch(&(a)->v, (n), __ATOMIC_SEQ_CST)
#define atomic_long_inc(a)	((void)__atomic_add_fetch(&(a)->v, 1, __ATOMIC_RELAXED))
#define atomic_long_read(a)	__atomic_load_n(&(a)->v, __ATOMIC_RELAXED)
#define cmpxchg(p, o, n)	__sync_val_compare_and_swap(p, o, n)
#define xchg(p, v)		__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)

/* RCU: callbacks run in shim_quiesce() */
struct rcu_head { struct rcu_head *next; void (*func)(struct rcu_head *); };
void call_rcu(struct rcu_head *rcu, void (*func)(struct rcu_head *));
void shim_quiesce(void);

/* memory */
#define __GFP_DIRECT_RECLAIM	1u
#define __GFP_HIGH		2u
#define __GFP_NORETRY		4u
#define __GFP_NOWARN		8u
#define __GFP_ACCOUNT		16u
#define __GFP_NOFAIL		32u
#define GFP_KERNEL		__GFP_DIRECT_RECLAIM
#define GFP_ATOMIC		__GFP_HIGH
#define GFP_NOWAIT		__GFP_NOWARN
#define gfpflags_allow_blocking(g)	(!!((g) & __GFP_DIRECT_RECLAIM))
#define current_gfp_context(g)	(g)
#define slab_is_available()	true
#define kzalloc_node(s, g, n)	kzalloc((s), (g))
#define struct_size(p, m, n)	(sizeof(*(p)) + (n) * sizeof((p)->m[0]))
#define KUNIT_STATIC_STUB_REDIRECT(f, ...)	((void)0)
#define panic(...)		abort()
#define memalloc_noio_save()	0u
#define memalloc_noio_restore(f)	((void)(f))
#define __pa(a)			((phys_addr_t)(unsigned long)(a))

/* the rest */
#define kmemleak_alloc_percpu(p, s, g)	((void)0)
#define kmemleak_free_percpu(p)		((void)0)
#define trace_percpu_create_chunk(a)	((void)0)
#define trace_percpu_destroy_chunk(a)	((void)0)
static inline void shim_ignore(int first, ...) { }
#define trace_percpu_alloc_percpu_fail(...)	((void)0)
#define scnprintf		snprintf
#define mem_dump_obj(p)		pr_err("\n")
#define dump_stack()		((void)0)
extern int shim_verbose;
extern unsigned int shim_refused;	/* requests, and frees */

/* With SAN=-DCONFIG_PERCPU_DEBUG all objects are checked. */
#define DECLARE_STATIC_KEY_FALSE(k)	extern bool k
#define DEFINE_STATIC_KEY_FALSE(k)	bool k = true
#define static_branch_unlikely(k)	(*(k))
#define static_branch_enable(k)		(*(k) = true)
#define static_branch_disable(k)	(*(k) = false)

#ifdef BED_STRICT
#include "strict.h"
#else
#include "plain.h"
#endif

/*
 * guard(raw_spinlock_irqsave)(lock) holds the lock up to the end of the block, scoped_guard()
 * that of the next statement; guard(rcu)() begins a read side, guard(irqsave)() disables
 * IRQs.
 */
struct shim_guard {
	raw_spinlock_t *lock;
	unsigned long flags;
};
static inline struct shim_guard shim_guard_begin(raw_spinlock_t *lock)
{
	struct shim_guard guard = { .lock = lock };

	raw_spin_lock_irqsave(lock, guard.flags);
	return guard;
}
static inline void shim_guard_end(struct shim_guard *guard)
{
	raw_spin_unlock_irqrestore(guard->lock, guard->flags);
}
static inline bool shim_rcu_begin(void)
{
	rcu_read_lock();
	return true;
}
static inline void shim_rcu_end(bool *guard)
{
	rcu_read_unlock();
}
#define guard(kind)		shim_guard_##kind
#define shim_guard_raw_spinlock_irqsave(lock)					\
	struct shim_guard shim_guard __attribute__((cleanup(shim_guard_end), unused)) =	\
		shim_guard_begin(lock)
#define shim_guard_rcu()							\
	bool shim_guard __attribute__((cleanup(shim_rcu_end), unused)) = shim_rcu_begin()
static inline unsigned long shim_irqsave_begin(void)
{
	unsigned long flags;

	local_irq_save(flags);
	return flags;
}
static inline void shim_irqsave_end(unsigned long *flags)
{
	local_irq_restore(*flags);
}
#define shim_guard_irqsave()							\
	unsigned long shim_guard __attribute__((cleanup(shim_irqsave_end), unused)) =	\
		shim_irqsave_begin()
#define scoped_guard(kind, ...)							\
	for (bool shim_once = true; shim_once;)					\
		for (guard(kind)(__VA_ARGS__); shim_once; shim_once = false)

struct work_struct { int pending; };
struct delayed_work { struct work_struct work; };
#define INIT_DELAYED_WORK(w, f)	((void)(w), shim_work = (f))
#define delayed_work_pending(w)	((void)(w), READ_ONCE(shim_work_due))
struct workqueue_struct;
#define WQ_UNBOUND		0
#define alloc_workqueue(...)	((struct workqueue_struct *)1)
#define queue_delayed_work(q, w, d)	((void)(q), (void)(w), (void)(d), shim_queue_work())
/* How often a call has changed the time of work that was queued */
extern unsigned long shim_hurried;
#define mod_delayed_work(q, w, d)						\
	(__atomic_fetch_add(&shim_hurried, 1, __ATOMIC_RELAXED), queue_delayed_work(q, w, d))
/* Each read of the clock advances it by a second. */
#define jiffies		__atomic_add_fetch(&shim_jiffies, HZ, __ATOMIC_RELAXED)
extern unsigned long shim_jiffies;
extern bool shim_work_due;
/* Return true if the worker was not queued. */
static inline bool shim_queue_work(void)
{
	return !__atomic_exchange_n(&shim_work_due, true, __ATOMIC_RELAXED);
}
extern void (*shim_work)(struct work_struct *work);
#define early_initcall(f)	subsys_initcall(f)
#define subsys_initcall(f)	static void __attribute__((constructor)) run_##f(void) { f(); }

#define ERR_PTR(err)	((void *)(long)(err))
#define IS_ERR(p)	IS_ERR_VALUE(p)
#define IS_ERR_VALUE(x)	((unsigned long)(x) >= (unsigned long)-4095)

static inline int PTR_ERR_OR_ZERO(const void *ptr)
{
	return IS_ERR(ptr) ? (long)ptr : 0;
}

extern char __per_cpu_start[], __per_cpu_end[];
extern const unsigned long *pcpu_unit_offsets;
void __percpu *pcpu_alloc_noprof(size_t size, size_t align, bool reserved, gfp_t gfp);
void __percpu *pcpu_alloc_module_noprof(size_t size, size_t align, const char **why);
void pcpu_free_module(void __percpu *ptr);
void free_percpu(void __percpu *ptr);
bool __is_kernel_percpu_address(unsigned long addr, unsigned long *can_addr);
bool is_kernel_percpu_address(unsigned long addr);
phys_addr_t per_cpu_ptr_to_phys(void *addr);
unsigned long pcpu_nr_pages(void);

#endif /* _PERCPU_SHIM_H */
