// SPDX-License-Identifier: GPL-2.0
/*
 * Percpu selftest: what a module can see of the percpu allocator.
 *
 *	insmod test_percpu.ko run=<name> [parameter=value ...]
 *
 * The named test runs while the module is loaded, says what it finds in lines
 * "test_percpu: <name>: ...", and its result is insmod's: a module that loads
 * has passed.  A line that begins with FAIL tells what went wrong, one that
 * begins with SKIP why a test could not run here.  Objects that a test holds
 * ("hold", "accounting") live until rmmod.
 *
 * Only interfaces that modules may use are used.  The one exception,
 * per_cpu_ptr_to_phys(), is not exported: the script passes its address.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/init.h>
#include <linux/irq_work.h>
#include <linux/kernel_stat.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/percpu.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/stop_machine.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

static char *run = "tour";
module_param(run, charp, 0444);
MODULE_PARM_DESC(run, "name of the test");

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random sequences; 0 takes one and prints it");

static unsigned int seconds = 5;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long the tests with threads run");

static unsigned int nr_threads;
module_param(nr_threads, uint, 0444);
MODULE_PARM_DESC(nr_threads, "of churn; 0 is one per online CPU");

static unsigned int max_objects = 1024;
module_param(max_objects, uint, 0444);
MODULE_PARM_DESC(max_objects, "that one churn thread keeps");

static unsigned long max_size = SZ_1M;
module_param(max_size, ulong, 0444);
MODULE_PARM_DESC(max_size, "largest object of sizes_large");

static unsigned int min_served;
module_param(min_served, uint, 0444);
MODULE_PARM_DESC(min_served, "atomic_burst fails when it gets fewer objects");

static bool strict = true;
module_param(strict, bool, 0444);
MODULE_PARM_DESC(strict, "bad_requests without __GFP_NOWARN too, and align 3");

static bool atomic;
module_param(atomic, bool, 0444);
MODULE_PARM_DESC(atomic, "hold allocates with GFP_ATOMIC");

static bool loud;
module_param(loud, bool, 0444);
MODULE_PARM_DESC(loud, "hold has the kernel report a refusal");

static unsigned long phys_fn;
module_param(phys_fn, ulong, 0400);
MODULE_PARM_DESC(phys_fn, "address of per_cpu_ptr_to_phys()");

static bool stop;
module_param(stop, bool, 0644);
MODULE_PARM_DESC(stop, "ends the tests with threads before their time");

#define MAX_KINDS	8

static unsigned long hold_size[MAX_KINDS] = { 64 };
static unsigned int nr_hold_sizes = 1;
module_param_array_named(size, hold_size, ulong, &nr_hold_sizes, 0444);
MODULE_PARM_DESC(size, "of the objects of hold and accounting, a list");

static unsigned int hold_count[MAX_KINDS] = { 100 };
static unsigned int nr_hold_counts = 1;
module_param_array_named(count, hold_count, uint, &nr_hold_counts, 0444);
MODULE_PARM_DESC(count, "how many objects of each size");

#define say(fmt, ...)		pr_info("%s: " fmt "\n", run, ##__VA_ARGS__)
#define complain(fmt, ...)	pr_err("%s: FAIL: " fmt "\n", run, ##__VA_ARGS__)

/*
 * The contents of objects
 *
 * An object is filled with its tag, plus the number of the CPU, so that a
 * byte tells which object and which CPU wrote it.
 */
static int check_byte(void __percpu *ptr, size_t size, int cpu, u8 byte)
{
	u8 *copy = per_cpu_ptr(ptr, cpu);
	u8 *bad = memchr_inv(copy, byte, size);

	if (!bad)
		return 0;
	complain("cpu %d: byte %zu of an object of %zu is %#x, not %#x",
		 cpu, (size_t)(bad - copy), size, *bad, byte);
	return -EIO;
}

static int check_zero(void __percpu *ptr, size_t size)
{
	int cpu, err;

	for_each_possible_cpu(cpu) {
		err = check_byte(ptr, size, cpu, 0);
		if (err)
			return err;
	}
	return 0;
}

static int check_tag(void __percpu *ptr, size_t size, u8 tag)
{
	int cpu, err;

	for_each_possible_cpu(cpu) {
		err = check_byte(ptr, size, cpu, tag + cpu);
		if (err)
			return err;
	}
	return 0;
}

static void fill(void __percpu *ptr, size_t size, u8 tag)
{
	int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(ptr, cpu), (u8)(tag + cpu), size);
}

static int check_align(void __percpu *ptr, size_t align)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (IS_ALIGNED((unsigned long)per_cpu_ptr(ptr, cpu), align))
			continue;
		complain("cpu %d: %#lx is not aligned to %zu", cpu,
			 (unsigned long)per_cpu_ptr(ptr, cpu), align);
		return -EINVAL;
	}
	return 0;
}

/* A fresh object: aligned and zero everywhere.  It is filled with @tag. */
static int check_fresh(void __percpu *ptr, size_t size, size_t align, u8 tag)
{
	int err;

	err = check_align(ptr, align);
	if (!err)
		err = check_zero(ptr, size);
	fill(ptr, size, tag);
	return err;
}

static int take_fresh(void __percpu **ptr, size_t size, size_t align, u8 tag)
{
	*ptr = __alloc_percpu_gfp(size, align, GFP_KERNEL | __GFP_NOWARN);
	if (!*ptr) {
		complain("no memory for size %zu, align %zu", size, align);
		return -ENOMEM;
	}
	return check_fresh(*ptr, size, align, tag);
}

