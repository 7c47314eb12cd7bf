/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Minimal replacement of the kernel interfaces that lib/percpu_tag*.c and
 * lib/sbitmap.c use. A thread sets the CPU that it simulates; there are no
 * interrupts.
 */
#ifndef _TAG_SHIM_H
#define _TAG_SHIM_H

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERESTARTSYS	512

/* types, annotations */
typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;
typedef unsigned int gfp_t;
#define __percpu
#define __init
#define __read_mostly
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#define noinline		__attribute__((noinline))
#define __no_kcsan
#define ____cacheline_aligned_in_smp	__attribute__((aligned(64)))
#define EXPORT_SYMBOL_GPL(x)	extern int shim_export_##x
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define BUILD_BUG_ON(x)		_Static_assert(!(x), #x)
#define data_race(x)		(x)
#define lockdep_assert_held(l)	((void)(l))
#define WARN_ON_ONCE(x)		(x)
#define might_sleep()		((void)0)
#define might_sleep_if(x)	((void)(x))
#define _RET_IP_		((unsigned long)__builtin_return_address(0))
#define pr_err(...)		fprintf(stderr, __VA_ARGS__)

/* arithmetic */
#define min(a, b)	({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b)	({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ > b_ ? a_ : b_; })
#define min_t(t, a, b)	min((t)(a), (t)(b))
#define clamp_t(t, v, a, b)	min(max((t)(v), (t)(a)), (t)(b))
#define clamp_val(v, a, b)	clamp_t(typeof(v), v, a, b)
#define swap(a, b)	do { typeof(a) t_ = (a); (a) = (b); (b) = t_; } while (0)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define round_up(x, a)	(((x) + (a) - 1) / (a) * (a))
#define round_down(x, a)	((x) / (a) * (a))
#define ilog2(n)	(63 - __builtin_clzl(n))
#define do_div(n, d)	({ u32 r_ = (n) % (d); (n) /= (d); r_; })
#define container_of(p, t, m)	((t *)((char *)(p) - offsetof(t, m)))
#define BITS_PER_LONG	64
#define BIT(n)		(1UL << (n))

/* memory order */
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define smp_store_release(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
/* An atomic operation is a full barrier on x86. */
#define smp_mb__before_atomic()	__atomic_signal_fence(__ATOMIC_SEQ_CST)
#define smp_mb__after_atomic()	__atomic_signal_fence(__ATOMIC_SEQ_CST)
#define try_cmpxchg(p, o, n)						\
	__atomic_compare_exchange_n((p), (o), (n), false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)
#define xchg(p, v)	__atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)

typedef struct { int v; } atomic_t;
typedef struct { long v; } atomic_long_t;
#define ATOMIC_INIT(i)		{ (i) }
#define atomic_read(a)		__atomic_load_n(&(a)->v, __ATOMIC_RELAXED)
#define atomic_set(a, i)	__atomic_store_n(&(a)->v, (i), __ATOMIC_RELAXED)
#define atomic_add(i, a)	((void)__atomic_fetch_add(&(a)->v, (i), __ATOMIC_SEQ_CST))
#define atomic_inc(a)		atomic_add(1, a)
#define atomic_dec(a)		atomic_add(-1, a)
#define atomic_try_cmpxchg(a, o, n)	try_cmpxchg(&(a)->v, o, n)
#define atomic_long_try_cmpxchg(a, o, n)	try_cmpxchg(&(a)->v, o, n)
#define atomic_long_andnot(i, a)	((void)__atomic_fetch_and(&(a)->v, ~(i), __ATOMIC_SEQ_CST))
#define atomic_cmpxchg(a, o, n)	({ int o_ = (o); try_cmpxchg(&(a)->v, &o_, (n)); o_; })

/* bits */
#define WORD_OF(n, p)	(&((unsigned long *)(p))[(n) / 64])
#define set_bit(n, p)	((void)__atomic_fetch_or(WORD_OF(n, p), BIT((n) % 64), __ATOMIC_SEQ_CST))
#define clear_bit(n, p)	((void)__atomic_fetch_and(WORD_OF(n, p), ~BIT((n) % 64), __ATOMIC_SEQ_CST))
#define clear_bit_unlock(n, p)	clear_bit(n, p)
#define test_bit(n, p)	(READ_ONCE(*WORD_OF(n, p)) >> ((n) % 64) & 1)
#define test_and_set_bit(n, p)						\
	(__atomic_fetch_or(WORD_OF(n, p), BIT((n) % 64), __ATOMIC_SEQ_CST) >> ((n) % 64) & 1)
#define test_and_set_bit_lock(n, p)	test_and_set_bit(n, p)
#define bitmap_weight(p, n)		shim_weight(p, n)

static inline unsigned long find_bit(const unsigned long *p, unsigned long size,
				     unsigned long from, unsigned long flip)
{
	while (from < size) {
		unsigned long word = (READ_ONCE(p[from / 64]) ^ flip) >> (from % 64);

		if (word)
			return min(size, from + __builtin_ctzl(word));
		from = (from | 63) + 1;
	}
	return size;
}

static inline unsigned int shim_weight(const unsigned long *p, unsigned int n)
{
	unsigned int i, sum = 0;

	for (i = 0; i < n; i++)
		sum += test_bit(i, p);
	return sum;
}

#define find_next_bit(p, size, from)		find_bit(p, size, from, 0)
#define find_next_zero_bit(p, size, from)	find_bit(p, size, from, ~0UL)
#define find_first_zero_bit(p, size)		find_bit(p, size, 0, ~0UL)

/* lists */
struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };
#define HLIST_HEAD(name)	struct hlist_head name
#define hlist_unhashed(n)	(!(n)->pprev)
#define INIT_LIST_HEAD(l)	((l)->next = (l)->prev = (l))
#define list_empty(l)		((l)->next == (l))
#define list_empty_careful(l)	list_empty(l)
#define list_first_entry_or_null(h, t, m)				\
	(list_empty(h) ? NULL : list_first_entry(h, t, m))
#define list_first_entry(h, t, m)	container_of((h)->next, t, m)
#define hlist_for_each_entry(pos, h, m)						\
	for (struct hlist_node *hl_##pos = (h)->first;				\
	     hl_##pos && (pos = container_of(hl_##pos, typeof(*pos), m), true);	\
	     hl_##pos = hl_##pos->next)
static inline void hlist_add_head(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	n->pprev = &h->first;
	if (n->next)
		n->next->pprev = &n->next;
	h->first = n;
}
static inline void hlist_del_init(struct hlist_node *n)
{
	*n->pprev = n->next;
	if (n->next)
		n->next->pprev = n->pprev;
	n->next = NULL;
	n->pprev = NULL;
}

static inline void list_add_tail(struct list_head *n, struct list_head *h)
{
	n->prev = h->prev;
	n->next = h;
	h->prev->next = n;
	h->prev = n;
}

static inline void list_del_init(struct list_head *n)
{
	n->next->prev = n->prev;
	n->prev->next = n->next;
	INIT_LIST_HEAD(n);
}

#define list_del(n)	list_del_init(n)

/* CPUs: all are online and on one node */
#define SHIM_CPUS	64
extern unsigned int shim_nr_cpus;
extern __thread unsigned int shim_cpu;
#define nr_cpu_ids		shim_nr_cpus
#define nr_node_ids		1
#define cpu_to_node(c)		((void)(c), 0)
#define raw_smp_processor_id()	shim_cpu
#define get_cpu()		shim_cpu
#define put_cpu()		((void)0)
typedef unsigned long cpumask_var_t[SHIM_CPUS / 64];
extern cpumask_var_t shim_cpus;
#define cpumask_bits(m)		(m)
#define cpu_possible_mask	shim_cpus
#define cpu_online_mask		shim_cpus
#define cpumask_of_node(n)	((void)(n), shim_cpus)
#define num_online_cpus()	shim_nr_cpus
#define zalloc_cpumask_var_node(m, g, n)	zalloc_cpumask_var(m, g)
#define zalloc_cpumask_var(m, g)	(memset(*(m), 0, sizeof(*(m))), true)
#define free_cpumask_var(m)	((void)(m))
#define cpumask_set_cpu(c, m)	set_bit(c, m)
#define cpumask_clear_cpu(c, m)	clear_bit(c, m)
#define cpumask_test_cpu(c, m)	test_bit(c, m)
#define cpumask_first(m)	find_next_bit(m, nr_cpu_ids, 0)
#define cpumask_any_but(m, c)	((c) ? 0 : nr_cpu_ids > 1 ? 1 : nr_cpu_ids)
#define for_each_online_node(n)	for ((n) = 0; (n) < 1; (n)++)
#define for_each_possible_cpu(c)	for ((c) = 0; (c) < nr_cpu_ids; (c)++)
#define for_each_cpu_and(c, a, b)					\
	for ((void)(a), (c) = find_next_bit(b, nr_cpu_ids, 0); (c) < nr_cpu_ids;	\
	     (c) = find_next_bit(b, nr_cpu_ids, (c) + 1))
#define for_each_cpu_wrap(c, m, first)					\
	for (unsigned int i_ = 0; i_ < nr_cpu_ids; i_++)		\
		if ((c) = ((first) + i_) % nr_cpu_ids, !test_bit(c, m)) ; else

/* percpu: one row of 64 bytes or more for each CPU */
#define shim_row(size)		round_up(size, 64)
#define alloc_percpu(t)		((t *)shim_alloc(SHIM_CPUS * shim_row(sizeof(t))))
#define alloc_percpu_gfp(t, g)	alloc_percpu(t)
#define free_percpu(p)		free(p)
#define per_cpu_ptr(p, c)	((typeof(p))((char *)(p) + (c) * shim_row(sizeof(*(p)))))
#define raw_cpu_ptr(p)		per_cpu_ptr(p, shim_cpu)
#define this_cpu_ptr(p)		raw_cpu_ptr(p)
#define this_cpu_read(v)	READ_ONCE(*raw_cpu_ptr(&(v)))
#define this_cpu_write(v, x)	WRITE_ONCE(*raw_cpu_ptr(&(v)), x)

/* memory */
#define GFP_NOWAIT		0u
#define GFP_ATOMIC		0u
#define GFP_KERNEL		1u
#define NUMA_NO_NODE		(-1)
#define gfpflags_allow_blocking(g)	((g) & GFP_KERNEL)
static inline void *shim_alloc(size_t size)
{
	void *p = aligned_alloc(64, round_up(size, 64));

	return memset(p, 0, round_up(size, 64));
}
#define array_size(n, s)	((n) * (s))
#define kvmalloc_node(s, g, node)	shim_alloc(s)
#define kvmalloc_array(n, s, g)	shim_alloc((n) * (s))
#define kzalloc_node(s, g, n)	shim_alloc(s)
#define kvzalloc_node(s, g, n)	shim_alloc(s)
#define kvfree(p)		free(p)
#define kfree(p)		free(p)

#if __has_builtin(__builtin_ia32_pause)
#define cpu_relax()		__builtin_ia32_pause()
#else
#define cpu_relax()		__atomic_signal_fence(__ATOMIC_SEQ_CST)
#endif

/* locks; a waiter yields, because the owner may not be running */
typedef struct { int taken; } arch_spinlock_t;
typedef struct { arch_spinlock_t raw_lock; } raw_spinlock_t;
typedef raw_spinlock_t spinlock_t;
#define raw_spin_lock_init(l)	((l)->raw_lock.taken = 0)
static inline void arch_spin_lock(arch_spinlock_t *l)
{
	int free = 0;

	while (!__atomic_compare_exchange_n(&l->taken, &free, 1, false, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		unsigned int spins = 0;

		while (READ_ONCE(l->taken)) {
			if (++spins > 1000)
				sched_yield();
			else
				cpu_relax();
		}
		free = 0;
	}
}
static inline bool arch_spin_trylock(arch_spinlock_t *l)
{
	int free = 0;

	return __atomic_compare_exchange_n(&l->taken, &free, 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}
static inline void arch_spin_unlock(arch_spinlock_t *l)
{
	__atomic_store_n(&l->taken, 0, __ATOMIC_RELEASE);
}
#define raw_spin_lock(l)	arch_spin_lock(&(l)->raw_lock)
#define raw_spin_unlock(l)	arch_spin_unlock(&(l)->raw_lock)
#define raw_spin_lock_nested(l, n)	raw_spin_lock(l)
#define local_irq_save(f)		((void)((f) = 0))
#define local_irq_restore(f)		((void)(f))
#define local_irq_disable()		((void)0)
#define local_irq_enable()		((void)0)
#define raw_spin_lock_irqsave(l, f)	do { (f) = 0; raw_spin_lock(l); } while (0)
#define raw_spin_unlock_irqrestore(l, f)	do { (void)(f); raw_spin_unlock(l); } while (0)

struct mutex { pthread_mutex_t m; };
#define DEFINE_MUTEX(name)	struct mutex name = { PTHREAD_MUTEX_INITIALIZER }
#define mutex_init(l)		pthread_mutex_init(&(l)->m, NULL)

/* guards */
static inline raw_spinlock_t *shim_lock(raw_spinlock_t *l) { raw_spin_lock(l); return l; }
static inline void shim_unlock(raw_spinlock_t **l) { raw_spin_unlock(*l); }
static inline struct mutex *shim_mutex(struct mutex *l) { pthread_mutex_lock(&l->m); return l; }
static inline void shim_mutex_unlock(struct mutex **l) { pthread_mutex_unlock(&(*l)->m); }
#define PASTE2(a, b)	a##b
#define PASTE(a, b)	PASTE2(a, b)
#define GUARD_VAR	PASTE(guard_, __LINE__)
#define guard(class)	guard_##class
#define guard_raw_spinlock(l)						\
	raw_spinlock_t *GUARD_VAR __attribute__((cleanup(shim_unlock), unused)) = shim_lock(l)
#define guard_raw_spinlock_irqsave(l)	guard_raw_spinlock(l)
#define guard_mutex(l)							\
	struct mutex *GUARD_VAR __attribute__((cleanup(shim_mutex_unlock), unused)) = shim_mutex(l)
#define guard_cpus_read_lock()	((void)0)
/* A test may stop the thread where it is about to take locks. */
extern void (*shim_hook)(void);
#define guard_preempt()	((void)(shim_hook ? shim_hook() : (void)0))
#define scoped_guard(class, l)						\
	for (bool once_ = true; once_;)					\
		for (raw_spinlock_t *g_ __attribute__((cleanup(shim_unlock))) = shim_lock(l); \
		     once_; once_ = false)

/* tasks: a wakeup after set_current_state() ends the next sleep */
#define TASK_RUNNING		0
#define TASK_INTERRUPTIBLE	1
#define TASK_UNINTERRUPTIBLE	2
#define TASK_KILLABLE		3
#define MAX_SCHEDULE_TIMEOUT	LONG_MAX
struct task_struct {
	pthread_mutex_t m;
	pthread_cond_t c;
	bool woken;
	bool killed;
};
extern __thread struct task_struct shim_task;
#define current			(&shim_task)
#define get_task_struct(t)	(t)
#define set_current_state(s)	shim_set_state(s)
#define __set_current_state(s)	((void)(s))
#define signal_pending_state(s, t)	((s) != TASK_UNINTERRUPTIBLE && READ_ONCE((t)->killed))
#define io_schedule_timeout(t)	schedule_timeout(t)
/* A jiffy is a millisecond. */
unsigned long shim_jiffies(void);
#define jiffies		shim_jiffies()
void shim_set_state(unsigned int state);
long schedule_timeout(long timeout);
void shim_wake(struct task_struct *task);

#define wake_up_process(t)	shim_wake(t)
#define put_task_struct(t)	((void)(t))

/* CPU hotplug: fight calls percpu_tag_pool_drain_cpu() */
enum { CPUHP_BP_PREPARE_DYN };
#define cpuhp_setup_state_nocalls(s, n, a, b)	((void)(b), 0)
#define core_initcall(f)	static void __attribute__((constructor)) run_##f(void) { f(); }

/* other interfaces of sbitmap; it has no waiters here */
struct seq_file;
typedef struct { int unused; } wait_queue_head_t;
struct wait_queue_entry { struct list_head entry; };
#define init_waitqueue_head(w)		((void)(w))
#define waitqueue_active(w)		((void)(w), false)
#define wake_up(w)			((void)(w))
#define wake_up_nr(w, n)		((void)(w), (void)(n), 0)
#define add_wait_queue(w, e)		((void)(w), (void)(e))
#define prepare_to_wait_exclusive(w, e, s)	((void)(w), (void)(e), (void)(s))
#define finish_wait(w, e)		((void)(w), (void)(e))
#define autoremove_wake_function	NULL
#define seq_printf(m, ...)		((void)(m))
#define seq_puts(m, s)			((void)(m))
#define seq_putc(m, c)			((void)(m))
#define get_random_u32_below(n)		((u32)rand() % (n))

#endif /* _TAG_SHIM_H */
