/* SPDX-License-Identifier: GPL-2.0 */
/*
 * test_percpu: declarations for the files of this module.
 */
#ifndef _TEST_PERCPU_H
#define _TEST_PERCPU_H

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/printk.h>
#include <linux/types.h>

/* Parameters of more than one test, see main.c */
extern char *test_run;
extern unsigned int test_seed;
extern unsigned int test_seconds;
extern bool test_stop;

#define say(fmt, ...)							\
	pr_info(KBUILD_MODNAME ": %s: " fmt "\n", test_run, ##__VA_ARGS__)
#define complain(fmt, ...)						\
	pr_err(KBUILD_MODNAME ": %s: FAIL: " fmt "\n", test_run, ##__VA_ARGS__)

/*
 * Return true if a test is over that was to end at @end. On a slow machine it takes up to
 * a minute longer, until it has done @enough.
 */
static inline bool test_over(unsigned long end, bool enough)
{
	if (READ_ONCE(test_stop))
		return true;
	if (time_before(jiffies, end))
		return false;
	return enough || time_after(jiffies, end + 60 * HZ);
}

/* An object, filled with @tag, see check.c */
struct live_object {
	void __percpu *ptr;
	size_t size;
	u8 tag;
};

/* check.c */
int check_tag(void __percpu *ptr, size_t size, u8 tag);
int check_fresh(void __percpu *ptr, size_t size, size_t align, u8 tag);
int alloc_fresh(void __percpu **ptr, size_t size, size_t align, u8 tag);
int free_live(struct live_object *obj);

/* churn.c */
int churn_start(void);
int churn_stop(void);

/* hold.c */
int free_held(void);

/* The tests */
int test_tour(void);
int test_basic(void);
int test_sizes_large(void);
int test_churn(void);
int test_atomic_burst(void);
int test_irq(void);
int test_nofs_reclaim(void);
int test_bad_requests(void);
int test_bad_frees(void);
int test_module_static(void);
int test_cpu_hotplug(void);
int test_phys(void);
int test_watch(void);
int test_accounting(void);
int test_hold(void);
int test_pulse(void);

#endif /* _TEST_PERCPU_H */