/*
 * tour: to be read by people
 */
#define TOUR_ROUNDS	1000
#define TOUR_LINES	8

static void tour_increment(void *counter)
{
	this_cpu_inc(*(u64 __percpu *)counter);
}

static void tour_stride(u64 __percpu *counter)
{
	unsigned long addr, last = 0, stride = 0;
	bool constant = true;
	int cpu;

	for_each_possible_cpu(cpu) {
		addr = (unsigned long)per_cpu_ptr(counter, cpu);
		if (last && stride && addr - last != stride)
			constant = false;
		if (last)
			stride = addr - last;
		last = addr;
	}
	if (!stride)
		say("one CPU, no stride");
	else if (constant)
		say("from one CPU's copy to the next: %ld KB, always",
		    (long)stride / 1024);
	else
		say("from one CPU's copy to the next: it varies");
}

static int test_tour(void)
{
	u64 __percpu *counter = alloc_percpu(u64);
	unsigned int online = 0, lines = 0;
	u64 sum = 0;
	int cpu, i;

	if (!counter)
		return -ENOMEM;
	say("a counter of %zu bytes on each of %u possible CPUs: one percpu pointer, %#lx",
	    sizeof(u64), num_possible_cpus(),
	    (__force unsigned long)counter);

	cpus_read_lock();
	for (i = 0; i < TOUR_ROUNDS; i++)
		on_each_cpu(tour_increment, (__force void *)counter, 1);
	online = num_online_cpus();
	cpus_read_unlock();

	for_each_possible_cpu(cpu) {
		u64 *copy = per_cpu_ptr(counter, cpu);

		sum += *copy;
		if (lines++ < TOUR_LINES)
			say("  cpu %2d: at %#lx, incremented %llu times",
			    cpu, (unsigned long)copy, *copy);
	}
	if (lines > TOUR_LINES)
		say("  and %u CPUs more", lines - TOUR_LINES);
	tour_stride(counter);
	say("sum %llu = %u CPUs online x %d", sum, online, TOUR_ROUNDS);
	free_percpu(counter);

	return sum == (u64)online * TOUR_ROUNDS ? 0 : -EIO;
}

/*
 * basic: every size with every alignment, beside what was allocated before
 */
static const size_t basic_sizes[] = {
	1, 2, 3, 4, 5, 8, 12, 15, 16, 17, 24, 31, 32, 40, 48, 63, 64, 65, 80,
	96, 127, 128, 129, 192, 256, 320, 511, 512, 768, 1000, 1024, 1025,
	1536, 2048, 2049, 3000, 4000, 4095, 4096,
};

#define BASIC_LIVE	32

struct live_object {
	void __percpu *ptr;
	size_t size;
	u8 tag;
};

static int release_live(struct live_object *obj)
{
	int err = 0;

	if (obj->ptr)
		err = check_tag(obj->ptr, obj->size, obj->tag);
	free_percpu(obj->ptr);
	obj->ptr = NULL;
	return err;
}

static int test_basic(void)
{
	static struct live_object live[BASIC_LIVE];
	unsigned int i, nr = 0;
	size_t align;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(basic_sizes) && !err; i++) {
		for (align = 1; align <= PAGE_SIZE && !err; align *= 2) {
			struct live_object *obj = &live[nr % BASIC_LIVE];

			err = release_live(obj);
			if (err)
				break;
			obj->size = basic_sizes[i];
			obj->tag = nr++ * 7 + 1;
			err = take_fresh(&obj->ptr, obj->size, align, obj->tag);
		}
		cond_resched();
	}
	for (i = 0; i < BASIC_LIVE; i++)
		err = release_live(&live[i]) ?: err;
	say("%u objects of %zu sizes, alignments 1 to %lu", nr,
	    ARRAY_SIZE(basic_sizes), PAGE_SIZE);
	return err;
}

/*
 * sizes_large: more than a chunk of stock's
 */
static int large_object(size_t size, size_t align)
{
	void __percpu *ptr, *next;
	int err, end;

	ptr = __alloc_percpu_gfp(size, align, GFP_KERNEL | __GFP_NOWARN);
	if (!ptr) {
		complain("no memory (-ENOMEM) for size %zu, align %zu", size,
			 align);
		return -ENOMEM;
	}
	/* A small one beside it, which the large one must not reach. */
	err = take_fresh(&next, 8, 8, 0x81);
	end = check_fresh(ptr, size, align, 0x41);
	if (!end)
		end = check_tag(ptr, size, 0x41);
	if (!end && next)
		end = check_tag(next, 8, 0x81);
	free_percpu(next);
	free_percpu(ptr);
	return err ?: end;
}

static int test_sizes_large(void)
{
	static const size_t sizes[] = {
		SZ_32K, 32792, SZ_64K, SZ_256K, SZ_1M,
	};
	static const size_t aligns[] = { 8, 64, PAGE_SIZE };
	unsigned int i, j;
	int err;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i] > max_size) {
			say("size %zu: not asked for here (max_size=%lu)",
			    sizes[i], max_size);
			continue;
		}
		for (j = 0; j < ARRAY_SIZE(aligns); j++) {
			err = large_object(sizes[i], aligns[j]);
			if (err)
				return err;
			cond_resched();
		}
		say("size %zu: written and checked on %u CPUs", sizes[i],
		    num_possible_cpus());
	}
	return 0;
}

