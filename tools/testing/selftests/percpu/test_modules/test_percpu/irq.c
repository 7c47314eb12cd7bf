// SPDX-License-Identifier: GPL-2.0
/*
 * atomic_burst, irq: allocations that cannot sleep.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/overflow.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

#include "test.h"

static unsigned int min_served;
module_param(min_served, uint, 0444);
MODULE_PARM_DESC(min_served, "minimum of objects that atomic_burst must get");

/* atomic_burst: the number of objects that GFP_ATOMIC gets with IRQs off */
#define BURST		4096
#define BURST_BATCH	64
#define BURST_SIZE	256

static int burst_batch(void __percpu **ptr)
{
	unsigned int i, served = 0;
	unsigned long flags;

	local_irq_save(flags);
	for (i = 0; i < BURST_BATCH; i++) {
		ptr[served] = __alloc_percpu_gfp(BURST_SIZE, 8,
						 GFP_ATOMIC | __GFP_NOWARN);
		if (ptr[served])
			served++;
	}
	local_irq_restore(flags);
	return served;
}

int test_atomic_burst(void)
{
	unsigned int i, served = 0;
	void __percpu **ptr;
	int err = 0;

	ptr = vzalloc(array_size(BURST, sizeof(*ptr)));
	if (!ptr)
		return -ENOMEM;
	for (i = 0; i < BURST / BURST_BATCH; i++) {
		served += burst_batch(ptr + served);
		cond_resched();
	}
	for (i = 0; i < served && !err; i++)
		err = check_fresh(ptr[i], BURST_SIZE, 8, i);
	for (i = 0; i < served && !err; i++)
		err = check_tag(ptr[i], BURST_SIZE, i);
	for (i = 0; i < served; i++)
		free_percpu(ptr[i]);
	vfree(ptr);

	say("%u of %u objects of %u bytes served with IRQs off", served, BURST,
	    BURST_SIZE);
	if (!err && served < min_served) {
		complain("fewer than %u", min_served);
		err = -ENOMEM;
	}
	return err;
}

/*
 * irq: allocate and free in hard and soft interrupts, while threads churn
 *
 * A timer runs as a soft interrupt and queues an irq_work, which runs as a hard
 * one.  Calls to other CPUs interrupt the threads at any place.
 */
#define IRQ_LIVE	16

struct irq_context {
	void __percpu *live[IRQ_LIVE];
	unsigned int turn;
	unsigned int served;
	unsigned int refused;
	int err;
};

static struct irq_context irq_hard, irq_soft, irq_call;
static struct timer_list irq_timer;

static size_t irq_size(unsigned int turn)
{
	return turn % 5 ? 8 + turn % 57 : 200 + turn % 800;
}

/* Free an object and allocate one.  A context does not interrupt itself. */
static void irq_step(struct irq_context *c)
{
	void __percpu **place = &c->live[c->turn % IRQ_LIVE];
	unsigned int old = c->turn - IRQ_LIVE;
	int err = 0;

	if (*place)
		err = check_tag(*place, irq_size(old), old);
	free_percpu(*place);
	*place = __alloc_percpu_gfp(irq_size(c->turn), 8,
				    GFP_ATOMIC | __GFP_NOWARN);
	if (*place) {
		err = check_fresh(*place, irq_size(c->turn), 8, c->turn) ?: err;
		c->served++;
	} else {
		c->refused++;
	}
	c->turn++;
	if (err)
		c->err = err;
}

static void irq_hard_step(struct irq_work *work)
{
	irq_step(&irq_hard);
}

static struct irq_work irq_hard_work = IRQ_WORK_INIT_HARD(irq_hard_step);

static void irq_soft_step(struct timer_list *timer)
{
	irq_step(&irq_soft);
	irq_work_queue(&irq_hard_work);
	mod_timer(timer, jiffies + 1);
}

static void irq_call_step(void *context)
{
	irq_step(context);
}

static void irq_call_cpus(void)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		smp_call_function_single(cpu, irq_call_step, &irq_call, 1);
	cpus_read_unlock();
}

static int irq_finish(struct irq_context *c, const char *name)
{
	unsigned int i;

	for (i = 0; i < IRQ_LIVE; i++)
		free_percpu(c->live[i]);
	say("%s: %u objects, %u requests failed", name, c->served,
	    c->refused);
	if (!c->err && !c->served) {
		complain("%s: nothing was allocated", name);
		return -ENODATA;
	}
	return c->err;
}

/* Return true if each context has allocated. */
static bool irq_all_served(void)
{
	/* Interrupts count, and later is soon enough. */
	return data_race(irq_hard.served && irq_soft.served && irq_call.served);
}

int test_irq(void)
{
	unsigned long end;
	int err;

	/* With PREEMPT_RT a hard interrupt must not call slab or the page allocator. */
	if (IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING) ||
	    IS_ENABLED(CONFIG_PREEMPT_RT)) {
		say("SKIP hard interrupts must not take sleeping locks");
		return -EOPNOTSUPP;
	}

	err = churn_start();
	end = jiffies + (unsigned long)test_seconds * HZ;
	timer_setup(&irq_timer, irq_soft_step, 0);
	mod_timer(&irq_timer, jiffies + 1);
	while (!err && !test_over(end, irq_all_served())) {
		irq_call_cpus();
		usleep_range(100, 200);
	}
	timer_shutdown_sync(&irq_timer);
	irq_work_sync(&irq_hard_work);

	err = irq_finish(&irq_hard, "hard interrupt") ?: err;
	err = irq_finish(&irq_soft, "soft interrupt") ?: err;
	err = irq_finish(&irq_call, "call to a CPU") ?: err;
	return churn_stop() ?: err;
}
