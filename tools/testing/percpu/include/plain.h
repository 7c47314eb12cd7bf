/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plain: a bed for threads and for measuring, where nothing is in the way.
 *
 * Of this, shim.h has all that strict.h sees otherwise.
 */
#ifndef _PERCPU_PLAIN_H
#define _PERCPU_PLAIN_H

/* locks */
typedef struct { pthread_spinlock_t l; unsigned int last; unsigned long taken; } raw_spinlock_t;
#define DEFINE_RAW_SPINLOCK(n)							\
	raw_spinlock_t n;							\
	static void __attribute__((constructor)) init_##n(void) { raw_spin_lock_init(&n); }
#define raw_spin_lock_init(x)	pthread_spin_init(&(x)->l, 0)
static inline void shim_lock_taken(raw_spinlock_t *s)
{
	s->taken++;
	shim_locks.taken++;
	shim_locks.foreign += s->last != shim_cpu;
	s->last = shim_cpu;
}
static inline void raw_spin_lock(raw_spinlock_t *s)
{
	pthread_spin_lock(&s->l);
	shim_lock_taken(s);
}
static inline bool raw_spin_trylock(raw_spinlock_t *s)
{
	if (pthread_spin_trylock(&s->l))
		return false;
	shim_lock_taken(s);
	return true;
}
static inline void raw_spin_unlock(raw_spinlock_t *s) { pthread_spin_unlock(&s->l); }
/*
 * IRQs: where others want to interrupt a CPU, what runs on it with IRQs off has
 * a lock; where nobody does, as in a benchmark, that would be no likeness.
 */
extern bool shim_irqs;
extern __thread unsigned int shim_irqs_off;
extern pthread_spinlock_t *shim_irq_locks;
static inline void shim_irq_disable(void)
{
	if (shim_irqs && !shim_irqs_off++)
		pthread_spin_lock(&shim_irq_locks[shim_cpu]);
}
static inline void shim_irq_enable(void)
{
	if (shim_irqs && !--shim_irqs_off)
		pthread_spin_unlock(&shim_irq_locks[shim_cpu]);
}
#define local_irq_save(f)	((f) = 0, shim_irq_disable())
#define local_irq_restore(f)	((void)(f), shim_irq_enable())
#define irqs_disabled()		(shim_irqs_off)
#define lockdep_assert_irqs_disabled()	assert(!shim_irqs || shim_irqs_off)
int smp_call_function_single(unsigned int cpu, void (*func)(void *info), void *info, bool wait);
#define cpuhp_setup_state_nocalls(...)	shim_ignore_hotplug(0, __VA_ARGS__)
static inline int shim_ignore_hotplug(int first, ...) { return 0; }
#define raw_spin_lock_irqsave(s, f)	do { (f) = 0; raw_spin_lock(s); } while (0)
#define raw_spin_unlock_irqrestore(s, f)	do { (void)(f); raw_spin_unlock(s); } while (0)
#define lockdep_assert_held(l)	((void)(l))

/* memory */
#define kzalloc(s, g)		calloc(1, s)
#define kcalloc(n, s, g)	calloc(n, s)
#define kfree(p)		free(p)
#define cond_resched()		((void)0)
#define is_vmalloc_addr(a)	false
#define vmalloc_to_page(a)	((void *)0)
#define page_to_phys(p)		((phys_addr_t)0)

#define rcu_read_lock()		((void)0)
#define rcu_read_unlock()	((void)0)

/* the rest: quiet, or straight to stderr */
#define trace_percpu_alloc_percpu(...)	shim_ignore(0, __VA_ARGS__)
#define trace_percpu_free_percpu(...)	shim_ignore(0, __VA_ARGS__)
#define trace_percpu_free_percpu_enabled()	0
#define trace_percpu_alloc_percpu_enabled()	0
#define DEFINE_RATELIMIT_STATE(n, i, b)	int n
#define __ratelimit(r)		((void)(r), __atomic_add_fetch(&shim_refused, 1, __ATOMIC_RELAXED), shim_verbose)
#define pr_warn(...)		fprintf(stderr, __VA_ARGS__)
#define pr_err(...)		fprintf(stderr, __VA_ARGS__)

/* what debug.c needs, in a bed built with CONFIG_PERCPU_DEBUG: it is always on */
#define DECLARE_STATIC_KEY_FALSE(k)	extern bool k
#define DEFINE_STATIC_KEY_FALSE(k)	bool k = true
#define static_branch_unlikely(k)	(*(k))
#define static_branch_enable(k)		(*(k) = true)
#define static_branch_disable(k)	(*(k) = false)
#define KUNIT_STATIC_STUB_REDIRECT(f, ...)	((void)0)
#define early_param(name, f)		static int (*shim_##f)(char *) __attribute__((unused)) = f
#define early_initcall(f)		static void __attribute__((constructor)) run_##f(void) { f(); }
#define kstrtobool(s, b)		((void)(s), *(b) = true, 0)
#define memparse(s, e)			strtoul(s, e, 0)
#define NSEC_PER_SEC			1000000000UL
#define NSEC_PER_USEC			1000UL
#define do_div(n, d)			({ u64 r_ = (n) % (d); (n) /= (d); r_; })
#define local_clock()			0
#define in_task()			true
#define current				0
#define task_pid_nr(t)			0
#define add_taint(t, l)			((void)0)
#define POISON_FREE			0x6b
#define SLUB_RED_ACTIVE			0xcc
#define pr_info(...)			((void)0)
#define kasan_disable_current()		((void)0)
#define kasan_enable_current()		((void)0)

/* There is none where the environment says so. */
#define kvzalloc(s, g)			(getenv("BED_NO_KVZALLOC") ? NULL : calloc(1, s))

#endif /* _PERCPU_PLAIN_H */