/*
 * churn: threads that allocate and free at random, and hand each other objects
 *
 * A thread owns a table of objects.  The records of a table come from one
 * array per thread, but a record may travel to another thread through the
 * exchange, and then its object is freed there.
 */
#define EXCHANGE_SLOTS	32
#define RCU_BOXES	16

struct churn_object {
	void __percpu *ptr;
	size_t size;
	u8 tag;
};

/* An object on its way through a grace period. */
struct rcu_box {
	struct rcu_head rcu;
	void __percpu *ptr;
	bool busy;
};

struct churn_thread {
	struct task_struct *task;
	struct rnd_state rnd;
	struct churn_object *records;
	struct churn_object **table;
	struct rcu_box boxes[RCU_BOXES];
	spinlock_t lock;		/* held around atomic allocations */
	unsigned int nr;
	int cpu;
	int err;
	u64 nr_alloc;
	u64 nr_exchanged;
	u64 nr_refused;			/* atomic requests not served */
};

static struct churn_thread *churn_threads;
static unsigned int nr_churn_threads;
static struct churn_object *exchange[EXCHANGE_SLOTS];

static size_t churn_size(struct rnd_state *rnd)
{
	u32 r = prandom_u32_state(rnd);

	switch (r % 20) {
	case 0:
		return SZ_4K;
	case 1 ... 7:
		return 65 + (r >> 8) % 960;
	default:
		return 4 + (r >> 8) % 61;
	}
}

static void __percpu *churn_alloc(struct churn_thread *t, size_t size,
				  size_t align, bool *may_fail)
{
	void __percpu *ptr;
	unsigned long flags;

	*may_fail = true;
	switch (prandom_u32_state(&t->rnd) % 8) {
	case 0:
		spin_lock_irqsave(&t->lock, flags);
		ptr = __alloc_percpu_gfp(size, align, GFP_ATOMIC | __GFP_NOWARN);
		spin_unlock_irqrestore(&t->lock, flags);
		return ptr;
	case 1:
		return __alloc_percpu_gfp(size, align,
					  GFP_NOWAIT | __GFP_NOWARN);
	default:
		*may_fail = false;
		return __alloc_percpu_gfp(size, align,
					  GFP_KERNEL | __GFP_NOWARN);
	}
}

static int churn_take(struct churn_thread *t, struct churn_object *obj)
{
	size_t align = 1UL << (prandom_u32_state(&t->rnd) % 7);
	bool may_fail;

	obj->size = churn_size(&t->rnd);
	obj->tag = prandom_u32_state(&t->rnd);
	obj->ptr = churn_alloc(t, obj->size, align, &may_fail);
	if (!obj->ptr && !may_fail) {
		complain("no memory for size %zu, align %zu", obj->size, align);
		return -ENOMEM;
	}
	if (!obj->ptr) {
		t->nr_refused++;
		return 0;
	}
	t->nr_alloc++;
	return check_fresh(obj->ptr, obj->size, align, obj->tag);
}

static void rcu_box_free(struct rcu_head *rcu)
{
	struct rcu_box *box = container_of(rcu, struct rcu_box, rcu);

	free_percpu(box->ptr);
	/* Pairs with the acquire in churn_free(): the box may be used again. */
	smp_store_release(&box->busy, false);
}

static void churn_free(struct churn_thread *t, void __percpu *ptr)
{
	u32 r = prandom_u32_state(&t->rnd);
	struct rcu_box *box = &t->boxes[(r >> 8) % RCU_BOXES];
	unsigned long flags;

	/* The acquire pairs with the release in rcu_box_free(). */
	if (r % 4 == 0 && !smp_load_acquire(&box->busy)) {
		box->busy = true;
		box->ptr = ptr;
		call_rcu(&box->rcu, rcu_box_free);
	} else if (r % 4 == 1) {
		local_irq_save(flags);
		free_percpu(ptr);
		local_irq_restore(flags);
	} else {
		free_percpu(ptr);
	}
}

static int churn_release(struct churn_thread *t, struct churn_object *obj)
{
	int err = check_tag(obj->ptr, obj->size, obj->tag);

	churn_free(t, obj->ptr);
	obj->ptr = NULL;
	return err;
}

static int churn_step(struct churn_thread *t)
{
	u32 r = prandom_u32_state(&t->rnd);
	struct churn_object **place = &t->table[r % max_objects];

	if (r >> 29 == 0) {
		*place = xchg(&exchange[(r >> 16) % EXCHANGE_SLOTS], *place);
		t->nr_exchanged++;
	}
	if (!*place)
		return 0;
	if ((*place)->ptr)
		return churn_release(t, *place);
	return churn_take(t, *place);
}

static int churn_main(void *data)
{
	struct churn_thread *t = data;

	/*
	 * Only a wish: the CPU may go offline, if not in the middle: PREEMPT_RT
	 * warns of a thread that may only run where there is no CPU.
	 */
	cpus_read_lock();
	set_cpus_allowed_ptr(current, cpumask_of(t->cpu));
	cpus_read_unlock();
	/* What the scripts do meanwhile goes first. */
	set_user_nice(current, 10);
	while (!kthread_should_stop()) {
		if (!READ_ONCE(t->err)) {
			WRITE_ONCE(t->err, churn_step(t));
			cond_resched();
		} else {
			schedule_timeout_interruptible(HZ / 10);
		}
	}
	return 0;
}

