/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plain: locks, memory and messages for threads and benchmarks, without checks.
 * strict.h is the alternative to this file.
 */
#ifndef _PERCPU_PLAIN_H
#define _PERCPU_PLAIN_H

/* locks; worst.c counts the steps between hold and release, others do not look */
typedef struct {
	pthread_spinlock_t l;
	unsigned int last;
	unsigned long taken;
	const char *name;
} raw_spinlock_t;
#ifdef BED_WORST
void shim_hold(const char *name);
void shim_release(const char *name);
#else
static inline void shim_hold(const char *name) { }
static inline void shim_release(const char *name) { }
#endif
#define SHIM_IRQS_OFF	"IRQs off"
#define DEFINE_RAW_SPINLOCK(n)							\
	raw_spinlock_t n = { .name = #n };					\
	static void __attribute__((constructor)) init_##n(void) { raw_spin_lock_init(&n); }
#define raw_spin_lock_init(x)	((void)((x)->name = (x)->name ?: #x), pthread_spin_init(&(x)->l, 0))
static inline void shim_lock_taken(raw_spinlock_t *s)
{
	s->taken++;
	shim_locks.taken++;
	shim_locks.foreign += s->last != shim_cpu;
	s->last = shim_cpu;
	shim_hold(s->name);
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
static inline void raw_spin_unlock(raw_spinlock_t *s)
{
	shim_release(s->name);
	pthread_spin_unlock(&s->l);
}
/*
 * IRQs: a CPU with IRQs off holds a lock of its own, which IPIs take. Benchmarks
 * have no IPIs, and do without these locks.
 */
extern bool shim_irqs;
extern __thread unsigned int shim_irqs_off;
extern pthread_spinlock_t *shim_irq_locks;
static inline void shim_irq_disable(void)
{
	shim_hold(SHIM_IRQS_OFF);
	if (shim_irqs && !shim_irqs_off++)
		pthread_spin_lock(&shim_irq_locks[shim_cpu]);
}
static inline void shim_irq_enable(void)
{
	shim_release(SHIM_IRQS_OFF);
	if (shim_irqs && !--shim_irqs_off)
		pthread_spin_unlock(&shim_irq_locks[shim_cpu]);
}
#define local_irq_save(f)	((f) = 0, shim_irq_disable())
#define local_irq_restore(f)	((void)(f), shim_irq_enable())
#define irqs_disabled()		(shim_irqs_off)
#define lockdep_assert_irqs_disabled()	assert(!shim_irqs || shim_irqs_off)
int smp_call_function_single(unsigned int cpu, void (*func)(void *info), void *info, bool wait);
#define cpuhp_setup_state(...)	shim_ignore_hotplug(0, __VA_ARGS__)
static inline int shim_ignore_hotplug(int first, ...) { return 0; }
#define raw_spin_lock_irqsave(s, f)	do { (f) = 0; shim_hold(SHIM_IRQS_OFF); raw_spin_lock(s); } while (0)
#define raw_spin_unlock_irqrestore(s, f)	do { (void)(f); raw_spin_unlock(s); shim_release(SHIM_IRQS_OFF); } while (0)
#define lockdep_assert_held(l)	((void)(l))

/* memory */
#define kzalloc(s, g)		calloc(1, s)
#define kmalloc(s, g)		malloc(s)
#define kcalloc(n, s, g)	calloc(n, s)
#define kfree(p)		free(p)
#define cond_resched()		((void)0)
#define is_vmalloc_addr(a)	false
#define vmalloc_to_page(a)	((void *)0)
#define page_to_phys(p)		((phys_addr_t)0)

#define rcu_read_lock()		((void)0)
#define rcu_read_unlock()	((void)0)

/* the rest: messages are dropped, or printed to stderr */
#define trace_percpu_alloc_percpu(...)	shim_ignore(0, __VA_ARGS__)
#define trace_percpu_free_percpu(...)	shim_ignore(0, __VA_ARGS__)
#define trace_percpu_free_percpu_enabled()	0
#define trace_percpu_alloc_percpu_enabled()	0
#define DEFINE_RATELIMIT_STATE(n, i, b)	int n
#define __ratelimit(r)		((void)(r), __atomic_add_fetch(&shim_refused, 1, __ATOMIC_RELAXED), shim_verbose)
#define pr_warn(...)		fprintf(stderr, __VA_ARGS__)
#define pr_err(...)		fprintf(stderr, __VA_ARGS__)

/* for redzone.c, with CONFIG_PERCPU_DEBUG */
#define early_param(name, f)		static int (*shim_##f)(char *) __attribute__((unused)) = f
#define kstrtobool(s, b)		((void)(s), *(b) = true, 0)
#define memparse(s, e)			strtoul(s, e, 0)
#define NSEC_PER_SEC			1000000000UL
#define NSEC_PER_USEC			1000UL
struct plain_task { unsigned int flags; };
#define do_div(n, d)			({ u64 r_ = (n) % (d); (n) /= (d); r_; })
#define local_clock()			0
#define in_task()			true
#define current				(&(struct plain_task){})
#define PF_MEMALLOC			0x0800
#define task_pid_nr(t)			0
#define add_taint(t, l)			((void)0)
#define POISON_FREE			0x6b
#define SLUB_RED_ACTIVE			0xcc
#define pr_info(...)			((void)0)
#define memcg_kmem_online()		false
#define mem_cgroup_kmem_disabled()	true
#define mem_alloc_profiling_enabled()	false
#define kasan_disable_current()		((void)0)
#define kasan_enable_current()		((void)0)

/* The environment can make it fail. */
#define kvzalloc(s, g)			(getenv("BED_NO_KVZALLOC") ? NULL : calloc(1, s))

#endif /* _PERCPU_PLAIN_H */
