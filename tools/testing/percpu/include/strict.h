/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * strict: locks, memory and messages for one thread, with checks.
 *
 * The checks abort the program if a lock is taken twice or under another one, if
 * memory is allocated under a lock, if the allocator sleeps in atomic context, or
 * if it accesses a page that is not populated. strict_point() is called at points
 * where the allocator holds no lock: a hook can do there what another CPU or an
 * interrupt could do. So races become sequences that can be repeated.
 *
 * plain.h is the alternative to this file.
 */
#ifndef _PERCPU_STRICT_H
#define _PERCPU_STRICT_H

#define CONFIG_MEMCG			1
#define CONFIG_MEM_ALLOC_PROFILING	1
#define CONFIG_FAIL_PERCPU		1

void strict_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Called at points where another CPU or an interrupt could run. */
extern void (*strict_hook)(void);
void strict_point(void);

/* True if the caller of the allocator is in atomic context. */
extern bool strict_atomic;

/* Numbers of messages, and the last one */
extern unsigned long strict_reports, strict_warnings;
extern char strict_message[256];
void strict_print(unsigned long *count, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define DEFINE_RATELIMIT_STATE(n, i, b)	int n
#define __ratelimit(r)		((void)(r), true)
#define pr_warn(fmt, ...)	strict_print(&strict_warnings, fmt, ##__VA_ARGS__)
#define pr_err(fmt, ...)	strict_print(&strict_reports, fmt, ##__VA_ARGS__)

/* locks */
typedef struct { bool held; unsigned long taken; } raw_spinlock_t;
#define DEFINE_RAW_SPINLOCK(n)	raw_spinlock_t n
#define raw_spin_lock_init(x)	((void)((x)->held = false))
void raw_spin_lock(raw_spinlock_t *lock);
bool raw_spin_trylock(raw_spinlock_t *lock);
void raw_spin_unlock(raw_spinlock_t *lock);
#define lockdep_assert_held(l)							\
	((void)((l)->held || (strict_fail("%s: lock is not held", __func__), 0)))
void strict_irq_save(void);
void strict_irq_restore(void);
#define local_irq_save(f)	((void)((f) = 0), strict_irq_save())
#define local_irq_restore(f)	((void)(f), strict_irq_restore())
#define raw_spin_lock_irqsave(s, f)	do { local_irq_save(f); raw_spin_lock(s); } while (0)
#define raw_spin_unlock_irqrestore(s, f)	do { raw_spin_unlock(s); local_irq_restore(f); } while (0)
extern unsigned int strict_irqs;
#define irqs_disabled()		(strict_irqs)
#define lockdep_assert_irqs_disabled()						\
	((void)(strict_irqs || (strict_fail("%s: IRQs are on", __func__), 0)))
int smp_call_function_single(unsigned int cpu, void (*func)(void *info), void *info, bool wait);
/* The only CPU hotplug callbacks */
extern int (*strict_cpu_prepare)(unsigned int cpu), (*strict_cpu_dead)(unsigned int cpu);
#define cpuhp_setup_state(s, n, u, d)					\
	((void)(strict_cpu_prepare = (u), strict_cpu_dead = (d)), 0)
#define rcu_read_lock()		strict_irq_save()
#define rcu_read_unlock()	strict_irq_restore()

/* The worker; it runs while an allocation waits. */
void strict_work(void);
bool strict_works(void);
void strict_sleep(void);
#undef usleep_range
#define usleep_range(a, b)	((void)(a), (void)(b), strict_sleep())

/* memory; strict_fail_after() injects failures */
extern long strict_allocated;
void strict_fail_after(int n);
unsigned long strict_failures(void);
void strict_may_alloc(unsigned int gfp);
void *strict_zalloc(size_t size, unsigned int gfp);
void *strict_malloc(size_t size, unsigned int gfp);
void strict_free(void *p);
#define kzalloc(s, g)		strict_zalloc(s, g)
#define kmalloc(s, g)		strict_malloc(s, g)
#define kcalloc(n, s, g)	strict_zalloc((n) * (s), g)
#define kfree(p)		strict_free(p)
#define cond_resched()		strict_may_alloc(GFP_KERNEL)
#define is_vmalloc_addr(a)	strict_is_mapped((unsigned long)(a))
#define vmalloc_to_page(a)	((unsigned long)(a) & PAGE_MASK)
#define page_to_phys(p)		((phys_addr_t)(p))
bool strict_is_mapped(unsigned long addr);

/* Tracepoints: enabled or not, allocations less frees */
extern bool strict_hooks;
extern long strict_traced;
#define trace_percpu_alloc_percpu(...)	(strict_traced++, shim_ignore(0, __VA_ARGS__))
#define trace_percpu_free_percpu(...)	(strict_traced--, shim_ignore(0, __VA_ARGS__))
#define trace_percpu_alloc_percpu_enabled()	strict_hooks
#define trace_percpu_free_percpu_enabled()	strict_hooks

/* Accounting: one cgroup, and one allocation tag */
struct obj_cgroup { long charged, stat, refs; bool root; };
struct alloc_tag { long bytes; };
union codetag_ref { struct alloc_tag *ct; };
struct strict_task { struct alloc_tag *alloc_tag; unsigned int fail_nth, flags; };
#define PF_MEMALLOC	0x0800
extern struct obj_cgroup strict_cgroup;
extern struct alloc_tag strict_tag;
extern struct strict_task *current;
extern bool strict_charges, strict_profiles;
#define MEMCG_PERCPU_B		0
#define memcg_kmem_online()	strict_charges
#define mem_cgroup_kmem_disabled()	false
#define mem_alloc_profiling_enabled()	strict_profiles
#define current_obj_cgroup()	(&strict_cgroup)
#define obj_cgroup_is_root(c)	((c)->root)
#define obj_cgroup_memcg(c)	(c)
#define mod_memcg_state(c, i, n)	((void)((c)->stat += (n)))
#define obj_cgroup_get(c)	((void)(c)->refs++)
#define obj_cgroup_put(c)	((void)(c)->refs--)
#define PCPU_CHARGE_MAX		4096UL
void obj_cgroup_uncharge(struct obj_cgroup *objcg, size_t size);
int obj_cgroup_charge(struct obj_cgroup *objcg, unsigned int gfp, size_t size);
#define alloc_tag_add(r, t, n)	((void)((r)->ct = (t), (t)->bytes += (n)))
#define alloc_tag_sub(r, n)	((void)((r)->ct->bytes -= (n), (r)->ct = NULL))

/* Fault injection of percpu itself, by strict_fail_after() as well */
struct fault_attr { unsigned long probability; };
#define DECLARE_FAULT_ATTR(n)	struct fault_attr n
#define FAULT_NOWARN		1
#define setup_fault_attr(a, s)	((void)(a), (void)(s), 1)
#define fault_create_debugfs_attr(n, d, a)	((void)(a))
#define late_initcall(f)	subsys_initcall(f)
#define __setup(s, f)		static void *shim_setup_##f __attribute__((unused)) = (void *)(f)
bool should_fail_ex(struct fault_attr *attr, size_t size, int flags);

#endif /* _PERCPU_STRICT_H */