static int churn_prepare(struct churn_thread *t, unsigned int nr, int cpu)
{
	unsigned int i;

	t->nr = nr;
	t->cpu = cpu;
	spin_lock_init(&t->lock);
	prandom_seed_state(&t->rnd, (u64)seed + nr);
	t->records = vzalloc(array_size(max_objects, sizeof(*t->records)));
	t->table = vzalloc(array_size(max_objects, sizeof(*t->table)));
	if (!t->records || !t->table)
		return -ENOMEM;
	for (i = 0; i < max_objects; i++)
		t->table[i] = &t->records[i];

	t->task = kthread_run(churn_main, t, "test_percpu/%u", nr);
	if (IS_ERR(t->task)) {
		int err = PTR_ERR(t->task);

		t->task = NULL;
		return err;
	}
	return 0;
}

static int churn_wait(void)
{
	unsigned long end = jiffies + (unsigned long)seconds * HZ;
	unsigned int i;

	while (time_before(jiffies, end) && !READ_ONCE(stop)) {
		for (i = 0; i < nr_churn_threads; i++) {
			if (READ_ONCE(churn_threads[i].err))
				return churn_threads[i].err;
		}
		if (msleep_interruptible(50))
			return -EINTR;
	}
	return 0;
}

static int churn_start(void)
{
	int cpu = -1, err = 0;
	unsigned int i;

	nr_churn_threads = nr_threads ?: num_online_cpus();
	max_objects = clamp(max_objects, 1U, 1U << 20);
	churn_threads = vzalloc(array_size(nr_churn_threads,
					   sizeof(*churn_threads)));
	if (!churn_threads)
		return -ENOMEM;
	for (i = 0; i < nr_churn_threads && !err; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		err = churn_prepare(&churn_threads[i], i, cpu);
	}
	say("seed %u, %u threads of %u objects", seed, nr_churn_threads,
	    max_objects);
	return err;
}

static int churn_clean(struct churn_thread *t)
{
	unsigned int i;
	int err = t->err;

	for (i = 0; t->records && i < max_objects; i++) {
		struct churn_object *obj = &t->records[i];

		if (obj->ptr)
			err = churn_release(t, obj) ?: err;
	}
	return err;
}

/* Stops the threads, checks and frees what is left, says what was done. */
static int churn_stop(void)
{
	u64 allocs = 0, exchanged = 0, refused = 0;
	unsigned int i;
	int err = 0;

	if (!churn_threads)
		return 0;
	for (i = 0; i < nr_churn_threads; i++) {
		if (churn_threads[i].task)
			kthread_stop(churn_threads[i].task);
	}
	for (i = 0; i < nr_churn_threads; i++) {
		struct churn_thread *t = &churn_threads[i];

		err = churn_clean(t) ?: err;
		allocs += t->nr_alloc;
		exchanged += t->nr_exchanged;
		refused += t->nr_refused;
	}
	rcu_barrier();
	for (i = 0; i < nr_churn_threads; i++) {
		vfree(churn_threads[i].table);
		vfree(churn_threads[i].records);
	}
	vfree(churn_threads);
	say("%llu objects, %llu handed on, %llu atomic requests not served",
	    allocs, exchanged, refused);
	if (!allocs)
		complain("nothing was allocated");
	return err ?: allocs ? 0 : -ENODATA;
}

static int test_churn(void)
{
	int err = churn_start();

	if (!err)
		err = churn_wait();
	return churn_stop() ?: err;
}

/*
 * atomic_burst: how much is there for those who cannot wait
 */
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

static int test_atomic_burst(void)
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
 * irq: allocate and free in hard and soft interrupt, while threads churn
 *
 * A timer is the soft interrupt; it queues an irq_work, which is the hard one.
 * Calls across CPUs interrupt the threads in the middle of what they do there.
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

/* One object is freed and one allocated.  A context never runs twice at once. */
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
	say("%s: %u objects, %u requests not served", name, c->served,
	    c->refused);
	if (!c->err && !c->served) {
		complain("%s: nothing was allocated", name);
		return -ENODATA;
	}
	return c->err;
}

static int test_irq(void)
{
	unsigned long end;
	int err;

	/* There, neither slab nor the page allocator may be called from here. */
	if (IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING) ||
	    IS_ENABLED(CONFIG_PREEMPT_RT)) {
		say("SKIP hard interrupts may not take sleeping locks");
		return -EOPNOTSUPP;
	}

	err = churn_start();
	end = jiffies + (unsigned long)seconds * HZ;
	timer_setup(&irq_timer, irq_soft_step, 0);
	mod_timer(&irq_timer, jiffies + 1);
	while (!err && time_before(jiffies, end) && !READ_ONCE(stop)) {
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

/*
 * nofs_reclaim: allocate under a lock that reclaim takes
 *
 *	reclaim -> reclaim_lock -> percpu allocator		(the shrinker)
 *	reclaim_lock -> percpu allocator, NOFS or NOIO		(the holder)
 *	percpu allocator -> reclaim				(everyone else)
 *
 * An allocator that sleeps on a lock of its own while it gets memory closes a
 * circle here, and lockdep says so.  Besides real reclaim, of which a test
 * gets little, a thread enters the shrinker as reclaim would.
 */
static DEFINE_MUTEX(reclaim_lock);
static atomic_t nr_scans = ATOMIC_INIT(0);
static atomic_t nr_reclaim_failed = ATOMIC_INIT(0);

#define RECLAIM_OBJECTS	64

static void take_and_free(bool noio, gfp_t gfp)
{
	static const size_t sizes[] = { 16, 200, 1024, 4096 };
	unsigned int i, scope;
	void __percpu *ptr;

	scope = noio ? memalloc_noio_save() : memalloc_nofs_save();
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = __alloc_percpu_gfp(sizes[i], 8, gfp | __GFP_NOWARN);
		if (!ptr)
			atomic_inc(&nr_reclaim_failed);
		free_percpu(ptr);
	}
	if (noio)
		memalloc_noio_restore(scope);
	else
		memalloc_nofs_restore(scope);
}

static void reclaim_scan(void)
{
	int turn = atomic_inc_return(&nr_scans);

	mutex_lock(&reclaim_lock);
	/* By the scope alone, and by the flags as well. */
	take_and_free(turn % 2, GFP_KERNEL);
	take_and_free(turn % 2, turn % 2 ? GFP_NOIO : GFP_NOFS);
	mutex_unlock(&reclaim_lock);
}

static unsigned long shrinker_count(struct shrinker *shrinker,
				    struct shrink_control *sc)
{
	return 1;
}

static unsigned long shrinker_scan(struct shrinker *shrinker,
				   struct shrink_control *sc)
{
	if (!(sc->gfp_mask & __GFP_FS))
		return SHRINK_STOP;
	reclaim_scan();
	return 1;
}

static int reclaim_enter_main(void *unused)
{
	while (!kthread_should_stop()) {
		fs_reclaim_acquire(GFP_KERNEL);
		reclaim_scan();
		fs_reclaim_release(GFP_KERNEL);
		usleep_range(100, 1000);
	}
	return 0;
}

static int reclaim_hold_main(void *unused)
{
	bool noio = false;

	while (!kthread_should_stop()) {
		mutex_lock(&reclaim_lock);
		take_and_free(noio, GFP_KERNEL);
		usleep_range(10, 100);
		mutex_unlock(&reclaim_lock);
		noio = !noio;
		usleep_range(100, 1000);
	}
	return 0;
}

/* GFP_KERNEL, no lock held: enough that pages must be found and given back. */
static int reclaim_outside(void)
{
	void __percpu *ptr[RECLAIM_OBJECTS] = {};
	unsigned int i;
	int err = 0;

	for (i = 0; i < RECLAIM_OBJECTS && !err; i++)
		err = take_fresh(&ptr[i], 16 << (i % 8), 8, i);
	for (i = 0; i < RECLAIM_OBJECTS; i++)
		free_percpu(ptr[i]);
	usleep_range(1000, 2000);
	return err;
}

static int test_nofs_reclaim(void)
{
	unsigned long end = jiffies + (unsigned long)seconds * HZ;
	struct task_struct *enter, *hold;
	struct shrinker *shrinker;
	int err = 0;

	shrinker = shrinker_alloc(0, "test_percpu");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = shrinker_count;
	shrinker->scan_objects = shrinker_scan;
	shrinker->seeks = DEFAULT_SEEKS;
	shrinker_register(shrinker);

	enter = kthread_run(reclaim_enter_main, NULL, "test_percpu/enter");
	hold = kthread_run(reclaim_hold_main, NULL, "test_percpu/hold");
	if (IS_ERR(enter) || IS_ERR(hold))
		err = -ENOMEM;
	while (!err && time_before(jiffies, end) && !READ_ONCE(stop))
		err = reclaim_outside();
	if (!IS_ERR(enter))
		kthread_stop(enter);
	if (!IS_ERR(hold))
		kthread_stop(hold);
	shrinker_free(shrinker);

	say("%d scans allocated under the lock, %d requests not served",
	    atomic_read(&nr_scans), atomic_read(&nr_reclaim_failed));
	return err;
}

/*
 * bad_requests: each is answered with NULL, and changes nothing
 */
struct bad_request {
	size_t size;
	size_t align;
};

static int bad_request(const struct bad_request *req, gfp_t gfp)
{
	void __percpu *ptr = __alloc_percpu_gfp(req->size, req->align, gfp);

	if (!ptr)
		return 0;
	complain("size %zu, align %zu was served", req->size, req->align);
	free_percpu(ptr);
	return -EINVAL;
}

static int test_bad_requests(void)
{
	static const struct bad_request bad[] = {
		{ 0, 8 },
		{ 8, 6 },
		{ 8, 24 },
		{ 8, 2 * PAGE_SIZE },
		{ SZ_1G, 8 },
		{ SIZE_MAX, 8 },
		{ SIZE_MAX - PAGE_SIZE, PAGE_SIZE },
		{ 8, 3 },	/* strict only: stock rounds it up */
	};
	unsigned int i, nr = ARRAY_SIZE(bad) - !strict;
	void __percpu *before, *after;
	int err;

	err = take_fresh(&before, 64, 8, 0x11);
	for (i = 0; i < nr && !err; i++) {
		err = bad_request(&bad[i], GFP_KERNEL | __GFP_NOWARN);
		if (!err)
			err = bad_request(&bad[i], GFP_ATOMIC | __GFP_NOWARN);
		if (!err && strict)
			err = bad_request(&bad[i], GFP_KERNEL);
		if (!err && strict)
			err = bad_request(&bad[i], GFP_ATOMIC);
	}
	if (!err)
		err = take_fresh(&after, 64, 8, 0x22);
	if (!err) {
		err = check_tag(before, 64, 0x11);
		free_percpu(after);
	}
	free_percpu(before);
	say("%u kinds of bad request", nr);
	return err;
}

/*
 * bad_frees: each is refused, and the objects that live are none the worse
 */
#define BAD_FREE_SIZES	3

struct bad_free_case {
	void __percpu *left, *middle, *right;
	size_t size;
};

static int free_twice(void *ptr)
{
	free_percpu((__force void __percpu *)ptr);
	free_percpu((__force void __percpu *)ptr);
	return 0;
}

static void __percpu *inside(void __percpu *ptr, size_t offset)
{
	return (__force void __percpu *)((__force unsigned long)ptr + offset);
}

static void bad_frees_of_size(struct bad_free_case *c)
{
	static const size_t offsets[] = { 1, 4, 8, 16 };
	unsigned int i;

	/* Nobody else may get the object between the first and the second. */
	stop_machine(free_twice, (__force void *)c->middle, NULL);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		free_percpu(inside(c->left, offsets[i]));
	free_percpu(inside(c->right, c->size - 1));
	if (c->size > PAGE_SIZE)
		free_percpu(inside(c->right, PAGE_SIZE));
}

/* Pointers that never came from the allocator. */
static int bad_frees_foreign(void)
{
	void *slab = kmalloc(64, GFP_KERNEL);
	void *virt = vmalloc(PAGE_SIZE);
	int err = 0;

	if (slab && virt) {
		free_percpu((__force void __percpu *)slab);
		free_percpu((__force void __percpu *)virt);
		memset(slab, 0, 64);
		memset(virt, 0, PAGE_SIZE);
	} else {
		err = -ENOMEM;
	}
	vfree(virt);
	kfree(slab);

	/* A static variable of the kernel, and part of this module's own. */
	free_percpu(&kstat);
#ifdef CONFIG_SMP
	if (THIS_MODULE->percpu_size > 16)
		free_percpu(inside(THIS_MODULE->percpu, 16));
#endif
	return err;
}

static int bad_frees_prepare(struct bad_free_case *c)
{
	int err;

	err = take_fresh(&c->left, c->size, 16, 0x31);
	if (!err)
		err = take_fresh(&c->middle, c->size, 16, 0x32);
	if (!err)
		err = take_fresh(&c->right, c->size, 16, 0x33);
	return err;
}

static int bad_frees_verify(struct bad_free_case *c)
{
	void __percpu *again[4] = {};
	unsigned int i;
	int err;

	err = check_tag(c->left, c->size, 0x31);
	if (!err)
		err = check_tag(c->right, c->size, 0x33);
	/* Space that was freed by mistake would now be handed out. */
	for (i = 0; i < ARRAY_SIZE(again) && !err; i++)
		err = take_fresh(&again[i], c->size, 16, 0x34 + i);
	for (i = 0; i < ARRAY_SIZE(again) && !err; i++)
		err = check_tag(again[i], c->size, 0x34 + i);
	if (!err)
		err = check_tag(c->left, c->size, 0x31);
	if (!err)
		err = check_tag(c->right, c->size, 0x33);
	for (i = 0; i < ARRAY_SIZE(again); i++)
		free_percpu(again[i]);
	free_percpu(c->left);
	free_percpu(c->right);
	return err;
}

static int test_bad_frees(void)
{
	struct bad_free_case cases[BAD_FREE_SIZES] = {
		{ .size = 32 }, { .size = 240 }, { .size = 3 * PAGE_SIZE },
	};
	unsigned int i;
	int err = 0;

	free_percpu(NULL);
	for (i = 0; i < BAD_FREE_SIZES && !err; i++)
		err = bad_frees_prepare(&cases[i]);
	if (err)
		return err;
	for (i = 0; i < BAD_FREE_SIZES; i++)
		bad_frees_of_size(&cases[i]);
	err = bad_frees_foreign();
	for (i = 0; i < BAD_FREE_SIZES; i++)
		err = bad_frees_verify(&cases[i]) ?: err;
	return err;
}

/*
 * module_static: this module's own percpu variables
 */
static DEFINE_PER_CPU(u32, static_value) = 2007;
static DEFINE_PER_CPU_ALIGNED(u64, static_line) = 2013;
static DEFINE_PER_CPU_SHARED_ALIGNED(u64, static_shared) = 2026;
static DEFINE_PER_CPU(u8, static_bytes[24]) = { [0 ... 23] = 0xa5 };
static DEFINE_PER_CPU(u64, static_zero);

static int static_cpu_initial(int cpu)
{
	if (per_cpu(static_value, cpu) != 2007 ||
	    per_cpu(static_line, cpu) != 2013 ||
	    per_cpu(static_shared, cpu) != 2026 ||
	    memchr_inv(per_cpu(static_bytes, cpu), 0xa5, sizeof(static_bytes)) ||
	    per_cpu(static_zero, cpu)) {
		complain("cpu %d: a variable lacks its initial value", cpu);
		return -EIO;
	}
	return 0;
}

/* The linker's address, moved to a CPU, lies in what the loader allocated. */
static int static_cpu_place(int cpu)
{
#ifdef CONFIG_SMP
	unsigned long start = (unsigned long)per_cpu_ptr(THIS_MODULE->percpu, cpu);
	unsigned long addr = (unsigned long)per_cpu_ptr(&static_zero, cpu);

	if (addr < start || addr >= start + THIS_MODULE->percpu_size) {
		complain("cpu %d: a variable is outside the module's block", cpu);
		return -EFAULT;
	}
#endif
	if (!IS_ALIGNED((unsigned long)per_cpu_ptr(&static_line, cpu),
			L1_CACHE_BYTES)) {
		complain("cpu %d: a variable lacks its alignment", cpu);
		return -EINVAL;
	}
	return 0;
}

static void static_increment(void *unused)
{
	this_cpu_inc(static_value);
	this_cpu_add(static_line, 2);
	this_cpu_inc(static_zero);
}

static int test_module_static(void)
{
	u64 sum = 0, online;
	int cpu, err;

	for_each_possible_cpu(cpu) {
		err = static_cpu_initial(cpu);
		if (!err)
			err = static_cpu_place(cpu);
		if (err)
			return err;
	}
	cpus_read_lock();
	on_each_cpu(static_increment, NULL, 1);
	online = num_online_cpus();
	cpus_read_unlock();
	for_each_possible_cpu(cpu)
		sum += per_cpu(static_value, cpu) - 2007 +
		       per_cpu(static_line, cpu) - 2013 +
		       per_cpu(static_zero, cpu);
	if (sum != online * 4) {
		complain("increments sum up to %llu, not %llu", sum, online * 4);
		return -EIO;
	}
	return 0;
}

/*
 * cpu_hotplug: what lies on a CPU outlives its being offline
 */
#define HOTPLUG_OBJECTS	24
#define HOTPLUG_CPUS	3

static struct live_object hotplug_before[HOTPLUG_OBJECTS];
static struct live_object hotplug_during[HOTPLUG_OBJECTS];
static atomic_t nr_hotplug_calls = ATOMIC_INIT(0);

static int hotplug_call(unsigned int cpu)
{
	void __percpu *ptr;
	int err;

	atomic_inc(&nr_hotplug_calls);
	err = take_fresh(&ptr, 48, 8, cpu);
	free_percpu(ptr);
	return err;
}

static int take_set(struct live_object *set, u8 tag)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < HOTPLUG_OBJECTS && !err; i++) {
		set[i].size = 8 << (i % 10);
		set[i].tag = tag + i;
		err = take_fresh(&set[i].ptr, set[i].size, 8, set[i].tag);
	}
	return err;
}

static int release_set(struct live_object *set)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < HOTPLUG_OBJECTS; i++)
		err = release_live(&set[i]) ?: err;
	return err;
}

static int check_set(struct live_object *set)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < HOTPLUG_OBJECTS && !err; i++)
		err = check_tag(set[i].ptr, set[i].size, set[i].tag);
	return err;
}

static int hotplug_one(int cpu)
{
	int back, err;

	err = take_set(hotplug_before, 0x20);
	if (err)
		goto out;
	err = remove_cpu(cpu);
	if (err) {
		say("cpu %d does not go offline (%d)", cpu, err);
		err = -ENODEV;
		goto out;
	}
	err = check_set(hotplug_before);
	if (!err)
		err = take_set(hotplug_during, 0x60);
	back = add_cpu(cpu);
	if (back)
		complain("cpu %d does not come back (%d)", cpu, back);
	err = err ?: back;
	if (!err)
		err = check_set(hotplug_before);
out:
	err = release_set(hotplug_during) ?: err;
	return release_set(hotplug_before) ?: err;
}

static int test_cpu_hotplug(void)
{
	int prepare, online, cpu, last = 0, done = 0, err = 0;

	prepare = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
					    "test_percpu:prepare",
					    hotplug_call, hotplug_call);
	online = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN,
					   "test_percpu:online",
					   hotplug_call, hotplug_call);
	if (prepare < 0 || online < 0)
		err = -EBUSY;
	for_each_online_cpu(cpu)
		last = cpu;
	/* From the last down: the first may be needed for interrupts. */
	for (cpu = last; cpu > 0 && done < HOTPLUG_CPUS && !err; cpu--) {
		if (!cpu_online(cpu))
			continue;
		err = hotplug_one(cpu);
		if (err == -ENODEV)
			err = 0;
		else
			done++;
	}
	if (online >= 0)
		cpuhp_remove_state_nocalls(online);
	if (prepare >= 0)
		cpuhp_remove_state_nocalls(prepare);
	if (!err && !done) {
		say("SKIP no CPU goes offline");
		return -EOPNOTSUPP;
	}
	say("%d CPUs went offline and came back, %d calls allocated", done,
	    atomic_read(&nr_hotplug_calls));
	if (!err && atomic_read(&nr_hotplug_calls) != 4 * done) {
		complain("%d calls were expected", 4 * done);
		err = -ENODATA;
	}
	return err;
}

/*
 * phys: per_cpu_ptr_to_phys() names the page that is mapped
 */
typedef phys_addr_t (*to_phys_fn)(void *addr);

static __nocfi phys_addr_t to_phys(void *addr)
{
	return ((to_phys_fn)phys_fn)(addr);
}

/* Writes a word by way of its page, reads it by way of its percpu address. */
static int phys_word(u32 *word, u32 value)
{
	phys_addr_t phys = to_phys(word);
	u32 *page;

	if (offset_in_page(phys) != offset_in_page(word) ||
	    !pfn_valid(PHYS_PFN(phys))) {
		complain("%#lx cannot be at physical %pa", (unsigned long)word,
			 &phys);
		return -EFAULT;
	}
	page = kmap_local_page(pfn_to_page(PHYS_PFN(phys)));
	WRITE_ONCE(*(u32 *)((void *)page + offset_in_page(phys)), value);
	kunmap_local(page);
	if (READ_ONCE(*word) == value)
		return 0;
	complain("%#lx is not at physical %pa", (unsigned long)word, &phys);
	return -EIO;
}

static int phys_object(void __percpu *ptr, size_t size)
{
	size_t offset, last = round_down(size - sizeof(u32), sizeof(u32));
	int cpu, err;

	for_each_possible_cpu(cpu) {
		void *copy = per_cpu_ptr(ptr, cpu);

		err = phys_word(copy + last, ~(u32)cpu);
		if (err)
			return err;
		for (offset = 0; offset < last; offset += SZ_1K) {
			err = phys_word(copy + offset, offset + cpu);
			if (err)
				return err;
		}
	}
	return 0;
}

static int test_phys(void)
{
	static const size_t sizes[] = {
		4, 64, 100, 1024, 4096, 6000, SZ_16K, SZ_32K,
	};
	void __percpu *ptr[ARRAY_SIZE(sizes)] = {};
	unsigned int i;
	int err = 0;

	if (!phys_fn) {
		say("SKIP without the address of per_cpu_ptr_to_phys()");
		return -EOPNOTSUPP;
	}
	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++)
		err = take_fresh(&ptr[i], sizes[i], 4, i);
	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++)
		err = phys_object(ptr[i], sizes[i]);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		free_percpu(ptr[i]);
	/* A static variable has a page as well. */
	for_each_possible_cpu(i) {
		if (!err)
			err = phys_word(per_cpu_ptr(&static_value, i), i);
	}
	return err;
}

/*
 * hold, accounting: objects that stay until rmmod
 */
static struct live_object *held;
static unsigned int nr_held;

static int release_held(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < nr_held; i++)
		err = release_live(&held[i]) ?: err;
	vfree(held);
	held = NULL;
	nr_held = 0;
	return err;
}

static int hold_one(size_t size, gfp_t gfp)
{
	struct live_object *obj = &held[nr_held];

	obj->ptr = __alloc_percpu_gfp(size, size < 8 ? 1 : 8,
				      loud ? gfp : gfp | __GFP_NOWARN);
	if (!obj->ptr) {
		complain("no memory (-ENOMEM) for object %u, size %zu", nr_held,
			 size);
		return -ENOMEM;
	}
	obj->size = size;
	obj->tag = nr_held++;
	return check_fresh(obj->ptr, size, 1, obj->tag);
}

static int hold(gfp_t gfp)
{
	unsigned int kind, i, total = 0;
	int err = 0;

	if (nr_hold_sizes != nr_hold_counts) {
		complain("%u sizes, but %u counts", nr_hold_sizes,
			 nr_hold_counts);
		return -EINVAL;
	}
	for (kind = 0; kind < nr_hold_sizes; kind++)
		total += hold_count[kind];
	held = vzalloc(array_size(total, sizeof(*held)));
	if (!held)
		return -ENOMEM;
	for (kind = 0; kind < nr_hold_sizes; kind++) {
		for (i = 0; i < hold_count[kind] && !err; i++) {
			err = hold_one(hold_size[kind], gfp);
			cond_resched();
		}
	}
	say("%u objects held until rmmod", nr_held);
	if (err)
		release_held();
	return err;
}

static int test_hold(void)
{
	return hold(atomic ? GFP_ATOMIC : GFP_KERNEL);
}

static int test_accounting(void)
{
	return hold(GFP_KERNEL_ACCOUNT);
}

static const struct {
	const char *name;
	int (*fn)(void);
} tests[] = {
	{ "tour", test_tour },
	{ "basic", test_basic },
	{ "sizes_large", test_sizes_large },
	{ "churn", test_churn },
	{ "atomic_burst", test_atomic_burst },
	{ "irq", test_irq },
	{ "nofs_reclaim", test_nofs_reclaim },
	{ "bad_requests", test_bad_requests },
	{ "bad_frees", test_bad_frees },
	{ "module_static", test_module_static },
	{ "cpu_hotplug", test_cpu_hotplug },
	{ "phys", test_phys },
	{ "accounting", test_accounting },
	{ "hold", test_hold },
};

static int __init test_percpu_init(void)
{
	unsigned int i;
	int err;

	if (!seed)
		seed = get_random_u32() | 1;
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		if (strcmp(tests[i].name, run))
			continue;
		err = tests[i].fn();
		if (!err)
			say("ok");
		else if (err != -EOPNOTSUPP)
			complain("error %d", err);
		return err;
	}
	complain("no such test");
	return -EINVAL;
}

static void __exit test_percpu_exit(void)
{
	release_held();
}

module_init(test_percpu_init);
module_exit(test_percpu_exit);
MODULE_DESCRIPTION("Percpu selftest");
MODULE_LICENSE("GPL");
